// Checks that a codec limits messages of many small parts, such as lines up to one that ends them: a decoder that takes
// each part off the queue as it comes keeps what the queue no longer shows.

import { ByteQueue } from "../../src/bytes/byte_queue.ts";
import { codeOf } from "../../src/base/errors.ts";
import { type Codec, type Decoder, decoderOf } from "../../src/framing/codec.ts";
import { ensure } from "./trial.ts";

/** At how many places of the stream the parts come. */
const PLACES = 4;
const PIECE = 65_536;
/** So many times the maximum is sent: a decoder may keep only three bytes of five. */
const TIMES = 2;
const LETTERS = [0x61, 0x61, 0x61];
const [CR, LF] = [0x0d, 0x0a];

/**
 * Checks that no message has parts without end.
 *
 * @param codec What is checked.
 * @param stream Whose messages may have parts.
 * @param maxUnreadBytes How many bytes a decoder may keep.
 */
export function checkParts<In>(
  codec: Codec<In, never>,
  stream: Uint8Array<ArrayBuffer>,
  maxUnreadBytes: number,
): void {
  for (const part of partsFor(stream)) {
    for (let place = 0; place < PLACES; place++) {
      const start = Math.floor(stream.length * place / PLACES);
      const size = keptOf(codec, stream, start, part, maxUnreadBytes);
      ensure(
        size <= stream.length + maxUnreadBytes,
        `a message of parts without an end (${
          JSON.stringify(String.fromCharCode(...part))
        }, from byte ${start} on) has come to ${size} characters, bytes and items: have a maximum`,
      );
    }
  }
}

/** Whatever may be a part: what is no letter and no digit may end one. */
function partsFor(stream: Uint8Array): number[][] {
  const ends = new Set([LF, ...stream]);
  const parts = [[CR, LF], [...LETTERS, CR, LF]];
  for (const end of ends) {
    if (/[a-z0-9]/i.test(String.fromCharCode(end))) continue;
    parts.push([end], [...LETTERS, end]);
  }
  return parts;
}

/** How much the messages have that end with what follows the parts; 0 where a decoder does not take them all. */
function keptOf<In>(
  codec: Codec<In, never>,
  stream: Uint8Array<ArrayBuffer>,
  start: number,
  part: readonly number[],
  maxUnreadBytes: number,
): number {
  const queue = new ByteQueue();
  const decoder = decoderOf(codec);
  const size = Math.ceil(Math.min(PIECE, maxUnreadBytes) / part.length);
  const piece = Uint8Array.from(Array<readonly number[]>(size).fill(part).flat());
  try {
    queue.push(stream.slice(0, start));
    while (isTaken(next(decoder, queue, false)));
    const enough = TIMES * (stream.length + maxUnreadBytes);
    for (let sent = 0; sent <= enough; sent += piece.length) {
      queue.push(piece.slice());
      // A message: the next part begins another one. Without an end, the check for that says so.
      if (next(decoder, queue, false) !== undefined || queue.length > maxUnreadBytes) return 0;
    }
    queue.push(stream.slice(start));
    let kept = 0;
    for (const ended of [false, true]) {
      for (let message; isTaken(message = next(decoder, queue, ended));) kept += sizeOf(message);
    }
    return kept;
  } catch (error) {
    if (codeOf(error) === "frame") return 0;
    throw error;
  }
}

/** The next message; `NOTHING` for one that took no bytes. */
function next<In>(decoder: Decoder<In>, queue: ByteQueue, ended: boolean): In | symbol | undefined {
  const { offset } = queue;
  const message = decoder.decode(queue, ended);
  return message !== undefined && queue.offset === offset ? NOTHING : message;
}

const NOTHING = Symbol("nothing");

function isTaken(message: unknown): boolean {
  return message !== undefined && message !== NOTHING;
}

/** How many characters, bytes and items a message has. */
export function sizeOf(message: unknown): number {
  const left = [message];
  const seen = new Set<unknown>();
  let size = 0;
  while (left.length > 0) {
    const value = left.pop();
    size++;
    if (typeof value === "string") size += value.length;
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    if (ArrayBuffer.isView(value)) {
      size += value.byteLength;
    } else if (value instanceof ByteQueue) {
      size += value.length;
    } else if (value instanceof Map || value instanceof Set) {
      for (const item of value.entries()) left.push(...item);
    } else {
      for (const item of Object.values(value)) left.push(item);
    }
  }
  return size;
}
