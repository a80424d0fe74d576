// A string of a Redis message, as it arrives: a part of examples/resp_decoder.ts.

import type { ByteQueue } from "../codec.ts";
import { GenericError } from "../mod.ts";

/** The error of bytes that are no message. */
export const bad = (why: string, bytes: ByteQueue) =>
  new GenericError("frame", `Cannot decode: ${why} before byte ${bytes.offset}`);

/** The string that comes next, if one does. */
export class RespString {
  #left = -1; // how many bytes are still to come
  #kept = 0; // how many of them are kept
  #cut: Uint8Array | undefined; // what is kept of one that is too long

  get isAwaited(): boolean {
    return this.#left >= 0;
  }

  /** Begins one of so many bytes, of which so many are kept. */
  begin(length: number, kept: number): void {
    this.#left = length;
    this.#kept = kept;
  }

  /** Takes it when it is there. What is too much of it goes as it arrives: no memory is taken for that. */
  take(bytes: ByteQueue): Uint8Array | undefined {
    if (this.#cut === undefined && this.#left > this.#kept) {
      if (bytes.length < this.#kept) return undefined;
      this.#cut = bytes.take(this.#kept).slice(); // a copy: its buffer holds other things, too
      this.#left -= this.#kept;
    }
    if (this.#cut !== undefined) {
      const more = Math.min(this.#left, bytes.length);
      bytes.skip(more);
      this.#left -= more;
    }
    if (bytes.length < this.#left + 2) return undefined;
    const value = this.#cut ?? bytes.take(this.#left);
    if (bytes.at(0) !== 13 || bytes.at(1) !== 10) throw bad("nonsense", bytes);
    bytes.skip(2);
    this.#cut = undefined;
    this.#left = -1;
    return value;
  }
}
