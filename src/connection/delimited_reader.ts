// Takes what precedes a delimiter off a reader's queue. A read that exceeds a limit or is given up has taken nothing,
// and the next search goes on where the last one stopped.

import {
  checkChoice,
  checkFrameLength,
  checkObject,
  contentBytes,
  DEFAULT_MAX_FRAME_LENGTH,
} from "../base/arguments.ts";
import type { ByteQueue } from "../bytes/byte_queue.ts";
import { DelimiterSearch } from "../bytes/delimiter_search.ts";
import { badFrame } from "../base/errors.ts";
import { type InvalidBytes, textOf } from "../bytes/utf8.ts";
import { MORE, type ReadOptions, type ReadResult } from "./pull.ts";
import { optionOf } from "../base/options.ts";
import type { Reader } from "./reader.ts";

/** How a read up to a delimiter behaves. */
export interface ReadUntilOptions extends ReadOptions {
  /**
   * How many bytes may precede the delimiter, from 1 to 536_870_888.
   *
   * @default {1_048_576}
   */
  readonly limit?: number;
}

/** How a read of a line behaves. */
export interface ReadLineOptions extends ReadUntilOptions {
  /**
   * What happens to bytes that are not UTF-8: `"strict"` makes them a `"frame"` error, `"replace"` puts U+FFFD in their
   * place.
   *
   * @default {"strict"}
   */
  readonly invalidBytes?: InvalidBytes;
}

const LINE_FEED = Uint8Array.of(0x0a);
const CR = 0x0d;

/** Takes bytes up to a delimiter off one reader's queue. */
export class DelimitedReader {
  readonly #reader: Reader;
  /** The last delimiter and its search. */
  #delimiter = new Uint8Array(0);
  #search: DelimiterSearch | undefined;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  /** Checks the arguments; gives a function that takes the bytes up to and including a delimiter. */
  until(delimiter: Uint8Array | string, options: ReadUntilOptions): () => ReadResult | typeof MORE {
    const bytes = contentBytes(delimiter, "Delimiter");
    if (bytes.length === 0) throw new RangeError("Delimiter must have at least one byte");
    const limit = limitOf(options);
    const search = this.#searchFor(bytes);
    const reader = this.#reader;
    const { queue } = reader;
    return () => {
      const end = search.findEnd(queue);
      const isFound = end >= 0;
      // Bytes that may be the beginning of a delimiter do not count.
      const ended = reader.hasEnded || reader.isShut;
      const least = isFound ? end - bytes.length : queue.length - (ended ? 0 : search.matched);
      if (least > limit) throw tooLong(`delimiter within ${limit} bytes`, queue);
      return isFound || ended ? reader.take(isFound ? end : undefined) : MORE;
    };
  }

  /** Checks the options; gives a function that takes a line. At the end of the stream it gives `undefined`. */
  line(options: ReadLineOptions): () => string | undefined | typeof MORE {
    const limit = limitOf(options);
    const given = optionOf(options, "invalidBytes");
    const invalidBytes = given === undefined ? "strict" : given;
    checkChoice("invalidBytes", invalidBytes, ["strict", "replace"]);
    const search = this.#searchFor(LINE_FEED);
    const reader = this.#reader;
    const { queue } = reader;
    return () => {
      const end = search.findEnd(queue);
      const isFound = end >= 0;
      const isOver = isFound || reader.hasEnded || reader.isShut;
      let length = isFound ? end - 1 : queue.length;
      if (!isOver && length <= limit) return MORE;
      // A CR at the end does not belong to the line, or may not.
      if (length > 0 && queue.at(length - 1) === CR) length--;
      if (length > limit) throw tooLong(`end of the line within ${limit} bytes`, queue);
      if (!isOver) return MORE;
      const text = textOf(queue.peek(length), invalidBytes);
      if (text === undefined) throw badFrame(`the line at byte ${queue.offset} is not UTF-8`);
      const hasMark = queue.offset === 0 && text.startsWith("\ufeff");
      queue.skip(isFound ? end : queue.length);
      const line = hasMark ? text.slice(1) : text;
      return !isFound && line === "" ? undefined : line;
    };
  }

  /** The search that has covered the most. */
  #searchFor(delimiter: Uint8Array): DelimiterSearch {
    const last = this.#delimiter;
    if (
      this.#search === undefined || last.length !== delimiter.length ||
      !last.every((byte, i) => byte === delimiter[i])
    ) {
      this.#delimiter = delimiter.slice();
      this.#search = new DelimiterSearch(this.#delimiter);
    }
    return this.#search;
  }
}

function limitOf(options: ReadUntilOptions): number {
  const limit = optionOf(checkObject("options", options), "limit");
  return limit === undefined ? DEFAULT_MAX_FRAME_LENGTH : checkFrameLength("limit", limit);
}

function tooLong(missing: string, { offset }: ByteQueue): Error {
  return badFrame(`no ${missing} from byte ${offset} on (nothing is lost, read on)`);
}
