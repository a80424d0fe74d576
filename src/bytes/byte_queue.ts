// Bytes that were received and not yet read. Pure: no await, no I/O, no clock.
//
//   push    a chunk at the end, without copying it
//   take    bytes off the front: a view when one chunk holds them, one copy when several do
//   peek    the same, without removing them
//   indexOf where a byte sequence starts, from a position on
//
// Cost goal: every operation is linear in the bytes or chunks it newly touches. A search that goes on where
// the last one stopped must not walk the chunks before it again, so the queue remembers the chunk it looked
// at last (#seek).
//
// Bytes that were handed out may share a buffer with those behind them, and the user may transfer that buffer. A
// chunk that lost its buffer this way has length 0, as no other chunk has: checked where a chunk is left, where it
// costs nothing.

import { NumberReader } from "./number_reader.ts";

const EMPTY = new Uint8Array(0);

/** Chunks already consumed at the front of the array are cut off when there are this many. */
const COMPACT_AT = 1024;
/**
 * An array of at most this many slots outlives a clear: most queues hold one chunk and are emptied.
 */
const SLOTS_KEPT = 16;

/** A queue of bytes: chunks go in whole, any number of bytes comes out. */
export class ByteQueue extends NumberReader {
  /** One slot is what most queues need. */
  #chunks: Uint8Array<ArrayBuffer>[] = [EMPTY];
  /** How many slots of #chunks are in use; the others hold nothing. */
  #end = 0;
  /** Index in #chunks of the first chunk that still has bytes. */
  #first = 0;
  /** Bytes of the first chunk that were taken already. */
  #taken = 0;
  #length = 0;
  /** Bytes that have left the queue since it was made. */
  #offset = 0;
  /** The chunk looked at last, as an index in #chunks, and the queue offset at which it starts. */
  #seenIndex = 0;
  #seenOffset = 0;
  /** The buffer of empty results, once one was asked for. */
  #nowhere: ArrayBuffer | undefined;

  /** How many bytes are in the queue. */
  override get length(): number {
    return this.#length;
  }

  /**
   * How many bytes have left the queue since it was made: where in the whole stream its first byte is. A place in the
   * stream that was remembered stays right when others take bytes.
   */
  get offset(): number {
    return this.#offset;
  }

  /** Adds a chunk at the end. The queue keeps it as it is: it must not be changed afterwards. */
  push(chunk: Uint8Array<ArrayBuffer>): void {
    if (chunk.length === 0) return;
    this.#length += chunk.length;
    const last = this.#end - 1;
    if (last >= this.#first && follows(this.#chunks[last]!, chunk)) {
      this.#chunks[last] = joined(this.#chunks[last]!, chunk);
    } else {
      this.#chunks[this.#end++] = chunk;
    }
  }

