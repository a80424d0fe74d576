// Turns: no connection starves, and a broadcast does not choke on itself.
//
// Facts, measured on Deno 2.9 on Linux (and read in the scheduler below it, tokio's):
// - One turn of the runtime's event loop completes at most 128 socket operations. Those beyond wait for the
//   runtime's next look at its sockets, and come after whatever is fresh by then. So with hundreds of busy
//   connections some are served over and over and others never (at 500: 3 against 850 messages in the same
//   second), and accepting starves with them.
// - The runtime looks at its sockets when it has nothing else to do, and otherwise behind every 61st turn. What
//   it sees is done behind the turn after that, by a task of its own, and told in the next one: bytes that come
//   right behind a look are told in turn 63. A callback from outside (a timer, a hash made by another thread)
//   either takes a millisecond or comes before it has looked, above all on one core; 66 turns of setImmediate
//   are a look for certain, and take 50 us.
// - More than about a hundred writes begun in one turn slow each other down sevenfold.
//
// So: the reads of one burst are begun together, at the end of its microtasks. After two turns that were used
// up (several bursts may lie in one), reads are held. What the runtime has ready is served meanwhile, and
// nothing fresh gets in before it; after 66 turns of which none was used up there is nothing left. Then those held
// have their round: 32 in a turn, in order of arrival (few enough to stay in the processor's caches: a larger batch
// costs more than the turns). Every connection is read once before any is read twice. A connection that streams
// without end steps back after a mebibyte in the same way, later where no other had anything to do. Writes beyond the
// first 64 of a turn, or its first quarter of a millisecond, go into the next turns, whether they were begun together or
// each after the one before: a loop that awaits its writes would use up every turn.
//
// Below that nothing is held: a read costs one place in a list, and a turn with more than a few messages one
// callback at its end.

import type { Clock } from "./clock.ts";
import { TurnShare, type TurnShareHost } from "./turn_share.ts";

/** An operation of the system that is about to begin. */
export interface Turn {
  /** Begins it. */
  begin(): void;
}

/** When reads and writes begin. */
export interface Turns {
  /**
   * The clock whose time goes on with them. On a network with another clock, in a test, nothing waits for a turn. Left
   * out, they are for any clock.
   */
  readonly clock?: Clock;
  /**
   * Begins a read, soon.
   *
   * @param read What begins the read.
   * @param streamed How many bytes its connection has read without waiting.
   * @returns Whether that was its share: it lets the others go first and counts from zero.
   */
  read(read: Turn, streamed: number): boolean;
  /** Begins a write, at the end of this turn's microtasks or in a later turn. */
  write(write: Turn): void;
  /** Calls back when all microtasks of this turn are over; left out where a few of them are waited for. */
  next?(callback: () => void): void;
  /**
   * Lets the runtime look at its sockets; left out where whatever is ready has been handed out.
   *
   * @returns Resolves when it has looked since the call, and all pending reads were given what was ready then.
   */
  looked?(): Promise<void>;
  /**
   * Lets others go first; left out where everybody gets a turn without it.
   *
   * @returns Resolves when they have had their turn: with whether none of them had anything to do. Of several that
   * step back, one goes on at a time.
   */
  stepBack?(): Promise<boolean>;
}

/** About as many operations as the runtime does in one turn: others may be waiting. */
const OPERATIONS_OF_A_BUSY_TURN = 120;
const BUSY_TURNS_BEFORE_HOLDING = 2;
/** After this many, the end of the turn is watched. At most half of the above: what earlier turns left is added. */
const OPERATIONS_WORTH_A_LOOK = OPERATIONS_OF_A_BUSY_TURN / 2;
const READS_PER_TURN = 32;
/** 63, and a few in which more than one turn can do is told, or what was told goes through a secure stream. */
const TURNS_UNTIL_A_LOOK = 66;
/** How often a look starts over because a turn was used up: a program that only writes may use up all of them. */
const MOST_RESTARTS_OF_A_LOOK = 100;
const WRITES_PER_TURN = 64;
/** A connection that steps back may still send what it has gathered. */
const OPERATIONS_OF_ONE = 2;
/** What a stream gets before the others; grows each time that no other had anything to do. */
const SMALLEST_SHARE = 1024 * 1024;
const LARGEST_SHARE = 8 * 1024 * 1024;

/** How to let the runtime go on; each calls back once. */
export interface TurnSignals extends TurnShareHost {
  /** At once: reads of one burst begin at one time, so one look at the clock is enough. */
  together(callback: () => void): void;
}

