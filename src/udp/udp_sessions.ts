// The sessions of a listener: one for each peer that has sent something.

import type { Bag } from "../base/bag.ts";
import { OVER } from "../base/iteration.ts";
import { Line } from "../listener/line.ts";
import { connectionEnd } from "../connection/connection_end.ts";
import {
  closedError,
  GenericError,
  ignore,
  isSocketError,
  type SocketError,
} from "../base/errors.ts";
import { DatagramCalls } from "./datagram_calls.ts";
import { type CutOff, cutOff } from "../listener/life_cycle.ts";
import type { DatagramAddress } from "../network/network.ts";
import type { Patience } from "../listener/patience.ts";
import { ownService } from "../base/service_methods.ts";
import { SessionCore, type SessionSettings, type SharedBySessions } from "./session_core.ts";
import { FOREVER, nextOf } from "./udp_channel.ts";
import {
  readUdpService,
  reportTo,
  type UdpService,
  type UdpServiceOrFactory,
} from "./udp_service.ts";
import { coreOf, sessionOf, type UdpSession } from "./udp_session.ts";
import type { UdpSocket } from "./udp_socket.ts";
import type { UdpListenerEvents } from "./udp_event.ts";
import type { SessionEndReason, UdpCounts } from "./udp_stats.ts";
import { UnreadBudget } from "./unread_budget.ts";
import { attempt, handlerError, printThrown } from "../base/user_code.ts";
import { young } from "../base/young.ts";

/** The sessions of a listener from a start to its stop. */
export class UdpSessions {
  readonly #shared: SharedBySessions;
  readonly #budget: UnreadBudget;
  readonly #limit: number;
  /** By port, then by address. Making one key of both for each datagram cost as much as everything else. */
  readonly #byPeer = new Map<number, Map<string, UdpSession>>();
  readonly #open: Bag<UdpSession>;
  readonly #counts: UdpCounts;
  readonly #events: UdpListenerEvents;
  /** Sessions that no iteration has taken yet. There may be very many, and each may end while it waits. */
  readonly #untaken = new Line<SessionCore>();
  /** The calls that wait for a session to take. */
  #waiting: (() => void)[] = [];
  /** How often an iteration was left. */
  #leavings = 0;
  #isClosed = false;
  /** Peers whose sessions ended after the close, before they were taken. */
  readonly neverTaken: DatagramAddress[] = [];
  /** Sessions that have ended, and a method still works for them, or will. */
  readonly #leftBehind = new Set<UdpSession>();
  #onLeave: (() => void) | undefined;

