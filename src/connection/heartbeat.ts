// A heartbeat: sends something when this end has been quiet, and ends the connection when the peer is deaf: nothing has
// arrived from it although a read was waiting. A peer that only answers heartbeats must get some, so one who may be
// taken for deaf is also asked when nothing has come, however much is sent.

import { checkInterval, contentBytes } from "../base/arguments.ts";
import { codeOf, GenericError, isSocketError, type SocketError } from "../base/errors.ts";
import { optionNames, readOptions } from "../base/options.ts";
import { handlerError, refusePromise } from "../base/user_code.ts";
import type { Clock } from "../network/network.ts";

/** When heartbeats are sent, and how long the peer's may be missing. */
export interface HeartbeatTimes {
  /**
   * After how long without a byte sent a heartbeat is sent, in milliseconds; with `deafAfterInMillis` also after so
   * long without one received. None is sent while something else waits to be sent, nor after the writing direction was
   * ended. From 1, or `Infinity`.
   *
   * @default {Infinity}
   */
  readonly everyInMillis?: number;
  /**
   * After how long without a byte received the connection ends with `"timed-out"`, in milliseconds. Time in which
   * nobody reads does not count: what the peer has sent may wait in the system. Where something else waits to be sent,
   * so that no heartbeat can be, it begins anew with each byte that the system takes. From 1, or `Infinity`.
   *
   * @default {Infinity}
   */
  readonly deafAfterInMillis?: number;
}

/** The heartbeat of a connection. */
export interface HeartbeatConfig extends HeartbeatTimes {
  /** What is sent, or a function that gives it each time; set it together with `everyInMillis`. */
  readonly content?: Uint8Array | string | (() => Uint8Array | string);
}

/** The heartbeat of a connection that carries messages. */
export interface MessageHeartbeatConfig<Out> extends HeartbeatTimes {
  /** The message that is sent, or a function that gives it each time; set it together with `everyInMillis`. */
  readonly message?: Out | (() => Out);
}

/** The checked config of a heartbeat. */
export interface HeartbeatSettings<What> {
  readonly everyInMillis: number;
  readonly deafAfterInMillis: number;
  /** Gives what is sent. */
  what(): What;
}

const TIMES = { everyInMillis: true, deafAfterInMillis: true } as const;
const CONTENT_OPTIONS = optionNames<HeartbeatConfig>({ ...TIMES, content: true });
const MESSAGE_OPTIONS = optionNames<MessageHeartbeatConfig<unknown>>({ ...TIMES, message: true });

/**
 * Reads the heartbeat of a connection.
 *
 * @throws {TypeError | RangeError} A field is wrong or missing.
 */
export function readHeartbeat(
  config: HeartbeatConfig,
): HeartbeatSettings<Uint8Array | string> {
  const options = readOptions<HeartbeatConfig>("heartbeat", config, CONTENT_OPTIONS);
  const { content } = options;
  if (content !== undefined && typeof content !== "function") {
    contentBytes(content, "heartbeat.content");
  }
  return settled("content", content, options);
}

/**
 * Reads the heartbeat of a connection that carries messages.
 *
 * @throws {TypeError | RangeError} A field is wrong or missing.
 */
export function readMessageHeartbeat<Out>(
  config: MessageHeartbeatConfig<Out>,
): HeartbeatSettings<Out> {
  const options = readOptions<MessageHeartbeatConfig<Out>>("heartbeat", config, MESSAGE_OPTIONS);
  return settled("message", options.message, options);
}

function settled<What>(
  name: string,
  given: What | (() => What) | undefined,
  times: HeartbeatTimes,
): HeartbeatSettings<What> {
  const { everyInMillis = Infinity, deafAfterInMillis = Infinity } = times;
  checkInterval("heartbeat.everyInMillis", everyInMillis);
  checkInterval("heartbeat.deafAfterInMillis", deafAfterInMillis);
  // `Infinity` says that none is sent: that is how one that a connection has is ended.
  if ((given === undefined) !== (times.everyInMillis === undefined)) {
    throw new TypeError(`heartbeat must have both ${name} and everyInMillis, or neither`);
  }
  if (given === undefined && times.deafAfterInMillis === undefined) {
    throw new TypeError(`heartbeat must have ${name} and everyInMillis, deafAfterInMillis or all`);
  }
  const what = () => {
    const made = typeof given === "function" ? (given as () => What)() : given;
    refusePromise(`heartbeat.${name}`, made);
    return made as What;
  };
  return Object.freeze({ everyInMillis, deafAfterInMillis, what });
}