/** A look of the runtime at its sockets, which is waited for. */
interface Look {
  readonly done: PromiseWithResolvers<void>;
  /** How many held reads must have begun until those held at its start have. */
  readonly heldThatBegan: number;
  /** Consecutive turns in which the runtime had room left, and how often such a row has ended. */
  quietTurns: number;
  restarts: number;
  /** How many operations there had been by the last turn. */
  operations: number;
}

/** Turns that are fair. */
export class FairTurns implements Turns {
  readonly #signals: TurnSignals;
  #reads: Turn[] = [];
  #writes: Turn[] = [];
  #writesAreBeginning = false;
  readonly #writeShare: TurnShare;
  /** After how many bytes in a row a stream steps back. */
  #share = SMALLEST_SHARE;
  #mustHold = false;
  #busyTurns = 0;
  /** What was begun since the last turn whose end was watched. */
  #operations = 0;
  #turnEndIsAwaited = false;
  /** Reads that wait for their round; `undefined` where nothing is held. */
  #held: Turn[] | undefined;
  /** The round under way, and how many of it were begun. */
  #round: readonly Turn[] = [];
  #begun = 0;
  /** Whether nothing has happened since a stream stepped back. */
  #isAlone = false;
  /** Consecutive turns in which the runtime had room left. */
  #quietTurns = 0;
  /** How many operations there were, and how many held reads were begun, ever. */
  #allOperations = 0;
  #heldThatBegan = 0;
  /** The callers that wait for a look that has not begun. */
  #askedLook: PromiseWithResolvers<void> | undefined;
  #look: Look | undefined;
  /** The callers that let others go first. */
  readonly #steppedBack: ((wasAlone: boolean) => void)[] = [];
  /** How many operations there had been when the first of them started to wait. */
  #operationsBefore = 0;