  /**
   * @param socket The socket they send with.
   * @param settings How they behave.
   * @param limits How many sessions there may be, and how much all of them may keep unread.
   * @param open Holds the sessions that are open.
   * @param counts Counts sessions and dropped datagrams.
   * @param events Reports sessions that begin and end.
   */
  constructor(
    socket: UdpSocket,
    settings: SessionSettings,
    limits: { readonly maxSessions: number; readonly maxTotalUnreadBytes: number },
    open: Bag<UdpSession>,
    counts: UdpCounts,
    events: UdpListenerEvents,
  ) {
    this.#events = events;
    this.#limit = limits.maxSessions;
    this.#counts = counts;
    this.#budget = new UnreadBudget(limits.maxTotalUnreadBytes, counts.drops);
    this.#open = open;
    this.#shared = {
      socket,
      settings,
      budget: this.#budget,
      onEnd: (core, reason) => this.#forget(core, reason),
    };
  }

  /** The sessions that a stop waits for; those that are open come last. */
  all(): readonly UdpSession[] {
    return [...this.#leftBehind, ...this.#open];
  }

  /** How many they are. */
  get size(): number {
    return this.#open.size + this.#leftBehind.size;
  }

  /** Gives a datagram to the session of its peer. Returns whether there is one. */
  give(bytes: Uint8Array, from: DatagramAddress): boolean {
    const known = this.#byPeer.get(from.port)?.get(from.hostname);
    if (known === undefined) return false;
    coreOf(known).put(bytes, from);
    return true;
  }

  /**
   * Gives a datagram to the session of its peer; a new peer gets one.
   *
   * @returns The session, if the datagram has begun one.
   */
  put(bytes: Uint8Array, from: DatagramAddress): UdpSession | undefined {
    if (this.give(bytes, from)) return undefined;
    if (this.#open.size >= this.#limit) {
      this.#budget.countDropped(1, "session-limit");
      this.#events.refused(from);
      return undefined;
    }
    const { hostname, port } = from;
    const core = new SessionCore(from, this.#shared);
    const session = sessionOf(core);
    let ofPort = this.#byPeer.get(port);
    if (ofPort === undefined) this.#byPeer.set(port, ofPort = new Map());
    ofPort.set(hostname, session);
    this.#open.add(session);
    this.#counts.begin(this.#open.size);
    this.#events.opened(session.id, from);
    core.put(bytes, from);
    return session;
  }

  #forget(core: SessionCore, reason: SessionEndReason): void {
    this.#counts.end(reason);
    const { hostname, port } = core.peer;
    const ofPort = this.#byPeer.get(port)!;
    const session = ofPort.get(hostname)!;
    this.#open.delete(session);
    const { ended } = core;
    this.#events.ended(session.id, core, ended?.code === "closed" ? undefined : ended);
    ofPort.delete(hostname);
    if (ofPort.size === 0) this.#byPeer.delete(port);
    if (core.isUntaken) {
      this.#take(core);
      if (this.#isClosed) this.neverTaken.push(core.peer);
    }
    if (core.isHandled || core.hasOnClose) this.#leftBehind.add(session);
    this.#onLeave?.();
    // Perhaps nobody else wants datagrams. A stop still does.
    if (this.#open.size === 0 && !this.#isClosed) this.#shared.socket.wake();
  }

  /** Lets a service handle a new session. A factory makes a service for the session first. */
  async serve(session: UdpSession, given: UdpServiceOrFactory): Promise<void> {
    const core = coreOf(session);
    core.isHandled = true;
    const service = typeof given === "function"
      ? await ownService(given, session, readUdpService, (error) => core.end(error, "error"))
      : given;
    if (service === undefined) return this.#onHandled(session);
    const { onStop, onClose } = service;
    core.hasOnClose = onClose !== undefined;
    if (onStop !== undefined) {
      core.part = young(() => void this.#handle(service, session, () => onStop(session)));
    }
    // It may have ended while its service was made.
    if (core.isReadable) {
      await this.#handle(
        service,
        session,
        () =>
          service.onSession === undefined
            ? callForEach(service, session)
            : service.onSession(session),
      );
    } else {
      this.#onHandled(session);
    }
    if (onClose === undefined) return;
    const error = await core.closed;
    const end = connectionEnd(core.endedBy, error, core.ageInMillis);
    await attempt(() => service.onClose!(session, end)).catch(printThrown);
    core.hasOnClose = false;
    this.#release(session);
  }

  /** Has a service handle a session with one of its methods. */
  async #handle(
    service: UdpService,
    session: UdpSession,
    call: () => void | Promise<void>,
  ): Promise<void> {
    const core = coreOf(session);
    try {
      await call();
    } catch (error) {
      await this.#endBy(service, session, error);
      return this.#onHandled(session);
    }
    this.#onHandled(session);
    core.onHandled();
  }

  /** Ends a session by what one of its methods has thrown. */
  async #endBy(service: UdpService, session: UdpSession, error: unknown): Promise<void> {
    const core = coreOf(session);
    // After the end, reads and writes reject with the error that ended it. That needs no report.
    const isConsequence = core.isOver && isSocketError(error);
    // If it had not ended yet, its reads rejected because of a stop.
    if (isConsequence) return core.end(closedError("receive"), "stop");
    const failure = handlerError("A method of the service", error);
    core.blame(failure);
    await reportTo(service, session, error, true);
    core.end(failure, "error");
  }

  /** A method that worked for a session has settled, and what it threw was reported. */
  #onHandled(session: UdpSession): void {
    coreOf(session).isHandled = false;
    this.#release(session);
  }

  /** A stop waits no longer for a session that has ended, unless another method works for it. */
  #release(session: UdpSession): void {
    const { isHandled, hasOnClose } = coreOf(session);
    if (!isHandled && !hasOnClose && this.#leftBehind.delete(session)) this.#onLeave?.();
  }

  /** Offers a new session to the next call that takes one. */
  offer(session: UdpSession): void {
    const core = coreOf(session);
    core.isUntaken = true;
    this.#untaken.append(core);
    this.#wake();
  }

  /** Waits for a session to take. Gives `undefined` when there will be none, or when the iteration was left. */
  async next(): Promise<UdpSession | undefined> {
    const leavings = this.#leavings;
    for (;;) {
      if (this.#leavings > leavings) return undefined;
      const core = this.#untaken.first;
      if (core !== undefined) {
        this.#take(core);
        core.isPulled = true;
        return this.#byPeer.get(core.peer.port)!.get(core.peer.hostname)!;
      }
      if (this.#isClosed) return undefined;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** The iteration was left: calls that wait get no session. */
  leave(): void {
    this.#leavings++;
    this.#wake();
  }

  #take(core: SessionCore): void {
    core.isUntaken = false;
    this.#untaken.remove(core);
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Offers no further sessions, only those that wait already. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  /** Ends the sessions that nobody will take. */
  turnAway(): void {
    const stopped = new GenericError("closed", "The listener was stopped");
    for (const core of [...this.#untaken]) core.end(stopped, "stop");
  }

  /** Ends each session as soon as it has nothing to do. Resolves when none is left, and no method works for one. */
  async stop(patience: Patience): Promise<void> {
    const over = Promise.withResolvers<void>();
    this.#onLeave = young(() => {
      if (this.size === 0) over.resolve();
    });
    // Without patience they are cut, and say no last words.
    for (const session of this.#open) coreOf(session).stop(!patience.isOver);
    if (this.size > 0) await over.promise;
  }

  /** What a stop reports of the sessions that it has waited for in vain. */
  cutOff({ reason }: Patience): CutOff[] {
    return this.all().map((session) => cutOff(session.id, coreOf(session).peer, reason));
  }

  /** Ends all sessions at once. */
  end(error: SocketError): void {
    this.close();
    for (const session of this.#open) coreOf(session).end(error, reasonOf(error));
  }
}

/** Why sessions end with their listener. */
function reasonOf({ code }: SocketError): SessionEndReason {
  return code === "closed" ? "stop" : "error";
}

/**
 * Calls `onDatagram` or `onBytes` for each datagram of a session, until the session and the last call are over. Even
 * lent bytes are a copy here: the calls of sessions overlap, and each would keep a whole buffer of the socket.
 */
async function callForEach(service: UdpService, session: UdpSession): Promise<void> {
  const core = coreOf(session);
  let onFree = ignore;
  const calls = new DatagramCalls(
    core.socket,
    () => onFree(),
    core.settings.overwritesLent,
    (length) => core.noteAnswer(length),
  );
  const free = () => new Promise<void>((resolve) => onFree = resolve);
  for (;;) {
    core.isCalling = false;
    const next = await core.take(nextOf, FOREVER, OVER);
    if (next.done) break;
    // It has ended after this one was handed out.
    if (!core.isReadable) {
      core.dropTaken();
      break;
    }
    core.isCalling = true;
    calls.handle(service, session, core.answerTo, next.value);
    while (calls.isCalling) await free();
  }
  while (calls.isBusy) await free();
}
