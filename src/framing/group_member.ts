// Who can be in a group: a connection, messages on one, or whatever can be written to in the same way, such as a
// UDP session, which is known here by its shape.

import { checkMethods } from "../base/arguments.ts";
import { GenericError } from "../base/errors.ts";
import { attempt, printThrown } from "../base/user_code.ts";
import { Connection, coreOf } from "../connection/connection.ts";
import type { StreamCore } from "../connection/stream_core.ts";
import type { DrainedOptions } from "../network/drained.ts";
import { type LimitedQueue, type ShareHost, shareHostOf } from "../network/share.ts";
import type { Codec } from "./codec.ts";
import { exchangeOf, Framed } from "./framed.ts";

/** What can be written to without a promise: a {@linkcode UdpSession}, a connected {@linkcode UdpClient}. */
export interface WritableMember {
  /** Sends content, unless the system has refused too much. Whether it was queued. */
  tryWrite(content: Uint8Array): boolean;
  /** Waits until the system has taken what was written; rejects when it has ended. */
  drained(options?: DrainedOptions): Promise<void>;
  /** Settles when it is over. */
  readonly closed: Promise<unknown>;
  /** Ends it. */
  close(): unknown;
}

/**
 * What a group sends to.
 *
 * @typeParam T The messages of the group.
 */
export type GroupMember<T> = Connection | Framed<unknown, T> | WritableMember;

/** One place in a group. */
export interface Seat<T> {
  /** Who has it, as they were given. */
  readonly member: GroupMember<T>;
  /** Whether nothing can be sent any more. */
  readonly isGone: boolean;
  /** By what it is known. */
  readonly key: object;
  /** What a share of time is measured by, where that is known. */
  readonly host: ShareHost | undefined;
  /** What holds what waits for it; several may share one. */
  readonly queue: object;
  /** Whether more waits for it than makes one slow, whether the system was asked or not. */
  readonly isOver: boolean;
  /** Sends bytes, a message in one piece, unless the member is slow. Whether they were queued. */
  offer(message: readonly [Uint8Array]): boolean;
  /** Waits until it is not over any more; rejects when that takes too long, or the member ends. */
  relief(timeoutInMillis: number): Promise<void>;
  /** Waits until so many bytes can be offered; rejects likewise. */
  room(length: number, timeoutInMillis: number): Promise<void>;
  /** Ends the member, which is too slow. */
  end(): void;
  /** Settles when the member has ended. */
  ended(): Promise<unknown>;
}

/** By what a member is known: a connection has one place, with messages on it or without. */
export function keyOf(member: unknown): object {
  return member instanceof Framed ? member.connection : member as object;
}

/**
 * Gives a member its place.
 *
 * @param member Who.
 * @param codec That of the group.
 * @param maxQueuedBytes How much the system may have refused of what waits for it.
 * @throws {TypeError} It is nothing to write to, or has messages of another format.
 */
export function seatOf<T>(
  member: GroupMember<T>,
  codec: Codec<unknown, T> | undefined,
  maxQueuedBytes: number,
): Seat<T> {
  if (member instanceof Framed) {
    if (exchangeOf(member).codec !== codec) {
      throw new TypeError(
        "member must have the group's codec: make the Framed and the Group with one",
      );
    }
    return new StreamSeat<T>(member, member.connection, maxQueuedBytes);
  }
  if (member instanceof Connection) {
    return new StreamSeat<T>(member, member, maxQueuedBytes);
  }
  checkMethods<WritableMember>("member", member, "tryWrite", "drained", "close");
  return new WritableSeat<T>(member);
}

class StreamSeat<T> implements Seat<T> {
  readonly member: GroupMember<T>;
  readonly key: Connection;
  readonly #core: StreamCore;
  readonly #maxQueuedBytes: number;

  constructor(member: GroupMember<T>, connection: Connection, maxQueuedBytes: number) {
    this.member = member;
    this.key = connection;
    this.#core = coreOf(connection);
    this.#maxQueuedBytes = maxQueuedBytes;
  }

  get isGone(): boolean {
    return !this.#core.writer.isOpen;
  }

  get host(): ShareHost {
    return this.#core;
  }

  offer(message: readonly [Uint8Array]): boolean {
    return this.#core.writer.tryWrite(message, this.#maxQueuedBytes);
  }

  get queue(): object {
    return this.#core.writer;
  }

  get isOver(): boolean {
    return this.#core.writer.isOver(this.#maxQueuedBytes);
  }

  relief(timeoutInMillis: number): Promise<void> {
    return this.room(0, timeoutInMillis);
  }

  room(length: number, timeoutInMillis: number): Promise<void> {
    const { writer } = this.#core;
    const most = this.#maxQueuedBytes - length;
    // So many are short: half of them have gone with half of their bytes.
    const half = writer.hasMostWrites(this.#maxQueuedBytes) ? writer.queuedBytes >> 1 : most;
    const below = Math.max(1, Math.min(most, half) + 1);
    return writer.drained({ below, timeoutInMillis, signal: undefined, hasOwnShare: true });
  }

  end(): void {
    const { queuedBytes } = this.#core.writer;
    this.#core.giveUp(
      new GenericError(
        "overflow",
        `Connection ended: too slow for its group, ${queuedBytes} bytes are queued and the group's maxQueuedBytes is ` +
          `${this.#maxQueuedBytes}`,
      ),
    );
  }

  ended(): Promise<unknown> {
    return this.#core.freed;
  }
}

/** Of a class that may be the user's: what it throws costs nobody else a message. */
class WritableSeat<T> implements Seat<T> {
  readonly member: WritableMember;
  readonly key: object;
  readonly isGone = false;
  /** That of a UDP socket, which has a limit of its own. */
  readonly #limited: LimitedQueue | undefined;

  constructor(member: WritableMember) {
    this.member = this.key = member;
    this.#limited = this.host?.queue;
  }

  get host(): ShareHost | undefined {
    return shareHostOf(this.member);
  }

  get queue(): object {
    return this.#limited ?? this.member;
  }

  get isOver(): boolean {
    const limited = this.#limited;
    return limited !== undefined && limited.queuedBytes > limited.maxQueuedBytes;
  }

  offer([bytes]: readonly [Uint8Array]): boolean {
    try {
      return this.member.tryWrite(bytes) === true;
    } catch (thrown) {
      printThrown(thrown);
      return false;
    }
  }

  relief(timeoutInMillis: number): Promise<void> {
    return this.#below(0, timeoutInMillis);
  }

  room(length: number, timeoutInMillis: number): Promise<void> {
    return this.#below(this.#limited?.weightOf(length) ?? 0, timeoutInMillis);
  }

  #below(weight: number, timeoutInMillis: number): Promise<void> {
    const below = Math.max(1, (this.#limited?.maxQueuedBytes ?? 0) - weight + 1);
    return attempt(() => this.member.drained({ below, timeoutInMillis }));
  }

  end(): void {
    attempt(() => this.member.close()).catch(printThrown);
  }

  ended(): Promise<unknown> {
    return attempt(() => this.member.closed);
  }
}
