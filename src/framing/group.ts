// Group: one message to many, none of whom waits for another.
//
// Invariants: a message is encoded once, and its bytes go to everybody as they are, so nobody may change them: what
// its user could still change is copied first. A member gets messages in the order of the calls. No function of a
// user's is called between the first member and the last, but those of members of a class of their own.

import { checkNames, optionNames, optionOf } from "../base/options.ts";
import { printThrown } from "../base/user_code.ts";
import {
  type GroupConfig,
  type GroupSettings,
  resolveGroupConfig,
  type SlowPolicy,
} from "./group_config.ts";
import { type GroupMember, keyOf, type Seat, seatOf } from "./group_member.ts";
import { join, type Leavable, part } from "./membership.ts";
import { MessageBytes } from "./message_bytes.ts";
import { Refusal } from "./refusal.ts";
import { Share } from "../network/share.ts";

/** How one message is sent. */
export interface GroupSendOptions {
  /** Who does not get it: a member, or the connection of one. */
  readonly except?: object;
}

const SEND_OPTIONS = optionNames<GroupSendOptions>({ except: true });

/** What one send waits for: whether a member has got the message, or `undefined` where it has it already. */
type Wait = Promise<boolean | undefined>;

/** Whom one message reached. */
export interface GroupReport {
  /** For how many members it was queued. */
  readonly sent: number;
  /** How many have missed it. */
  readonly skipped: number;
}

/** What a group has done so far. */
export interface GroupStats extends GroupReport {
  /** How many members were closed for being slow. */
  readonly closed: number;
}

/**
 * Sends each message to all its members: connections, messages on them ({@linkcode framed}, with the codec of the
 * group), UDP sessions. They leave by themselves when they end, so a listener's stop needs nothing from it. A
 * message is encoded once.
 *
 * A member is slow when the system has refused more than `maxQueuedBytes` of what waits for it. What was sent just
 * now makes nobody slow, so that a burst costs those who read no message.
 *
 * @typeParam T The messages.
 * @typeParam Slow What becomes of one for a slow member.
 *
 * @example Everybody hears what anybody says
 * ```ts
 * import { framedService, Group, LineCodec, Listener } from "socket/mod.ts";
 *
 * const codec = new LineCodec({ maxFrameLength: 1_000 });
 * const everybody = new Group({ codec, slow: "skip" });
 * await using listener = new Listener(0, { interface: "127.0.0.1" });
 * listener.attach(framedService(codec, {
 *   onConnect: (caller) => void everybody.add(caller),
 *   onMessage: (_caller, line) => void everybody.send(line),
 * }));
 * await listener.start();
 * ```
 */
export class Group<
  T = Uint8Array | string,
  Slow extends SlowPolicy = Exclude<SlowPolicy, "wait">,
