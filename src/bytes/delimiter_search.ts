// Finds a delimiter in a queue that grows meanwhile.
//
// Cost goal: each byte is looked at once, however small the pieces it came in and however hard a peer tries to make
// it slow. A delimiter of several bytes is therefore matched by the algorithm of Knuth, Morris and Pratt: after a
// mismatch a table says how much is still matched, and nothing is compared again.

import type { ByteQueue } from "./byte_queue.ts";

/** Looks for one delimiter; remembers how far it came. */
export class DelimiterSearch {
  readonly #delimiter: Uint8Array<ArrayBuffer>;
  readonly #head: Uint8Array<ArrayBuffer>;
  readonly #fallbacks: readonly number[];
  /** The place in the stream where the search began, and the next one to look at. */
  #start = -1;
  #next = 0;
  /** How many bytes before #next are the beginning of the delimiter. */
  #matched = 0;
  #isSkipping = false;

  /** @param delimiter What to look for, at least one byte; it must not change. */
  constructor(delimiter: Uint8Array<ArrayBuffer>) {
    this.#delimiter = delimiter;
    this.#head = delimiter.subarray(0, 1);
    this.#fallbacks = fallbacksOf(delimiter);
  }

  /**
   * How many bytes at the end of the last search may begin a delimiter: what arrives later can make the message end
   * no earlier than before them.
   */
  get matched(): number {
    return this.#matched;
  }

  /** Whether the rest of a message that is dropped has yet to arrive. */
  get isSkipping(): boolean {
    return this.#isSkipping;
  }

  /**
   * Goes on searching; starts over when bytes were taken since the last call.
   *
   * @param bytes The queue, the same one each time.
   * @returns How many bytes there are up to and including the first delimiter; -1 where there is none.
   */
  findEnd(bytes: ByteQueue): number {
    const end = this.#find(bytes);
    if (!this.#isSkipping) return end;
    if (end < 0) {
      this.#dropSearched(bytes);
      return -1;
    }
    this.#isSkipping = false;
    bytes.skip(end);
    return this.#find(bytes);
  }

  /** Drops all bytes, none of which ends a delimiter, and those that arrive later, up to and including the next one. */
  skipRest(bytes: ByteQueue): void {
    this.#isSkipping = true;
    this.#dropSearched(bytes);
  }

  #find(bytes: ByteQueue): number {
    const { offset } = bytes;
    if (this.#start !== offset) {
      this.#start = this.#next = offset;
      this.#matched = 0;
    }
    const end = this.#lookFrom(this.#next - offset, bytes);
    // Found: asked again before it is taken, the answer is the same.
    this.#next = end < 0 ? offset + bytes.length : offset + end - this.#delimiter.length;
    if (end >= 0) this.#matched = 0;
    return end;
  }

  /** Continues behind the dropped bytes as if they were still there: the last ones may begin a delimiter. */
  #dropSearched(bytes: ByteQueue): void {
    bytes.clear();
    this.#start = bytes.offset;
  }

  #lookFrom(from: number, bytes: ByteQueue): number {
    const delimiter = this.#delimiter;
    if (delimiter.length === 1) {
      const index = bytes.indexOf(delimiter, from);
      return index < 0 ? -1 : index + 1;
    }
    const fallbacks = this.#fallbacks;
    const { length } = bytes;
    let matched = this.#matched;
    let at = from;
    while (at < length) {
      if (matched === 0) {
        at = bytes.indexOf(this.#head, at);
        if (at < 0) break;
        matched = 1;
      } else {
        const byte = bytes.at(at);
        while (matched > 0 && delimiter[matched] !== byte) matched = fallbacks[matched - 1]!;
        if (delimiter[matched] === byte) matched++;
      }
      at++;
      if (matched === delimiter.length) return at;
    }
    this.#matched = matched;
    return -1;
  }
}

/** For each beginning of the delimiter the length of the longest shorter beginning that ends it too. */
function fallbacksOf(delimiter: Uint8Array): number[] {
  const fallbacks = [0];
  for (let i = 1, matched = 0; i < delimiter.length; i++) {
    while (matched > 0 && delimiter[matched] !== delimiter[i]) matched = fallbacks[matched - 1]!;
    if (delimiter[matched] === delimiter[i]) matched++;
    fallbacks.push(matched);
  }
  return fallbacks;
}
