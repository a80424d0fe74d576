// One JSON value on each line.

import { optionNames, readOptions } from "../base/options.ts";
import { checkFunction, shown } from "../base/arguments.ts";
import { refusePromise } from "../base/user_code.ts";
import type { ByteQueue } from "../bytes/byte_queue.ts";
import { badFrame, reasonOf } from "../base/errors.ts";
import type { Codec, Decoder } from "./codec.ts";
import { FRAME_OPTIONS, type FrameConfig, maxFrameLengthOf } from "./frame_config.ts";
import type { FrameBuffer } from "../bytes/frame_buffer.ts";
import { LineCodec } from "./line_codec.ts";
import { textOf } from "../bytes/utf8.ts";
import { LineDecoder } from "./line_decoder.ts";

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const LAST_OF_ASCII = 0x7f;

/** From this many bytes of blank lines on they are dropped at once: then the lines decoded in vain cost less. */
const MANY_BLANK_BYTES = 1024;

/** The options of a {@linkcode JsonLinesCodec}. */
export interface JsonLinesCodecConfig<In> extends FrameConfig {
  /**
   * Looks at each value that was received and gives the message. What it throws becomes the `cause` of a `"frame"`
   * error. Without it, every JSON value is taken for a message of the type you name.
   *
   * @param value The value of the line.
   * @returns The message; anything but `undefined` or a promise.
   */
  readonly check?: (value: unknown) => In;
}

const OPTIONS = [
  ...FRAME_OPTIONS,
  ...optionNames<Omit<JsonLinesCodecConfig<unknown>, keyof FrameConfig>>({ check: true }),
];

/**
 * JSON lines: each message is one JSON value in UTF-8 on a line of its own. Lines of nothing but white space
 * are skipped, so that a peer can send them as a sign of life.
 *
 * A line that is too long or not JSON is a `"frame"` error; the next message is on the next line.
 *
 * @typeParam In The messages that are received.
 * @typeParam Out The messages that are sent.
 *
 * @example Check what a stranger sends
 * ```ts
 * import { JsonLinesCodec } from "socket/mod.ts";
 *
 * const orders = new JsonLinesCodec({
 *   check(value) {
 *     if (typeof value !== "object" || value === null || !("item" in value)) {
 *       throw new TypeError("not an order");
 *     }
 *     return { item: String(value.item) };
 *   },
 * });
 * ```
 *
 * @see https://jsonlines.org
 */
export class JsonLinesCodec<In = unknown, Out = In> implements Codec<In, Out> {
  /** Called for bad frames that are skipped, where the config says so. */
  readonly onBadFrame: FrameConfig["onBadFrame"] | undefined;
  readonly #lines: LineCodec;
  readonly #maxFrameLength: number;
  readonly #check: ((value: unknown) => In) | undefined;

  /**
   * Makes a codec; without a check it takes any JSON.
   *
   * @param config The limit and the check.
   * @throws {TypeError | RangeError} if a value is not allowed
   */
  constructor(config?: JsonLinesCodecConfig<In>);
  constructor(config: JsonLinesCodecConfig<In> = {}) {
    const options = readOptions<JsonLinesCodecConfig<In>>("config", config, OPTIONS);
    this.#maxFrameLength = maxFrameLengthOf(options);
    this.onBadFrame = options.onBadFrame;
    this.#lines = new LineCodec({ maxFrameLength: this.#maxFrameLength });
    this.#check = checkFunction("check", options.check);
  }

  /** Makes the decoder of one connection. */
  decoder(): Decoder<In> {
    return new JsonLinesDecoder(this.#maxFrameLength, this.#check);
  }

  /**
   * Writes one value as a line of JSON.
   *
   * @param message The value.
   * @param frames Where its bytes go.
   * @throws {TypeError} if it has no JSON, as functions and cycles have none
   * @throws {SocketError} `"frame"` if it is too long
   */
  encode(message: Out, frames: FrameBuffer): void {
    const json = JSON.stringify(message) as string | undefined;
    if (json === undefined) {
      throw new TypeError(`Message must have JSON: got ${shown(message)}`);
    }
    this.#lines.encode(json, frames);
  }
}

const strictTextOf = (bytes: Uint8Array<ArrayBuffer>) => textOf(bytes, "strict");

/** Whether a line is nothing but white space; no JSON value begins with a character outside ASCII. */
function isBlank(line: string): boolean {
  if (line === "") return true;
  const first = line.charCodeAt(0);
  return (first <= SPACE || first > LAST_OF_ASCII) && line.trimStart() === "";
}

class JsonLinesDecoder<In> implements Decoder<In> {
  readonly #lines: LineDecoder;
  readonly #maxFrameLength: number;
  readonly #check: ((value: unknown) => In) | undefined;
  /** The place in the stream up to which blank lines are known. */
  #knownUntil = 0;

  constructor(maxFrameLength: number, check: ((value: unknown) => In) | undefined) {
    this.#maxFrameLength = maxFrameLength;
    this.#lines = new LineDecoder(maxFrameLength, strictTextOf, true);
    this.#check = check;
  }

  get holdsPart(): boolean {
    return this.#lines.holdsPart;
  }

  decode(bytes: ByteQueue, ended: boolean): In | undefined {
    for (;;) {
      const line = this.#lines.decode(bytes, ended);
      if (line === undefined) return undefined;
      // Not left to the parser: its error costs fifty times as much as the line.
      if (isBlank(line)) {
        this.#dropBlank(bytes);
        continue;
      }
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch (cause) {
        throw this.#bad("is not JSON", cause);
      }
      if (this.#check === undefined) return value as In;
      return this.#checked(this.#check, value);
    }
  }

  /** Drops the blank lines that come next, where they are many: a peer may send nothing else. */
  #dropBlank(bytes: ByteQueue): void {
    if (bytes.offset < this.#knownUntil) return;
    const { length } = bytes;
    let end = 0;
    let at = 0;
    for (; at < length; at++) {
      const byte = bytes.at(at);
      if (byte === LF) {
        // Too long, which the line decoder reports.
        if (at - end > this.#maxFrameLength) break;
        end = at + 1;
      } else if (byte !== SPACE && byte !== CR && byte !== TAB) {
        break;
      }
    }
    this.#knownUntil = bytes.offset + at;
    if (end >= MANY_BLANK_BYTES) bytes.skip(end);
  }

  #checked(check: (value: unknown) => In, value: unknown): In {
    let message;
    try {
      message = check(value);
    } catch (cause) {
      throw this.#bad("was refused", cause);
    }
    // `undefined` would mean "no message yet".
    if (message === undefined) throw new TypeError("check must give a message: got undefined");
    refusePromise("check", message);
    return message;
  }

  #bad(what: string, cause: unknown): Error {
    return badFrame(
      `the line at byte ${this.#lines.lineStart} ${what}: ${reasonOf(cause)}`,
      cause,
    );
  }
}