> implements Iterable<GroupMember<T>> {
  readonly #settings: GroupSettings<T>;
  readonly #bytes: MessageBytes<T>;
  readonly #seats = new Map<object, Seat<T>>();
  /** What the last message that waits for a slow member will have come to. */
  readonly #waits = new Map<Seat<T>, Promise<boolean>>();
  /** Of the queues that have more than they should. */
  readonly #reliefs = new Map<object, Promise<undefined>>();
  /** For how long messages go to those who are not slow until others have their turn. */
  #share: Share | undefined;
  #steppingBack: Promise<void> | undefined;
  readonly #membership: Leavable = { leave: (key) => void this.#seats.delete(key) };
  #hasTold = false;
  #sent = 0;
  #skipped = 0;
  #closed = 0;

  /**
   * Makes a group of nobody.
   *
   * @param config What it sends, and what becomes of the slow.
   * @throws {TypeError | RangeError} An option is wrong.
   */
  constructor(config: GroupConfig<T, Slow>) {
    this.#settings = resolveGroupConfig<T>(config);
    this.#bytes = new MessageBytes(this.#settings.codec);
  }

  /** How many members there are. */
  get size(): number {
    return this.#seats.size;
  }

  /**
   * Adds a member, which gets what is sent from now on. One that is in it already, or has ended, changes nothing: a
   * connection has one place, whether messages go on it or not.
   *
   * @param member Who.
   * @returns This group.
   * @throws {TypeError} It is nothing that a group can send to, or goes by another codec.
   */
  add(member: GroupMember<T>): this {
    const key = keyOf(member);
    if (this.#seats.has(key)) return this;
    const { codec, maxQueuedBytes } = this.#settings;
    const seat = seatOf(member, codec, maxQueuedBytes);
    if (seat.isGone) return this;
    this.#seats.set(key, seat);
    if (this.#share === undefined && seat.host !== undefined) {
      // Not the member itself, which may go.
      const { clock, turns } = seat.host;
      this.#share = new Share({ clock, turns });
    }
    join(key, this.#membership, () => seat.ended());
    return this;
  }

  /**
   * Takes a member out: it gets nothing that is sent from now on.
   *
   * @param member Who, or the connection of one.
   * @returns Whether it was in it.
   */
  delete(member: GroupMember<T>): boolean {
    const key = keyOf(member);
    part(key, this.#membership);
    return this.#seats.delete(key);
  }

  /** Whether somebody is a member. */
  has(member: GroupMember<T>): boolean {
    return this.#seats.has(keyOf(member));
  }

  /** Iterates over the members, as they were added. */
  *[Symbol.iterator](): Iterator<GroupMember<T>> {
    for (const { member } of this.#seats.values()) yield member;
  }

  /**
   * Sends a message to all members.
   *
   * @param message The message; what it has may be changed as soon as this returns.
   * @param options Who does not get it.
   * @returns How many it was queued for, and how many miss it; with `"wait"` a promise of that, which never rejects
   * but for a message that cannot be encoded. Await it: what is sent meanwhile waits behind it. It resolves when no
   * member has more waiting than makes one slow, or after `waitInMillis`.
   * @throws {TypeError} The message is neither bytes nor text, where there is no codec; or an option is misspelled.
   * @throws {GenericError} `"frame"`: it cannot be said in this format. Nobody gets anything of it.
   * @throws {unknown} What the codec's `encode` throws.
   */
  send(
    message: T,
    options?: GroupSendOptions,
  ): Slow extends "wait" ? Promise<GroupReport> : GroupReport;
  send(message: T, options?: GroupSendOptions): Promise<GroupReport> | GroupReport {
    if (this.#settings.slow !== "wait") return this.#sendNow(message, options, undefined);
    const waits: Wait[] = [];
    try {
      const now = this.#sendNow(message, options, waits);
      if (waits.length > 0) return this.#await(now, waits);
      // Where nobody is slow, a loop that awaits each of them would go on for ever.
      return this.#share?.count() === true
        ? this.#steppedBack().then(() => now)
        : Promise.resolve(now);
    } catch (error) {
      return Refusal.of(error, () => {
        if (!this.#hasTold) printThrown(error);
        this.#hasTold = true;
      });
    }
  }

  /** Others have their turn, for all that wait for it at once. */
  #steppedBack(): Promise<void> {
    return this.#steppingBack ??= this.#share!.stepBack().then(() => {
      this.#steppingBack = undefined;
    });
  }

  /** Sends to those who are not slow, and gives what becomes of the message for the others. */
  #sendNow(
    message: T,
    options: GroupSendOptions | undefined,
    waits: Wait[] | undefined,
  ): GroupReport {
    if (options !== undefined) checkNames("options", options, SEND_OPTIONS);
    const except = keyOf(optionOf(options, "except"));
    const bytes = [this.#bytes.of(message)] as const;
    let sent = 0;
    let skipped = 0;
    for (const seat of this.#seats.values()) {
      if (seat.key === except) continue;
      if (seat.isGone) {
        this.delete(seat.member);
      } else if (waits !== undefined && this.#waits.size > 0 && this.#waits.has(seat)) {
        waits.push(this.#wait(seat, bytes));
      } else if (seat.offer(bytes)) {
        sent++;
        if (waits !== undefined && seat.isOver) waits.push(this.#relief(seat));
      } else if (waits !== undefined) {
        waits.push(this.#wait(seat, bytes));
      } else {
        skipped++;
        if (this.#settings.slow === "close") this.#close(seat);
      }
    }
    this.#sent += sent;
    this.#skipped += skipped;
    return { sent, skipped };
  }

  #close(seat: Seat<T>): void {
    this.#closed++;
    this.delete(seat.member);
    seat.end();
  }

  /** Sends to a slow member when there is room, after what waits already. */
  #wait(seat: Seat<T>, bytes: readonly [Uint8Array]): Promise<boolean> {
    const before = this.#waits.get(seat);
    const { waitInMillis } = this.#settings;
    const room = seat.room(bytes[0].length, waitInMillis).then(() => true, () => false);
    const wait = Promise.all([room, before]).then(([isRoom]) => {
      const isSent = isRoom && seat.offer(bytes);
      if (isSent) this.#sent++;
      else this.#skipped++;
      if (this.#waits.get(seat) === wait) this.#waits.delete(seat);
      return isSent;
    });
    this.#waits.set(seat, wait);
    return wait;
  }

  /** Waits for a member that has more than makes one slow once the system was asked; it has this message, too. */
  #relief(seat: Seat<T>): Promise<undefined> {
    const { queue } = seat;
    let relief = this.#reliefs.get(queue);
    if (relief === undefined) {
      const over = () => void this.#reliefs.delete(queue);
      relief = seat.relief(this.#settings.waitInMillis).then(over, over);
      this.#reliefs.set(queue, relief);
    }
    return relief;
  }

  async #await(now: GroupReport, waits: Wait[]): Promise<GroupReport> {
    let { sent, skipped } = now;
    for (const isSent of await Promise.all(waits)) {
      if (isSent === true) sent++;
      else if (isSent === false) skipped++;
    }
    // The system may have taken all of it without a turn of others.
    if (this.#share?.count() === true) await this.#steppedBack();
    return { sent, skipped };
  }

  /** What it has done so far, frozen. */
  stats(): GroupStats {
    return Object.freeze({ sent: this.#sent, skipped: this.#skipped, closed: this.#closed });
  }
}
