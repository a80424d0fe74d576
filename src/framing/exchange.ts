// Messages both ways on one connection: a decoder on its queue of received bytes, an encoder before its
// queue of written ones. Internal; the public faces are Framed and framedService.

import { shown } from "../base/arguments.ts";
import { GenericError, ignore, isSocketError, writeError } from "../base/errors.ts";
import { type Connection, coreOf } from "../connection/connection.ts";
import type { StreamCore } from "../connection/stream_core.ts";
import { MORE, pull, type ReadOptions } from "../connection/pull.ts";
import type { Share } from "../network/share.ts";
import { printThrown, refusePromise } from "../base/user_code.ts";
import { checkCodec, type Codec, type Decoder, decoderOf } from "./codec.ts";
import { cutOff } from "./frame.ts";
import { type Encoder, FrameBuffer } from "../bytes/frame_buffer.ts";
import { Refusal } from "./refusal.ts";

/** Gathered messages of this length and more go out; written ones of more are waited for. */
const MUCH = 65_536;

const SENT_NOTHING: Promise<number> = Promise.resolve(0);

/** Messages both ways on one connection. */
export class Exchange<In, Out> {
  readonly #core: StreamCore;
  readonly #share: Share;
  readonly #codec: Codec<In, Out>;
  readonly #decoder: Decoder<In>;
  readonly #frames = new FrameBuffer();
  #onFreed = ignore;
  #hasTold = false;
  #isEncoding = false;

  /** @param connection Whose bytes are messages. @param codec By which rule. */
  constructor(connection: Connection, codec: Codec<In, Out>) {
    this.#core = coreOf(connection);
    this.#share = this.#core.reader.inflow.share;
    this.#codec = checkCodec(codec);
    this.#decoder = decoderOf(codec);
  }

  /** By which rule bytes are messages. */
  get codec(): Codec<In, Out> {
    return this.#codec;
  }

  /** Whether nothing can be received any more that has not come yet. */
  get hasEnded(): boolean {
    const { reader } = this.#core;
    return reader.hasEnded || reader.isShut;
  }

  /** Whether the connection is neither closing nor over. */
  get isOpen(): boolean {
    return this.#core.isOpen;
  }

