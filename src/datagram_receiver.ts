// One receive at a time, into a buffer of its own that no user ever sees: whoever takes what came copies it out
// of there, as small as it is.

import type { DatagramAddress, DatagramSocket } from "./network.ts";

/** Room for the largest datagram. */
const BUFFER_LENGTH = 65_536;
/** So many failures in a row are no passing trouble. */
const MAX_FAILURES = 100;

/** Whoever the datagrams go to. */
export interface DatagramSink {
  /** Whether to receive on: nothing is received that nobody wants. */
  readonly isWanting: boolean;
  /** Whether datagrams from this address are wanted at all. */
  accepts(from: DatagramAddress): boolean;
  /** Gets a datagram, whose bytes must be copied before it returns. Must not throw. */
  put(bytes: Uint8Array, from: DatagramAddress): void;
  /** The socket cannot receive any more. */
  onBroken(cause: unknown): void;
}

/** What receives the datagrams of one socket. */
export class DatagramReceiver {
  readonly #socket: DatagramSocket;
  readonly #sink: DatagramSink;
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  #underWay: Promise<void> | undefined;
  #failures = 0;
  #isStopped = false;

  /**
   * @param socket Where from.
   * @param sink Where to.
   */
  constructor(socket: DatagramSocket, sink: DatagramSink) {
    this.#socket = socket;
    this.#sink = sink;
  }

  /** Receives while the sink wants something; to be called when it begins to. */
  go(): void {
    if (this.#underWay !== undefined || this.#isStopped || !this.#sink.isWanting) return;
    this.#buffer ??= new Uint8Array(BUFFER_LENGTH);
    this.#underWay = this.#socket.receive(this.#buffer).then(this.#received, this.#failed);
  }

  /** Ends it; to be called before the socket is closed. Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#underWay;
    this.#buffer = undefined;
  }

  readonly #received = (received: [Uint8Array<ArrayBuffer>, DatagramAddress]) => {
    this.#underWay = undefined;
    this.#failures = 0;
    if (this.#isStopped) return;
    const from = received[1];
    if (this.#sink.accepts(from)) this.#sink.put(received[0], from);
    this.go();
  };

  readonly #failed = (cause: unknown) => {
    this.#underWay = undefined;
    if (this.#isStopped) return;
    // Windows reports here that an earlier datagram did not reach its peer: no matter of this receive.
    if (isPeerError(cause) && ++this.#failures < MAX_FAILURES) return this.go();
    this.#sink.onBroken(cause);
  };
}

function isPeerError(cause: unknown): boolean {
  return cause instanceof Deno.errors.ConnectionReset ||
    cause instanceof Deno.errors.ConnectionRefused;
}
