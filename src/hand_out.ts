// How what was received gets from the buffer of the receive to the user, who may keep it, change it or
// transfer its buffer to another thread: small datagrams as views of a slab that nothing else is ever put in,
// others in memory of their own.

/** Whoever keeps one byte keeps the slab it lies in: small enough not to matter. */
const SLAB_LENGTH = 8 * 1024;
/** Longer datagrams get memory of their own: sharing would save little. */
const LONGEST_IN_SLAB = 2 * 1024;

/** The copies that one socket hands out. */
export class HandOut {
  #slab: Uint8Array<ArrayBuffer> | undefined;
  #used = 0;

  /** Copies bytes, which may then be overwritten. */
  copy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const length = bytes.length;
    if (length > LONGEST_IN_SLAB) return new Uint8Array(bytes);
    let slab = this.#slab;
    // A slab whose buffer the user has transferred away has no length any more.
    if (slab === undefined || this.#used + length > slab.length) {
      slab = this.#slab = new Uint8Array(SLAB_LENGTH);
      this.#used = 0;
    }
    const copy = new Uint8Array(slab.buffer, this.#used, length);
    copy.set(bytes);
    this.#used += length;
    return copy;
  }
}