  /** @param signals How to let the runtime go on. */
  constructor(signals: TurnSignals) {
    this.#signals = signals;
    this.#writeShare = new TurnShare(WRITES_PER_TURN, signals, () => {
      if (this.#writes.length > 0) this.#beginWrites();
    });
  }

  read(read: Turn, streamed: number): boolean {
    const hasHadItsShare = streamed >= this.#share;
    if (hasHadItsShare) this.#mustHold = true;
    if (this.#reads.push(read) === 1) queueMicrotask(this.#beginReads);
    return hasHadItsShare;
  }

  write(write: Turn): void {
    this.#writes.push(write);
    if (this.#writesAreBeginning) return;
    this.#writesAreBeginning = true;
    queueMicrotask(this.#beginWrites);
  }

  next(callback: () => void): void {
    this.#signals.nextTurn(callback);
  }

  stepBack(): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#steppedBack.push(resolve) === 1) this.#awaitOthers();
    });
  }

  #awaitOthers(): void {
    this.#operationsBefore = this.#allOperations;
    void this.looked().then(this.#goOnAgain);
  }

  readonly #goOnAgain = (): void => {
    const operations = this.#allOperations - this.#operationsBefore;
    const wasAlone = this.#steppedBack.length === 1 && operations <= OPERATIONS_OF_ONE;
    this.#steppedBack.shift()!(wasAlone);
    if (this.#steppedBack.length > 0) this.#awaitOthers();
  };

  looked(): Promise<void> {
    if (this.#askedLook === undefined) {
      this.#askedLook = Promise.withResolvers();
      if (this.#look === undefined) this.#signals.nextTurn(this.#beginLook);
    }
    return this.#askedLook.promise;
  }

  /** From here on the turns count; later callers get the next look. */
  readonly #beginLook = (): void => {
    this.#look = {
      done: this.#askedLook!,
      heldThatBegan: this.#heldThatBegan + this.#round.length -
        Math.min(this.#begun, this.#round.length) + (this.#held?.length ?? 0),
      quietTurns: 0,
      restarts: 0,
      operations: this.#allOperations,
    };
    this.#askedLook = undefined;
    this.#signals.nextTurn(this.#onLookTurn);
  };

  readonly #onLookTurn = (): void => {
    const look = this.#look!;
    const isBusy = this.#allOperations - look.operations >= OPERATIONS_OF_A_BUSY_TURN;
    look.operations = this.#allOperations;
    look.quietTurns++;
    if (this.#heldThatBegan < look.heldThatBegan) look.quietTurns = 0;
    else if (isBusy && look.restarts++ < MOST_RESTARTS_OF_A_LOOK) look.quietTurns = 0;
    if (look.quietTurns < TURNS_UNTIL_A_LOOK) return this.#signals.nextTurn(this.#onLookTurn);
    this.#look = undefined;
    if (this.#askedLook !== undefined) this.#beginLook();
    look.done.resolve();
  };

  readonly #beginReads = (): void => {
    const reads = this.#reads;
    this.#reads = [];
    this.#count(reads.length);
    if (this.#held !== undefined) {
      for (const read of reads) this.#held.push(read);
    } else if (this.#mustHold || this.#busyTurns >= BUSY_TURNS_BEFORE_HOLDING) {
      this.#held = reads;
      this.#operations = 0;
      this.#isAlone = reads.length === 1;
      this.#signals.nextTurn(this.#onTurn);
    } else {
      this.#begin(reads);
    }
  };

  #count(operations: number): void {
    this.#operations += operations;
    this.#allOperations += operations;
    if (this.#operations < OPERATIONS_WORTH_A_LOOK || this.#turnEndIsAwaited) return;
    if (this.#held !== undefined) return;
    this.#turnEndIsAwaited = true;
    this.#signals.nextTurn(this.#onTurnEnd);
  }

  /** While nothing is held: at the end of a turn in which something was done. */
  readonly #onTurnEnd = (): void => {
    this.#turnEndIsAwaited = false;
    if (this.#held !== undefined) return;
    const isBusy = this.#operations >= OPERATIONS_OF_A_BUSY_TURN;
    this.#operations = 0;
    // The turn after a busy one is mostly empty, because the runtime has not looked at its sockets: it proves nothing.
    this.#busyTurns = isBusy ? this.#busyTurns + 1 : 0;
  };

  /** While reads are held: once in each turn of the event loop. */
  readonly #onTurn = (): void => {
    const isBusy = this.#operations >= OPERATIONS_OF_A_BUSY_TURN;
    if (this.#operations > 0) this.#isAlone = false;
    this.#operations = 0;
    if (this.#begun < this.#round.length) return this.#goOn();
    this.#quietTurns = isBusy ? 0 : this.#quietTurns + 1;
    if (this.#quietTurns < TURNS_UNTIL_A_LOOK) return this.#signals.nextTurn(this.#onTurn);
    const held = this.#held!;
    this.#mustHold = false;
    this.#share = this.#isAlone ? Math.min(this.#share * 2, LARGEST_SHARE) : SMALLEST_SHARE;
    this.#quietTurns = this.#busyTurns = this.#begun = 0;
    if (held.length >= OPERATIONS_OF_A_BUSY_TURN) {
      this.#round = held;
      this.#held = [];
      this.#goOn();
    } else {
      this.#round = [];
      this.#held = undefined;
      this.#heldThatBegan += held.length;
      this.#begin(held);
    }
  };

  /** Begins the next reads of the round. */
  #goOn(): void {
    this.#signals.nextTurn(this.#onTurn);
    const from = this.#begun;
    this.#begun += READS_PER_TURN;
    const reads = this.#round.slice(from, this.#begun);
    this.#heldThatBegan += reads.length;
    this.#begin(reads);
  }

  readonly #beginWrites = (): void => {
    const { room } = this.#writeShare;
    if (room === 0) return;
    let writes = this.#writes;
    if (writes.length <= room) {
      this.#writes = [];
      this.#writesAreBeginning = false;
    } else {
      writes = writes.splice(0, room);
    }
    this.#writeShare.count(writes.length);
    this.#count(writes.length);
    this.#begin(writes);
  };

  #begin(turns: readonly Turn[]): void {
    this.#signals.together(() => {
      for (const turn of turns) turn.begin();
    });
  }
}

/** Where there is no such look, whatever is ready is handed out within this many microtasks. */
const MICROTASKS_OF_A_LOOK = 10;

/** Lets the runtime look at its sockets: resolves when what was ready has been given out. */
export async function look(turns: Turns): Promise<void> {
  if (turns.looked !== undefined) return await turns.looked();
  for (let i = 0; i < MICROTASKS_OF_A_LOOK; i++) await undefined;
}

/** Turns as they come: for transports that nothing can starve on. */
export const plainTurns: Turns = {
  read: (read) => {
    read.begin();
    return false;
  },
  write: (write) => queueMicrotask(() => write.begin()),
};
