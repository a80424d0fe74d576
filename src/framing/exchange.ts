// Messages both ways on one connection: a decoder on its queue of received bytes, an encoder before its queue of
// written ones. The public faces are Framed and framedService.

import { shown } from "../base/arguments.ts";
import { closedError, GenericError, ignore, isSocketError, writeError } from "../base/errors.ts";
import { type Connection, coreOf } from "../connection/connection.ts";
import type { StreamCore } from "../connection/stream_core.ts";
import { AGAIN, MORE, pull, type ReadOptions } from "../connection/pull.ts";
import type { Share } from "../network/share.ts";
import { giveUp, printThrown, refusePromise } from "../base/user_code.ts";
import type { HeartbeatSettings } from "../connection/heartbeat.ts";
import { BadFrames, SKIPPED } from "./bad_frames.ts";
import { type AnyCodec, type Codec, cutOff, type Decoder, decoderOf, wholeCodec } from "./codec.ts";
import { type Encoder, FrameBuffer } from "../bytes/frame_buffer.ts";
import { Refusal } from "./refusal.ts";

/** Gathered messages go out at this length; more bytes than this that wait to be sent are waited for. At most. */
const MUCH = 65_536;

const SENT_NOTHING: Promise<number> = Promise.resolve(0);

/** Refuses a promise where a message was meant: a codec might make bytes of it, and nobody would handle it. */
export function checkAwaited(message: unknown): void {
  if (typeof message !== "object") return;
  refusePromise("Message", message, "must not be a promise: await it first");
}

/** Messages both ways on one connection. */
export class Exchange<In, Out> {
  readonly #core: StreamCore;
  readonly #share: Share;
  readonly #codec: Codec<In, Out>;
  readonly #decoder: Decoder<In>;
  readonly #badFrames: BadFrames | undefined;
  readonly #endCompletes: boolean;
  readonly #much: number;
  readonly #frames = new FrameBuffer();
  soughtTo = -1;
  #onFreed = ignore;
  #hasTold = false;
  #isEncoding = false;
  /** Where the message begins that the decoder looks for, and whether it has a part of it. */
  #messageFrom = 0;
  #isMidway = false;
  /** Whether the writer knows that something is gathered. */
  #isGathering = false;

  /**
   * @param connection Whose bytes are messages.
   * @param codec By which rule.
   * @param endCompletes Whether the end of the stream may end a message, where the codec says so.
   */
  constructor(connection: Connection, codec: AnyCodec<In, Out>, endCompletes = true) {
    this.#core = coreOf(connection);
    this.#share = this.#core.reader.inflow.share;
    this.#much = Math.min(MUCH, this.#core.limits.maxQueuedBytes);
    this.#codec = wholeCodec(codec);
    this.#decoder = decoderOf(this.#codec);
    const onBadFrame = this.#codec.onBadFrame?.bind(codec);
    this.#badFrames = onBadFrame && new BadFrames(onBadFrame);
    this.#endCompletes = endCompletes;
  }

  /** By which rule bytes are messages. */
  get codec(): Codec<In, Out> {
    return this.#codec;
  }

  /** Whether no more bytes will arrive. */
  get hasEnded(): boolean {
    const { reader } = this.#core;
    return reader.hasEnded || reader.isShut;
  }

  /** From where on its decoder has taken bytes that it has not given as a message; -1 for none. */
  get heldFrom(): number {
    if (!this.#holdsPart) return -1;
    // Behind a message, it may have what follows.
    return this.#isMidway ? this.#messageFrom : this.#core.reader.queue.offset;
  }

  get #holdsPart(): boolean {
    try {
      return this.#decoder.holdsPart === true;
    } catch (thrown) {
      printThrown(thrown);
      return false;
    }
  }

  /** Whether the connection is neither closing nor over. */
  get isOpen(): boolean {
    return this.#core.isOpen;
  }

