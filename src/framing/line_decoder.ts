// Finds lines of text.
//
// Decoding text costs mostly the call, not the bytes. So complete lines that arrived together are decoded at once, up
// to a window, and handed out one by one; each leaves the queue when it is handed out, so that a read of bytes after
// a line finds all that follows it.

import type { ByteQueue } from "../bytes/byte_queue.ts";
import type { Decoder } from "./codec.ts";
import { DelimiterSearch } from "../bytes/delimiter_search.ts";
import { badFrame } from "../base/errors.ts";

const LF = 0x0a;
const CR = 0x0d;
const LINE_FEED = Uint8Array.of(LF);
const NONE: string[] = [];

/** How many bytes are decoded at once, unless one line has more. */
const WINDOW = 4096;

/** Makes text of bytes; `undefined` where they are none. */
export type TextOf = (bytes: Uint8Array<ArrayBuffer>) => string | undefined;

/** Finds the lines in what one connection receives. */
export class LineDecoder implements Decoder<string> {
  readonly #maxFrameLength: number;
  readonly #textOf: TextOf;
  readonly #stripsMark: boolean;
  readonly #search = new DelimiterSearch(LINE_FEED);
  /** Lines that are ready, with an empty one at the end; which one is next, and where in the stream it begins. */
  #lines: string[] = NONE;
  #next = 0;
  #nextStart = 0;
  /** Their bytes, and where in them the next one begins; kept only where they are longer than the text. */
  #bytes: Uint8Array | undefined;
  #bytesAt = 0;
  /** The place in the stream up to which lines are decoded one by one, because one of them is bad. */
  #oneByOneUntil = 0;

  /** Where in the stream the line began that was last given or refused. */
  lineStart = 0;

  /**
   * @param maxFrameLength How many bytes a line may have.
   * @param textOf Makes text of them.
   * @param stripsMark Whether a byte order mark at the start is dropped.
   */
  constructor(maxFrameLength: number, textOf: TextOf, stripsMark: boolean) {
    this.#maxFrameLength = maxFrameLength;
    this.#textOf = textOf;
    this.#stripsMark = stripsMark;
  }

  get holdsPart(): boolean {
    return this.#search.isSkipping;
  }

  /** Takes the next line. */
  decode(bytes: ByteQueue, ended: boolean): string | undefined {
    if (this.#lines !== NONE && this.#nextStart === bytes.offset) return this.#nextLine(bytes);
    const end = this.#search.findEnd(bytes);
    this.lineStart = bytes.offset;
    if (end >= 0) {
      // Before the cost of decoding it.
      if (this.#isTooLong(end - 1, bytes)) {
        bytes.skip(end);
        throw this.#tooLong();
      }
      this.#readText(bytes, end);
      return this.#nextLine(bytes);
    }
    // A CR at the end need not belong to the line.
    if (this.#isTooLong(bytes.length, bytes)) {
      this.#search.skipRest(bytes);
      throw this.#tooLong();
    }
    return ended && bytes.length > 0 ? this.#lastLine(bytes) : undefined;
  }

  /** Decodes the first line, which has `end` bytes, and the complete lines right behind it. */
  #readText(bytes: ByteQueue, end: number): void {
    const { offset } = bytes;
    let lines;
    let text;
    if (end < WINDOW && end < bytes.length && offset >= this.#oneByOneUntil) {
      const start = bytes.peek(Math.min(WINDOW, bytes.length));
      lines = start.subarray(0, start.lastIndexOf(LF) + 1);
      text = this.#textOf(lines);
      // One of them is bad. It is found when they are decoded one by one.
      if (text === undefined) this.#oneByOneUntil = offset + lines.length;
    }
    if (lines === undefined || text === undefined) {
      lines = bytes.peek(end);
      text = this.#textOf(lines);
    }
    if (text === undefined) {
      bytes.skip(end);
      throw this.#notUtf8();
    }
    this.#lines = text.split("\n");
    this.#next = 0;
    this.#nextStart = offset;
    // The text is as long as the bytes only if each character was one byte.
    this.#bytes = text.length === lines.length ? undefined : lines;
    this.#bytesAt = 0;
  }

  /** Takes the next of the lines that are ready. */
  #nextLine(bytes: ByteQueue): string {
    const lines = this.#lines;
    const line = lines[this.#next++]!;
    let { length } = line;
    if (this.#bytes !== undefined) {
      length = this.#bytes.indexOf(LF, this.#bytesAt) - this.#bytesAt;
      this.#bytesAt += length + 1;
    }
    this.lineStart = this.#nextStart;
    this.#nextStart += length + 1;
    bytes.skip(length + 1);
    if (this.#next === lines.length - 1) {
      this.#lines = NONE;
      this.#bytes = undefined;
    }
    return this.#withoutEnds(line, length);
  }

  /** Takes what is left at the end of the stream, which is not too long; no line where it is empty. */
  #lastLine(bytes: ByteQueue): string | undefined {
    const line = bytes.takeAll();
    const text = this.#textOf(line);
    if (text === undefined) throw this.#notUtf8();
    return this.#withoutEnds(text, line.length) || undefined;
  }

  /** A line of `length` bytes, without a CR at its end and without a byte order mark. */
  #withoutEnds(line: string, length: number): string {
    const end = line.length - 1;
    if (line.charCodeAt(end) === CR) {
      line = line.slice(0, end);
      length--;
    }
    if (length > this.#maxFrameLength) throw this.#tooLong();
    const hasMark = this.lineStart === 0 && this.#stripsMark && line.charCodeAt(0) === 0xfeff;
    return hasMark ? line.slice(1) : line;
  }

  /** Whether the first `length` bytes are too many for a line, a CR at their end not counted. */
  #isTooLong(length: number, bytes: ByteQueue): boolean {
    const excess = length - this.#maxFrameLength;
    return excess > 1 || excess === 1 && bytes.at(length - 1) !== CR;
  }

  #tooLong(): Error {
    return badFrame(
      `the line at byte ${this.lineStart} is longer than ${this.#maxFrameLength} bytes`,
    );
  }

  #notUtf8(): Error {
    return badFrame(`the line at byte ${this.lineStart} is not UTF-8`);
  }
}
