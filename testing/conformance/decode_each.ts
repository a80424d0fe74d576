// Takes all messages that a decoder has.

import type { ByteQueue } from "../../src/bytes/byte_queue.ts";
import { refusePromise } from "../../src/base/user_code.ts";
import type { Decoder } from "../../src/framing/codec.ts";
import { ensure } from "./trial.ts";

/** How many messages may come one after the other while no byte is taken: those of bytes that were taken before. */
const MOST_OF_NOTHING = 10_000;

/**
 * Decodes all messages that are there. A decoder that would never say that there is no more is refused.
 *
 * @param decoder Takes them.
 * @param queue Where their bytes are.
 * @param ended Whether no more will come.
 * @param use Gets each one.
 */
export function decodeEach<In>(
  decoder: Decoder<In>,
  queue: ByteQueue,
  ended: boolean,
  use: (message: In) => void = () => {},
): void {
  let { offset } = queue;
  for (let ofNothing = 0;;) {
    const message = decoder.decode(queue, ended);
    refusePromise("decode", message);
    if (message === undefined) return;
    ofNothing = queue.offset === offset ? ofNothing + 1 : 0;
    offset = queue.offset;
    ensure(
      ofNothing <= MOST_OF_NOTHING,
      "decode goes on to give messages and takes no bytes: give undefined where there is no more",
    );
    use(message);
  }
}
