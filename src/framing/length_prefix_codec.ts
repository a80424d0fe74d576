// Messages with a length prefix.

import { optionNames, readOptions } from "../base/options.ts";
import { checkBoolean, checkChoice, checkInteger } from "../base/arguments.ts";
import { ByteQueue } from "../bytes/byte_queue.ts";
import { type Codec, cutOff, type Decoder } from "./codec.ts";
import { FRAME_OPTIONS, type FrameConfig, maxFrameLengthOf } from "./frame_config.ts";
import { outgoingBytes } from "./outgoing_bytes.ts";
import { badFrame, badMessage } from "../base/errors.ts";
import type { FrameBuffer } from "../bytes/frame_buffer.ts";
import { FrameHead, type LengthPrefix, LONGEST_VALUES, writePrefix } from "./length_prefix.ts";

/** The largest offset of a length in its frame, and the largest adjustment. */
const LARGEST_OFFSET = 65_536;

/** The options of a {@linkcode LengthPrefixCodec}. */
export interface LengthPrefixCodecConfig extends FrameConfig {
  /**
   * How many bytes the length has. `"varint"` has seven bits in each byte, the lowest first, and the highest
   * bit set in all but the last, as in Protocol Buffers and MQTT; up to five bytes are understood.
   *
   * @default 4
   */
  readonly prefixLength?: 1 | 2 | 3 | 4 | 8 | "varint";
  /**
   * Whether the lowest byte of the length comes first. Not for `"varint"`, where it always does.
   *
   * @default false
   */
  readonly littleEndian?: boolean;
  /**
   * How many bytes of the frame come before the length, from 0 to 65_536.
   *
   * @default 0
   */
  readonly prefixOffset?: number;
  /**
   * Whether the length counts its own bytes too. Not for `"varint"`.
   *
   * @default false
   */
  readonly prefixIncluded?: boolean;
  /**
   * What to add to the length to get the number of bytes behind it, from -65_536 to 65_536. For formats whose length
   * counts more or less than that.
   *
   * @default 0
   */
  readonly lengthAdjustment?: number;
  /**
   * How many bytes at the start of the frame are not part of the message, from 0 to 65_536. With 0 the message
   * is the whole frame.
   *
   * @default everything up to the end of the length
   */
  readonly strip?: number;
}

const OPTIONS = [
  ...FRAME_OPTIONS,
  ...optionNames<Omit<LengthPrefixCodecConfig, keyof FrameConfig>>({
    prefixLength: true,
    littleEndian: true,
    prefixOffset: true,
    prefixIncluded: true,
    lengthAdjustment: true,
    strip: true,
  }),
];

/**
 * Messages of bytes with their length in front: 1, 2, 3, 4 or 8 bytes of either endianness or a varint, at the
 * start of the frame or behind a header.
 *
 * A message longer than the maximum is a `"frame"` error as soon as its length is read; the next message is the one
 * after it, however late that arrives. A stream that ends inside a frame is a `"frame"` error too.
 *
 * To send, the message must determine the whole frame: the length comes first and is stripped, or nothing is stripped
 * and the message is the whole frame, its length included.
 *
 * @example A header of one byte, then the length of what follows
 * ```ts
 * import { LengthPrefixCodec } from "socket/mod.ts";
 *
 * const mqttPackets = new LengthPrefixCodec({ prefixOffset: 1, prefixLength: "varint", strip: 0 });
 * ```
 *
 * @see Netty's `LengthFieldBasedFrameDecoder`, whose `lengthFieldOffset`, `lengthFieldLength`,
 * `lengthAdjustment` and `initialBytesToStrip` are `prefixOffset`, `prefixLength`, `lengthAdjustment` and
 * `strip`
 */
export class LengthPrefixCodec implements Codec<Uint8Array<ArrayBuffer>, Uint8Array | string> {
  /** Called for bad frames that are skipped, where the config says so. */
  readonly onBadFrame: FrameConfig["onBadFrame"] | undefined;
  readonly #format: LengthPrefix;
  readonly #maxFrameLength: number;

  /**
   * Makes a codec for one format; without a config, the length in four bytes, the highest first.
   *
   * @param config The format and the limit.
   * @throws {TypeError | RangeError} if a value is not allowed
   */
  constructor(config?: LengthPrefixCodecConfig);
  constructor(config: LengthPrefixCodecConfig = {}) {
    const options = readOptions<LengthPrefixCodecConfig>("config", config, OPTIONS);
    this.#maxFrameLength = maxFrameLengthOf(options);
    this.onBadFrame = options.onBadFrame;
    this.#format = formatOf(options);
  }

