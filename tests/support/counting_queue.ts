// A queue that counts how many of its bytes are looked at or copied, and how many of its chunks are walked
// over: what a decoder costs, without a clock.

import { ByteQueue } from "../../src/bytes/byte_queue.ts";

/** A {@linkcode ByteQueue} that counts. */
export class CountingQueue extends ByteQueue {
  /** How many bytes were looked at, searched or copied so far. */
  looks = 0;
  /** How often a chunk was asked for its length so far, as walking over it does. */
  steps = 0;

  override push(chunk: Uint8Array<ArrayBuffer>): void {
    super.push(new Chunk(chunk, () => this.steps++));
  }

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

class Chunk extends Uint8Array<ArrayBuffer> {
  /** Pieces cut from it are not counted. */
  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array;
  }

  readonly #onAsked: () => void;

  constructor({ buffer, byteOffset, length }: Uint8Array<ArrayBuffer>, onAsked: () => void) {
    super(buffer, byteOffset, length);
    this.#onAsked = onAsked;
  }

  override get length(): number {
    this.#onAsked();
    return super.length;
  }
}
