// One direction of a simulated connection: pieces go in, and come out later, each once and in order.
//
// A piece that meets a cut path is sent again, less and less often, as by TCP; when nothing got through for a quarter
// of an hour, the wire gives up. So a partition that heals costs time, and one that does not causes an error.

import type { World } from "./world.ts";

const FIRST_RETRY_IN_MILLIS = 200;
const LONGEST_RETRY_IN_MILLIS = 120_000;
const GIVE_UP_AFTER_IN_MILLIS = 924_600;

/** An address of a simulated network. */
export interface SimulatedAddress {
  /** What it is an address of. */
  readonly transport: "tcp" | "udp";
  /** The IP address of the host. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
}

/** What both directions of a connection share. */
export interface SimulatedPath {
  /** One end's address. */
  readonly from: SimulatedAddress;
  /** The other's. */
  readonly to: SimulatedAddress;
  /** Whether nothing gets through any more, either way. */
  isDead: boolean;
}

/** What travels. */
export type Piece =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "end" | "reset" };

/** One direction of a connection. */
export class SimulatedWire {
  readonly #world: World;
  readonly #path: SimulatedPath;
  readonly #arrived: (piece: Piece) => void;
  readonly #gaveUp: () => void;
  #travelling: { readonly piece: Piece; readonly at: number }[] = [];
  #bytes = 0;
  #isUnderWay = false;
  #departure = 0;
  #silentFor = 0;

  constructor(
    world: World,
    path: SimulatedPath,
    arrived: (piece: Piece) => void,
    gaveUp: () => void,
  ) {
    this.#world = world;
    this.#path = path;
    this.#arrived = arrived;
    this.#gaveUp = gaveUp;
  }

  /** How many bytes have set off and not arrived. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether everything has arrived. */
  get isEmpty(): boolean {
    return this.#travelling.length === 0;
  }

  /** Sends a piece, behind those on their way. */
  send(piece: Piece): void {
    const { clock, faults } = this.#world;
    const length = piece.kind === "bytes" ? piece.bytes.length : 0;
    this.#bytes += length;
    this.#departure = Math.max(this.#departure, clock.now()) +
      length * 1000 / faults.bytesPerSecond;
    // A piece that is quicker than the one before it waits for that one, at the front of the queue.
    this.#travelling.push({ piece, at: this.#departure + this.#world.latency() });
    this.#expectNext();
  }

  /** Loses everything that is on its way. */
  clear(): void {
    this.#travelling = [];
    this.#bytes = 0;
  }

  #expectNext(): void {
    const first = this.#travelling[0];
    if (first === undefined || this.#isUnderWay) return;
    this.#expect(Math.max(0, first.at - this.#world.clock.now()));
  }

  #expect(delayInMillis: number): void {
    this.#isUnderWay = true;
    this.#world.after(delayInMillis, () => {
      this.#isUnderWay = false;
      this.#arrive();
    });
  }

  #arrive(): void {
    const first = this.#travelling[0];
    if (first === undefined) return;
    if (this.#isBlocked()) return this.#tryAgain();
    this.#silentFor = 0;
    this.#travelling.shift();
    if (first.piece.kind === "bytes") this.#bytes -= first.piece.bytes.length;
    this.#expectNext();
    this.#arrived(first.piece);
  }

  #isBlocked(): boolean {
    const { from, to, isDead } = this.#path;
    if (isDead || this.#world.isCut(from.hostname, to.hostname)) return true;
    // A lost piece is sent again, which arrives.
    return this.#silentFor === 0 && this.#world.random.chance(this.#world.faults.loss);
  }

  #tryAgain(): void {
    if (this.#silentFor > GIVE_UP_AFTER_IN_MILLIS) return this.#gaveUp();
    const delay = Math.min(
      Math.max(FIRST_RETRY_IN_MILLIS, this.#silentFor),
      LONGEST_RETRY_IN_MILLIS,
    );
    this.#silentFor += delay;
    this.#expect(delay);
  }
}
