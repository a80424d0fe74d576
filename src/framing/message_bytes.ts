// The bytes of one message for many: encoded once, in one piece, and nobody else's. Whoever sends them later must
// not find that the user has changed them meanwhile, and nobody tells the user when that would be allowed.

import { contentBytes } from "../base/arguments.ts";
import { FrameBuffer } from "../bytes/frame_buffer.ts";
import type { Codec } from "./codec.ts";

/** A {@linkcode FrameBuffer} copies what is shorter. */
const MAY_BE_THE_USERS = 16_384;

/** Makes bytes of messages. */
export class MessageBytes<T> {
  readonly #codec: Codec<unknown, T> | undefined;
  readonly #frames = new FrameBuffer();
  #isEncoding = false;

  /** @param codec By which rule; without one, messages are bytes or text. */
  constructor(codec: Codec<unknown, T> | undefined) {
    this.#codec = codec;
  }

  /**
   * The bytes of a message.
   *
   * @throws {unknown} What the codec throws; without one, that it is neither bytes nor text.
   */
  of(message: T): Uint8Array {
    if (this.#codec === undefined) {
      const bytes = contentBytes(message, "Message");
      return typeof message === "string" ? bytes : bytes.slice();
    }
    if (this.#isEncoding) throw new TypeError("Cannot send: another message is being encoded");
    this.#isEncoding = true;
    try {
      this.#frames.append(this.#codec, message);
    } finally {
      this.#isEncoding = false;
    }
    const pieces = this.#frames.take();
    const [first] = pieces;
    return pieces.length === 1 && first!.length < MAY_BE_THE_USERS ? first! : joined(pieces);
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
