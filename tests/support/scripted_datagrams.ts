// A network whose only datagram socket is controlled by the test.

import type { Clock, Network, ResolvedName } from "../../src/network/network.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import type { DatagramAddress, DatagramSocket, DatagramTarget } from "../../src/network/network.ts";
import { plainTurns } from "../../src/network/turns.ts";

/** A datagram that was given to the socket, and how to complete its send. */
export interface Sending {
  /** The content, as it is when it is read. */
  readonly bytes: Uint8Array;
  /** Where to. */
  readonly address: DatagramAddress;
  /** Ends the send. */
  settle(error?: Error): void;
}

/** Whether sockets can receive and send without a promise. */
export const scriptedSockets = { canTry: false };

/** A datagram socket on which nothing happens on its own. */
export class ScriptedDatagramSocket implements DatagramSocket {
  readonly addr: DatagramAddress;
  /** The target it was bound to. */
  readonly target: DatagramTarget | undefined;
  /** Sends that are under way. */
  readonly sending: Sending[] = [];
  /** What was sent, as text. */
  readonly sent: string[] = [];
  /** How many receives were begun. */
  receives = 0;
  /** Whether sends succeed at once. */
  sendsAtOnce = true;
  isClosed = false;
  readonly tryReceive?: (buffer: Uint8Array<ArrayBuffer>) => Received | undefined;
  readonly whenReadable?: (callback: () => void) => void;
  readonly trySend?: (bytes: Uint8Array, address: DatagramAddress) => number | undefined;
  #receiving:
    | { buffer: Uint8Array<ArrayBuffer>; wait: PromiseWithResolvers<Received> }
    | undefined;
  #onReadable: (() => void) | undefined;
  /** What has come and was not received yet. */
  readonly #arrived: (Error | [Uint8Array, DatagramAddress])[] = [];

  constructor(target?: DatagramTarget) {
    this.target = target;
    if (scriptedSockets.canTry) {
      this.tryReceive = (buffer) => this.#tryReceive(buffer);
      this.whenReadable = (callback) => {
        if (this.isReceiving) throw new Error("a second wait at the same time");
        this.receives++;
        this.#onReadable = callback;
      };
      this.trySend = (bytes, address) => {
        if (!this.sendsAtOnce || this.sending.length > 0) return undefined;
        this.#note(bytes, address);
        return bytes.length;
      };
    }
    const hostname = target?.hostname ?? "127.0.0.1";
    this.addr = { transport: "udp", hostname, port: target?.port || 5_000 };
  }

  /** Whether a receive waits. */
  get isReceiving(): boolean {
    return this.#receiving !== undefined || this.#onReadable !== undefined;
  }

  receive(buffer: Uint8Array<ArrayBuffer>): Promise<Received> {
    if (this.#receiving !== undefined) throw new Error("a second receive at the same time");
    this.receives++;
    this.#receiving = { buffer, wait: Promise.withResolvers() };
    return this.#receiving.wait.promise;
  }

  /** Ends the waiting receive with a datagram. */
  deliver(content: string | Uint8Array, port = 9, hostname = "127.0.0.1"): void {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const from: DatagramAddress = { transport: "udp", hostname, port };
    if (this.#onReadable !== undefined) return this.#arrive([bytes.slice(), from]);
    const { buffer, wait } = this.#take();
    wait.resolve(fill(buffer, bytes, from));
  }

  #arrive(what: Error | [Uint8Array, DatagramAddress]): void {
    const callback = this.#onReadable!;
    this.#onReadable = undefined;
    this.#arrived.push(what);
    queueMicrotask(callback);
  }

  #tryReceive(buffer: Uint8Array<ArrayBuffer>): Received | undefined {
    const first = this.#arrived.shift();
    if (first instanceof Error) throw first;
    return first === undefined ? undefined : fill(buffer, ...first);
  }

  /** Ends the waiting receive with an error. */
  fail(error: Error): void {
    if (this.#onReadable !== undefined) this.#arrive(error);
    else this.#take().wait.reject(error);
  }

  #take(): { buffer: Uint8Array<ArrayBuffer>; wait: PromiseWithResolvers<Received> } {
    if (this.#receiving === undefined) throw new Error("nobody receives");
    const receiving = this.#receiving;
    this.#receiving = undefined;
    return receiving;
  }

  send(bytes: Uint8Array, address: DatagramAddress): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const sending: Sending = {
      bytes,
      address,
      settle: (error) => {
        this.sending.splice(this.sending.indexOf(sending), 1);
        if (error !== undefined) return reject(error);
        this.#note(bytes, address);
        resolve(bytes.length);
      },
    };
    this.sending.push(sending);
    if (this.sendsAtOnce) sending.settle();
    return promise;
  }

  #note(bytes: Uint8Array, { hostname, port }: DatagramAddress): void {
    this.sent.push(`${new TextDecoder().decode(bytes)} > ${hostname}:${port}`);
  }

  close(): void {
    if (this.isClosed) throw new Deno.errors.BadResource("Bad resource ID");
    this.isClosed = true;
    this.#receiving?.wait.reject(new Deno.errors.Interrupted("operation canceled"));
    this.#receiving = this.#onReadable = undefined;
    for (const { settle } of [...this.sending]) settle(new Deno.errors.Interrupted("canceled"));
  }
}

type Received = [Uint8Array<ArrayBuffer>, DatagramAddress];

function fill(buffer: Uint8Array<ArrayBuffer>, bytes: Uint8Array, from: DatagramAddress): Received {
  buffer.set(bytes);
  return [buffer.subarray(0, bytes.length), from];
}

/** A network that makes {@linkcode ScriptedDatagramSocket}s. */
export interface ScriptedDatagramNetwork extends Network {
  /** The sockets it has made. */
  readonly sockets: ScriptedDatagramSocket[];
  /** The names that were looked up, with how the answer is given. */
  readonly lookups: { name: string; answer(resolved: ResolvedName | Error): void }[];
}

/** Makes one. */
export function scriptedDatagrams(clock: Clock = denoNetwork.clock): ScriptedDatagramNetwork {
  const sockets: ScriptedDatagramSocket[] = [];
  const lookups: ScriptedDatagramNetwork["lookups"] = [];
  return {
    ...denoNetwork,
    clock,
    turns: plainTurns,
    sockets,
    lookups,
    listenDatagram(target) {
      const socket = new ScriptedDatagramSocket(target);
      sockets.push(socket);
      return socket;
    },
    resolveName(name, port, family) {
      const { promise, resolve, reject } = Promise.withResolvers<ResolvedName>();
      lookups.push({
        name: `${name}:${port} ${family}`,
        answer: (resolved) => resolved instanceof Error ? reject(resolved) : resolve(resolved),
      });
      return promise;
    },
  };
}

/** Lets everything that is ready happen. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}
