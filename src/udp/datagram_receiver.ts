// One receive at a time, into the receiver's own buffer. The sink copies the datagram out of it, or lends it to a
// user. While it is lent, the next datagrams go into another buffer.
//
// A socket that always has a next datagram keeps the runtime from looking at its other sockets. Beside a flooded UDP
// echo, a TCP connection got a turn every 25 ms, with Deno's own sockets too. So after a share of datagrams the
// receiver lets the runtime look at the others first, as a connection does that streams without end.

import { shown } from "../base/arguments.ts";
import { callQuietly, refusePromise } from "../base/user_code.ts";
import type { DatagramAddress, DatagramSocket } from "../network/network.ts";
import { DATAGRAMS_PER_TURN } from "./datagram_share.ts";
import { BatchSize } from "../network/batch_size.ts";
import type { ShareHost } from "../network/share.ts";
import { MOST_IN_VAIN, PAUSE_AFTER_VAIN_IN_MILLIS } from "../network/told.ts";

/** Room for the largest datagram. */
const BUFFER_LENGTH = 65_536;
/** After this many failures in a row, the socket counts as broken. */
const MAX_FAILURES = 100;

const NO_DATAGRAM = "a socket's receive gives the bytes and their sender";

/** A callback will say when a datagram is there: nothing must be awaited at the end. */
const NOTHING_UNDER_WAY = Promise.resolve();

/** What the datagrams go to. */
export interface DatagramSink {
  /** Whether to go on: nothing is received that is not wanted. */
  readonly isWanting: boolean;
  /**
   * Gets a datagram, whose bytes must be copied before it returns, or lent from where
   * {@linkcode DatagramReceiver.lendable} has put them. Must not throw.
   */
  put(bytes: Uint8Array<ArrayBuffer>, from: DatagramAddress): void;
  /** Datagrams come that arrived together, until `endBatch`. */
  beginBatch?(): void;
  endBatch?(): void;
  /** About how long all that was done with them took, in milliseconds, since this was last asked for. */
  tookMillis?(): number;
  /** A datagram was lost: the memory that it was received into had been transferred away. */
  onLost?(): void;
  /** The only peer that the socket hears has refused a datagram. */
  onRefused?(cause: unknown): void;
  /** The socket cannot receive any more. */
  onBroken(cause: unknown): void;
}

/** What receives the datagrams of one socket. */
export class DatagramReceiver {
  readonly #socket: DatagramSocket;
  readonly #sink: DatagramSink;
  readonly #host: ShareHost;
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  /** The buffer for the next receives while the other one is lent. */
  #spare: Uint8Array<ArrayBuffer> | undefined;
  /** The part of the buffer that was lent last. Most datagrams are as long as the last. */
  #lent: Uint8Array<ArrayBuffer> | undefined;
  #underWay: Promise<void> | undefined;
  /** Receives what is there, where the socket can without a promise. */
  readonly #attempt: (() => void) | undefined;
  /** How many datagrams arrived since others had their turn. */
  #received = 0;
  readonly #batch = new BatchSize(DATAGRAMS_PER_TURN);
  #failures = 0;
  /** How many attempts have found nothing since one found something. */
  #inVain = 0;
  #isStopped = false;
  /** Whether a receive that is under way keeps the program alive. */
  #isHeld = true;

  /**
   * @param socket What to receive from.
   * @param sink What the datagrams go to.
   * @param host How others get their turn.
   */
  constructor(socket: DatagramSocket, sink: DatagramSink, host: ShareHost) {
    this.#host = host;
    this.#socket = socket;
    this.#sink = sink;
    if (socket.whenReadable === undefined) return;
    this.#attempt = socket.tryReceiveAll === undefined
      ? () => this.#tryReceive()
      : () => this.#tryReceiveAll();
  }

