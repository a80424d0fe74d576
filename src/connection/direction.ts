// One direction of a relay: what comes from one connection goes to another one, and then its end. The next bytes are
// read when the system has taken the last ones, which are lent until then: nothing is allocated for them but their
// place in the queue, and a peer that does not read is not read for.

import { GenericError } from "../base/errors.ts";
import type { Wait } from "./reader.ts";
import type { StreamCore } from "./stream_core.ts";

/** What it is a direction of. */
export interface DirectionHost {
  /** Whether nothing is passed on any more. */
  readonly isOver: boolean;
  /** Whether so many bytes more may be passed on; where they may not, it is over. */
  mayPass(direction: Direction, length: number): boolean;
  /** What was under way has gone out. */
  onSent(): void;
  /** The end was passed on, too. */
  onEnd(): void;
  /** A connection cannot be read or written any more: it is closed, or about to be. */
  onGone(core: StreamCore): void;
  /** Something else keeps a direction from going on. */
  onRefused(error: unknown): void;
  /** Whether something may be under way while a direction waits; asked at a stop. */
  isBusy(direction: Direction): boolean;
}

/** Passes on what comes from one connection. */
export class Direction implements Wait {
  /** How many bytes must be there: it takes all that are. */
  readonly length = 1;
  readonly from: StreamCore;
  readonly to: StreamCore;
  /** How many bytes were passed on: the system has taken them. */
  bytes = 0;
  /** Whether its end was passed on. */
  hasEnded = false;
  /** Whether something has to go out before it reads. */
  isPassing = false;
  readonly #host: DirectionHost;
  #underWay = 0;

  /** @param from Where bytes come from. @param to Where they go. @param host What it is a direction of. */
  constructor(from: StreamCore, to: StreamCore, host: DirectionHost) {
    this.from = from;
    this.to = to;
    this.#host = host;
  }

  /** Begins, when what was written before has gone out. */
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

  /** Nothing more comes: it was closed or has failed. */
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
    // Where that fails, so does the connection.
    void this.to.writer.end();
    this.#host.onEnd();
  }
}

const NOTHING = new Uint8Array(0);
const TAKEN = "Cannot relay: somebody else reads a connection that is being relayed";