  /**
   * Calls back when the connection is over, even while it is still in use. Only the last callback is kept: a promise
   * as long-lived as the connection would keep all of them.
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

  /** Where the next message begins in what is sent, or somewhat before. */
  get position(): number {
    return this.written + this.#frames.leastLength;
  }

  /** Up to where in what is sent the system was offered it: it may have gone out. */
  get offered(): number {
    return this.#core.writer.bytesOffered;
  }

  /** Up to where in what is sent it was written: a polite end still sends it. */
  get written(): number {
    const { writer } = this.#core;
    return writer.bytesWritten + writer.queuedBytes;
  }

  /** Whether enough is gathered that it should go out. */
  get isFull(): boolean {
    // Content that is not copied goes out at once: its user may transfer it, and the writer notices by its length.
    return this.#frames.isInPieces || this.#frames.leastLength >= this.#much;
  }

  /**
   * Takes the next message that has arrived whole.
   *
   * @returns `undefined` if there is none: for now, or for ever when the stream has ended; `SKIPPED` where a bad
   * frame stood in its place.
   */
  next(): In | undefined | typeof SKIPPED {
    const badFrames = this.#badFrames;
    if (badFrames === undefined) return this.#decode();
    return badFrames.next(this.#core.reader.queue, () => this.#decode());
  }

  /** As `next`; bad frames are passed over, unless others should go first. */
  #nextGood(): In | undefined | typeof SKIPPED {
    for (;;) {
      const message = this.next();
      if (message !== SKIPPED || this.mustStepBack) return message;
    }
  }