/** The connection that the heartbeat belongs to. */
export interface HeartbeatHost {
  readonly clock: Clock;
  /** Whether a read of the system has begun, and waits. */
  readonly isReading: boolean;
  /** Whether something can be sent, and nothing waits to be sent. */
  readonly isQuiet: boolean;
  /** When our own pace last held something back; `-Infinity` for never. */
  heldAt(now: number): number;
  /** Asks for a call of {@linkcode Heartbeat.look} at that time or earlier. */
  lookBy(due: number): void;
  /** Ends the connection. */
  fail(error: SocketError): void;
}

/** The heartbeat of one connection, from now on. */
export class Heartbeat {
  readonly #host: HeartbeatHost;
  readonly #times: Required<HeartbeatTimes>;
  readonly #send: () => void;
  #quietDue!: number;
  /** When a peer that may be taken for deaf is asked; only while a read waits. */
  #askDue = Infinity;
  /** Whether it could not be asked since something came, because something else waited to be sent. */
  #couldNotAsk = false;
  #sentAt = -Infinity;
  /** Only while a read waits: whoever is not listened to is not deaf. */
  #deafDue = Infinity;

  /** @param host Its connection. @param times When. @param send Sends the heartbeat. */
  constructor(host: HeartbeatHost, times: Required<HeartbeatTimes>, send: () => void) {
    this.#host = host;
    this.#times = times;
    this.#send = send;
    this.#restartQuiet();
    if (host.isReading) this.onReadBegin();
  }

  /** When the next thing is due. */
  get due(): number {
    return Math.min(this.#quietDue, this.#askDue, this.#deafDue);
  }

  /** Bytes have gone out. */
  onSent(): void {
    this.#sentAt = this.#host.clock.now();
    this.#restartQuiet();
  }

  #restartQuiet(): void {
    this.#quietDue = this.#from(this.#times.everyInMillis);
  }

  /** A read begins. */
  onReadBegin(): void {
    this.#deafDue = this.#from(this.#times.deafAfterInMillis);
    if (this.#deafDue !== Infinity) this.#askDue = this.#from(this.#times.everyInMillis);
  }

  /** Bytes have arrived: the read is over. */
  onReceived(): void {
    this.#couldNotAsk = false;
    this.#deafDue = this.#askDue = Infinity;
  }

  #from(interval: number): number {
    if (interval === Infinity) return Infinity;
    const due = this.#host.clock.now() + interval;
    this.#host.lookBy(due);
    return due;
  }

  /** Does what is due. Returns when the next thing will be. */
  look(now: number): number {
    if (this.#deafDue <= now) {
      // Whoever takes what waits is there. Of what our own pace holds back it has not heard.
      const heardAt = Math.max(
        this.#couldNotAsk ? this.#sentAt : -Infinity,
        this.#host.heldAt(now),
      );
      this.#deafDue = Math.max(this.#deafDue, heardAt + this.#times.deafAfterInMillis);
    }
    if (this.#deafDue <= now) {
      this.#deafDue = this.#askDue = Infinity;
      // Otherwise it has brought the peer's end.
      if (this.#host.isReading) {
        this.#fail();
        return Infinity;
      }
    }
    const mustAsk = this.#askDue <= now;
    if (this.#quietDue <= now || mustAsk) {
      this.#restartQuiet();
      if (mustAsk) this.#askDue = this.#quietDue;
      if (this.#host.isQuiet) this.#beat();
      else this.#couldNotAsk ||= mustAsk;
    }
    return this.due;
  }

  #fail(): void {
    const { deafAfterInMillis } = this.#times;
    this.#host.fail(
      new GenericError(
        "timed-out",
        `Connection ended: nothing came for ${deafAfterInMillis} ms (heartbeat.deafAfterInMillis)`,
      ),
    );
  }

  #beat(): void {
    this.#couldNotAsk = false;
    try {
      this.#send();
    } catch (thrown) {
      // The error itself reports what has ended the connection.
      if (isSocketError(thrown) && codeOf(thrown) !== "frame") return;
      this.#host.fail(handlerError("The heartbeat", thrown));
    }
  }
}
