// The sessions of a listener: one for each peer that has sent something.

import { isSocketError, type SocketError } from "../base/errors.ts";
import type { DatagramAddress } from "../network/network.ts";
import { SessionCore, type SessionSettings, type SharedBySessions } from "./session_core.ts";
import { reportTo, type UdpService } from "./udp_service.ts";
import { sessionOf, type UdpSession } from "./udp_session.ts";
import type { UdpSocket } from "./udp_socket.ts";
import { UnreadBudget } from "./unread_budget.ts";
import { handlerError } from "../base/user_code.ts";

/** The sessions that are open, by peer. */
export class UdpSessions {
  readonly #shared: SharedBySessions;
  readonly #budget: UnreadBudget;
  readonly #limit: number;
  /** By port, then by address: to make one key of both for each datagram cost as much as all else. */
  readonly #cores = new Map<number, Map<string, SessionCore>>();
  readonly #faces = new Map<SessionCore, UdpSession>();
  readonly #onEnd: (core: SessionCore) => void;
  #onLeave: (() => void) | undefined;

  /**
   * @param socket What they send by.
   * @param settings How they behave.
   * @param limits How many there may be, and how much they may keep unread, all together.
   * @param onEnd Told when one is over.
   */
  constructor(
    socket: UdpSocket,
    settings: SessionSettings,
    limits: { readonly maxSessions: number; readonly maxTotalUnreadBytes: number },
    onEnd: (core: SessionCore) => void,
  ) {
    this.#limit = limits.maxSessions;
    this.#budget = new UnreadBudget(limits.maxTotalUnreadBytes);
    this.#onEnd = onEnd;
    this.#shared = {
      socket,
      settings,
      budget: this.#budget,
      onEnd: (core) => this.#forget(core),
    };
  }

  /** The sessions that are open now. */
  get open(): UdpSession[] {
    return [...this.#faces.values()];
  }

  /** How many there are. */
  get size(): number {
    return this.#faces.size;
  }

  /**
   * How many datagrams were dropped: no room in a session's queue, in all of them together, or for another
   * session, or the session was over before anybody had read them.
   */
  get droppedDatagrams(): number {
    return this.#budget.droppedDatagrams;
  }

  /**
   * Gives a datagram to its session.
   *
   * @param mayBegin Whether a new peer gets a session.
   * @returns The session, when the datagram has begun one.
   */
  put(bytes: Uint8Array, from: DatagramAddress, mayBegin: boolean): SessionCore | undefined {
    const { hostname, port } = from;
    const known = this.#cores.get(port)?.get(hostname);
    if (known !== undefined) {
      known.put(bytes, from);
      return undefined;
    }
    if (!mayBegin || this.#faces.size >= this.#limit) {
      this.#budget.countDropped(1);
      return undefined;
    }
    const core = new SessionCore(from, this.#shared);
    let ofPort = this.#cores.get(port);
    if (ofPort === undefined) this.#cores.set(port, ofPort = new Map());
    ofPort.set(hostname, core);
    this.#faces.set(core, sessionOf(core));
    core.put(bytes, from);
    return core;
  }

  #forget(core: SessionCore): void {
    const { hostname, port } = core.peer;
    const ofPort = this.#cores.get(port)!;
    ofPort.delete(hostname);
    if (ofPort.size === 0) this.#cores.delete(port);
    this.#faces.delete(core);
    this.#onEnd(core);
    this.#onLeave?.();
  }

  /** Lets a service handle a session that has begun. */
  async serve(core: SessionCore, service: UdpService): Promise<void> {
    const session = this.#faces.get(core)!;
    core.isHandled = true;
    try {
      await service.onSession!(session);
      core.onHandled();
    } catch (error) {
      // After the end, reads and writes reject with what ended it: that is no news.
      const isConsequence = core.isOver && isSocketError(error);
      if (!isConsequence) await reportTo(service, session, error, true);
      core.end(handlerError("A method of the service", error));
    }
  }

  /** Somebody takes a session that has begun; `undefined` when it is over already. */
  pull(core: SessionCore): UdpSession | undefined {
    core.isPulled = true;
    return this.#faces.get(core);
  }

  /** Ends each session as soon as it has nothing to do. Resolves when none is left. */
  async stop(): Promise<void> {
    const over = Promise.withResolvers<void>();
    this.#onLeave = () => {
      if (this.#faces.size === 0) over.resolve();
    };
    for (const core of [...this.#faces.keys()]) core.stop();
    if (this.#faces.size > 0) await over.promise;
  }

  /** Ends all sessions at once. */
  end(error: SocketError): void {
    for (const core of [...this.#faces.keys()]) core.end(error);
  }
}
