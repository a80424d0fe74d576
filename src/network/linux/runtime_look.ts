// Makes the runtime look at its own sockets and timers.
//
//   ask() --a byte--> a socket of the runtime --(it has to look, or it would not know)--> onLooked()
//
// Decision record: a program that goes from turn to turn keeps the runtime from looking: it does so after every 61st turn,
// or when it has nothing else to do. 61 turns that do nothing cost 50 to 100 us. A thread that comes back at once is often
// quicker than the runtime, which then does not look. A byte on a socket that the runtime itself waits for takes 7 us, and
// it cannot be missed: whoever waits for it makes no turns meanwhile.

import { ByteWatch } from "../node/byte_watch.ts";
import { AF_UNIX, MSG_NOSIGNAL, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from "./abi.ts";
import type { Libc } from "./libc.ts";

const BYTE = new Uint8Array(1);

/** Asks the runtime to look, at most once at a time. */
export class RuntimeLook {
  readonly #libc: Libc;
  readonly #onLooked: () => void;
  #watch: ByteWatch | undefined;
  /** The end to which bytes are written. */
  #end = -1;
  #isUnderWay = false;

  /** @param functions The C library. @param onLooked Called when it has looked. */
  constructor(functions: Libc, onLooked: () => void) {
    this.#libc = functions;
    this.#onLooked = onLooked;
  }

  /** Whether it keeps a socket. */
  get isOpen(): boolean {
    return this.#watch !== undefined;
  }

  /** Whether it was asked, and has not looked yet. The caller must make no turns meanwhile. */
  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** Asks. Returns `false` where that is impossible, now or at all. */
  ask(): boolean {
    if (this.#watch === undefined && !this.#open()) return false;
    return this.#isUnderWay = this.#libc.send(this.#end, BYTE, 1, MSG_NOSIGNAL) === 1;
  }

  /** Gives its socket back, and never mind whether it has looked. It can be asked again. */
  close(): void {
    this.#isUnderWay = false;
    if (this.#watch === undefined) return;
    this.#watch.close();
    this.#watch = undefined;
    this.#libc.close(this.#end);
  }

  #open(): boolean {
    const ends = new Int32Array(2);
    const kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    // Out of descriptors, perhaps: the next time may be better.
    if (this.#libc.socketpair(AF_UNIX, kind, 0, new Uint8Array(ends.buffer)) !== 0) return false;
    try {
      this.#watch = new ByteWatch(ends[0]!, () => this.#onByte(), () => this.#onGone());
    } catch {
      for (const end of ends) this.#libc.close(end);
      return false;
    }
    this.#end = ends[1]!;
    return true;
  }

  #onByte(): void {
    if (!this.#isUnderWay) return;
    this.#isUnderWay = false;
    this.#onLooked();
  }

  #onGone(): void {
    const wasUnderWay = this.#isUnderWay;
    this.close();
    if (wasUnderWay) this.#onLooked();
  }
}
