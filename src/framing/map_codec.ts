// A codec whose messages are made of another one's.

import { badFrame, isSocketError, reasonOf } from "../base/errors.ts";
import { checkFunction, checkMethods } from "../base/arguments.ts";
import { readOptions } from "../base/options.ts";
import { giveUp, refusePromise } from "../base/user_code.ts";
import type { ByteQueue } from "../bytes/byte_queue.ts";
import { type Codec, type Decoder, decoderOf } from "./codec.ts";

/** What is made of the messages of a codec, in both directions. */
export interface Mapping<In, Out, MappedIn, MappedOut> {
  /**
   * Makes the message of what was received. What it throws makes the frame a bad one: a `"frame"` error with that as
   * its `cause`.
   */
  decode(message: In): MappedIn;
  /** Makes what is sent of the message. What it throws is what `send` rejects with. */
  encode(message: MappedOut): Out;
}

const MAPPING = ["decode", "encode"] as const;

/**
 * Makes a codec of another one.
 *
 * @param codec The one that says where a message ends.
 * @param mapping What its messages are for you.
 * @throws {TypeError} One of them is none.
 *
 * @example Dates in lines
 * ```ts
 * import { LineCodec, mapCodec } from "socket/mod.ts";
 *
 * const dates = mapCodec(new LineCodec({ maxFrameLength: 40 }), {
 *   decode: (line) => new Date(line),
 *   encode: (date: Date) => date.toISOString(),
 * });
 * ```
 */
export function mapCodec<In, Out, MappedIn, MappedOut = MappedIn>(
  codec: Codec<In, Out>,
  mapping: Mapping<In, Out, MappedIn, MappedOut>,
): Codec<MappedIn, MappedOut> {
  const { onBadFrame } = checkMethods("codec", codec, "decoder", "encode");
  const { decode, encode } = readOptions<Mapping<In, Out, MappedIn, MappedOut>>(
    "mapping",
    mapping,
    MAPPING,
  );
  for (const [name, method] of Object.entries({ decode, encode })) {
    if (method === undefined) throw new TypeError(`mapping must have the method ${name}`);
    checkFunction(`mapping.${name}`, method);
  }
  return {
    decoder: () => new MappingDecoder(decoderOf(codec), decode),
    encode(message, frames) {
      const mapped = encode(message);
      refusePromise("mapping.encode", mapped);
      return codec.encode(mapped, frames);
    },
    onBadFrame: onBadFrame?.bind(codec),
  };
}

class MappingDecoder<In, MappedIn> implements Decoder<MappedIn> {
  readonly #decoder: Decoder<In>;
  readonly #decode: (message: In) => MappedIn;
  /** Where the message begins. */
  #start = 0;

  constructor(decoder: Decoder<In>, decode: (message: In) => MappedIn) {
    this.#decoder = decoder;
    this.#decode = decode;
  }

  get holdsPart(): boolean {
    return this.#decoder.holdsPart === true;
  }

  decode(bytes: ByteQueue, ended: boolean): MappedIn | undefined {
    if (!this.holdsPart) this.#start = bytes.offset;
    const message = this.#decoder.decode(bytes, ended);
    if (message === undefined) return undefined;
    let mapped;
    try {
      mapped = this.#decode(message);
    } catch (cause) {
      if (isSocketError(cause)) throw cause;
      giveUp(cause);
      throw badFrame(`the message at byte ${this.#start} was refused: ${reasonOf(cause)}`, cause);
    }
    // `undefined` would mean "no message yet".
    if (mapped === undefined) {
      throw new TypeError("mapping.decode must give a message: got undefined");
    }
    refusePromise("mapping.decode", mapped);
    return mapped;
  }
}
