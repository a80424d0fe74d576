// Checks that a codec limits one message without an end, whether its decoder leaves the bytes in the queue or takes
// them off as they come and keeps them.

import { ByteQueue } from "../../src/bytes/byte_queue.ts";
import { codeOf } from "../../src/base/errors.ts";
import { wordsOf } from "../../src/base/user_code.ts";
import { type Codec, type Decoder, decoderOf } from "../../src/framing/codec.ts";
import { sizeOf } from "./check_parts.ts";
import { decodeEach } from "./decode_each.ts";
import { ensure } from "./trial.ts";

/** What a hostile peer sends without an end. */
const ENDLESS = ["a", "9", "\0", "\xff", "[", " "];
const PIECE = 65_536;
/** After so many pieces that were messages, the next ones are, too. */
const ENOUGH = 4;

/**
 * Checks that no message goes on without end.
 *
 * @param codec What is checked.
 * @param stream Whose messages may go on.
 * @param messages Those in it.
 * @param maxUnreadBytes How many bytes a decoder may leave or keep.
 */
export function checkEndless<In>(
  codec: Codec<In, never>,
  stream: Uint8Array<ArrayBuffer>,
  messages: readonly In[],
  maxUnreadBytes: number,
): void {
  const largest = Math.max(maxUnreadBytes, ...messages.map(sizeOf));
  for (const text of ENDLESS) {
    for (const start of [0, Math.floor(stream.length / 2)]) {
      const queue = new ByteQueue();
      const decoder = decoderOf(codec);
      queue.push(stream.slice(0, start));
      const waiting = waitingAfter(decoder, queue, text, maxUnreadBytes);
      const bytes = `bytes of ${JSON.stringify(text)}, from byte ${start} on,`;
      ensure(
        queue.length <= maxUnreadBytes,
        `${queue.length} ${bytes} wait for the rest of their message: have a maximum`,
      );
      ensure(
        waiting <= maxUnreadBytes || passesOver(decoder, queue, stream, start, largest),
        `${waiting} ${bytes} were taken for a message that is not whole: have a maximum`,
      );
    }
  }
}

/** How many bytes have come since the last message; 0 where they were refused, and the queue is empty then. */
function waitingAfter(
  decoder: Decoder<unknown>,
  queue: ByteQueue,
  text: string,
  maxUnreadBytes: number,
): number {
  const size = Math.min(PIECE, maxUnreadBytes);
  const piece = new Uint8Array(size).fill(text.charCodeAt(0));
  let waiting = queue.length;
  for (let sent = 0;; sent += size) {
    let isMessage = false;
    if (isRefused(() => decodeEach(decoder, queue, false, () => isMessage = true))) {
      queue.clear();
      return 0;
    }
    if (isMessage) waiting = queue.length;
    // It is a message, and the next one, and so on.
    if (sent > maxUnreadBytes || (sent >= ENOUGH * size && waiting < size)) return waiting;
    queue.push(piece.slice());
    waiting += size;
  }
}

/**
 * Whether what was taken is not kept: the decoder looks for where a message begins, finds the next one, and it is no
 * larger than others. One that would refuse the long message only now has kept it until now.
 */
function passesOver(
  decoder: Decoder<unknown>,
  queue: ByteQueue,
  stream: Uint8Array<ArrayBuffer>,
  start: number,
  largest: number,
): boolean {
  let most = 0;
  queue.push(stream.slice(start));
  queue.push(stream.slice());
  const take = () =>
    decodeEach(decoder, queue, false, (message) => most = Math.max(most, sizeOf(message)));
  return !isRefused(take) && most > 0 && most <= largest;
}

function isRefused(decode: () => void): boolean {
  try {
    decode();
    return false;
  } catch (error) {
    ensure(
      codeOf(error) === "frame",
      `a message without an end was refused with ${wordsOf(error)}`,
    );
    return true;
  }
}
