// What a codec is: the rule that turns a stream of bytes into messages and back. Pure: no await, no I/O, so that a
// codec is tested on arrays and works on any source of bytes.

import { checkFunction, checkMethods, shown } from "../base/arguments.ts";
import type { ByteQueue } from "../bytes/byte_queue.ts";
import { badFrame, type GenericError } from "../base/errors.ts";
import { refusePromise } from "../base/user_code.ts";
import type { SocketError } from "../base/errors.ts";
import type { Encoder } from "../bytes/frame_buffer.ts";

/**
 * Finds the messages in what one connection receives. It belongs to that connection, so it may keep state; one
 * without state may serve any number of connections.
 */
export interface Decoder<In> {
  /**
   * Whether it has taken bytes off the queue that it has not given as a message: a part of one, or of a bad frame,
   * whose rest has not arrived; or what lies behind the last one. A decoder that takes nothing but one whole message at
   * a time needs it not. Of others a begun message is seen by it: a stop waits for the rest, `minBytesPerSecond` counts,
   * a pool does not lend the connection again, and `upgradeToTls` takes nothing that came in the clear for the peer's.
   */
  readonly holdsPart?: boolean;

  /**
   * Takes the next message off the queue. It is called again until it gives none, then whenever more bytes have
   * arrived, and once more in the same way when the stream has ended.
   *
   * A message that has not arrived whole is left where it is: give `undefined`, and the bytes are there again next
   * time. Do not scan them again each time, because the queue may grow byte by byte: remember how far you got, as a
   * place in the stream ({@linkcode ByteQueue.offset}).
   *
   * @param bytes What was received and not yet taken.
   * @param ended Whether the stream has ended, so that no more bytes will arrive. Bytes left in the queue are then a
   * broken frame, which `framed` reports: only a decoder that takes parts of a message early, or whose messages may
   * end with the stream, needs this. `Requests` always say false: what is left of an answer is none.
   * @returns The message, or `undefined` when more bytes are needed.
   * @throws {SocketError} `"frame"` when the bytes are no message, or one longer than allowed. The next call
   * continues behind the bad frame if the decoder has taken it, else it throws the same, in the same words.
   */
  decode(bytes: ByteQueue, ended: boolean): In | undefined;
}

/**
 * Turns bytes into messages and messages into bytes. One codec serves any number of connections: state is kept in the
 * decoder that it makes for each.
 *
 * Always set a maximum: a peer must not be able to make you keep as much as it likes to send.
 *
 * @typeParam In The messages that are received; any type but `undefined`.
 * @typeParam Out The messages that are sent.
 *
 * @example A codec of your own
 * ```ts
 * import type { Codec } from "socket/codec.ts";
 * import { GenericError } from "socket/mod.ts";
 *
 * interface Reading {
 *   sensor: number;
 *   note: string;
 * }
 *
 * // One byte for the sensor, one for the length of the note, then the note.
 * const readings: Codec<Reading> = {
 *   decoder: () => ({
 *     decode(bytes) {
 *       if (bytes.length < 2 || bytes.length < 2 + bytes.at(1)) return undefined;
 *       const [sensor, length] = bytes.take(2) as unknown as [number, number];
 *       return { sensor, note: new TextDecoder().decode(bytes.take(length)) };
 *     },
 *   }),
 *   encode({ sensor, note }, frames) {
 *     const bytes = new TextEncoder().encode(note);
 *     if (bytes.length > 255) throw new GenericError("frame", "Cannot encode: the note is too long");
 *     frames.writeByte(sensor);
 *     frames.writeByte(bytes.length);
 *     frames.write(bytes);
 *   },
 * };
 * ```
 */
export interface Codec<In, Out = In> extends ReceivingCodec<In>, Encoder<Out> {}

/**
 * A codec that only receives, for `framed` and `framedService`.
 *
 * @typeParam In The messages that are received.
 */
export interface ReceivingCodec<In> {
  /** Makes the decoder of one connection. */
  decoder(): Decoder<In>;
  /**
   * Called for each bad frame that is skipped: one whose end the decoder has found. Without this method a bad frame
   * is an error.
   */
  readonly onBadFrame?: ((error: SocketError) => void) | undefined;
}

/** A codec, or one that only receives or only sends. */
export type AnyCodec<In, Out> = Codec<In, Out> | ReceivingCodec<In> | Encoder<Out>;

/** Has a codec make a decoder, and checks that it is one. */
export function decoderOf<In>(codec: ReceivingCodec<In>): Decoder<In> {
  const decoder = codec.decoder();
  if (typeof decoder === "object") refusePromise("decoder()", decoder);
  if (typeof (decoder as Partial<Decoder<In>> | undefined)?.decode !== "function") {
    throw new TypeError(
      `decoder() must give an object with the method decode: got ${shown(decoder)}`,
    );
  }
  return decoder;
}

/** Checks that what should be a codec is one, of one direction at least. The other one says so where it is used. */
export function wholeCodec<In, Out>(codec: AnyCodec<In, Out>): Codec<In, Out> {
  const whole = codec as Codec<In, Out>;
  const { decoder, encode } = (codec ?? {}) as Partial<Codec<In, Out>>;
  checkFunction("codec.onBadFrame", whole?.onBadFrame);
  const [receives, sends] = [decoder !== undefined, encode !== undefined];
  if (sends === receives) return checkMethods("codec", whole, "decoder", "encode");
  if (sends) {
    checkMethods("codec", whole, "encode");
    return { decoder: () => RECEIVES_NOTHING, encode: whole.encode.bind(whole) };
  }
  checkMethods("codec", whole, "decoder");
  return {
    decoder: whole.decoder.bind(whole),
    onBadFrame: whole.onBadFrame,
    encode() {
      throw new TypeError("Cannot send: the codec has no method encode, it only receives");
    },
  };
}

/** A codec whose `decoder()` has thrown: it sends, and says why it does not receive. */
export function withoutDecoder<In, Out>(
  codec: Codec<In, Out>,
  thrown: unknown,
): Codec<In, Out> {
  const decoder: Decoder<In> = {
    decode() {
      throw thrown;
    },
  };
  return { decoder: () => decoder, encode: (message, frames) => codec.encode(message, frames) };
}

const RECEIVES_NOTHING: Decoder<never> = {
  decode() {
    throw new TypeError("Cannot receive: the codec has no method decoder, it only sends");
  },
};

/**
 * The stream ended in the middle of a frame. What is left of it is dropped, so that the end comes next.
 *
 * @param expected How many bytes the frame has, if that is known.
 * @param start Where it began, if parts of it were taken.
 */
export function cutOff(
  bytes: ByteQueue,
  expected: number | undefined,
  start = bytes.offset,
): GenericError {
  const length = bytes.offset + bytes.length - start;
  bytes.clear();
  const ofSize = expected === undefined ? "" : ` of ${expected}`;
  return badFrame(
    `the stream ended ${length} bytes into the frame${ofSize} at byte ${start}`,
  );
}
