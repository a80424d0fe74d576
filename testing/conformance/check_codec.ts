// Checks any codec: the same messages come out however the bytes were cut, what is sent can be received, nothing is
// without a limit, and no byte is looked at again and again.

import { ByteQueue } from "../../src/bytes/byte_queue.ts";
import { FrameBuffer } from "../../src/bytes/frame_buffer.ts";
import {
  checkFunction,
  checkInteger,
  checkMethods,
  contentBytes,
  shown,
} from "../../src/base/arguments.ts";
import { optionNames, readList, readOptions } from "../../src/base/options.ts";
import { type Codec, decoderOf } from "../../src/framing/codec.ts";
import { checkEndless } from "./check_endless.ts";
import { checkParts } from "./check_parts.ts";
import { decodeEach } from "./decode_each.ts";
import { differenceOf } from "./difference.ts";
import { ensure } from "./trial.ts";

/** How a codec is checked. */
export interface CheckCodecOptions<In, Out = In> {
  /** What a peer may send: some hundred bytes, with long messages and short ones. */
  readonly stream: Uint8Array | string;
  /**
   * The messages in it. They are compared by class and by their own enumerable fields, in any depth: errors by name,
   * message, cause and fields, whatever their stack; objects of your own classes by what their getters give, too. A
   * private field that no getter shows is not compared.
   */
  readonly messages: readonly In[];
  /**
   * The same messages as they are sent.
   *
   * @default messages
   */
  readonly sent?: readonly Out[];
  /**
   * How many bytes may wait for the rest of their message, at most, taken off the queue or not: the codec's maximum and
   * some for what is around a message. From 1.
   *
   * @default {2_097_152}
   */
  readonly maxUnreadBytes?: number;
  /**
   * Stands before the name of each test.
   *
   * @default ""
   */
  readonly name?: string;
  /**
   * Takes each test.
   *
   * @default Deno.test
   */
  readonly test?: (name: string, body: () => void) => void;
}

const OPTIONS = optionNames<CheckCodecOptions<unknown>>({
  stream: true,
  messages: true,
  sent: true,
  maxUnreadBytes: true,
  name: true,
  test: true,
});

/** At more places than these the stream is not cut. */
const MOST_CUTS = 4_096;
/** How often a byte may be looked at, on the average, where a stream comes byte by byte: a length is read anew. */
const LOOKS_PER_BYTE = 24;

/** Counts the bytes that are looked at. */
class CountingQueue extends ByteQueue {
  looks = 0;

  override at(offset: number): number {
    this.looks++;
    return super.at(offset);
  }

  override peek(length: number): Uint8Array<ArrayBuffer> {
    this.looks += length;
    return super.peek(length);
  }

  override indexOf(needle: Uint8Array, from = 0): number {
    const index = super.indexOf(needle, from);
    this.looks += (index < 0 ? this.length : index) - from;
    return index;
  }
}

/**
 * Checks a codec. Every check is a test of its own.
 *
 * @param codec What is checked.
 * @param options What it is to receive, and who runs the tests.
 * @throws {TypeError | RangeError} An option is misspelled or wrong.
 * @example Your own codec, in a test file
 * ```ts ignore
 * import { checkCodec } from "socket/testing/mod.ts";
 * import { commands } from "./commands.ts";
 *
 * checkCodec(commands, { stream: "GET a\r\nGET bcd\r\n", messages: ["GET a", "GET bcd"] });
 * ```
 */
