// The one epoll of this program, and when it is asked.
//
//   events ──> epoll ──(epoll_wait, never waiting, in a turn of the event loop)──> handlers
//                └────(poll in a thread, while nothing happens)──> a turn
//
// Decision record:
// - While there is traffic, the system is asked in each turn of the event loop. When there was none for some turns, a
//   thread waits in the place of this one. It only polls the epoll, in memory that is not the isolate's: events that a
//   thread had taken into an isolate that is gone would be lost, and edges are told once.
// - A program that goes from turn to turn keeps the runtime from looking at its own sockets and timers (a fetch took 29 ms
//   at 500 us of work a turn, 0.12 ms without). It looks after every 61st turn. So when half a millisecond of work has had
//   fewer turns, it is asked to: see runtime_look.ts. Where it cannot be asked, the missing turns are spent with nothing.
// - Turns without events cost, too, and so does a thread: how many turns are spent before the thread is sent depends
//   on how long it had to wait the last times.
// - The runtime lives as long as a thread does. So it is called back when nobody waits for anything, and it never stays
//   longer than ten seconds: a worker that was terminated cannot call it.
// - Nor can such a worker close anything. So the epoll and the alarm are closed after the last socket, and made again for
//   the next one; but never under a thread, which would poll whatever has their numbers by then.

import { denoNetwork } from "../deno/deno_network.ts";
import * as abi from "./abi.ts";
import { checkAbi } from "./check_abi.ts";
import { attempt, must } from "./errno.ts";
import { type Libc, libc } from "./libc.ts";
import { RuntimeLook } from "./runtime_look.ts";
import { WaitGuard } from "./wait_guard.ts";

/** Takes what has happened to a descriptor. */
export interface EventHandler {
  /**
   * Something may be done now that could not be done before. Told once for each change, also where nobody waits for it.
   *
   * @param events Bits of `EPOLL…`.
   */
  onEvents(events: number): void;
}

/** Takes a call that comes soon. It is the object itself, since a callback for each socket takes memory. */
export interface LateHandler {
  /** What {@linkcode EventLoop.soon} was asked for. */
  onSoon(): void;
}

/** Everything that a socket is told, once each. */
export const ALL_EVENTS = abi.EPOLLIN | abi.EPOLLOUT | abi.EPOLLPRI | abi.EPOLLRDHUP | abi.EPOLLET;

/** How many events are taken at once, and how often in one turn. */
const EVENTS_AT_ONCE = 512;
const MOST_TIMES_IN_A_TURN = 8;
/** How many turns without events are spent before a thread waits, where events came shortly before. */
const MOST_EMPTY_TURNS = 24;
/** A thread that waited for less was sent too early. */
const SHORT_WAIT_IN_MILLIS = 0.25;
const LONGEST_WAIT_IN_MILLIS = 10_000;
/** For so long the runtime does not look at its own sockets and timers. */
const LONGEST_WITHOUT_THE_RUNTIME_IN_MILLIS = 0.5;
/** For how long this thread waits for one that was called back: on a busy machine it may have to wait for a core. */
const LONGEST_RETURN_IN_MILLIS = 20;
/** In so many the runtime looks for certain: 61, and a few for what it does with that. */
const TURNS_OF_A_LOOK = 66;
/** So many turns that others have asked for may come one after the other, whether or not anybody waits for an event. */
const TURNS_WORTH_A_LOOK = 3;
/** What a struct pollfd has found before the system says so. */
const NOT_RETURNED = 0xffff << 16;
const YIELDS_FOR_THE_RUNTIME = 50;