  /**
   * Puts the bytes of the last chunk that are still in the queue into other memory.
   *
   * @param keeper Gives the same bytes in other memory, or the bytes themselves where they may stay.
   */
  moveLast(
    keeper: { keep(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> },
  ): void {
    const last = this.#end - 1;
    if (last < this.#first) return;
    let chunk = this.#chunks[last]!;
    if (chunk.length === 0) return; // it was transferred: the next read says so
    if (last === this.#first) {
      if (this.#taken > 0) chunk = chunk.subarray(this.#taken);
      this.#chunks[last] = keeper.keep(chunk);
      this.#taken = 0;
      this.#seenIndex = this.#first;
      this.#seenOffset = 0;
      return;
    }
    chunk = keeper.keep(chunk);
    const before = this.#chunks[last - 1]!;
    if (!follows(before, chunk)) {
      this.#chunks[last] = chunk;
      return;
    }
    this.#chunks[last - 1] = joined(before, chunk);
    this.#chunks[last] = EMPTY;
    this.#end = last;
    if (this.#seenIndex === last) {
      this.#seenIndex--;
      this.#seenOffset -= before.length;
    }
  }

  /**
   * Takes bytes off the front.
   *
   * @param length How many; at most {@linkcode ByteQueue.length}.
   * @returns A view when one chunk holds them all, else a copy.
   */
  take(length: number): Uint8Array<ArrayBuffer> {
    const first = this.#chunks[this.#first];
    if (
      length === this.#length && this.#taken === 0 && length > 0 && first!.length === length
    ) {
      this.clear();
      return first!;
    }
    const bytes = this.peek(length);
    this.skip(length);
    return bytes;
  }

  /** Takes everything that is there. */
  takeAll(): Uint8Array<ArrayBuffer> {
    return this.take(this.#length);
  }

  /** Like {@linkcode ByteQueue.take}, but leaves the bytes in the queue. */
  peek(length: number): Uint8Array<ArrayBuffer> {
    if (length > this.#length) {
      throw new RangeError(`Cannot take ${length} bytes of ${this.#length}`);
    }
    if (length === 0) return this.#nothing();
    const first = this.#chunks[this.#first]!;
    if (this.#taken + length <= first.length) {
      return this.#taken === 0 && first.length === length
        ? first
        : first.subarray(this.#taken, this.#taken + length);
    }
    if (first.length === 0) throw gone();
    const bytes = new Uint8Array(length);
    let filled = first.length - this.#taken;
    bytes.set(this.#taken === 0 ? first : first.subarray(this.#taken));
    for (let i = this.#first + 1; filled < length; i++) {
      const chunk = this.#chunks[i]!;
      if (chunk.length === 0) throw gone();
      const missing = length - filled;
      bytes.set(chunk.length <= missing ? chunk : chunk.subarray(0, missing), filled);
      filled += Math.min(chunk.length, missing);
    }
    return bytes;
  }

  /** Drops bytes at the front. */
  skip(length: number): void {
    if (length > this.#length) {
      throw new RangeError(`Cannot skip ${length} bytes of ${this.#length}`);
    }
    if (length === this.#length) return this.clear();
    this.#offset += length;
    this.#length -= length;
    this.#taken += length;
    this.#seenOffset -= length;
    let first = this.#chunks[this.#first]!;
    while (this.#taken >= first.length) {
      if (first.length === 0) throw gone();
      this.#taken -= first.length;
      // The array keeps the slot until it is compacted; it must not keep the bytes.
      this.#chunks[this.#first] = EMPTY;
      first = this.#chunks[++this.#first]!;
    }
    if (this.#seenIndex < this.#first) {
      this.#seenIndex = this.#first;
      this.#seenOffset = -this.#taken;
    }
    if (this.#first >= COMPACT_AT && this.#first * 2 >= this.#end) {
      this.#chunks.splice(0, this.#first);
      this.#end -= this.#first;
      this.#seenIndex -= this.#first;
      this.#first = 0;
    }
  }

  /** Drops everything. */
  clear(): void {
    if (this.#end > SLOTS_KEPT) this.#chunks = [EMPTY];
    else for (let i = this.#first; i < this.#end; i++) this.#chunks[i] = EMPTY;
    this.#offset += this.#length;
    this.#end =
      this.#first =
      this.#taken =
      this.#length =
      this.#seenIndex =
      this.#seenOffset =
        0;
  }

  /** The byte at an offset from the front, which must be less than the length. */
  override at(offset: number): number {
    this.#seek(offset);
    return this.#chunks[this.#seenIndex]![offset - this.#seenOffset]!;
  }

  /**
   * Finds a byte sequence.
   *
   * @param needle What to look for, at least one byte.
   * @param from Where to begin. Pass `length - needle.length + 1` of the last fruitless search to go on
   * without looking at a byte twice.
   * @returns The offset at which it starts, or -1.
   */
  indexOf(needle: Uint8Array, from?: number): number;
  indexOf(needle: Uint8Array, from = 0): number {
    const head = needle[0];
    if (head === undefined) throw new TypeError("Cannot search: the byte sequence is empty");
    let offset = from;
    const lastStart = this.#length - needle.length;
    while (offset <= lastStart) {
      this.#seek(offset);
      const chunk = this.#chunks[this.#seenIndex]!;
      const index = chunk.indexOf(head, offset - this.#seenOffset);
      if (index < 0) {
        offset = this.#seenOffset + chunk.length;
        continue;
      }
      offset = this.#seenOffset + index;
      if (offset > lastStart) return -1;
      if (needle.length === 1 || this.#matches(needle, offset)) return offset;
      offset++;
    }
    return -1;
  }

  /** No bytes, in a buffer of this queue: one of their own would cost a microsecond. */
  #nothing(): Uint8Array<ArrayBuffer> {
    // The receiver of earlier ones may have transferred it.
    if (this.#nowhere === undefined || this.#nowhere.detached) this.#nowhere = new ArrayBuffer(0);
    return new Uint8Array(this.#nowhere);
  }

  #matches(needle: Uint8Array, offset: number): boolean {
    this.#seek(offset);
    let index = this.#seenIndex;
    let chunk = this.#chunks[index]!;
    let at = offset - this.#seenOffset;
    for (let i = 0; i < needle.length; i++, at++) {
      if (at === chunk.length) {
        chunk = this.#chunks[++index]!;
        if (chunk.length === 0) throw gone();
        at = 0;
      }
      if (chunk[at] !== needle[i]) return false;
    }
    return true;
  }

  /** Moves the remembered chunk to the one that holds the byte at `offset`. */
  #seek(offset: number): void {
    if (offset < 0 || offset >= this.#length) {
      throw new RangeError(`Cannot look at byte ${offset} of ${this.#length}`);
    }
    if (offset < this.#seenOffset || this.#seenIndex < this.#first) {
      this.#seenIndex = this.#first;
      this.#seenOffset = -this.#taken;
    }
    let chunk = this.#chunks[this.#seenIndex]!;
    while (offset >= this.#seenOffset + chunk.length) {
      if (chunk.length === 0) throw gone();
      this.#seenOffset += chunk.length;
      chunk = this.#chunks[++this.#seenIndex]!;
    }
  }
}

function gone(): TypeError {
  return new TypeError(
    "Cannot read: bytes that were not read yet have been transferred away with an earlier message, in whose " +
      "ArrayBuffer they lay (copy messages before you transfer them)",
  );
}

/** Whether a chunk begins where another one ends: small reads are views that follow each other in one slab. */
function follows(before: Uint8Array, chunk: Uint8Array): boolean {
  return chunk.buffer === before.buffer &&
    chunk.byteOffset === before.byteOffset + before.length && before.length > 0;
}

/** Joins two chunks that follow each other. */
function joined(
  before: Uint8Array<ArrayBuffer>,
  chunk: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  return new Uint8Array(before.buffer, before.byteOffset, before.length + chunk.length);
}
