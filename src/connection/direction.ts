// One direction of a relay: the bytes of one connection go to another one, and then their end. The next bytes are read
// when the system has taken the last ones, which are lent until then. So nothing is allocated for them but their place
// in the queue, and a relay does not read for a peer that does not read.

import { GenericError } from "../base/errors.ts";
import type { Wait } from "./reader.ts";
import type { StreamCore } from "./stream_core.ts";

/** The relay that it is a direction of. */
export interface DirectionHost {
  /** Whether nothing is passed on any more. */
  readonly isOver: boolean;
  /** Whether that many more bytes may be passed on. If not, the relay is over. */
  mayPass(direction: Direction, length: number): boolean;
  /** The bytes that were under way have gone out. */
  onSent(): void;
  /** The end was passed on, too. */
  onEnd(): void;
  /** A connection can no longer be read or written: it is closed, or about to be. */
  onGone(core: StreamCore): void;
  /** Something else prevents a direction from going on. */
  onRefused(error: unknown): void;
  /** Whether something may be under way while a direction waits; asked at a stop. */
  isBusy(direction: Direction): boolean;
}

/** Passes on the bytes of one connection. */
export class Direction implements Wait {
  /** How many bytes a step needs: it takes all that have arrived. */
  readonly length = 1;
  readonly from: StreamCore;
  readonly to: StreamCore;
  /** How many bytes were passed on: the system has taken them. */
  bytes = 0;
  /** Whether its end was passed on. */
  hasEnded = false;
  /** Whether something must go out before it reads. */
  isPassing = false;
  readonly #host: DirectionHost;
  #underWay = 0;

  /** @param from Where bytes come from. @param to Where they go. @param host The relay. */
  constructor(from: StreamCore, to: StreamCore, host: DirectionHost) {
    this.from = from;
    this.to = to;
    this.#host = host;
  }

  /** Begins once what was written before has gone out. */
  begin(): void {
    if (this.to.writer.queuedBytes === 0) return this.#next();
    this.isPassing = true;
    this.#post(NOTHING, this.#next);
  }

  ready(): void {
    if (this.#host.isOver) return;
    const { reader } = this.from;
    const { length } = reader.queue;
    if (length === 0) return this.#end();
    if (!this.#host.mayPass(this, length)) return;
    this.isPassing = true;
    this.#underWay = length;
    this.#post(reader.lend(), this.#onSent);
  }

  /** Nothing more will arrive: the connection was closed or has failed. */
  fail(): void {
    this.#host.onGone(this.from);
  }

  isBusy(): boolean {
    return this.#host.isBusy(this);
  }

  #post(bytes: Uint8Array, onSent: () => void): void {
    try {
      this.to.writer.post(bytes, onSent);
    } catch (error) {
      if (this.to.isOpen) this.#host.onRefused(error);
      else this.#host.onGone(this.to);
    }
  }

  readonly #onSent = (): void => {
    this.from.reader.endLoan();
    this.bytes += this.#underWay;
    this.#host.onSent();
    this.#next();
  };

  readonly #next = (): void => {
    this.isPassing = false;
    if (this.#host.isOver) return;
    const { reader } = this.from;
    if (reader.isWaiting) return this.#host.onRefused(new GenericError("busy", TAKEN));
    reader.atLeast(this, Infinity);
  };

  #end(): void {
    this.hasEnded = true;
    // If that fails, so does the connection.
    void this.to.writer.end();
    this.#host.onEnd();
  }
}

const NOTHING = new Uint8Array(0);
const TAKEN = "Cannot relay: another reader takes bytes of a connection that is being relayed";
