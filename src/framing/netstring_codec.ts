// Netstrings: the length in decimal digits, a colon, the bytes, a comma.

import { readOptions } from "../base/options.ts";
import type { ByteQueue } from "../bytes/byte_queue.ts";
import { type Codec, cutOff, type Decoder } from "./codec.ts";
import { FRAME_OPTIONS, type FrameConfig, maxFrameLengthOf } from "./frame_config.ts";
import { outgoingBytes } from "./outgoing_bytes.ts";
import { badFrame } from "../base/errors.ts";
import type { FrameBuffer } from "../bytes/frame_buffer.ts";

const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const COMMA = 0x2c;

/**
 * Netstrings, `5:hello,` for "hello". Anything else is a `"frame"` error, after which no message can be found: it is
 * unknown where the next one begins.
 *
 * @see https://cr.yp.to/proto/netstrings.txt
 */
export class NetstringCodec implements Codec<Uint8Array<ArrayBuffer>, Uint8Array | string> {
  /** Called for bad frames that are skipped, where the config says so. */
  readonly onBadFrame: FrameConfig["onBadFrame"] | undefined;
  readonly #maxFrameLength: number;

  /**
   * Makes a codec.
   *
   * @param config The limit.
   * @throws {TypeError | RangeError} if it is not allowed
   */
  constructor(config?: FrameConfig);
  constructor(config: FrameConfig = {}) {
    const options = readOptions("config", config, FRAME_OPTIONS);
    this.#maxFrameLength = maxFrameLengthOf(options);
    this.onBadFrame = options.onBadFrame;
  }

  /** Makes the decoder of one connection. */
  decoder(): Decoder<Uint8Array<ArrayBuffer>> {
    return new NetstringDecoder(this.#maxFrameLength);
  }

  /**
   * Writes one message as a netstring.
   *
   * @param message The message, bytes or text.
   * @param frames Where its bytes go.
   * @throws {TypeError} if it is neither bytes nor text
   * @throws {SocketError} `"frame"` if it is too long, or is text with a lone surrogate
   */
  encode(message: Uint8Array | string, frames: FrameBuffer): void {
    const bytes = outgoingBytes(message, this.#maxFrameLength);
    frames.write(`${bytes.length}:`);
    frames.write(bytes);
    frames.writeByte(COMMA);
  }
}

class NetstringDecoder implements Decoder<Uint8Array<ArrayBuffer>> {
  readonly #maxFrameLength: number;
  /** Where in the stream the netstring begins whose head was read, and the lengths of its head and its content. */
  #start = -1;
  #head = 0;
  #length = 0;

  constructor(maxFrameLength: number) {
    this.#maxFrameLength = maxFrameLength;
  }

  decode(bytes: ByteQueue, ended: boolean): Uint8Array<ArrayBuffer> | undefined {
    if (this.#start !== bytes.offset && !this.#readHead(bytes)) {
      if (ended && bytes.length > 0) throw cutOff(bytes, undefined);
      return undefined;
    }
    const end = this.#head + this.#length;
    if (bytes.length <= end) {
      if (ended) throw cutOff(bytes, end + 1);
      return undefined;
    }
    if (bytes.at(end) !== COMMA) {
      throw badFrame(`no comma ends the netstring of ${this.#length} bytes ${this.#where(bytes)}`);
    }
    bytes.skip(this.#head);
    const message = bytes.take(this.#length);
    bytes.skip(1);
    return message;
  }

  /** Reads the length; it has so few digits that it may be read again when it was incomplete. */
  #readHead(bytes: ByteQueue): boolean {
    let length = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes.at(at);
      if (byte === COLON && at > 0) {
        this.#start = bytes.offset;
        this.#head = at + 1;
        this.#length = length;
        return true;
      }
      if (byte < ZERO || byte > NINE || (at === 1 && length === 0)) {
        throw badFrame(`the netstring ${this.#where(bytes)} has no length`);
      }
      length = length * 10 + byte - ZERO;
      if (length > this.#maxFrameLength) {
        throw badFrame(
          `the netstring ${this.#where(bytes)} is at least ${length} bytes long, ` +
            `${this.#maxFrameLength} are allowed`,
        );
      }
    }
    return false;
  }

  #where(bytes: ByteQueue): string {
    return `at byte ${bytes.offset}`;
  }
}