  #decode(): In | undefined {
    const { reader } = this.#core;
    // Ended from this side: a message that is cut off is no error.
    if (reader.isShut) return undefined;
    const { queue, hasEnded } = reader;
    if (reader.holder !== this) reader.holder = this;
    // A message may be a view of the queue's memory, and belongs to the user from now on.
    reader.settle();
    const { offset } = queue;
    if (!this.#isMidway) this.#messageFrom = offset;
    this.#isMidway = false;
    const message = this.#decoder.decode(queue, hasEnded && this.#endCompletes);
    if (message !== undefined) {
      if (message instanceof Promise) refusePromise("decode", message);
      reader.lookAhead();
      // Over, and no bytes were taken: a decoder that makes messages of nothing would never end.
      return this.#core.isFreed && queue.offset === offset ? undefined : message;
    }
    this.#isMidway = this.#holdsPart;
    this.soughtTo = queue.offset + queue.length;
    reader.lookAhead();
    if (hasEnded && queue.length > 0) throw cutOff(queue, undefined, this.#messageFrom);
    return undefined;
  }

  /**
   * Receives the next message without waiting.
   *
   * @returns `undefined` at the end of the stream; `MORE` if it has to be awaited, or another caller waits.
   */
  receiveNow(): In | undefined | typeof MORE {
    if (this.#core.reader.isWaiting || this.mustStepBack) return MORE;
    const message = this.#nextGood();
    return message === SKIPPED || message === undefined && !this.hasEnded ? MORE : message;
  }

  /** Waits for the next message; `undefined` at the end of the stream. @param owner On whose behalf. */
  receive(options: ReadOptions | undefined, owner?: object): Promise<In | undefined> {
    // The peer may wait for what is gathered before it sends more.
    this.flush();
    const { reader, readTimeoutInMillis } = this.#core;
    const attempt = () => {
      const message = this.#nextGood();
      if (message === SKIPPED) return AGAIN;
      return message === undefined && !this.hasEnded ? MORE : message;
    };
    return pull(reader, readTimeoutInMillis, options, 0, attempt, owner);
  }

  /** An iteration is left: its step ends, if it waits. */
  leave(owner: object): void {
    const { reader } = this.#core;
    if (reader.isWaiting) reader.leave(owner, closedError("receive"));
  }

  /** Appends a message to what goes out with the next flush. */
  append(message: Out): void {
    this.#encode(this.#codec, message);
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#core.writer.gather(this);
  }

  /** Drops what is gathered. */
  drop(): void {
    this.#frames.take();
    this.#gatherNoMore();
  }

  #gatherNoMore(): void {
    if (!this.#isGathering) return;
    this.#isGathering = false;
    this.#core.writer.gathersNoMore(this);
  }

  /** What is gathered need not wait for what takes long. */
  flushSoon(): void {
    this.#core.writer.sendGatheredSoon();
  }

  #encode<What>(encoder: Encoder<What>, what: What): void {
    if (this.#isEncoding) throw new TypeError("Cannot send: another message is being encoded");
    this.#isEncoding = true;
    try {
      this.#frames.append(encoder, what);
    } finally {
      this.#isEncoding = false;
    }
  }

  /**
   * Sends what is gathered, as one write where it can be. Resolves with the count of its bytes. It is not much, and has
   * room in any case: whoever sends messages of his own cannot know of it.
   */
  flush(): Promise<number> {
    this.#gatherNoMore();
    // Called by an encoder: its message is incomplete.
    if (this.#isEncoding) return SENT_NOTHING;
    return this.#write(this.#frames.take(), false, true);
  }

  /** Sends what is gathered, when there is room for it. Gives a promise to await where the peer is slow to take it. */
  flushAtPace(): Promise<number> | undefined {
    const { writer } = this.#core;
    const room = writer.room(this.#frames.length);
    if (room !== undefined) return room.then(() => this.flushAtPace() ?? SENT_NOTHING);
    const sent = this.flush();
    return writer.queuedBytes > this.#much ? sent : undefined;
  }

  /** From now on messages go out when the connection is quiet, and it ends when the peer is deaf. */
  beat(heartbeat: HeartbeatSettings<Out>): void {
    this.#core.beat(heartbeat, () => {
      this.append(heartbeat.what());
      void this.flush();
    });
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
        try {
          for (const message of all) {
            checkAwaited(message);
            frames.append(this.#codec, message);
          }
        } catch (error) {
          // None is sent: those behind it may be promises, too.
          if (Array.isArray(all)) all.forEach(giveUp);
          throw error;
        }
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
    checkAwaited(message);
    this.#encode(this.#codec, message);
    return this.#core.writer.tryWrite(this.#frames.take());
  }

  #send<What>(encoder: Encoder<What>, what: What): Promise<number> {
    this.flush();
    try {
      checkAwaited(what);
      this.#encode(encoder, what);
    } catch (error) {
      return Refusal.of(error, () => this.#tellOnce(error));
    }
    // A loop that answers message by message sends the next one soon.
    return this.#write(this.#frames.take(), true);
  }

  /** Prints why a message was not sent whose promise nobody looks at; only the first of a connection. */
  #tellOnce(error: unknown): void {
    if (!this.#hasTold) printThrown(error);
    this.#hasTold = true;
  }

  #write(
    pieces: readonly Uint8Array[],
    isOneOfMany: boolean,
    hasWaited = false,
  ): Promise<number> {
    const { writer } = this.#core;
    if (pieces.length === 0) return SENT_NOTHING;
    if (pieces.length === 1) return writer.write(pieces[0]!, isOneOfMany, hasWaited);
    // They go out together; where an earlier one fails, the last fails with the same.
    const writes = writer.writeAll(pieces, hasWaited);
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
  // Where how much had gone out is not sure, the first one that failed says so.
  let first: unknown;
  for (const fate of await Promise.allSettled(writes)) {
    if (fate.status === "fulfilled") {
      taken += fate.value;
    } else {
      first ??= fate.reason;
      if (fate.reason instanceof GenericError) taken += fate.reason.bytesTaken ?? 0;
    }
  }
  throw taken > 0 && isSocketError(first) ? writeError(first, taken, total) : error;
}
