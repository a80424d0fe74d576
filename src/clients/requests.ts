// Requests and their answers, on a connection or on one that comes back.
//
//   send -> waiting -> a channel, which owes the answer -> answered
//              ^ a break: of what may be sent again      \-> given up, by time or by a signal: the answer is dropped

import { shown } from "../base/arguments.ts";
import { closedError, GenericError, ignore, type SocketError } from "../base/errors.ts";
import { printThrown, refusePromise } from "../base/user_code.ts";
import { young } from "../base/young.ts";
import { Connection, coreOf } from "../connection/connection.ts";
import type { Codec } from "../framing/codec.ts";
import { Line } from "../listener/line.ts";
import { waitFor } from "../network/deadline.ts";
import { LazyTimer, type Looker } from "../network/lazy_timer.ts";
import type { Clock } from "../network/network.ts";
import {
  clockOf,
  follow,
  type Follower,
  lastErrorOf,
  ReconnectingClient,
} from "./reconnecting_client.ts";
import { Request } from "./request.ts";
import { type ChannelHost, RequestChannel } from "./request_channel.ts";
import { lostError, requestError, strangersIn } from "./request_error.ts";
import {
  checkHasId,
  readRequestOptions,
  type RequestOptions,
  type RequestsConfig,
  type RequestsSettings,
  resolveRequests,
} from "./requests_config.ts";
import type { RequestsStats, Strays } from "./requests_stats.ts";
import { strictCodec } from "./strict_codec.ts";

/** The connections that are owned. */
const used = new WeakSet<Connection>();

/**
 * Requests to a server and their answers, by any codec: pipelined, each with a deadline. Answers come in the order of
 * the requests, or by an id (`idOf`).
 *
 * An answer goes to its own request or to nobody: one that comes when its request was given up is dropped and counted.
 * What is left when the stream ends is no answer, even where the codec would take it for one: it may have been cut.
 * When the connection breaks, a request of which nothing had left is sent on the next one, and so is one that
 * `isIdempotent` allows. Every other one fails with a {@linkcode RequestError} that says that it may have been handled.
 *
 * It owns the client or the connection: nobody else reads or writes it, but `onUp`, and closing closes both.
 *
 * @typeParam Q The messages that are sent.
 * @typeParam A The messages that are received.
 *
 * @example Lines that are answered in order
 * ```ts
 * import { ReconnectingClient, Requests } from "socket/clients.ts";
 * import { framedService, LineCodec, Listener } from "socket/mod.ts";
 *
 * const codec = new LineCodec();
 * await using listener = new Listener(0, { interface: "127.0.0.1" });
 * listener.attach(framedService(codec, { onMessage: (_caller, line) => `${line.length} letters` }));
 * await listener.start();
 *
 * const client = new ReconnectingClient({ host: "127.0.0.1", port: listener.port });
 * await using requests = new Requests(client, codec, { timeoutInMillis: 5_000 });
 * const answers = await Promise.all([requests.send("hello"), requests.send("you")]);
 * console.log(answers.join()); // 5 letters,3 letters
 * ```
 */
export class Requests<Q, A> implements AsyncDisposable {
  readonly #settings: RequestsSettings<Q, A>;
  readonly #codec: Codec<A, Q>;
  readonly #clock: Clock;
  readonly #client: ReconnectingClient | undefined;
  readonly #waiting = new Line<Request<Q, A>>();
  /** Those that still owe something, the one that is used among them. */
  readonly #channels = new Set<RequestChannel<Q, A>>();
  /** Connections that are on their way out. */
  readonly #closing = new Set<Promise<void>>();
  readonly #strays: Strays = { late: 0, unexpected: 0, pushed: 0, answered: 0 };
  readonly #closed = Promise.withResolvers<SocketError | undefined>();
  readonly #host: ChannelHost<Q, A>;
  readonly #timer: LazyTimer;
  #channel: RequestChannel<Q, A> | undefined;
  #repeated = 0;
  /** How many connections that are over still hand back what they owed. */
  #handingBack = 0;
  /** Why nothing is sent any more. */
  #over: { readonly reason: unknown } | undefined;
  #isClosing: Promise<void> | undefined;
  #whenQuiet: () => void = ignore;
  /** The time; it is read once for all requests of a few microtasks. */
  #now = NaN;

