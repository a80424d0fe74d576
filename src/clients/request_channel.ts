// The requests on one connection: what is sent, what is owed, and the loop that reads the answers.

import {
  GenericError,
  ignore,
  isReadTimeout,
  isSocketError,
  type SocketError,
} from "../base/errors.ts";
import { giveUp, handlerError, refusePromise, tell } from "../base/user_code.ts";
import { type Connection, coreOf } from "../connection/connection.ts";
import type { WaitOwner } from "../connection/reader.ts";
import type { StreamCore } from "../connection/stream_core.ts";
import { MORE } from "../connection/pull.ts";
import type { Codec } from "../framing/codec.ts";
import { checkAwaited, Exchange } from "../framing/exchange.ts";
import { look } from "../network/turns.ts";
import { ById, InOrder, LATE, type Owed, PUSH, UNKNOWN } from "./owed_answers.ts";
import { endOf } from "./prepared.ts";
import { Pulse } from "./pulse.ts";
import { type Owner, Request } from "./request.ts";
import type { RequestsSettings } from "./requests_config.ts";
import type { Strays } from "./requests_stats.ts";
import { Silence } from "./silence.ts";

/** After so many answers those who wait for them go on, before the next ones are handed out. */
const ANSWERS_AT_ONCE = 8;

/** Whose requests they are. */
export interface ChannelHost<Q, A> {
  readonly settings: RequestsSettings<Q, A>;
  readonly strays: Strays;
  /** A connection is on its way out. */
  onClosing(closed: Promise<void>): void;
  /** There may be room for more. */
  pump(): void;
  /** Asks for a call of {@linkcode RequestChannel.look} by then. */
  lookBy(due: number): void;
  /** The connection is over. @param owed What it leaves without an answer, in order. */
  onBroken(channel: RequestChannel<Q, A>, error: SocketError, owed: Request<Q, A>[]): void;
}

/** The requests on one connection. */
export class RequestChannel<Q, A> implements Owner<Q, A>, WaitOwner {
  readonly connection: Connection;
  readonly #core: StreamCore;
  readonly #exchange: Exchange<A, Q>;
  readonly #host: ChannelHost<Q, A>;
  readonly #owed: Owed<Q, A>;
  readonly #pulse: Pulse;
  readonly #silence: Silence;
  strangers = 0;
  #isOver = false;
  #isRetired = false;
  /** Whether what was written still goes out, though its answers do not come any more. */
  #isEndedPolitely = false;
  /** Whether the peer is slow to take what was sent. */
  #isBlocked = false;
  #isScheduled = false;
  /** Whether what had arrived before the first request has been looked at. */
  #hasLooked = false;
  /** Whether the loop that reads asks for more requests. */
  #isPumping = false;
  /** Whether somebody waited for an answer when a stop last asked, or has just got it and may ask again at once. */
  #isAsking = false;

