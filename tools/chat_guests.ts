// Guests of examples/chat_cluster, as a program of its own: it may run in another network namespace than the test.
//
//   deno run --allow-net tools/chat_guests.ts HOST PORT ROOMS GUESTS_PER_ROOM [LINES_PER_GUEST]
//
// Each guest says its lines one by one: the next one when the last one has come back, or when it must be lost. When
// its connection breaks, it comes back. Without a number of lines, the guests go on until standard input ends. At the
// end the program prints the books of all guests.

import { Client, type Framed, framed, LineCodec } from "../mod.ts";

const [host, ...numbers] = Deno.args;
const [port, rooms, perRoom, mostLines] = numbers.map(Number) as [number, number, number, number?];
const total = rooms * perRoom;
let lines = mostLines ?? Infinity;
/** After this time a line that has not come back is lost. */
const LOST_IN_MILLIS = 30_000;
/** After this time the program says who is not done yet, and fails. */
const OVERDUE_IN_MILLIS = 90_000;

/** A line of somebody by its author and number; or a place where lines may be missing, as the guest knows. */
type Seen = readonly [author: number, number: number] | "gap";

const pause = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis));

/** Resolves when it was reached as often as there are guests. */
class Gate {
  #missing = total;
  readonly #open = Promise.withResolvers<void>();
  readonly opened = this.#open.promise;
  reach(): void {
    if (--this.#missing === 0) this.#open.resolve();
  }
}

const present = new Gate();
const done = new Gate();

class Guest {
  readonly room: number;
  readonly seen: Seen[] = [];
  readonly said = new Set<number>();
  returns = -1;
  refused = 0;
  lost = 0;
  readonly #author: number;
  #next = 0;
  #isDone = false;
  #isOver = false;
  #saidAt = Infinity;
  /** Says a line again that was refused, unless another one was said meanwhile. */
  #again: ReturnType<typeof setTimeout> | undefined;
  #chat: Framed<string> | undefined;
  readonly #ends = new Set<number>();
  readonly #sawEnds = Promise.withResolvers<void>();

  constructor(author: number) {
    this.#author = author;
    this.room = author % rooms;
  }

  /** What it waits for, if it does. */
  get wait(): string | undefined {
    if (this.#isOver) return undefined;
    if (this.returns < 0) return `${this.#author} has never come in`;
    if (this.#isDone) return `${this.#author} has seen ${this.#ends.size} ends of ${perRoom}`;
    const place = this.#chat === undefined ? "outside" : "inside";
    const millis = Math.round(performance.now() - this.#saidAt);
    return `${this.#author} waits ${place} for its line ${this.#next}, said ${millis} ms ago`;
  }

  /** Comes, says its lines, hears those of the others, and comes back whenever it must. */
  async live(): Promise<void> {
    const watch = setInterval(() => this.#giveUpIfLost(), 200);
    const visits = (async () => {
      while (!this.#isOver) {
        await this.#visit().catch(() => {});
        if (!this.#isOver) await pause(100);
      }
    })();
    await done.opened;
    // Behind the last line of each author comes an end: who has seen all ends misses nothing.
    this.#say("end");
    const patience = setTimeout(this.#sawEnds.resolve, 8_000);
    await this.#sawEnds.promise;
    clearTimeout(patience);
    this.#isOver = true;
    clearInterval(watch);
    this.#chat?.abort();
    await visits;
  }

  async #visit(): Promise<void> {
    await using client = await Client.connect({ host: host!, port });
    const chat = framed(client, new LineCodec());
    await chat.send(`/join room${this.room}`);
    try {
      for await (const line of chat) await this.#hear(chat, line);
    } finally {
      // Also where it was not told yet that it is in: lines may have come before that.
      this.seen.push("gap");
      if (this.#chat === chat) {
        this.#chat = undefined;
        this.#giveUp();
      }
    }
  }

  async #hear(chat: Framed<string>, line: string): Promise<void> {
    const [, by, what] = / (\d+)\.(\d+|end)$/.exec(line) ?? [];
    const [author, number] = [Number(by), Number(what)];
    if (what === "end") {
      this.#sawEnd(author);
    } else if (what !== undefined) {
      this.seen.push([author, number]);
      if (author !== this.#author || number !== this.#next) return;
      this.said.add(number);
      this.#goOn();
    } else if (line.startsWith("* you are in")) {
      this.#chat = chat;
      if (++this.returns === 0) present.reach();
      await present.opened;
      this.#sayNext();
    } else {
      this.seen.push("gap");
      if (line.startsWith("* the bus is back")) this.#giveUp();
      if (!line.startsWith("* not said")) return;
      this.refused++;
      clearTimeout(this.#again);
      this.#again = setTimeout(() => this.#sayNext(), 200);
    }
  }

  #sawEnd(author: number): void {
    this.#ends.add(author);
    if (this.#ends.size === perRoom) this.#sawEnds.resolve();
  }

  #say(what: number | "end"): void {
    clearTimeout(this.#again);
    this.#saidAt = performance.now();
    void this.#chat?.send(`${this.#author}.${what}`).catch(() => {});
  }

  /** Says the next line, or the last one again that the chat refused. */
  #sayNext(): void {
    if (this.#isDone) return;
    if (this.#next < lines) return this.#say(this.#next);
    this.#isDone = true;
    done.reach();
  }

  #goOn(): void {
    this.#next++;
    this.#sayNext();
  }

  /** What was said and has not come back is not said again: it may have been heard. */
  #giveUpIfLost(): void {
    if (performance.now() - this.#saidAt >= LOST_IN_MILLIS) this.#giveUp();
  }

  #giveUp(): void {
    if (this.#isDone) return;
    this.lost++;
    this.#goOn();
  }
}

void present.opened.then(() => {
  if (mostLines === undefined) console.log("All are in");
});
if (lines === Infinity) {
  void Deno.stdin.readable.pipeTo(new WritableStream()).then(() => lines = 0);
}

const guests = Array.from({ length: total }, (_, author) => new Guest(author));
const overdue = setTimeout(() => {
  for (const { wait } of guests) if (wait !== undefined) console.error(wait);
  Deno.exit(1);
}, OVERDUE_IN_MILLIS);
await Promise.all(guests.map((guest) => guest.live()));
clearTimeout(overdue);

let heard = 0;
let unordered = 0;
let missing = 0;
for (const guest of guests) {
  const last = new Map<number, { number: number; at: number }>();
  const gaps = guest.seen.flatMap((it, place) => it === "gap" ? [place] : []);
  const isGapBetween = (a: number, b: number) => gaps.some((gap) => a < gap && gap < b);
  guest.seen.forEach((it, at) => {
    if (it === "gap") return;
    const [author, number] = it;
    heard++;
    const before = last.get(author) ?? { number: -1, at: -1 };
    if (number <= before.number) unordered++;
    for (let between = before.number + 1; between < number; between++) {
      if (guests[author]!.said.has(between) && !isGapBetween(before.at, at)) missing++;
    }
    last.set(author, { number, at });
  });
  for (let author = guest.room; author < total; author += rooms) {
    const before = last.get(author) ?? { number: -1, at: -1 };
    if (isGapBetween(before.at, Infinity)) continue;
    for (const behind of guests[author]!.said) if (behind > before.number) missing++;
  }
}
const sum = (of: (guest: Guest) => number) => guests.reduce((all, guest) => all + of(guest), 0);
console.log(JSON.stringify({
  said: sum((guest) => guest.said.size),
  heard,
  unordered,
  missing,
  lost: sum((guest) => guest.lost),
  refused: sum((guest) => guest.refused),
  returns: sum((guest) => guest.returns),
}));
