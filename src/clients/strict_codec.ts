// A codec whose bad messages are errors, because each may be the answer to a request.

import { type Codec, wholeCodec } from "../framing/codec.ts";
import { checkMethods } from "../base/arguments.ts";

/**
 * Checks a codec. Where answers come in order, none may be passed over: every later one would be another request's.
 *
 * @param codec What was passed.
 * @param maySkip Whether bad messages may be passed over, where the codec can.
 * @throws {TypeError} It is no codec of both directions.
 */
export function strictCodec<In, Out>(codec: Codec<In, Out>, maySkip: boolean): Codec<In, Out> {
  checkMethods("codec", codec, "decoder", "encode");
  const whole = wholeCodec<In, Out>(codec);
  if (maySkip || whole.onBadFrame === undefined) return whole;
  return {
    decoder: () => whole.decoder(),
    encode: (message, frames) => whole.encode(message, frames),
  };
}