  get #mayReceive(): boolean {
    return !this.#isStopped && this.#sink.isWanting;
  }

  /**
   * Receives while the sink wants datagrams. Call it when the sink begins to want some, or wants none any more: a
   * receive that is under way then cannot be taken back, but lets the program end.
   */
  go(): void {
    const isWanted = this.#mayReceive;
    // Where none is under way, nothing is held. So a sink that wants one at a time costs nothing here.
    if (isWanted !== this.#isHeld && (isWanted || this.#underWay !== undefined)) {
      this.#hold(isWanted);
    }
    if (this.#underWay !== undefined || !isWanted) return;
    if (this.#received >= this.#batch.size) return this.#stepBack();
    if (this.#attempt !== undefined) {
      this.#underWay = NOTHING_UNDER_WAY;
      if (this.#inVain < MOST_IN_VAIN) return this.#awaitReadable(this.#attempt);
      this.#inVain = 0;
      return void this.#host.clock.setTimeout(this.#attempt, PAUSE_AFTER_VAIN_IN_MILLIS);
    }
    this.#underWay = this.#receive();
  }

  /** The next datagram; a socket of the user's own may throw at once, or give no promise. */
  #receive(): Promise<void> {
    try {
      return this.#socket.receive(this.#target).then(this.#onReceived, this.#failed);
    } catch (cause) {
      return Promise.resolve().then(() => this.#failed(cause));
    }
  }

  #awaitReadable(attempt: () => void): void {
    try {
      const given: unknown = this.#socket.whenReadable!(attempt);
      if (given !== undefined) refusePromise("a socket's whenReadable", given);
    } catch (cause) {
      this.#underWay = Promise.resolve().then(() => this.#failed(cause));
    }
  }

  #hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    // That is no reason to end anything where it fails.
    callQuietly(() => this.#socket.holdProgram?.(isHeld));
  }

  /** The buffer for the next datagram. One that was transferred away has the length 0. */
  get #target(): Uint8Array<ArrayBuffer> {
    if (this.#buffer === undefined || this.#buffer.length === 0) {
      this.#buffer = new Uint8Array(BUFFER_LENGTH);
    }
    return this.#buffer;
  }

  /** A datagram that is being given to the sink, in the buffer: it may be lent. */
  lendable(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    if (this.#socket.tryReceiveAll === undefined || this.#attempt === undefined) return bytes;
    const target = this.#target;
    let lent = this.#lent;
    if (lent?.buffer !== target.buffer || lent.length !== bytes.length) {
      lent = this.#lent = target.subarray(0, bytes.length);
    }
    lent.set(bytes);
    return lent;
  }

  /** Leaves the buffer to the sink, which is being given a datagram in it. */
  leaveBuffer(): void {
    this.#buffer = this.#spare;
    this.#spare = this.#lent = undefined;
  }

  /** Takes back a buffer that was left. @param bytes The datagram in it. */
  takeBack({ buffer }: Uint8Array<ArrayBuffer>): void {
    if (!this.#isStopped && buffer.byteLength === BUFFER_LENGTH) {
      this.#spare = new Uint8Array(buffer);
    }
  }

  /** Receives what is there, up to one share; then others have their turn. */
  #tryReceive(): void {
    this.#inVain++;
    try {
      while (this.#mayReceive && this.#received < this.#batch.size) {
        const datagram = this.#socket.tryReceive!(this.#target);
        if (datagram === undefined) break;
        this.#put(datagram);
      }
    } catch (cause) {
      return this.#failed(cause);
    }
    this.#underWay = undefined;
    this.go();
  }

  /** The same, where many come at a time. */
  #tryReceiveAll(): void {
    this.#inVain++;
    const sink = this.#sink;
    if (this.#mayReceive) {
      sink.beginBatch?.();
      try {
        const most = this.#batch.size - this.#received;
        const count: unknown = this.#socket.tryReceiveAll!(most, this.#putOne);
        if (typeof count !== "number") refusePromise("a socket's tryReceiveAll", count);
      } catch (cause) {
        return this.#failed(cause);
      } finally {
        sink.endBatch?.();
      }
    }
    this.#underWay = undefined;
    this.go();
  }

  /** Gives one to the sink. Returns whether another one is wanted. */
  readonly #putOne = (bytes: Uint8Array<ArrayBuffer>, from: DatagramAddress): boolean => {
    this.#received++;
    this.#failures = this.#inVain = 0;
    this.#sink.put(bytes, from);
    return this.#mayReceive;
  };

  #stepBack(): void {
    const received = this.#received;
    this.#received = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#underWay = promise;
    const begin = () => {
      this.#underWay = undefined;
      // Some calls have begun only after all were received.
      this.#batch.learn(received, this.#sink.tookMillis?.() ?? 0);
      resolve();
      this.go();
    };
    this.#host.turns.read({ begin }, Infinity);
  }

  /** Ends it. Call it before the socket is closed. Resolves when no receive is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    // The program must not end before whoever waits for this.
    if (!this.#isHeld) this.#hold(true);
    await this.#underWay;
    this.#buffer = this.#spare = this.#lent = undefined;
  }

  readonly #onReceived = (datagram: [Uint8Array<ArrayBuffer>, DatagramAddress]) => {
    this.#underWay = undefined;
    if (this.#isStopped) return;
    try {
      this.#put(datagram);
    } catch (cause) {
      return this.#failed(cause);
    }
    this.go();
  };

  #put(datagram: [Uint8Array<ArrayBuffer>, DatagramAddress]): void {
    if (!isDatagram(datagram)) {
      refusePromise("a socket's tryReceive", datagram);
      throw new TypeError(`${NO_DATAGRAM}; it gave ${shown(datagram)}`);
    }
    const [bytes, from] = datagram;
    this.#received++;
    this.#failures = this.#inVain = 0;
    this.#sink.put(bytes, from);
  }

  readonly #failed = (cause: unknown) => {
    this.#underWay = undefined;
    // That it has failed is something found, too.
    this.#inVain = 0;
    if (this.#isStopped) return;
    // Lent memory was kept and transferred away: that is not a failure of the socket.
    if (this.#buffer?.length === 0) {
      this.#sink.onLost?.();
      return this.go();
    }
    if (this.#socket.hearOnly !== undefined && cause instanceof Deno.errors.ConnectionRefused) {
      this.#sink.onRefused?.(cause);
      return this.go();
    }
    // Windows reports here that an earlier datagram did not reach its peer. This receive did not fail.
    if (isPeerError(cause) && ++this.#failures < MAX_FAILURES) return this.go();
    this.#sink.onBroken(cause);
  };
}

/** Whether a socket of the user's own has given what it should. */
function isDatagram(given: unknown): boolean {
  return Array.isArray(given) && given[0] instanceof Uint8Array &&
    typeof given[1]?.hostname === "string";
}

function isPeerError(cause: unknown): boolean {
  return cause instanceof Deno.errors.ConnectionReset ||
    cause instanceof Deno.errors.ConnectionRefused;
}
