// Messages that all have the same length.

import type { ByteQueue } from "../bytes/byte_queue.ts";
import { type Codec, cutOff, type Decoder } from "./codec.ts";
import { outgoingBytes } from "./outgoing_bytes.ts";
import { checkFrameLength } from "../base/arguments.ts";
import { badMessage } from "../base/errors.ts";
import type { FrameBuffer } from "../bytes/frame_buffer.ts";

/**
 * Messages of bytes that all have the same length. A stream that ends inside one is a `"frame"` error.
 *
 * It has no state, so it is its own decoder for all connections.
 */
export class FixedLengthCodec
  implements Codec<Uint8Array<ArrayBuffer>, Uint8Array | string>, Decoder<Uint8Array<ArrayBuffer>> {
  readonly #length: number;

  /**
   * Makes a codec for one length.
   *
   * @param length How many bytes each message has, from 1 to 536_870_888.
   * @throws {TypeError | RangeError} if it is not in that range
   */
  constructor(length: number) {
    this.#length = checkFrameLength("length", length);
  }

  /** Makes the decoder of one connection. */
  decoder(): Decoder<Uint8Array<ArrayBuffer>> {
    return this;
  }

  /** Takes the next message. */
  decode(bytes: ByteQueue, ended: boolean): Uint8Array<ArrayBuffer> | undefined {
    if (bytes.length >= this.#length) return bytes.take(this.#length);
    if (ended && bytes.length > 0) throw cutOff(bytes, this.#length);
    return undefined;
  }

  /**
   * Writes one message.
   *
   * @param message The message, bytes or text.
   * @param frames Where its bytes go.
   * @throws {TypeError} if it is neither bytes nor text
   * @throws {SocketError} `"frame"` if it has another length, or is text with a lone surrogate
   */
  encode(message: Uint8Array | string, frames: FrameBuffer): void {
    const bytes = outgoingBytes(message, this.#length);
    if (bytes.length !== this.#length) {
      throw badMessage(`the message is ${bytes.length} bytes long, not ${this.#length}`);
    }
    frames.write(bytes);
  }
}