  /** Makes the decoder of one connection. */
  decoder(): Decoder<Uint8Array<ArrayBuffer>> {
    return new LengthPrefixDecoder(this.#format, this.#maxFrameLength);
  }

  /**
   * Writes one message with its length.
   *
   * @param message The message, bytes or text.
   * @param frames Where its bytes go.
   * @throws {TypeError} if it is neither bytes nor text, or the codec strips a header that the message does not hold
   * @throws {SocketError} `"frame"` if it is too long, or too long for the prefix, or is a whole frame with a wrong
   * length in it, or is text with a lone surrogate
   */
  encode(message: Uint8Array | string, frames: FrameBuffer): void {
    const bytes = outgoingBytes(message, this.#maxFrameLength);
    const { prefixOffset, prefixLength, adjustment, strip } = this.#format;
    if (strip === 0) {
      checkWholeFrame(this.#format, bytes);
    } else if (prefixOffset === 0 && (strip === undefined || strip === prefixLength)) {
      const value = bytes.length - adjustment;
      const longest = LONGEST_VALUES[prefixLength];
      if (value < 0 || value > longest) {
        throw badMessage(
          `the length of a message of ${bytes.length} bytes would be ${value}, ` +
            `which is not from 0 to ${longest}`,
        );
      }
      writePrefix(this.#format, value, frames);
    } else {
      throw new TypeError(
        "Cannot encode: the codec strips a header that no message says, use strip: 0",
      );
    }
    frames.write(bytes);
  }
}

/** Checks the format that a codec was given. */
function formatOf(config: LengthPrefixCodecConfig): LengthPrefix {
  const {
    prefixLength = 4,
    littleEndian = false,
    prefixOffset = 0,
    prefixIncluded = false,
    lengthAdjustment = 0,
    strip,
  } = config;
  checkChoice("prefixLength", prefixLength, [1, 2, 3, 4, 8, "varint"]);
  checkBoolean("littleEndian", littleEndian);
  checkBoolean("prefixIncluded", prefixIncluded);
  checkInteger("prefixOffset", prefixOffset, 0, LARGEST_OFFSET);
  checkInteger("lengthAdjustment", lengthAdjustment, -LARGEST_OFFSET, LARGEST_OFFSET);
  if (strip !== undefined) checkInteger("strip", strip, 0, LARGEST_OFFSET);
  let adjustment = lengthAdjustment;
  if (prefixLength === "varint") {
    if (littleEndian || prefixIncluded) {
      throw new TypeError(`prefixLength "varint" has neither littleEndian nor prefixIncluded`);
    }
  } else if (prefixIncluded) {
    adjustment -= prefixLength;
  }
  return { prefixLength, littleEndian, prefixOffset, adjustment, strip };
}

/** Checks that the length in a frame is right. */
function checkWholeFrame(format: LengthPrefix, frame: Uint8Array): void {
  const bytes = new ByteQueue();
  bytes.push(frame as Uint8Array<ArrayBuffer>);
  const head = new FrameHead(format);
  if (!head.read(bytes)) {
    throw badMessage(`a frame of ${frame.length} bytes ends before its length does`);
  }
  if (head.frameLength !== frame.length) {
    throw badMessage(
      `the frame is ${frame.length} bytes long, its length says ${head.frameLength}`,
    );
  }
}

class LengthPrefixDecoder implements Decoder<Uint8Array<ArrayBuffer>> {
  readonly #maxFrameLength: number;
  readonly #head: FrameHead;
  /** Where in the stream the frame begins whose head was read. */
  #start = -1;
  /** How much of a bad frame has yet to arrive. */
  #toSkip = 0;

  constructor(format: LengthPrefix, maxFrameLength: number) {
    this.#maxFrameLength = maxFrameLength;
    this.#head = new FrameHead(format);
  }

  get holdsPart(): boolean {
    return this.#toSkip > 0;
  }

  decode(bytes: ByteQueue, ended: boolean): Uint8Array<ArrayBuffer> | undefined {
    if (this.#toSkip > 0) this.#skip(bytes);
    const head = this.#head;
    if (this.#start !== bytes.offset) {
      if (!head.read(bytes)) {
        if (ended && bytes.length > 0) throw cutOff(bytes, undefined);
        return undefined;
      }
      this.#check(bytes);
      this.#start = bytes.offset;
    }
    if (bytes.length < head.frameLength) {
      if (ended) throw cutOff(bytes, head.frameLength);
      return undefined;
    }
    bytes.skip(head.strip);
    return bytes.take(head.frameLength - head.strip);
  }

  #check(bytes: ByteQueue): void {
    const { frameLength, length, strip } = this.#head;
    const { offset } = bytes;
    if (length < 0) {
      throw badFrame(
        `the frame at byte ${offset} says that ${length} bytes come behind its length`,
      );
    }
    const messageLength = frameLength - strip;
    if (messageLength >= 0 && messageLength <= this.#maxFrameLength) return;
    this.#toSkip = frameLength;
    this.#skip(bytes);
    throw badFrame(
      messageLength < 0
        ? `the frame at byte ${offset} has ${frameLength} bytes, ${strip} have to be stripped`
        : `the message at byte ${offset} is ${messageLength} bytes long, ` +
          `${this.#maxFrameLength} are allowed`,
    );
  }

  #skip(bytes: ByteQueue): void {
    const count = Math.min(this.#toSkip, bytes.length);
    bytes.skip(count);
    this.#toSkip -= count;
  }
}
