// Lines of text.

import { optionNames, readOptions } from "../base/options.ts";
import type { Codec, Decoder } from "./codec.ts";
import { FRAME_OPTIONS, type FrameConfig, maxFrameLengthOf } from "./frame_config.ts";
import { checkLength, checkText, outgoingBytes } from "./outgoing_bytes.ts";
import { checkChoice, shown } from "../base/arguments.ts";
import { badMessage } from "../base/errors.ts";
import type { FrameBuffer } from "../bytes/frame_buffer.ts";
import { latin1Bytes, latin1Of } from "../bytes/latin1.ts";
import { type InvalidBytes, textOf } from "../bytes/utf8.ts";
import { LineDecoder, type TextOf } from "./line_decoder.ts";

/** The options of a {@linkcode LineCodec}. */
export interface LineCodecConfig extends FrameConfig {
  /**
   * How characters are bytes: `"latin1"` is ISO 8859-1, in which any bytes are text.
   *
   * @default "utf-8"
   */
  readonly encoding?: "utf-8" | "latin1";
  /**
   * What ends a line that is sent. Both are understood when a line is received.
   *
   * @default "\n"
   */
  readonly lineEnding?: "\n" | "\r\n";
  /**
   * What becomes of bytes that are not UTF-8: `"strict"` makes the line a `"frame"` error, `"replace"` puts
   * U+FFFD in their place.
   *
   * @default "strict"
   */
  readonly invalidBytes?: InvalidBytes;
  /**
   * What becomes of a byte order mark, U+FEFF, at the very start of the stream that is received: `"strip"` drops it,
   * `"keep"` leaves it as the first character. One anywhere else is always kept. A line that is sent goes out as it
   * is: so where the first one begins with U+FEFF, a peer that strips it receives the line without.
   *
   * @default "strip"
   */
  readonly byteOrderMark?: "strip" | "keep";
}

const OPTIONS = [
  ...FRAME_OPTIONS,
  ...optionNames<Omit<LineCodecConfig, keyof FrameConfig>>({
    encoding: true,
    lineEnding: true,
    invalidBytes: true,
    byteOrderMark: true,
  }),
];

/**
 * Lines of text, in UTF-8 unless you say otherwise, each ended by LF or CRLF, which are not part of the message. What
 * follows the last one before the end of the stream is a line too, if it is not empty; a lone carriage return counts
 * as empty.
 *
 * A line with invalid bytes, or longer than the maximum, is a `"frame"` error, the latter as soon as it is
 * certain; the next message is the line behind it. A line that would reach the peer as another one, or as two,
 * is not sent; only what a peer makes of a byte order mark is up to the peer.
 *
 * Lines that came together share their memory, up to 4 KiB: to keep a short one for long, copy it.
 */
export class LineCodec implements Codec<string> {
  /** Called for bad frames that are skipped, where the config says so. */
  readonly onBadFrame: FrameConfig["onBadFrame"] | undefined;
  readonly #maxFrameLength: number;
  readonly #lineEnding: "\n" | "\r\n";
  readonly #isLatin1: boolean;
  readonly #textOf: TextOf;
  readonly #stripsMark: boolean;

  /**
   * Makes a codec, without a config one for strict UTF-8 and LF.
   *
   * @param config The limit, what ends a line, and what to do with odd bytes.
   * @throws {TypeError | RangeError} if a value is not allowed
   */
  constructor(config?: LineCodecConfig);
  constructor(config: LineCodecConfig = {}) {
    const options = readOptions<LineCodecConfig>("config", config, OPTIONS);
    this.#maxFrameLength = maxFrameLengthOf(options);
    this.onBadFrame = options.onBadFrame;
    const { encoding = "utf-8", lineEnding = "\n" } = options;
    const { invalidBytes = "strict", byteOrderMark = "strip" } = options;
    this.#lineEnding = checkChoice("lineEnding", lineEnding, ["\n", "\r\n"]);
    checkChoice("invalidBytes", invalidBytes, ["strict", "replace"]);
    this.#isLatin1 = checkChoice("encoding", encoding, ["utf-8", "latin1"]) === "latin1";
    this.#textOf = this.#isLatin1 ? latin1Of : (bytes) => textOf(bytes, invalidBytes);
    checkChoice("byteOrderMark", byteOrderMark, ["strip", "keep"]);
    this.#stripsMark = byteOrderMark === "strip" && !this.#isLatin1;
  }

  /** Makes the decoder of one connection. */
  decoder(): Decoder<string> {
    return new LineDecoder(this.#maxFrameLength, this.#textOf, this.#stripsMark);
  }

  /**
   * Writes one line and its ending.
   *
   * @param message The line, without an ending.
   * @param frames Where its bytes go.
   * @throws {TypeError} if it is not a string
   * @throws {SocketError} `"frame"` if it is too long, has a line feed in it, has a character that the encoding does
   * not have, as UTF-8 has no lone surrogates, or ends with a carriage return that the line feed behind it would swallow
   */
  encode(message: string, frames: FrameBuffer): void {
    if (typeof message !== "string") {
      throw new TypeError(`Line must be a string: got ${shown(message)}`);
    }
    if (this.#isLatin1) checkLength(message.length, this.#maxFrameLength);
    // No character has more than three bytes for each of its units.
    else if (message.length * 3 > this.#maxFrameLength) {
      outgoingBytes(message, this.#maxFrameLength);
    } else checkText(message);
    const lineFeed = message.indexOf("\n");
    if (lineFeed >= 0) throw badMessage(`the line has a line feed in it, at ${lineFeed}`);
    if (this.#lineEnding === "\n" && message.endsWith("\r")) {
      throw badMessage('the line ends with a carriage return, use lineEnding "\\r\\n"');
    }
    const line = message + this.#lineEnding;
    frames.write(this.#isLatin1 ? this.#latin1(line) : line);
  }

  #latin1(line: string): Uint8Array {
    const bytes = latin1Bytes(line);
    if (bytes === undefined) {
      throw badMessage("the line has a character that Latin-1 does not have");
    }
    return bytes;
  }
}