  constructor(connection: Connection, codec: Codec<A, Q>, host: ChannelHost<Q, A>) {
    const { idOf, maxId, ping, pingInMillis, pingTimeoutInMillis } = host.settings;
    this.connection = connection;
    this.#host = host;
    this.#core = coreOf(connection);
    // A server that is killed ends its stream anywhere: what is left then may look like another request's answer.
    this.#exchange = new Exchange(connection, codec, false);
    this.#owed = idOf === undefined ? new InOrder() : new ById(idOf, maxId);
    this.#silence = new Silence(this.#core);
    this.#pulse = new Pulse(this.#core, {
      pingInMillis,
      pingTimeoutInMillis,
      lookBy: (due) => host.lookBy(due),
      ping: (due) => this.#ping(ping!, due),
      onDead: (error) => this.fail(error),
    });
    void this.#read();
    void this.#look();
  }

  /** Whether a request may be sent. */
  get hasRoom(): boolean {
    return this.#isAtRest && this.#roomThen > 0 && this.#owed.hasRoom;
  }

  /** How many requests may be sent once it has looked at what is there already; 0 where it need not look. */
  get roomSoon(): number {
    return this.#isAtRest ? 0 : this.#roomThen;
  }

  /** Whether all that has arrived was looked at: nothing of it answers what is sent from here on. */
  get #isAtRest(): boolean {
    return this.#hasLooked && (this.#isPumping || this.#core.reader.isWaiting) && !this.#isUnclear;
  }

  /**
   * Whether something arrives that may be the beginning of an answer for which nothing has asked, or a ticket of TLS:
   * that is known when it can be read.
   */
  get #isUnclear(): boolean {
    const { reader } = this.#core;
    if (reader.inflow.arrivingLength === 0 || this.#owes || !this.#takesAnyAnswer) return false;
    reader.whenReadable(() => this.#host.pump());
    return true;
  }

  /** Whether what comes is the answer to the oldest request, whatever it is. */
  get #takesAnyAnswer(): boolean {
    const { idOf, isPush } = this.#host.settings;
    // It may be the beginning of a push, or say by its id what it is.
    return idOf === undefined && isPush === undefined;
  }

  get #roomThen(): number {
    if (this.#isOver || this.#isRetired || this.#isBlocked) return 0;
    return Math.max(this.#host.settings.maxInFlight - this.#owed.length, 0);
  }

  /** How many requests are without an answer. */
  get inFlight(): number {
    return this.#owed.awaited;
  }

  /** Whether an answer is to come. Without a free id one is, even if nobody waits any more. */
  get #owes(): boolean {
    return this.#owed.length > 0 || !this.#owed.hasRoom;
  }

  hasLeft(request: Request<Q, A>): boolean {
    return request.at < (this.#isEndedPolitely ? this.#exchange.written : this.#exchange.offered);
  }

  mayLeave(request: Request<Q, A>): boolean {
    return this.#isOver ? this.hasLeft(request) : request.at !== Infinity;
  }

  /** Sends a request. One that cannot be sent is rejected. */
  send(request: Request<Q, A>): void {
    const owed = this.#owed;
    if (!this.#owes) {
      if (this.#hasRemnant) return this.#refuse(request);
      this.#silence.begin();
    }
    let number: number;
    try {
      number = owed.name(request);
    } catch (error) {
      return request.fail(error);
    }
    // User code makes the message and its bytes. In it the request may be given up, and the connection end.
    request.owner = this;
    request.at = Infinity;
    try {
      const message = request.messageOf(number);
      if (this.#isOver) return giveUp(message);
      if (request.isGivenUp) {
        giveUp(message);
        return this.#forget(request);
      }
      request.sent = message;
      request.at = this.#exchange.position;
      this.#append(message);
    } catch (error) {
      // Then it was handed back.
      if (this.#isOver) return;
      request.owner = undefined;
      request.at = -1;
      this.#forget(request);
      return request.fail(error);
    }
    if (!this.#isOver) owed.add(request);
  }

  /** Whether a part of a message is there that would become the beginning of the next answer. */
  get #hasRemnant(): boolean {
    return this.#takesAnyAnswer && this.#core.reader.begun > 0;
  }

  /** The connection is of no use; the request is handed back. */
  #refuse(request: Request<Q, A>): void {
    this.#host.strays.unexpected++;
    this.strangers++;
    // Nothing of it has left.
    request.at = Infinity;
    this.fail(strangerError("a part of an answer"), [request]);
  }

  /** A request that was named is not sent. */
  #forget(request: Request<Q, A>): void {
    this.#owed.forget(request);
    this.#endIfRetired();
  }

  /** Sends a message that has no answer, if the peer is not slow. @returns Whether it was sent. */
  post(message: Q): boolean {
    if (this.#isOver || this.#isRetired || this.#isBlocked) return false;
    this.#append(message);
    return true;
  }

  #append(message: Q): void {
    checkAwaited(message);
    this.#exchange.append(message);
    if (this.#exchange.isFull) this.#flush();
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      queueMicrotask(this.#flush);
    }
  }

  giveUp(request: Request<Q, A>): void {
    this.#owed.giveUp(request);
    this.#endIfRetired();
    this.#core.closeIfIdle();
  }

  /** Whether a stop has to wait: for an answer that somebody waits for, or for who has just got the last one. */
  isBusy(): boolean {
    // Those that wait for the look are sent then.
    if (!this.#hasLooked) return true;
    if (this.#owed.awaited > 0) return this.#isAsking = true;
    if (this.#isAsking) void this.#settle();
    return this.#isAsking;
  }

  /** Lets the user go on with what has come, before a stop asks again. */
  async #settle(): Promise<void> {
    await look(this.#core.turns);
    this.#isAsking = this.#owed.awaited > 0;
    this.#core.closeIfIdle();
  }

  /** Sends no more, and closes the connection when nothing is owed. */
  retire(): void {
    this.#isRetired = true;
    this.#endIfRetired();
  }

  /** When the next look is due. */
  get due(): number {
    return this.#pulse.due;
  }

  /** The requests that somebody waits for. Only to look at. */
  requests(): Request<Q, A>[] {
    return this.#owed.all();
  }

  /** Looks whether the peer is still there. */
  look(now: number): void {
    this.#pulse.look(now);
  }

  /**
   * Sends a ping. Its answer counts as any other byte; without an id in it, it is a push. Where it would need an id, and
   * all are in use, the requests that have them are what the peer is to answer.
   */
  #ping(ping: Q | ((id: number) => Q), due: number): void {
    let thrown: unknown;
    if (this.#owed instanceof ById && typeof ping !== "function") {
      try {
        this.#append(ping);
        return;
      } catch (error) {
        thrown = error;
      }
    } else {
      if (!this.#owed.hasRoom) return;
      const request = new Request<Q, A>(ping, undefined, Infinity, ignore, (e) => thrown = e);
      request.due = due;
      this.send(request);
      // Nobody minds if it is given up later.
      if (request.owner !== undefined) return;
    }
    this.fail(handlerError("ping", thrown));
  }

  /**
   * The connection is of no use any more.
   *
   * @param refused A request that is to be handed back, too.
   * @param isAbort Whether even a polite end that is under way is cut.
   */
  fail(error: SocketError, refused: readonly Request<Q, A>[] = [], isAbort = false): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#pulse.stop();
    // What has not left is handed back: it must not leave here.
    this.#exchange.drop();
    const { reader, writer, isOpen, isFreed } = this.#core;
    // It was closed, or its listener was stopped: what was written still goes out.
    const isClosing = !isOpen && !isFreed && !isAbort;
    this.#isEndedPolitely = isClosing;
    if (isClosing || reader.hasEnded && writer.isAllOffered) {
      this.#host.onClosing(this.connection.close());
    } else if (isAbort) {
      this.connection.abort(error);
    } else {
      this.#core.fail(error);
    }
    this.#host.onBroken(this, error, [...this.#owed.takeAll(), ...refused]);
  }

  /** Nothing is to be sent any more. @param isAbort Whether the connection is aborted, or its owner closes it. */
  end(error: SocketError, isAbort: boolean): void {
    if (this.#isOver) return;
    if (isAbort) return this.fail(error, [], true);
    this.#isOver = this.#isEndedPolitely = true;
    this.#pulse.stop();
    this.#exchange.drop();
    this.#host.onBroken(this, error, this.#owed.takeAll());
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    const slow = this.#exchange.flushAtPace();
    if (slow === undefined) return;
    // What it fails with has ended the connection, which tells.
    if (this.#isBlocked) return void slow.catch(ignore);
    this.#isBlocked = true;
    const goOn = () => {
      this.#isBlocked = false;
      this.#host.pump();
    };
    slow.then(goOn, goOn);
  };

  #endIfRetired(): void {
    if (!this.#isRetired || this.#isOver || this.#owed.awaited > 0) return;
    this.#isOver = true;
    this.#pulse.stop();
    this.#host.onClosing(this.connection.close());
    this.#host.onBroken(this, new GenericError("closed", "The connection was replaced"), []);
  }

  async #read(): Promise<void> {
    const exchange = this.#exchange;
    while (!this.#isOver) {
      try {
        let message: A | undefined | typeof MORE = await exchange.receive(
          this.#silence.options,
          this,
        );
        this.#silence.renew();
        for (let taken = 1; message !== MORE; message = exchange.receiveNow(), taken++) {
          if (message === undefined) throw endOf(this.connection);
          this.#take(message);
          // Whoever waits for it goes on now: what they do with it belongs to the share of this connection.
          if (taken % ANSWERS_AT_ONCE === 0) await undefined;
          if (this.#isOver) return;
        }
      } catch (error) {
        const end = this.#endBy(error);
        if (end !== undefined) return this.fail(end);
      }
      this.#pump();
    }
  }

  /**
   * Lets the runtime look whether anything has arrived already. What had come before the first request left answers
   * none: a greeting, or the answer to something that was sent before.
   */
  async #look(): Promise<void> {
    await look(this.#core.turns);
    this.#hasLooked = true;
    this.#host.pump();
    this.#core.closeIfIdle();
  }

  /** Everything that has come was handed out. */
  #pump(): void {
    this.#isPumping = true;
    this.#host.pump();
    this.#isPumping = false;
  }

  /** What a read that has failed ends the connection with, if it does. */
  #endBy(thrown: unknown): SocketError | undefined {
    if (!isReadTimeout(thrown)) {
      return isSocketError(thrown) ? thrown : handlerError("The codec", thrown);
    }
    return this.#silence.endBy(this.#owes);
  }

  #take(message: A): void {
    const { strays, settings } = this.#host;
    const match = this.#isPush(message) ? PUSH : this.#owed.match(message);
    if (match instanceof Request) {
      strays.answered++;
      match.succeed(message);
    } else if (match === PUSH) {
      strays.pushed++;
      tell(settings.onPush, message);
    } else if (match === LATE) {
      strays.late++;
    } else {
      strays.unexpected++;
      this.strangers++;
      if (match === UNKNOWN && settings.idOf === undefined) {
        throw strangerError("an answer");
      }
    }
    this.#endIfRetired();
  }

  #isPush(message: A): boolean {
    const { isPush } = this.#host.settings;
    if (isPush === undefined) return false;
    try {
      const is: unknown = isPush(message);
      refusePromise("isPush", is);
      return is === true;
    } catch (thrown) {
      throw handlerError("isPush", thrown);
    }
  }
}

/** In order, every later answer would be another request's. */
function strangerError(what: string): GenericError {
  return new GenericError("frame", `Connection ended: ${what} came that no request waits for`);
}