  /**
   * Begins to use a client or a connection.
   *
   * @param client Whose connections are used; or one connection, after whose end every request fails.
   * @param codec Says what is a message. A bad message ends the connection.
   * @param config How requests are answered.
   * @throws {TypeError | RangeError} An argument is wrong.
   * @throws {GenericError} `"busy"`: the client or the connection has other `Requests`.
   */
  constructor(
    client: ReconnectingClient | Connection,
    codec: Codec<A, Q>,
    config?: RequestsConfig<Q, A>,
  );
  constructor(
    client: ReconnectingClient | Connection,
    codec: Codec<A, Q>,
    config: RequestsConfig<Q, A> = {},
  ) {
    this.#settings = resolveRequests(config);
    this.#codec = strictCodec(codec, this.#settings.idOf !== undefined);
    this.#host = {
      settings: this.#settings,
      strays: this.#strays,
      onClosing: (closed) => {
        this.#closing.add(closed);
        void closed.then(() => this.#closing.delete(closed));
      },
      pump: () => this.#pump(),
      lookBy: (due) => this.#timer.by(due),
      onBroken: (channel, error, owed) => this.#onBroken(channel, error, owed),
    };
    const looker: Looker = { look: (now, isSure) => this.#look(now, isSure) };
    if (client instanceof Connection) {
      if (used.has(client)) {
        throw new GenericError("busy", "client is used by other Requests already");
      }
      used.add(client);
      this.#clock = coreOf(client).clock;
      this.#timer = new LazyTimer(this.#clock, looker);
      this.#use(client);
      return;
    }
    if (!(client instanceof ReconnectingClient)) {
      throw new TypeError(
        `client must be a ReconnectingClient or a Connection: got ${shown(client)}`,
      );
    }
    this.#client = client;
    const follower: Follower = {
      onUp: (connection) => this.#use(connection),
      onRetire: () => this.#channel?.retire(),
      onOver: (reason, error) => this.#end(reason, error),
    };
    this.#clock = clockOf(client);
    this.#timer = new LazyTimer(this.#clock, looker);
    follow(client, follower);
  }

  /** Resolves when it is over, and never rejects: with the error that ended it, if one did. */
  get closed(): Promise<SocketError | undefined> {
    return this.#closed.promise;
  }

  /**
   * Sends a request and waits for its answer. Requests go out in the order of the calls. Those that find no connection,
   * or `maxInFlight` others, wait.
   *
   * Giving up: the answer is dropped when it comes. A request that was still waiting is never sent.
   *
   * @param message The message; or a function that makes it of a number, which is the id where there are ids. With
   * `idOf`, a message goes together with its `id`. It must not change until the answer has come.
   * @param options How.
   * @returns The answer.
   * @throws {RequestError} `"timed-out"`; `"broken"`, or what else ended the connection or the client; `"closed"`;
   * `"overflow"`: too many wait; `"busy"`: the id is in use. Its `hasLeft` says whether the server may have handled it.
   * @throws {TypeError | RangeError} An option is wrong; with `idOf`, the message is no function, and there is no `id`.
   * @throws {unknown} The reason of a signal; what the codec throws for a message that it cannot express.
   */
  send(message: Q | ((id: number) => Q), options?: RequestOptions): Promise<A> {
    return new Promise((resolve, reject) => {
      const settings = this.#settings;
      const read = options === undefined
        ? undefined
        : readRequestOptions(options, settings.idOf !== undefined);
      if (settings.idOf !== undefined) checkHasId(message, read?.id);
      const timeout = read?.timeoutInMillis ?? settings.timeoutInMillis;
      this.#begin(new Request<Q, A>(message, read, timeout, resolve, reject));
    });
  }

  /**
   * Sends a message that has no answer: at once, before the requests that wait, or not at all.
   *
   * @param message The message. It must not change until it has gone out.
   * @returns Whether it was sent: not where there is no connection, or the peer is slow.
   * @throws {TypeError} It is a promise.
   * @throws {unknown} What the codec throws for a message that it cannot express.
   */
  post(message: Q): boolean {
    return this.#channel?.post(message) ?? false;
  }

  /** Numbers about the requests so far. */
  stats(): RequestsStats {
    let inFlight = 0;
    for (const channel of this.#channels) inFlight += channel.inFlight;
    const waiting = this.#waiting.length;
    return Object.freeze({ inFlight, waiting, repeated: this.#repeated, ...this.#strays });
  }

  /**
   * Takes no more requests, waits for the answers to all others for at most `closeTimeoutInMillis`, and closes the
   * client or the connection. What is not answered by then fails with `"closed"`.
   *
   * @returns Resolves when all is freed.
   */
  close(): Promise<void> {
    return this.#isClosing ??= this.#close();
  }

  /**
   * Aborts the client or the connection. All requests fail with `"aborted"`.
   *
   * @param reason The `cause`.
   */
  abort(reason?: unknown): void {
    const error = new GenericError("aborted", "Aborted by this side", { cause: reason });
    this.#end(error, error);
    this.#client?.abort(reason);
  }

  /** Is {@linkcode Requests.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #begin(request: Request<Q, A>): void {
    if (this.#over !== undefined) return request.fail(lostError(this.#over.reason, false));
    if (this.#isClosing !== undefined) return request.fail(lostError(closedError("send"), false));
    const { options, timeoutInMillis } = request;
    if (timeoutInMillis !== Infinity) {
      request.due = this.#time() + timeoutInMillis;
      this.#timer.by(request.due);
    }
    if (options?.signal !== undefined) this.#listen(request, options.signal);
    const channel = this.#channel;
    if (this.#waiting.length === 0 && channel?.hasRoom === true) {
      channel.send(request);
      this.#checkQuiet();
    } else if (this.#waiting.length < this.#settings.maxWaiting + (channel?.roomSoon ?? 0)) {
      this.#waiting.append(request);
    } else {
      const { maxWaiting } = this.#settings;
      const why = `${maxWaiting} requests wait already (maxWaiting)`;
      request.fail(requestError("overflow", why, false));
    }
  }

  #listen(request: Request<Q, A>, signal: AbortSignal): void {
    const onAbort = () => {
      this.#drop(request, signal.reason);
      this.#pump();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    request.release = young(() => signal.removeEventListener("abort", onAbort));
  }

  #time(): number {
    if (Number.isNaN(this.#now)) {
      this.#now = this.#clock.now();
      queueMicrotask(() => this.#now = NaN);
    }
    return this.#now;
  }

  /** Gives a request up. */
  #drop(request: Request<Q, A>, error: unknown): void {
    const { owner } = request;
    if (owner === undefined) this.#waiting.remove(request);
    request.fail(error);
    owner?.giveUp(request);
    this.#checkQuiet();
  }

  /** From now on this connection is used. */
  #use(connection: Connection): void {
    // The client is about to be closed.
    if (this.#over !== undefined) return;
    this.#channel?.retire();
    const channel = new RequestChannel(connection, this.#codec, this.#host);
    this.#channel = channel;
    this.#channels.add(channel);
    this.#pump();
  }

  #pump(): void {
    const channel = this.#channel;
    while (channel?.hasRoom === true) {
      const request = this.#waiting.first;
      if (request === undefined) break;
      this.#waiting.remove(request);
      channel.send(request);
    }
    this.#checkQuiet();
  }

  #onBroken(channel: RequestChannel<Q, A>, error: SocketError, owed: Request<Q, A>[]): void {
    this.#channels.delete(channel);
    if (this.#channel === channel) this.#channel = undefined;
    if (this.#client === undefined) this.#end(error, error);
    // Those that may be sent again keep their order, before all that wait. User code may end everything meanwhile.
    this.#handingBack++;
    for (const request of owed.reverse()) {
      const hasLeft = channel.hasLeft(request);
      if (this.#mayRepeat(request, hasLeft)) {
        request.owner = undefined;
        request.at = -1;
        this.#waiting.prepend(request);
      } else {
        request.fail(lostError(this.#over?.reason ?? error, request.hasLeft));
      }
    }
    this.#handingBack--;
    this.#pump();
  }

  #mayRepeat(request: Request<Q, A>, hasLeft: boolean): boolean {
    if (this.#over !== undefined || request.isGivenUp) return false;
    if (!hasLeft) return true;
    const { isIdempotent, maxRepeats } = this.#settings;
    if (request.repeats >= maxRepeats) return false;
    try {
      const may: unknown = request.options?.isIdempotent ?? isIdempotent?.(request.sent!);
      refusePromise("isIdempotent", may);
      // It may have ended everything, or given the request up.
      if (may !== true || this.#over !== undefined || request.isGivenUp) return false;
    } catch (thrown) {
      printThrown(thrown);
      return false;
    }
    request.repeats++;
    this.#repeated++;
    return true;
  }

  /** Gives up what is due. Returns when the next thing is. */
  #look(now: number, isSure: boolean): number {
    let next = Infinity;
    for (const request of this.#all()) {
      if (request.due <= now && isSure) this.#drop(request, this.#timeoutOf(request));
      else next = Math.min(next, request.due);
    }
    for (const channel of [...this.#channels]) {
      if (isSure) channel.look(now);
      next = Math.min(next, channel.due);
    }
    if (isSure) this.#pump();
    return next;
  }

  /** All that somebody waits for. */
  #all(): Request<Q, A>[] {
    const all = [...this.#waiting];
    for (const channel of this.#channels) all.push(...channel.requests());
    return all;
  }

  #timeoutOf(request: Request<Q, A>): Error {
    const { owner, timeoutInMillis, mayLeave: hasLeft } = request;
    if (owner !== undefined) {
      return requestError(
        "timed-out",
        `no answer within ${timeoutInMillis} ms${strangersIn(owner.strangers)}`,
        hasLeft,
      );
    }
    const cause = this.#client && lastErrorOf(this.#client);
    const what = hasLeft ? "not sent again" : "not sent";
    return requestError("timed-out", `${what} within ${timeoutInMillis} ms`, hasLeft, cause);
  }

  #checkQuiet(): void {
    if (this.#whenQuiet === ignore || this.#waiting.length + this.#handingBack > 0) return;
    for (const channel of this.#channels) if (channel.inFlight > 0) return;
    this.#whenQuiet();
  }

  async #close(): Promise<void> {
    const { closeTimeoutInMillis: timeoutInMillis } = this.#settings;
    if (this.#over === undefined) {
      const reason = closedError("wait for answers");
      const limits = {
        clock: this.#clock,
        timeoutInMillis,
        signal: undefined,
        timeoutError: () => reason,
      };
      const quiet = () =>
        new Promise<void>((resolve) => {
          this.#whenQuiet = resolve;
          this.#checkQuiet();
        });
      await waitFor(limits, quiet, ignore).catch(ignore);
      this.#whenQuiet = ignore;
      const channels = [...this.#channels];
      this.#end(reason, undefined);
      for (const { connection } of channels) this.#host.onClosing(connection.close());
    }
    await Promise.all([this.#client?.close(), ...this.#closing]);
  }

  /** Nothing is sent any more. @param reason What requests fail with. @param error What `closed` gives. */
  #end(reason: unknown, error: SocketError | undefined): void {
    if (this.#over !== undefined) return;
    this.#over = { reason };
    const waiting = [...this.#waiting];
    for (const request of waiting) {
      this.#waiting.remove(request);
      request.fail(lostError(reason, request.hasLeft));
    }
    const told = error ?? closedError("wait for answers");
    for (const channel of [...this.#channels]) channel.end(told, error !== undefined);
    this.#timer.stop();
    this.#checkQuiet();
    this.#closed.resolve(error);
  }
}
