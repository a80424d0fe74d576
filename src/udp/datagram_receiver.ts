// One receive at a time, into a buffer of its own: whoever takes what came copies it out of there, as small as it
// is, or lends it to a user. Where that lasts, the next datagram comes into another buffer.
//
// A socket on which the next datagram is always there already keeps the runtime from looking at its other
// sockets: a TCP connection beside an echo of datagrams that was flooded got a turn every 25 ms, with Deno's own
// sockets as with these. So after so many datagrams it steps back and the others are looked at first, as a
// connection does that streams without end.

import type { DatagramAddress, DatagramSocket } from "../network/network.ts";
import { DATAGRAMS_PER_TURN } from "./datagram_share.ts";
import { plainTurns, type Turns } from "../network/turns.ts";

/** Room for the largest datagram. */
const BUFFER_LENGTH = 65_536;
/** So many failures in a row are no passing trouble. */
const MAX_FAILURES = 100;

/** Somebody is to be called when something is there: nothing has to be waited for at the end. */
const NOTHING_UNDER_WAY = Promise.resolve();

/** Whoever the datagrams go to. */
export interface DatagramSink {
  /** Whether to receive on: nothing is received that nobody wants. */
  readonly isWanting: boolean;
  /**
   * Gets a datagram, whose bytes must be copied before it returns, unless {@linkcode DatagramReceiver.leaveBuffer}
   * is called until then. Must not throw.
   */
  put(bytes: Uint8Array<ArrayBuffer>, from: DatagramAddress): void;
  /** A datagram had nowhere to go: somebody has transferred away the memory that it was received into. */
  onLost?(): void;
  /** The socket cannot receive any more. */
  onBroken(cause: unknown): void;
}

/** What receives the datagrams of one socket. */
export class DatagramReceiver {
  readonly #socket: DatagramSocket;
  readonly #sink: DatagramSink;
  readonly #turns: Turns;
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  /** The buffer for the next receives while the other one is lent. */
  #spare: Uint8Array<ArrayBuffer> | undefined;
  #underWay: Promise<void> | undefined;
  /** Receives what is there, where the socket can without a promise. */
  readonly #attempt: (() => void) | undefined;
  /** How many datagrams have come since the others had their turn. */
  #received = 0;
  #failures = 0;
  #isStopped = false;

  /**
   * @param socket Where from.
   * @param sink Where to.
   * @param turns How others get their turn.
   */
  constructor(socket: DatagramSocket, sink: DatagramSink, turns: Turns = plainTurns) {
    this.#turns = turns;
    this.#socket = socket;
    this.#sink = sink;
    if (socket.whenReadable !== undefined) this.#attempt = () => this.#tryReceive();
  }

  get #mayReceive(): boolean {
    return !this.#isStopped && this.#sink.isWanting;
  }

  /** Receives while the sink wants something; to be called when it begins to. */
  go(): void {
    if (this.#underWay !== undefined || !this.#mayReceive) return;
    if (this.#received >= DATAGRAMS_PER_TURN) return this.#stepBack();
    if (this.#attempt !== undefined) {
      this.#underWay = NOTHING_UNDER_WAY;
      return this.#socket.whenReadable!(this.#attempt);
    }
    this.#underWay = this.#socket.receive(this.#target).then(this.#onReceived, this.#failed);
  }

  /** Where the next datagram goes. What was transferred away has no length any more. */
  get #target(): Uint8Array<ArrayBuffer> {
    if (this.#buffer === undefined || this.#buffer.length === 0) {
      this.#buffer = new Uint8Array(BUFFER_LENGTH);
    }
    return this.#buffer;
  }

  /** Leaves the buffer of the datagram that is being handed out to whoever has it. */
  leaveBuffer(): void {
    this.#buffer = this.#spare;
    this.#spare = undefined;
  }

  /** Gets a buffer back that was left. @param bytes The datagram in it. */
  takeBack({ buffer }: Uint8Array<ArrayBuffer>): void {
    if (!this.#isStopped && buffer.byteLength === BUFFER_LENGTH) {
      this.#spare = new Uint8Array(buffer);
    }
  }

  /** Receives what is there, up to what is enough until the others had their turn. */
  #tryReceive(): void {
    try {
      while (this.#mayReceive && this.#received < DATAGRAMS_PER_TURN) {
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

  #stepBack(): void {
    this.#received = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#underWay = promise;
    const begin = () => {
      this.#underWay = undefined;
      resolve();
      this.go();
    };
    this.#turns.read({ begin }, Infinity);
  }

  /** Ends it; to be called before the socket is closed. Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#underWay;
    this.#buffer = this.#spare = undefined;
  }

  readonly #onReceived = (datagram: [Uint8Array<ArrayBuffer>, DatagramAddress]) => {
    this.#underWay = undefined;
    if (this.#isStopped) return;
    this.#put(datagram);
    this.go();
  };

  #put([bytes, from]: [Uint8Array<ArrayBuffer>, DatagramAddress]): void {
    this.#received++;
    this.#failures = 0;
    this.#sink.put(bytes, from);
  }

  readonly #failed = (cause: unknown) => {
    this.#underWay = undefined;
    if (this.#isStopped) return;
    // Somebody has kept what was only lent: that is no failure of the socket.
    if (this.#buffer?.length === 0) {
      this.#sink.onLost?.();
      return this.go();
    }
    // Windows reports here that an earlier datagram did not reach its peer: no matter of this receive.
    if (isPeerError(cause) && ++this.#failures < MAX_FAILURES) return this.go();
    this.#sink.onBroken(cause);
  };
}

function isPeerError(cause: unknown): boolean {
  return cause instanceof Deno.errors.ConnectionReset ||
    cause instanceof Deno.errors.ConnectionRefused;
}
