// Bad frames that are passed over, where a codec says whom to tell.
//
// A decoder that throws has taken the bad frame, or leaves it and throws the same again. The bytes that went do not
// say which: they may be the rest of an earlier bad frame, and those of this one may have gone before. So it is asked
// once more before anybody is told, and the same happens however the stream was cut.

import { codeOf, type SocketError } from "../base/errors.ts";
import { attempt, printThrown } from "../base/user_code.ts";
import type { ByteQueue } from "../bytes/byte_queue.ts";

/** Says that a bad frame was passed over, as it seems. */
export const SKIPPED: unique symbol = Symbol("skipped");

/** Passes over the bad frames of one connection. */
export class BadFrames {
  readonly #onBadFrame: (error: SocketError) => void;
  /** What the last call threw: passed over, unless it is thrown again. */
  #doubtful: SocketError | undefined;
  /** Where in the stream the decoder was when it last gave a message, or threw. */
  #start = 0;

  /** @param onBadFrame Is told of each one that was passed over, before what comes behind it is handed out. */
  constructor(onBadFrame: (error: SocketError) => void) {
    this.#onBadFrame = onBadFrame;
  }

  /**
   * Asks for the next message.
   *
   * @param queue Where its bytes are.
   * @param decode Takes it.
   * @returns The message, or `undefined` for none; `SKIPPED` where a bad frame stood in its place: ask again.
   * @throws {unknown} What `decode` throws, unless it is a bad frame that was taken.
   */
  next<In>(queue: ByteQueue, decode: () => In | undefined): In | undefined | typeof SKIPPED {
    const { offset } = queue;
    const doubtful = this.#doubtful;
    this.#doubtful = undefined;
    let message;
    try {
      message = decode();
    } catch (error) {
      const isAgain = queue.offset === offset && isSame(error, doubtful);
      if (!isAgain) this.#tell(doubtful);
      const isTaken = !isAgain && queue.offset !== this.#start;
      this.#start = queue.offset;
      if (!isTaken || codeOf(error) !== "frame") throw error;
      this.#doubtful = error as SocketError;
      return SKIPPED;
    }
    this.#tell(doubtful);
    if (message !== undefined) this.#start = queue.offset;
    return message;
  }

  #tell(error: SocketError | undefined): void {
    if (error === undefined) return;
    const onBadFrame = this.#onBadFrame;
    attempt(() => onBadFrame(error)).catch(printThrown);
  }
}

function isSame(error: unknown, earlier: SocketError | undefined): boolean {
  return earlier !== undefined && codeOf(error) === "frame" &&
    (error as SocketError).message === earlier.message;
}
