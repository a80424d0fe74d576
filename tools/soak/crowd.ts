// The clients' side: conversations with an echo service, on the books, and whatever else is thrown.

import { Client, SocketError } from "../../mod.ts";
import { contentOf } from "./content.ts";
import { Account, endOf, Ledger } from "./ledger.ts";

/** What one client does. */
export interface Visit {
  /** Which listener it goes to. */
  readonly to?: number;
  /** How many messages it sends; until the server ends it without a number. */
  readonly messages?: number;
  /** How long messages are, in bytes. */
  readonly lengths?: readonly [min: number, max: number];
  /** Whether lengths are a multiple of the least one. */
  readonly isEven?: boolean;
  /** Whether the next message goes out before the answer to the last one has come. */
  readonly isAhead?: boolean;
  /** How long it rests between messages, in milliseconds, at most. */
  readonly restInMillis?: number;
  /** After how many bytes it cuts the connection, at most. */
  readonly cutsWithin?: number;
  /** Whether the server may refuse it, and end it at any time. */
  readonly isForbearing?: boolean;
  /** Called when the first answer has come. */
  readonly onWelcome?: () => void;
}

/** All clients of a scenario. */
export class Crowd {
  readonly ledger: Ledger = new Ledger();
  readonly counts: Record<string, number> = { messages: 0 };
  readonly failures: string[] = [];
  /** How much is asked for, from 0 to 1. */
  readonly scale: number;
  /** How many descriptors this process may have. */
  readonly descriptors: number;
  readonly #ports: readonly number[];
  readonly #complete = Promise.withResolvers<void>();
  readonly #stopping = new AbortController();
  #streams = 0;
  #slowestMillis = 0;

  constructor(ports: readonly number[], scale: number, descriptors: number) {
    this.#ports = ports;
    this.scale = scale;
    this.descriptors = descriptors;
  }

  /** Resolves when all of the load goes on. */
  get completed(): Promise<void> {
    return this.#complete.promise;
  }

  /** Aborted when the server is about to stop. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** How long the slowest answer took. */
  get slowestMillis(): number {
    return this.#slowestMillis;
  }

  /** All of the load goes on now. */
  complete(): void {
    this.#complete.resolve();
  }

  /** The server is about to stop. */
  stop(): void {
    this.#stopping.abort();
  }

  /** The port of a listener. */
  port(index = 0): number {
    return this.#ports[index]!;
  }

  /** Counts something. */
  count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by;
  }

  /** Does something so many times at once, each again and again, until the server stops. */
  async again(times: number, work: () => Promise<unknown>): Promise<void> {
    await Promise.all(Array.from({ length: times }, async () => {
      while (!this.stopping.aborted) await work();
    }));
  }

  /** Waits, but not longer than until the server stops. */
  async rest(millis: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, millis);
    const onStop = () => resolve();
    this.stopping.addEventListener("abort", onStop);
    if (this.stopping.aborted) resolve();
    await promise;
    this.stopping.removeEventListener("abort", onStop);
    clearTimeout(timer);
  }

  /** Makes one connection and converses on it. */
  async visit(visit: Visit = {}): Promise<void> {
    let client: Client;
    try {
      client = await Client.connect({
        host: "127.0.0.1",
        port: this.port(visit.to),
        readTimeoutInMillis: 60_000,
        closeTimeoutInMillis: 20_000,
      });
    } catch (error) {
      this.#onBegin?.();
      if (visit.isForbearing && !this.stopping.aborted) {
        this.count("refused");
        await this.rest(5);
      } else if (!this.stopping.aborted) {
        this.#fail(`could not connect: ${(error as Error).message}`);
        await this.rest(100);
      }
      return;
    }
    const account = new Account(++this.#streams);
    this.#onBegin?.();
    try {
      await new Conversation(client, account, visit, this).run();
      account.end ??= "closed";
    } catch (error) {
      account.end ??= endOf(error instanceof SocketError ? error.code : undefined);
      if (account.end === "other") this.#fail(`${error}`);
    }
    await client.close();
    account.isLate = visit.isForbearing === true || this.stopping.aborted;
    this.ledger.add(account);
  }

  #onBegin: (() => void) | undefined;

  /** Says `complete` when so many visits have begun. */
  completeAt(visits: number): void {
    this.#onBegin = () => {
      if (--visits === 0) this.complete();
    };
  }

  /** Takes down how long an answer took. */
  answered(millis: number): void {
    this.counts.messages!++;
    if (millis > this.#slowestMillis) this.#slowestMillis = millis;
  }

  #fail(what: string): void {
    if (this.failures.length < 20) this.failures.push(what);
  }
}

/** A random whole number. */
export function randomFrom(min: number, max: number): number {
  return min + Math.floor(Math.random() * (max - min + 1));
}

/** One connection: a reader that takes all that comes, and a writer. */
class Conversation {
  readonly #client: Client;
  readonly #account: Account;
  readonly #visit: Visit;
  readonly #crowd: Crowd;
  readonly #cutAt: number;
  #isOver = false;
  #bell: (() => void) | undefined;

  constructor(client: Client, account: Account, visit: Visit, crowd: Crowd) {
    this.#client = client;
    this.#account = account;
    this.#visit = visit;
    this.#crowd = crowd;
    const { cutsWithin } = visit;
    this.#cutAt = cutsWithin === undefined ? Infinity : randomFrom(1, cutsWithin);
  }

  async run(): Promise<void> {
    const reading = this.#read();
    const writing = this.#write();
    // The reader's failure counts: a write fails, too, where the peer has ended.
    writing.catch(() => {});
    await reading;
    await writing.catch((error) => {
      if (!this.#account.sawEnd) throw error;
    });
  }

  async #read(): Promise<void> {
    const account = this.#account;
    try {
      for (;;) {
        const [bytes, length] = await this.#client.read();
        if (length < 0) {
          account.sawEnd = true;
          return;
        }
        account.receive(bytes);
        if (account.isWrong || account.received >= this.#cutAt) {
          account.end = "cut";
          this.#client.abort();
          return;
        }
        if (account.received >= account.offered) this.#bell?.();
      }
    } finally {
      this.#isOver = true;
      this.#bell?.();
    }
  }

  async #write(): Promise<void> {
    const account = this.#account;
    const { messages = Infinity, lengths = [1, 4_096], isEven, isAhead, restInMillis } =
      this.#visit;
    for (let i = 0; i < messages && !this.#isOver; i++) {
      const [min, max] = lengths;
      let length = Math.max(account.offered === 0 ? 4 : 1, randomFrom(min, max));
      if (isEven) length -= length % min;
      const content = contentOf(account.stream, account.offered, length);
      const start = performance.now();
      account.offered += length;
      account.promised += await this.#client.write(content);
      if (isAhead) {
        this.#crowd.count("messages");
        continue;
      }
      while (!this.#isOver && account.received < account.offered) await this.#ring();
      if (account.received === account.offered) this.#crowd.answered(performance.now() - start);
      if (i === 0) this.#visit.onWelcome?.();
      if (restInMillis !== undefined && !this.#isOver) {
        await this.#rest(randomFrom(1, restInMillis));
      }
    }
    if (!this.#isOver) await this.#client.shutdownWrite();
  }

  #ring(): Promise<void> {
    return new Promise((resolve) => this.#bell = resolve);
  }

  async #rest(millis: number): Promise<void> {
    const timer = setTimeout(() => this.#bell?.(), millis);
    await this.#ring();
    clearTimeout(timer);
  }
}
