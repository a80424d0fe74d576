// How what was received gets from the buffer of the receive to the user, who may keep it, change it or
// transfer its buffer to another thread: small pieces as views of a slab that nothing else is ever put in,
// others in memory of their own.

/**
 * The first slab is small, because most of many sockets are quiet; each further one is twice as large, until
 * whoever keeps one byte would keep too much with it.
 */
const SMALLEST_SLAB = 256;

/** The copies that one socket hands out. */
export class HandOut {
  readonly #longestInSlab: number;
  readonly #largestSlab: number;
  #slabSize = SMALLEST_SLAB;
  #slab: Uint8Array<ArrayBuffer> | undefined;
  #used = 0;

  /**
   * @param longestInSlab Longer pieces get memory of their own: sharing would save little.
   * @param largestSlab How much whoever keeps one byte may keep with it.
   */
  constructor(longestInSlab: number = 2 * 1024, largestSlab: number = 8 * 1024) {
    this.#longestInSlab = longestInSlab;
    this.#largestSlab = largestSlab;
  }

  /** Whether bytes lie where further ones will be put. */
  holds(bytes: Uint8Array): boolean {
    return bytes.buffer === this.#slab?.buffer;
  }

  /** Copies bytes, the first ones of a buffer or all, which may then be overwritten. */
  copy(
    buffer: Uint8Array,
    length: number = buffer.length,
  ): Uint8Array<ArrayBuffer> {
    // Nothing needs no slab, and would not notice that a slab was transferred away.
    if (length > this.#longestInSlab || length === 0) return buffer.slice(0, length);
    let slab = this.#slab;
    // A slab whose buffer the user has transferred away has no length any more.
    if (slab === undefined || this.#used + length > slab.length) {
      slab = this.#slab = new Uint8Array(Math.max(this.#slabSize, length));
      this.#slabSize = Math.min(this.#slabSize * 2, this.#largestSlab);
      this.#used = 0;
    }
    const copy = new Uint8Array(slab.buffer, this.#used, length);
    copy.set(length === buffer.length ? buffer : buffer.subarray(0, length));
    this.#used += length;
    return copy;
  }
}