export function checkCodec<In, Out = In>(
  codec: Codec<In, Out>,
  options: CheckCodecOptions<In, Out>,
): void {
  const given = readOptions<CheckCodecOptions<In, Out>>("options", options, OPTIONS);
  const { messages, maxUnreadBytes = 2_097_152, name = "" } = given;
  checkInteger("maxUnreadBytes", maxUnreadBytes, 1);
  checkMethods("codec", codec, "decoder", "encode");
  readList("messages", messages);
  if (typeof name !== "string") throw new TypeError(`name must be a string: got ${shown(name)}`);
  const test = checkFunction("test", given.test) ?? ((name, body) => Deno.test(name, body));
  const { sent = messages as readonly unknown[] as readonly Out[] } = given;
  readList("sent", sent);
  const stream = Uint8Array.from(contentBytes(given.stream, "stream"));
  const comesOut = (pieces: Uint8Array<ArrayBuffer>[], how: string) => {
    const got = decodeAll(codec, pieces);
    const difference = messagesDifference(got, messages);
    ensure(difference === undefined, `${how}: ${difference}`);
  };

  test(`${name}the stream at once has these messages`, () => comesOut([stream.slice()], "whole"));

  test(`${name}the stream cut in two anywhere has these messages`, () => {
    const step = Math.ceil(stream.length / MOST_CUTS);
    for (let at = 1; at < stream.length; at += step) {
      comesOut([stream.slice(0, at), stream.slice(at)], `cut at ${at}`);
    }
  });

  test(`${name}the stream byte by byte has these messages`, () => {
    comesOut(Array.from(stream, (byte) => Uint8Array.of(byte)), "byte by byte");
  });

  test(`${name}no byte is looked at again and again`, () => {
    const queue = new CountingQueue();
    const decoder = decoderOf(codec);
    for (const byte of stream) {
      queue.push(Uint8Array.of(byte));
      decodeEach(decoder, queue, false);
    }
    const most = LOOKS_PER_BYTE * stream.length;
    ensure(
      queue.looks <= most,
      `${queue.looks} looks at ${stream.length} bytes that came one by one: remember how far you came (bytes.offset)`,
    );
  });

  test(`${name}a part of a message that is taken off the queue is told`, () => {
    const step = Math.ceil(stream.length / MOST_CUTS);
    for (let at = 1; at < stream.length; at += step) {
      const { decoder, count, taken } = decodeUpTo(codec, stream.slice(0, at));
      if (taken === undefined || decoder.holdsPart === true) continue;
      // What may be left out, such as blank lines, is no part of a message.
      const rest = stream.slice(taken.end);
      ensure(
        rest.length > 0 && isDecoded(codec, rest, messages.slice(count)),
        `cut at ${at}: bytes ${taken.start} to ${taken.end} of a message were taken, and holdsPart does not say so`,
      );
    }
  });

  test(`${name}what is sent is received`, () => {
    const frames = new FrameBuffer();
    for (const message of sent) frames.append(codec, message);
    const pieces = frames.take().map((piece) => Uint8Array.from(piece));
    comesOut(pieces, "sent");
    const bytes = pieces.flatMap((piece) => Array.from(piece, (byte) => Uint8Array.of(byte)));
    comesOut(bytes, "sent, byte by byte");
  });

  test(`${name}a message without an end is refused`, () => {
    checkEndless(codec, stream, messages, maxUnreadBytes);
  });

  test(`${name}a message of parts without an end is refused`, () => {
    checkParts(codec, stream, maxUnreadBytes);
  });
}

function decodeAll<In>(
  codec: Codec<In, never>,
  pieces: readonly Uint8Array<ArrayBuffer>[],
): In[] {
  const queue = new ByteQueue();
  const decoder = decoderOf(codec);
  const messages: In[] = [];
  const take = (ended: boolean) => {
    decodeEach(decoder, queue, ended, (message) => messages.push(message));
  };
  for (const piece of pieces) {
    queue.push(piece);
    take(false);
  }
  take(true);
  ensure(queue.length === 0, `${queue.length} bytes are left at the end of the stream`);
  return messages;
}

/** Decodes the start of a stream. Gives how many messages it has, and what was taken behind the last one. */
function decodeUpTo<In>(codec: Codec<In, never>, start: Uint8Array<ArrayBuffer>) {
  const queue = new ByteQueue();
  const decoder = decoderOf(codec);
  queue.push(start);
  let [count, end] = [0, 0];
  decodeEach(decoder, queue, false, () => {
    count++;
    end = queue.offset;
  });
  const taken = queue.offset === end ? undefined : { start: end, end: queue.offset };
  return { decoder, count, taken };
}

function isDecoded<In>(
  codec: Codec<In, never>,
  stream: Uint8Array<ArrayBuffer>,
  messages: readonly In[],
): boolean {
  try {
    return messagesDifference(decodeAll(codec, [stream]), messages) === undefined;
  } catch {
    return false;
  }
}

/** Where the first message is that is another one, or how many there are. */
function messagesDifference(
  got: readonly unknown[],
  wanted: readonly unknown[],
): string | undefined {
  for (let i = 0; i < Math.min(got.length, wanted.length); i++) {
    const difference = differenceOf(got[i], wanted[i], `messages[${i}]`);
    if (difference !== undefined) return difference;
  }
  return got.length === wanted.length
    ? undefined
    : `there were ${got.length} messages, not ${wanted.length}`;
}
