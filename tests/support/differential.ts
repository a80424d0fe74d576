// One conversation that a seed decides, on any network, and the books of both ends: what each got, what its calls said,
// how it ended. Nothing in it depends on time, so the books are the same on every network.

import { codeOf } from "../../src/base/errors.ts";
import type { Network } from "../../network.ts";
import { type Caller, Client, type Connection, Listener } from "../../mod.ts";
import { Random } from "../../testing/mod.ts";

const PATIENCE = { timeoutInMillis: 10_000 };
const DELIMITER = "\n";

/** Whom it is between: two ends of one stream, the one that dialled first. */
type Ends = readonly [Connection, Connection];

/** Something that one end does, which is awaited at both. */
type Step = (ends: Ends, by: 0 | 1, random: Random, book: (line: string) => void) => Promise<void>;

/** What identifies bytes, in short (FNV-1a). */
function shortOf(bytes: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return `${bytes.length}:${(hash >>> 0).toString(16)}`;
}

async function said(call: () => Promise<unknown> | unknown): Promise<string> {
  try {
    const value = await call();
    if (!Array.isArray(value)) return String(value instanceof Uint8Array ? shortOf(value) : value);
    return `${shortOf(value[0])} ${value[1]}`;
  } catch (error) {
    return codeOf(error) ?? String(error);
  }
}

/** One end sends, in pieces that nobody awaits, and the other reads as much, in other pieces. */
const send: Step = async (ends, by, random, book) => {
  const content = random.bytes(random.integer(1, random.chance(0.2) ? 400_000 : 3_000));
  const pieces: Promise<string>[] = [];
  for (let sent = 0; sent < content.length;) {
    const end = sent + random.integer(1, content.length);
    const piece = content.subarray(sent, end);
    pieces.push(said(() => ends[by].write(piece)));
    sent += piece.length;
  }
  for (let left = content.length; left > 0;) {
    const length = Math.min(left, random.integer(1, content.length));
    book(`${1 - by} read ${await said(() => ends[1 - by]!.read(length, PATIENCE))}`);
    left -= length;
  }
  book(`${by} wrote ${(await Promise.all(pieces)).join(" ")}`);
};

/** Both send at once, more than the system takes without a reader. */
const sendBoth: Step = async (ends, _, random, book) => {
  const contents = ends.map(() => random.bytes(random.integer(1, 300_000)));
  const done = await Promise.all(ends.map(async (end, i) => {
    const writing = said(() => end.write(contents[i]!));
    const reading = said(() => end.read(contents[1 - i]!.length, PATIENCE));
    return `${i} wrote ${await writing}, read ${await reading}`;
  }));
  done.forEach(book);
};

/** One end sends lines, and the other reads them by their ends. */
const lines: Step = async (ends, by, random, book) => {
  const count = random.integer(1, 20);
  const words = Array.from({ length: count }, () => "x".repeat(random.integer(0, 500)));
  void ends[by].write(words.map((word) => word + DELIMITER).join(""));
  for (let i = 0; i < count; i++) {
    book(`${1 - by} line ${(await said(() => ends[1 - by]!.readLine(PATIENCE))).length}`);
  }
};

/** One end looks at what the other has sent, in vain first, and takes it then. */
const look: Step = async (ends, by, random, book) => {
  const other = ends[1 - by]!;
  if (random.chance(0.2)) {
    book(`${1 - by} waited ${await said(() => other.read(1, { timeoutInMillis: 2 }))}`);
  }
  const content = random.bytes(random.integer(1, 2_000));
  book(`${by} tried ${ends[by].tryWrite(content)}`);
  book(`${1 - by} peeked ${await said(() => other.peek(content.length, PATIENCE))}`);
  book(`${1 - by} read ${await said(() => other.read(content.length, PATIENCE))}`);
};

/** One end ends its direction, and the other hears it. */
const shut: Step = async (ends, by, _, book) => {
  book(`${by} shut ${await said(() => ends[by].shutdownWrite())}`);
  book(`${by} wrote ${await said(() => ends[by].write("x"))}`);
  book(`${1 - by} read ${await said(() => ends[1 - by]!.read(9, PATIENCE))}`);
  book(`${1 - by} read ${await said(() => ends[1 - by]!.read(9, PATIENCE))}`);
};

const STEPS: readonly Step[] = [send, send, sendBoth, lines, look];

/** How the conversation ends. */
async function part(
  ends: Ends,
  by: 0 | 1,
  random: Random,
  book: (line: string) => void,
): Promise<void> {
  const other = ends[1 - by]!;
  const way = random.integer(0, 2);
  if (way === 0) {
    book(`${by} closed ${await said(() => ends[by].close())}`);
  } else if (way === 1) {
    ends[by].abort("enough");
    book(`${by} aborted`);
  } else {
    // With something on its way that nobody reads.
    void ends[by].write(random.bytes(random.integer(1, 5_000))).catch(() => {});
    book(`${by} drained ${await said(() => ends[by].drained(PATIENCE))}`);
    book(`${by} closed ${await said(() => ends[by].close())}`);
  }
  if (way !== 2) book(`${1 - by} read ${await said(() => other.read(9, PATIENCE))}`);
  book(`${by} read ${await said(() => ends[by].read(9))}`);
  book(`${1 - by} closed ${await said(() => other.close())}`);
}

/** Where they meet. */
export interface Place {
  /** The path of a local socket; TCP on loopback without one. */
  readonly path?: string;
}

/**
 * Has the conversation.
 *
 * @param network What both ends stand on.
 * @param seed Which one.
 * @param place Where.
 * @returns The books.
 */
export async function conversation(
  network: Network,
  seed: number,
  { path }: Place = {},
): Promise<string[]> {
  const random = new Random(seed);
  const books: string[] = [];
  const book = (line: string) => void books.push(line);
  const met = Promise.withResolvers<Caller>();
  const parted = Promise.withResolvers<void>();
  const config = { network, allowHalfOpen: true };
  await using listener = new Listener(
    0,
    path === undefined ? { ...config, interface: "127.0.0.1" } : { ...config, path },
  );
  await listener.serve(async (caller) => {
    met.resolve(caller);
    await parted.promise;
  });
  const dialled = await Client.connect(
    path === undefined
      ? { ...config, host: "127.0.0.1", port: listener.port }
      : { ...config, path },
  );
  try {
    const ends = [dialled, await met.promise] as const;
    const count = random.integer(0, 8);
    for (let i = 0; i < count; i++) {
      const step = STEPS[random.integer(0, STEPS.length - 1)]!;
      await step(ends, random.integer(0, 1) as 0 | 1, random, book);
    }
    const by = random.integer(0, 1) as 0 | 1;
    if (random.chance(0.3)) await shut(ends, by, random, book);
    await part(ends, by, random, book);
    // The caller is closed when its handler has returned.
    parted.resolve();
    for (const [i, end] of ends.entries()) {
      const error = await end.closed;
      book(`${i} ended ${error?.code}, ${end.bytesRead} read, ${end.bytesWritten} written`);
    }
  } finally {
    parted.resolve();
  }
  return books;
}
