// A queue that counts how many of its bytes are looked at or copied: what a decoder costs, without a clock.

import { ByteQueue } from "../../src/byte_queue.ts";

/** A {@linkcode ByteQueue} that counts. */
export class CountingQueue extends ByteQueue {
  /** How many bytes were looked at, searched or copied so far. */
  looks = 0;

  override peek(length: number): Uint8Array<ArrayBuffer> {
    this.looks += length;
    return super.peek(length);
  }

  override at(offset: number): number {
    this.looks++;
    return super.at(offset);
  }

  override indexOf(needle: Uint8Array, from = 0): number {
    const index = super.indexOf(needle, from);
    this.looks += (index < 0 ? this.length : index + 1) - from;
    return index;
  }
}