/** The loop. */
export class EventLoop {
  readonly #libc: Libc;
  /** Both are below zero while nothing is registered. */
  #epoll = -1;
  #alarm = -1;
  /** Two struct pollfd: the epoll and the alarm. */
  readonly #polled: bigint;
  readonly #polledWords = new Int32Array(4);
  readonly #polledBytes = new Uint8Array(this.#polledWords.buffer);
  readonly #events = new Int32Array(EVENTS_AT_ONCE * abi.EPOLL_EVENT_WORDS);
  readonly #eventBytes = new Uint8Array(this.#events.buffer);
  readonly #request = new Int32Array(abi.EPOLL_EVENT_WORDS);
  readonly #requestBytes = new Uint8Array(this.#request.buffer);
  readonly #alarmBytes = new Uint8Array(8);
  /** By descriptor. Its number is used again at once, so an event must also be of the same registration. */
  readonly #handlers: (EventHandler | undefined)[] = [];
  readonly #registrations: number[] = [];
  #registration = 0;
  #registered = 0;
  /** How many events the last turn has brought. */
  eventsOfTurn = 0;
  /** How many calls have to be called back by an event. */
  #waits = 0;
  #immediate: ReturnType<typeof setImmediate> | undefined;
  #isWaiting = false;
  #isCalledBack = false;
  /** How many turns there were since the runtime has looked, and whether the next ones are spent for that. */
  #turns = 0;
  #isForTheRuntime = false;
  readonly #runtimeLook: RuntimeLook;
  readonly #guard = new WaitGuard(() => {
    this.#ask();
    const { eventsOfTurn } = this;
    this.#goOn();
    return eventsOfTurn;
  });
  #isBusy = false;
  /** Whether nobody waited at the end of the last turn. */
  #isResting = false;
  /** Whether somebody had asked for this turn: they may do so again at the end of its microtasks. */
  #wasAskedFor = false;
  #emptyTurns = 0;
  #mostEmptyTurns = MOST_EMPTY_TURNS;
  /** When the runtime has looked at its own sockets. */
  #lookedAt = 0;
  #beganToWaitAt = 0;
  #afterTurn: (() => void)[] = [];
  #soon: LateHandler[] = [];
  #whenRested: (() => void)[] = [];

  /** @param functions The C library. */
  constructor(functions: Libc) {
    this.#libc = functions;
    // Never given back: a thread may look at it for as long as the process lives.
    this.#polled = functions.malloc(BigInt(this.#polledBytes.length));
    this.#runtimeLook = new RuntimeLook(functions, this.#onRuntimeLooked);
  }

  /** Whether anybody waits for an event. */
  get isAwaited(): boolean {
    return this.#waits > 0;
  }

  /**
   * Tells a handler from now on what happens to a descriptor; what can be done already is told soon.
   *
   * @param descriptor An open one.
   * @param handler Whom to tell.
   * @param events What, if not everything.
   * @throws {Error} The system has no room for it.
   */
  register(descriptor: number, handler: EventHandler, events: number = ALL_EVENTS): void {
    if (this.#epoll < 0) this.#open();
    const registration = this.#registration = this.#registration + 1 | 0;
    this.#request[0] = events;
    this.#request[abi.EPOLL_EVENT_DATA_WORD] = descriptor;
    this.#request[abi.EPOLL_EVENT_DATA_WORD + 1] = registration;
    const { epoll_ctl } = this.#libc;
    must(
      "epoll_ctl",
      () => epoll_ctl(this.#epoll, abi.EPOLL_CTL_ADD, descriptor, this.#requestBytes),
    );
    while (this.#handlers.length <= descriptor) this.#handlers.push(undefined);
    this.#handlers[descriptor] = handler;
    this.#registrations[descriptor] = registration;
    this.#registered++;
  }

  /** Tells another handler from now on. */
  handOver(descriptor: number, handler: EventHandler): void {
    this.#handlers[descriptor] = handler;
  }

  /**
   * Tells nobody any more. To be called before the descriptor is closed, which takes it out of the epoll.
   *
   * @param isShared Whether it stays open elsewhere: then it has to be taken out.
   */
  unregister(descriptor: number, isShared = false): void {
    if (this.#handlers[descriptor] === undefined) return;
    this.#handlers[descriptor] = undefined;
    if (isShared) {
      this.#libc.epoll_ctl(this.#epoll, abi.EPOLL_CTL_DEL, descriptor, this.#requestBytes);
    }
    // Soon: it may be registered anew, for other events.
    if (--this.#registered === 0) queueMicrotask(this.#closeIfIdle);
  }

  #open(): void {
    const { epoll_create1, eventfd, close } = this.#libc;
    const epoll = must("epoll_create1", () => epoll_create1(abi.EPOLL_CLOEXEC));
    try {
      this.#alarm = must("eventfd", () => eventfd(0, abi.EFD_CLOEXEC | abi.EFD_NONBLOCK));
    } catch (error) {
      close(epoll);
      throw error;
    }
    this.#epoll = epoll;
  }

  readonly #closeIfIdle = (): void => {
    if (this.#epoll < 0 || this.#registered > 0 || this.#waits > 0) return;
    if (this.#isWaiting && !this.#hasReturned()) return;
    this.#libc.close(this.#epoll);
    this.#libc.close(this.#alarm);
    this.#epoll = this.#alarm = -1;
  };

  /** Somebody waits for an event: the system is asked, and the program lives. Each has its `release`. */
  hold(): void {
    if (this.#epoll < 0) this.#open();
    if (this.#waits++ > 0 || this.#isBusy || this.#immediate !== undefined) return;
    // Nobody has kept the runtime from anything since nobody waited.
    this.#lookedAt = denoNetwork.clock.now();
    this.#turns = 0;
    if (this.#isWaiting) this.#guard.begin();
    else this.#takeTurn();
  }

  /** Somebody waits no longer. */
  release(): void {
    if (--this.#waits === 0 && !this.#isBusy) this.#rest();
  }

  /** Resolves when no thread is left of a wait that has ended: at once while others wait. */
  rested(): Promise<void> {
    if (this.#waits > 0 || !this.#isWaiting) return Promise.resolve();
    // It may not have begun: others may have all threads for long.
    if (!this.#hasReturned()) return Promise.resolve();
    return new Promise((resolve) => this.#whenRested.push(resolve));
  }

  /** Calls at the end of the microtasks that are queued now: for what has not to wait for the system. */
  soon(handler: LateHandler): void {
    if (this.#soon.push(handler) === 1) queueMicrotask(this.#callSoon);
  }

  readonly #callSoon = (): void => {
    const handlers = this.#soon;
    this.#soon = [];
    for (const handler of handlers) handler.onSoon();
  };

  /** Calls back in another turn of the event loop, after the system was asked and everybody was told. */
  afterTurn(callback: () => void): void {
    this.#afterTurn.push(callback);
    this.#takeTurn();
  }

  /** Asks the system. Resolves when everybody was told what was ready when this was called. */
  looked(): Promise<void> {
    // What was told goes through a secure stream in the turn after that.
    return new Promise((resolve) => this.afterTurn(() => void setImmediate(resolve)));
  }

  #takeTurn(): void {
    // It comes when the runtime has looked.
    if (this.#runtimeLook.isUnderWay) return;
    this.#immediate ??= setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#immediate = undefined;
    this.#turns++;
    if (this.#isForTheRuntime && this.#turns < TURNS_OF_A_LOOK) return this.#takeTurn();
    // Whoever is called back after each turn keeps the runtime busy, too.
    const isOften = this.#turns >= TURNS_WORTH_A_LOOK;
    if (isOften && this.#owesALook() && this.#runtimeLook.ask()) return;
    this.#ask();
    this.#goOn();
  };

  /** Whether the runtime has to look. It has after so many turns of any kind. */
  #owesALook(): boolean {
    const now = denoNetwork.clock.now();
    if (this.#turns >= TURNS_OF_A_LOOK) {
      this.#turns = 0;
      this.#lookedAt = now;
    }
    return now - this.#lookedAt >= LONGEST_WITHOUT_THE_RUNTIME_IN_MILLIS;
  }

  /** Asks the system and tells everybody. */
  #ask(): void {
    this.#isBusy = true;
    let count = 0;
    for (let times = 0; times < MOST_TIMES_IN_A_TURN && this.#epoll >= 0; times++) {
      const some = this.#libc.epoll_wait(this.#epoll, this.#eventBytes, EVENTS_AT_ONCE, 0);
      for (let i = 0; i < some; i++) this.#tell(i * abi.EPOLL_EVENT_WORDS);
      if (some > 0) count += some;
      // Also where it failed, for which there is no reason but an interruption: the next turn asks again.
      if (some < EVENTS_AT_ONCE) break;
    }
    this.eventsOfTurn = count;
    this.#emptyTurns = count > 0 ? 0 : this.#emptyTurns + 1;
    this.#wasAskedFor = this.#afterTurn.length > 0;
    if (this.#wasAskedFor) {
      const callbacks = this.#afterTurn;
      this.#afterTurn = [];
      for (const callback of callbacks) callback();
    }
    this.#isBusy = false;
  }

  #tell(event: number): void {
    const data = event + abi.EPOLL_EVENT_DATA_WORD;
    const descriptor = this.#events[data]!;
    if (this.#registrations[descriptor] !== this.#events[data + 1]) return;
    this.#handlers[descriptor]?.onEvents(this.#events[event]!);
  }

  /** Decides when the system is asked next. */
  #goOn(): void {
    if (this.#waits === 0 && this.#afterTurn.length === 0) return this.#restSoon();
    this.#isResting = false;
    const isAsked = this.#afterTurn.length > 0;
    if (this.#isWaiting && !isAsked) return;
    if (!isAsked && this.#emptyTurns > this.#mostEmptyTurns) return this.#wait();
    this.#isForTheRuntime = this.#owesALook() && !this.#runtimeLook.ask();
    this.#takeTurn();
  }

  readonly #onRuntimeLooked = (): void => {
    this.#turns = 0;
    this.#lookedAt = denoNetwork.clock.now();
    // Not from here: whoever asks for the next look must wait until this byte's reader has found no other one.
    this.#takeTurn();
  };

  #dropTurn(): void {
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    this.#immediate = undefined;
  }

  /** A thread waits. */
  #wait(): void {
    this.#isWaiting = true;
    this.#beganToWaitAt = denoNetwork.clock.now();
    // The system writes the upper halves when the thread returns.
    const awaited = NOT_RETURNED | abi.POLLIN;
    this.#polledWords.set([this.#epoll, awaited, this.#alarm, awaited]);
    this.#libc.copyIn(this.#polled, this.#polledBytes, this.#polledBytes.length);
    void this.#libc.pollInThread(this.#polled, 2n, LONGEST_WAIT_IN_MILLIS).then(this.#onWaited);
    this.#guard.begin();
  }

  readonly #onWaited = (): void => {
    this.#isWaiting = false;
    this.#guard.end();
    for (const resolve of this.#whenRested.splice(0)) resolve();
    const now = denoNetwork.clock.now();
    if (this.#isCalledBack) {
      this.#isCalledBack = false;
      // Another alarm, or none, may be there by now: then there is nothing to be read.
      this.#libc.eventfd_read(this.#alarm, this.#alarmBytes);
    } else if (now - this.#beganToWaitAt < SHORT_WAIT_IN_MILLIS) {
      this.#mostEmptyTurns = MOST_EMPTY_TURNS;
    } else {
      this.#mostEmptyTurns >>= 1;
    }
    this.#lookedAt = now;
    this.#turns = 0;
    this.#ask();
    this.#goOn();
  };

  #ring(): void {
    this.#isCalledBack = true;
    attempt(() => this.#libc.eventfd_write(this.#alarm, 1n));
  }

  /** Nobody waits for anything; whoever was told just now may want to in a moment. */
  #restSoon(): void {
    if (!this.#runtimeLook.isOpen || this.#isResting && !this.#wasAskedFor) return this.#rest();
    this.#isResting = true;
    this.#takeTurn();
  }

  /** Nobody waits for anything. */
  #rest(): void {
    this.#isResting = false;
    this.#guard.stop();
    if (this.#afterTurn.length === 0) {
      this.#dropTurn();
      this.#runtimeLook.close();
    }
    if (this.#isWaiting) this.#callBack();
    this.#closeIfIdle();
  }

  #callBack(): void {
    if (!this.#isCalledBack) this.#ring();
    // It is gone in some microseconds. Whoever looks right now at what is left of this program, as tests' sanitizers do,
    // shall not find it.
    const { clock } = denoNetwork;
    const until = clock.now() + LONGEST_RETURN_IN_MILLIS;
    while (!this.#hasReturned() && clock.now() < until) this.#libc.sched_yield();
    // It has left the system, and has to tell the runtime.
    for (let i = 0; i < YIELDS_FOR_THE_RUNTIME; i++) this.#libc.sched_yield();
  }

  #hasReturned(): boolean {
    this.#libc.copyOut(this.#polledBytes, this.#polled, this.#polledBytes.length);
    return (this.#polledWords[3]! & NOT_RETURNED) !== NOT_RETURNED;
  }
}

let only: EventLoop | undefined;

/**
 * The loop of this program, or of this worker; made by the first call.
 *
 * @throws {GenericError} `"unsupported"`: this engine cannot be had here.
 * @throws {Error} No permission.
 */
export function eventLoop(): EventLoop {
  if (only === undefined) {
    const functions = libc();
    checkAbi(functions);
    only = new EventLoop(functions);
  }
  return only;
}

/** The loop, where it was made already. */
export function madeLoop(): EventLoop | undefined {
  return only;
}
