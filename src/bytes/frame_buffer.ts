// The bytes of messages on their way out, gathered so that many messages are one write.
//
//   write   text is joined as text and made into bytes once; small bytes are copied, big ones go as they are
//   append  one message by its codec, whole or not at all
//   take    everything so far, in as few pieces as can be
//
// What was taken belongs to the writer: the buffer continues behind it and never writes there again.

import { contentBytes } from "../base/arguments.ts";
import { noteUnsendable } from "../base/errors.ts";
import { giveUp, refusePromise } from "../base/user_code.ts";
import { NumberWriter } from "./number_writer.ts";

const EMPTY = new Uint8Array(0);

/** Content of this length and more is not copied. */
const IN_PLACE_AT = 16_384;
/** Copied content is one piece up to this length. */
const LONGEST_RUN = 262_144;
const SMALLEST_SLAB = 256;
/** Memory is taken in advance only up to this length. */
const LARGEST_SPARE = 16_384;
/** Text of this length and more is made into bytes by itself. */
const LONG_TEXT = 4096;

const utf8 = new TextEncoder();

/**
 * Says what the bytes of a message are.
 *
 * @typeParam Out The messages that are sent.
 */
export interface Encoder<Out> {
  /**
   * Writes the bytes of one message. What it had written when it throws is not sent. It must be neither async nor
   * send anything itself.
   *
   * @param message The message.
   * @param frames Where its bytes go.
   * @throws {SocketError} `"frame"` when the format cannot express the message, or it is longer than allowed.
   */
  encode(message: Out, frames: FrameBuffer): void;
}

/** Gathers the bytes of messages. */
export class FrameBuffer extends NumberWriter {
  /** What is finished; behind it come the run, then the text. */
  #pieces: Uint8Array[] = [];
  /** Where small content is copied to. The run is from #start to #end. */
  #slab: Uint8Array<ArrayBuffer> = EMPTY;
  #start = 0;
  #end = 0;
  /** Text not yet made into bytes. */
  #text = "";
  /** Bytes in #pieces. */
  #finished = 0;
  /** How long the last run was that was taken: the next is likely as long. */
  #lastRun = 0;

  /** How many bytes are in it. */
  get length(): number {
    this.#encodeText();
    return this.#finished + this.#end - this.#start;
  }

  /** How many bytes it holds at least; counts text that is not encoded yet as one byte per character. */
  get leastLength(): number {
    return this.#finished + this.#end - this.#start + this.#text.length;
  }

  /** Whether it holds finished pieces: content that is not copied, or more copied content than fits one piece. */
  get isInPieces(): boolean {
    return this.#pieces.length > 0;
  }

  /**
   * Adds content at the end.
   *
   * @param content Bytes, or text that goes out as UTF-8. Bytes must not be changed until they are sent.
   * @throws {TypeError} if it is neither
   */
  write(content: Uint8Array | string): void {
    if (typeof content === "string") {
      this.#text += content;
      return;
    }
    // Refuses everything that is neither.
    const bytes = contentBytes(content);
    if (this.#text !== "") this.#encodeText();
    if (bytes.length >= IN_PLACE_AT) {
      this.#cut();
      this.#finish(bytes);
    } else {
      this.#makeRoom(bytes.length);
      this.#slab.set(bytes, this.#end);
      this.#end += bytes.length;
    }
  }

  /**
   * Adds one byte at the end.
   *
   * @param byte Its value; only the lowest eight bits count.
   */
  override writeByte(byte: number): void {
    if (this.#text !== "") this.#encodeText();
    if (this.#end === this.#slab.length) this.#makeRoom(1);
    this.#slab[this.#end++] = byte;
  }

  /**
   * Adds one message at the end. If the encoder throws, the buffer is as it was.
   *
   * @param encoder Says what the bytes of the message are; every codec is one.
   * @param message The message.
   */
  append<Out>(encoder: Encoder<Out>, message: Out): void {
    const slab = this.#slab;
    const start = this.#start;
    const end = this.#end;
    const text = this.#text;
    const pieces = this.#pieces.length;
    const finished = this.#finished;
    try {
      refusePromise("encode", encoder.encode(message, this));
      if (this.#pieces.length > pieces) this.#checkPieces(pieces, finished);
    } catch (error) {
      noteUnsendable(error);
      giveUp(message);
      this.#slab = slab;
      this.#start = start;
      this.#end = end;
      this.#text = text;
      this.#pieces.length = pieces;
      this.#finished = finished;
      throw error;
    }
  }

  /**
   * Takes everything out.
   *
   * @returns The pieces in their order, mostly one; none when there is nothing. They are yours.
   */
  take(): Uint8Array[] {
    this.#encodeText();
    this.#lastRun = this.#end - this.#start;
    this.#cut();
    const pieces = this.#pieces;
    if (pieces.length > 0) this.#pieces = [];
    this.#finished = 0;
    return pieces;
  }

  /** Bytes that are not copied may have been transferred while the encoder ran. */
  #checkPieces(from: number, finished: number): void {
    let length = finished;
    for (let i = from; i < this.#pieces.length; i++) length += this.#pieces[i]!.length;
    if (length === this.#finished) return;
    throw new TypeError(
      "Cannot encode: the buffer of bytes in the message was transferred or resized",
    );
  }

  #encodeText(): void {
    const text = this.#text;
    if (text === "") return;
    this.#text = "";
    if (text.length >= LONG_TEXT) return this.write(utf8.encode(text));
    // Nearly all text has one byte per character; only the rest is given the room of the worst case.
    this.#makeRoom(text.length);
    const { read, written } = utf8.encodeInto(text, this.#slab.subarray(this.#end));
    this.#end += written;
    if (read === text.length) return;
    const rest = text.slice(read);
    this.#makeRoom(rest.length * 3);
    this.#end += utf8.encodeInto(rest, this.#slab.subarray(this.#end)).written;
  }

  /** Makes room for that many bytes behind the run. */
  #makeRoom(length: number): void {
    if (this.#slab.length - this.#end >= length) return;
    const run = this.#end - this.#start;
    if (run + length > LONGEST_RUN) {
      this.#cut();
      return this.#renewSlab(length, EMPTY);
    }
    this.#renewSlab(length, this.#slab.subarray(this.#start, this.#end));
  }

  #renewSlab(length: number, run: Uint8Array): void {
    const needed = run.length + length;
    const spare = Math.max(needed, Math.min(this.#lastRun * 4, LARGEST_SPARE), SMALLEST_SLAB);
    this.#slab = new Uint8Array(needed + spare);
    this.#slab.set(run);
    this.#start = 0;
    this.#end = run.length;
  }

  /** Makes the run a finished piece. */
  #cut(): void {
    if (this.#start === this.#end) return;
    this.#finish(this.#slab.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }

  #finish(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#finished += piece.length;
  }
}
