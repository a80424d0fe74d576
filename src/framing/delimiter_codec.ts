// Messages that end with a delimiter.

import { readOptions } from "../base/options.ts";
import { contentBytes } from "../base/arguments.ts";
import { ByteQueue } from "../bytes/byte_queue.ts";
import type { Codec, Decoder } from "./codec.ts";
import { FRAME_OPTIONS, type FrameConfig, maxFrameLengthOf } from "./frame_config.ts";
import { outgoingBytes } from "./outgoing_bytes.ts";
import { DelimiterSearch } from "../bytes/delimiter_search.ts";
import { badFrame, badMessage } from "../base/errors.ts";
import type { FrameBuffer } from "../bytes/frame_buffer.ts";

/**
 * Messages of bytes, each ended by a delimiter, which is not part of it. What follows the last one before the end of
 * the stream is a message too, if it is not empty.
 *
 * A message longer than the maximum is a `"frame"` error as soon as that is certain; the next message is the one
 * after it. A message that would reach the peer as several is not sent.
 *
 * @example
 * ```ts
 * import { DelimiterCodec } from "socket/mod.ts";
 *
 * const fields = new DelimiterCodec("\0", { maxFrameLength: 1024 });
 * ```
 */
export class DelimiterCodec implements Codec<Uint8Array<ArrayBuffer>, Uint8Array | string> {
  /** Called for bad frames that are skipped, where the config says so. */
  readonly onBadFrame: FrameConfig["onBadFrame"] | undefined;
  readonly #delimiter: Uint8Array<ArrayBuffer>;
  readonly #maxFrameLength: number;

  /**
   * Makes a codec for one delimiter.
   *
   * @param delimiter What ends a message, at least one byte.
   * @param config The limit.
   * @throws {TypeError | RangeError} if the delimiter is empty, or a value is not allowed
   */
  constructor(delimiter: Uint8Array | string, config?: FrameConfig);
  constructor(delimiter: Uint8Array | string, config: FrameConfig = {}) {
    this.#delimiter = delimiterOf(delimiter);
    const options = readOptions("config", config, FRAME_OPTIONS);
    this.#maxFrameLength = maxFrameLengthOf(options);
    this.onBadFrame = options.onBadFrame;
  }

  /** Makes the decoder of one connection. */
  decoder(): Decoder<Uint8Array<ArrayBuffer>> {
    return new DelimiterDecoder(this.#delimiter, this.#maxFrameLength);
  }

  /**
   * Writes one message and the delimiter.
   *
   * @param message The message, without the delimiter.
   * @param frames Where its bytes go.
   * @throws {TypeError} if it is neither bytes nor text
   * @throws {SocketError} `"frame"` if it is too long, is text with a lone surrogate, or the delimiter would be found in it
   */
  encode(message: Uint8Array | string, frames: FrameBuffer): void {
    const bytes = outgoingBytes(message, this.#maxFrameLength);
    const end = firstEnd(bytes, this.#delimiter);
    if (end !== bytes.length + this.#delimiter.length) {
      // It may begin in the message and end in the delimiter itself, as "a" does before the delimiter "aa".
      throw badMessage(`the message has the delimiter in it, at ${end - this.#delimiter.length}`);
    }
    frames.write(bytes);
    frames.write(this.#delimiter);
  }
}

/** Checks a delimiter and copies it. */
function delimiterOf(delimiter: Uint8Array | string): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(contentBytes(delimiter, "delimiter"));
  if (bytes.length === 0) throw new RangeError("delimiter must have at least one byte");
  return bytes;
}

/** Where the first delimiter ends in a message with the delimiter behind it. */
function firstEnd(message: Uint8Array, delimiter: Uint8Array<ArrayBuffer>): number {
  if (delimiter.length === 1) {
    const index = message.indexOf(delimiter[0]!);
    return index < 0 ? message.length + 1 : index + 1;
  }
  const bytes = new ByteQueue();
  bytes.push(message as Uint8Array<ArrayBuffer>);
  bytes.push(delimiter);
  return new DelimiterSearch(delimiter).findEnd(bytes);
}

class DelimiterDecoder implements Decoder<Uint8Array<ArrayBuffer>> {
  readonly #delimiterLength: number;
  readonly #maxFrameLength: number;
  readonly #search: DelimiterSearch;

  constructor(delimiter: Uint8Array<ArrayBuffer>, maxFrameLength: number) {
    this.#delimiterLength = delimiter.length;
    this.#maxFrameLength = maxFrameLength;
    this.#search = new DelimiterSearch(delimiter);
  }

  get holdsPart(): boolean {
    return this.#search.isSkipping;
  }

  decode(bytes: ByteQueue, ended: boolean): Uint8Array<ArrayBuffer> | undefined {
    const end = this.#search.findEnd(bytes);
    const start = bytes.offset;
    if (end >= 0) {
      const length = end - this.#delimiterLength;
      if (length > this.#maxFrameLength) {
        bytes.skip(end);
        throw this.#tooLong(start);
      }
      const message = bytes.take(length);
      bytes.skip(this.#delimiterLength);
      return message;
    }
    // What may be the start of a delimiter need not belong to the message.
    if (bytes.length - this.#search.matched > this.#maxFrameLength) {
      this.#search.skipRest(bytes);
      throw this.#tooLong(start);
    }
    if (!ended || bytes.length === 0) return undefined;
    const message = bytes.takeAll();
    if (message.length > this.#maxFrameLength) throw this.#tooLong(start);
    return message;
  }

  #tooLong(start: number): Error {
    return badFrame(`the message at byte ${start} is longer than ${this.#maxFrameLength} bytes`);
  }
}