  /**
   * Calls back when the connection is over, whoever is still busy with it. Only the last one who asks is called:
   * a promise that lives as long as the connection would keep all of them.
   */
  whenFreed(callback: () => void): void {
    if (this.#onFreed === ignore) void this.#core.freed.then(() => this.#onFreed());
    this.#onFreed = callback;
  }

  /** Whether others should go first, before the next message that is there. */
  get mustStepBack(): boolean {
    return this.#share.count();
  }

  /** Lets the others go first. */
  stepBack(): Promise<void> {
    return this.#share.stepBack();
  }

  /** Whether so much is gathered that it should go out. */
  get isFull(): boolean {
    // Content that is not copied goes at once: its user may take it back, and the writer knows how long it was.
    return this.#frames.isInPieces || this.#frames.leastLength >= MUCH;
  }

  /**
   * Takes the next message that has come whole.
   *
   * @returns `undefined` if there is none: for now, or for ever when the stream has ended.
   */
  next(): In | undefined {
    const { reader } = this.#core;
    // Ended from this side: a message that is cut is nobody's fault.
    if (reader.isShut) return undefined;
    const { queue, hasEnded } = reader;
    // A message may be a piece of the queue, and its user's for ever.
    reader.settle();
    const { offset } = queue;
    const message = this.#decoder.decode(queue, hasEnded);
    if (message instanceof Promise) refusePromise("decode", message);
    // Over, and nothing more can come: a decoder that gives messages for nothing would go on for ever.
    if (message !== undefined && this.#core.isFreed && queue.offset === offset) return undefined;
    if (message === undefined && hasEnded && queue.length > 0) throw cutOff(queue, undefined);
    return message;
  }

  /**
   * Takes the next message without waiting.
   *
   * @returns `undefined` at the end of the stream; `MORE` if it has to be waited for, or somebody else waits.
   */
  take(): In | undefined | typeof MORE {
    if (this.#core.reader.isWaiting || this.mustStepBack) return MORE;
    const message = this.next();
    return message === undefined && !this.hasEnded ? MORE : message;
  }

  /** Waits for the next message; `undefined` at the end of the stream. */
  receive(options: ReadOptions | undefined): Promise<In | undefined> {
    // The peer may wait for what is gathered before it says more.
    this.flush();
    const { reader, limits } = this.#core;
    return pull(reader, limits.readTimeoutInMillis, options, 0, () => {
      const message = this.next();
      return message === undefined && !this.hasEnded ? MORE : message;
    });
  }

  /** Gathers a message, which goes out with the next flush. */
  add(message: Out): void {
    this.#append(this.#codec, message);
  }

  #append<What>(encoder: Encoder<What>, what: What): void {
    if (this.#isEncoding) throw new TypeError("Cannot send: another message is being encoded");
    this.#isEncoding = true;
    try {
      this.#frames.append(encoder, what);
    } finally {
      this.#isEncoding = false;
    }
  }

  /** Sends what is gathered, as one write where it can be. Resolves with the count of its bytes. */
  flush(): Promise<number> {
    // Asked for by an encoder: what there is of its message is not all of it.
    if (this.#isEncoding) return SENT_NOTHING;
    return this.#write(this.#frames.take(), false);
  }

  /** Sends what is gathered. Gives something to wait for where the peer is slow to take it. */
  flushAtPace(): Promise<number> | undefined {
    const sent = this.flush();
    return this.#core.writer.queuedBytes > MUCH ? sent : undefined;
  }

  /** Sends a message after what is gathered. */
  send(message: Out): Promise<number> {
    return this.#send(this.#codec, message);
  }

  /** Sends messages after what is gathered: all of them, or none if one cannot be encoded. */
  sendAll(messages: Iterable<Out>): Promise<number> {
    return this.#send({
      encode: (all, frames) => {
        if (
          typeof (all as Partial<Iterable<Out>> | null | undefined)?.[Symbol.iterator] !==
            "function"
        ) {
          throw new TypeError(`messages must be iterable: got ${shown(all)}`);
        }
        for (const message of all) frames.append(this.#codec, message);
      },
    }, messages);
  }

  /**
   * Sends a message after what is gathered, all of it or none, unless the peer is slow.
   *
   * @returns Whether it was queued.
   */
  trySend(message: Out): boolean {
    this.flush();
    this.#append(this.#codec, message);
    return this.#core.writer.tryWrite(this.#frames.take());
  }

  /** Sends what is gathered, where anything is: before what goes past this. */
  flushGathered(): void {
    if (this.#frames.leastLength > 0) void this.flush();
  }

  #send<What>(encoder: Encoder<What>, what: What): Promise<number> {
    this.flush();
    try {
      this.#append(encoder, what);
    } catch (error) {
      return Refusal.of(error, () => this.#tellOnce(error));
    }
    // Whoever answers message by message, in a loop, sends the next one soon.
    return this.#write(this.#frames.take(), true);
  }

  /** The first message of a connection that was not sent, and nobody looks at the promise. */
  #tellOnce(error: unknown): void {
    if (!this.#hasTold) printThrown(error);
    this.#hasTold = true;
  }

  #write(pieces: readonly Uint8Array[], isOneOfMany: boolean): Promise<number> {
    const { writer } = this.#core;
    if (pieces.length === 0) return SENT_NOTHING;
    if (pieces.length === 1) return writer.write(pieces[0]!, isOneOfMany);
    // They go out together, or the last one fails with what made an earlier one fail.
    const writes = pieces.map((piece) => writer.write(piece));
    let total = 0;
    for (const piece of pieces) total += piece.length;
    const sent = writes.at(-1)!.then(() => total, (error) => failed(error, writes, total));
    sent.catch(ignore);
    return sent;
  }
}

/** The last write of a message has failed: the message fails, and says how much of all of it had gone out. */
async function failed(error: unknown, writes: Promise<number>[], total: number): Promise<never> {
  let taken = 0;
  for (const fate of await Promise.allSettled(writes)) {
    if (fate.status === "fulfilled") taken += fate.value;
    else if (fate.reason instanceof GenericError) taken += fate.reason.bytesTaken ?? 0;
  }
  throw taken > 0 && isSocketError(error) ? writeError(error, taken, total) : error;
}
