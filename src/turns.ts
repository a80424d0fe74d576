// Whose turn it is: no connection starves, and a broadcast does not choke on itself.
//
// Facts, measured on Deno 2.9 on Linux:
// - One turn of the runtime's event loop completes at most some 128 socket operations. A read that is begun
//   again at once, with a peer that answers quickly, completes again in the same turn. So with hundreds of
//   busy connections some are served over and over and others never (at 500: none against 900 messages in
//   the same second), and accepting starves with them.
// - What lets the others in is that the runtime waits for something outside, because then it asks the system
//   which sockets are ready. setImmediate does not do that; setTimeout does, after one or two milliseconds.
// - More than about a hundred writes begun in one turn slow each other down sevenfold.
//
// So: the reads of one burst are begun together, at the end of the microtasks of the burst. When there were
// many, they are held until the runtime has looked at its sockets, and begun in the order in which they came,
// a hundred before it looks again: so everybody is read once before anybody is read twice. One connection that streams without end steps back after a mebibyte in the
// same way. Writes beyond the first 64 of a turn go into the next turns, 64 in each.
//
// Below that nothing is held: a read costs one place in a list.

/** An operation of the system that is about to begin. */
export interface Turn {
  /** Begins it. */
  begin(): void;
}

/** When reads and writes are begun. */
export interface Turns {
  /**
   * Begins a read, soon.
   *
   * @param read Whose turn it is.
   * @param isStreaming Whether it has had its share and must let the others go first.
   */
  read(read: Turn, isStreaming: boolean): void;
  /** Begins a write, at the end of this turn's microtasks or in a later turn. */
  write(write: Turn): void;
}

/** A burst of so many reads is as much as the runtime does in one turn: others may be waiting. */
const READS_OF_A_BUSY_BURST = 64;
/** How many of those held are begun before the sockets are looked at again: all of them can complete at once. */
const READS_PER_TURN = 100;
const WRITES_PER_TURN = 64;

/** How to let the runtime go on; each calls back once. */
export interface TurnSignals {
  /** After the runtime has asked the system which sockets are ready. */
  afterSockets(callback: () => void): void;
  /** In the next turn of the event loop. */
  nextTurn(callback: () => void): void;
}

/** Turns that are fair. */
export class FairTurns implements Turns {
  readonly #signals: TurnSignals;
  #reads: Turn[] = [];
  /** Reads that wait until the sockets were looked at; `undefined` where nothing is held. */
  #held: Turn[] | undefined;
  #mustHold = false;
  #writes: Turn[] = [];
  #writesAreBeginning = false;

  /** @param signals How to let the runtime go on. */
  constructor(signals: TurnSignals) {
    this.#signals = signals;
  }

  read(read: Turn, isStreaming: boolean): void {
    if (isStreaming) this.#mustHold = true;
    if (this.#reads.push(read) === 1) queueMicrotask(this.#beginReads);
  }

  write(write: Turn): void {
    this.#writes.push(write);
    if (this.#writesAreBeginning) return;
    this.#writesAreBeginning = true;
    queueMicrotask(this.#beginWrites);
  }

  readonly #beginReads = (): void => {
    const reads = this.#reads;
    this.#reads = [];
    if (this.#held !== undefined) {
      this.#held.push(...reads);
    } else if (this.#mustHold || reads.length >= READS_OF_A_BUSY_BURST) {
      this.#held = reads;
      this.#signals.afterSockets(this.#release);
    } else {
      for (const read of reads) read.begin();
    }
  };

  readonly #release = (): void => {
    const held = this.#held!;
    const released = held.splice(0, READS_PER_TURN);
    if (held.length > 0) {
      this.#signals.afterSockets(this.#release);
    } else {
      this.#held = undefined;
      this.#mustHold = false;
    }
    for (const read of released) read.begin();
  };

  readonly #beginWrites = (): void => {
    const writes = this.#writes;
    if (writes.length <= WRITES_PER_TURN) {
      this.#writes = [];
      this.#writesAreBeginning = false;
      for (const write of writes) write.begin();
    } else {
      this.#signals.nextTurn(this.#beginWrites);
      for (const write of writes.splice(0, WRITES_PER_TURN)) write.begin();
    }
  };
}

/** Turns as they come: for transports that nothing can starve on. */
export const plainTurns: Turns = {
  read: (read) => read.begin(),
  write: (write) => queueMicrotask(() => write.begin()),
};
