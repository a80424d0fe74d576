// A stream of bytes on a socket of this engine.
//
// Facts that it stands on (man 7 epoll, and the kernel's net/ipv4/tcp.c and net/unix/af_unix.c):
// - It is registered once and told of edges: something arrived, there is room, the peer has ended. So it keeps in mind
//   whether the system may have something for it, and asks only then.
// - A read that does not fill its buffer has emptied the socket, unless the peer has ended, or a piece has a border of
//   its own: before urgent data, and on a local socket. Then it is asked until it says that nothing is there.
// - A write that is cut short has filled the socket, and an edge comes when there is room again.

import type { NetworkAddress } from "../../base/address.ts";
import { freedError } from "../free.ts";
import type { SystemSocket } from "../socket_info.ts";
import type { Transport } from "../transport.ts";
import * as abi from "./abi.ts";
import {
  attempt,
  believed,
  ECONNABORTED,
  ECONNREFUSED,
  ECONNRESET,
  EHOSTUNREACH,
  ENETUNREACH,
  EPIPE,
  errnoLook,
  ETIMEDOUT,
  isExpected,
  systemError,
} from "./errno.ts";
import { type Libc, libc } from "./libc.ts";
import { type EventHandler, eventLoop, type LateHandler } from "./loop.ts";
import { closeDescriptor, setOption } from "./socket.ts";
import { systemSocket } from "./socket_info.ts";

const READABLE = abi.EPOLLIN | abi.EPOLLPRI | abi.EPOLLRDHUP | abi.EPOLLERR | abi.EPOLLHUP;
const WRITABLE = abi.EPOLLOUT | abi.EPOLLERR | abi.EPOLLHUP;
const ENDED = abi.EPOLLRDHUP | abi.EPOLLERR | abi.EPOLLHUP;
const CUT = abi.EPOLLERR | abi.EPOLLHUP;

/** What can end a stream. */
const ENDS: readonly number[] = [
  ECONNABORTED,
  ECONNREFUSED,
  ECONNRESET,
  EHOSTUNREACH,
  ENETUNREACH,
  EPIPE,
  ETIMEDOUT,
];

/** SO_LINGER: what is left is thrown away, with a reset. */
const NO_LINGER = new Uint8Array(new Int32Array([1, 0]).buffer);

/** A read or a write that waits. */
interface Waiting<T> {
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** A stream on a descriptor, which is its own from now on. */
export class LinuxStream implements Transport, EventHandler, LateHandler {
  readonly localAddr: NetworkAddress;
  readonly remoteAddr: NetworkAddress;
  readonly #libc: Libc = libc();
  readonly #loop = eventLoop();
  /** -1 when it was freed: the number may be another socket's by then. */
  #descriptor: number;
  /** Whether pieces may have borders of their own. */
  readonly #hasBorders: boolean;
  #mayRead = false;
  #mayWrite = true;
  /** What was told that stays true. */
  #state = 0;
  /** What a write was told has cut it: the number of the failure. */
  #cutBy = 0;
  #reading: Waiting<number | null> | undefined;
  #writing: Waiting<number> | undefined;
  #onReadable: (() => void) | undefined;
  /** Whether the loop is held for a read. */
  #isAwaited = false;
  /** Whether it may be. */
  #mayHold = true;

  /**
   * @param descriptor A connected socket.
   * @param local Its address.
   * @param remote Its peer's.
   * @param told What another handler was told of it, if the loop knows it already.
   * @throws {Error} The loop has no room for it; it is still the caller's then.
   */
  constructor(
    descriptor: number,
    local: NetworkAddress,
    remote: NetworkAddress,
    told?: number,
  ) {
    this.#descriptor = descriptor;
    this.localAddr = local;
    this.remoteAddr = remote;
    this.#hasBorders = remote.transport === "unix";
    if (told === undefined) {
      this.#loop.register(descriptor, this);
    } else {
      this.#loop.handOver(descriptor, this);
      this.onEvents(told);
    }
  }

  /** Its descriptor. @throws {Deno.errors.BadResource} It was freed. */
  protected get descriptor(): number {
    if (this.#descriptor < 0) throw freedError();
    return this.#descriptor;
  }

  get system(): SystemSocket {
    const kind = this.remoteAddr.transport === "unix" ? "unix" : "tcp";
    return systemSocket(() => this.descriptor, kind);
  }

  onEvents(events: number): void {
    this.#state |= events & (ENDED | abi.EPOLLPRI);
    if ((events & WRITABLE) !== 0) {
      this.#mayWrite = true;
      if (this.#writing !== undefined) this.#writeOn(this.#writing);
    }
    if ((events & READABLE) !== 0) {
      this.#mayRead = true;
      if (this.#onReadable !== undefined) this.onSoon();
      else if (this.#reading !== undefined) this.#readOn(this.#reading);
    }
  }

  tryRead(buffer: Uint8Array): number | null | undefined {
    const { descriptor } = this;
    const { length } = buffer;
    if (length === 0) return 0;
    if (!this.#mayRead) return undefined;
    let count = this.#libc.recv(descriptor, buffer as Uint8Array<ArrayBuffer>, length, 0);
    if (count < 0) count = this.#askAgain(buffer as Uint8Array<ArrayBuffer>);
    if (count > 0) {
      if (count < length && this.#state === 0 && !this.#hasBorders) this.#mayRead = false;
      return count;
    }
    if (count === 0) {
      // A write was told of the cut; whoever reads is told of an end then, which was none.
      if (this.#cutBy !== 0) throw systemError(this.#cutBy, "recv");
      return null;
    }
    if (!isExpected(-count)) throw systemError(-count, "recv");
    this.#mayRead = false;
    return undefined;
  }

  /** A read has failed. What it says is a hint: see errno.ts. */
  #askAgain(buffer: Uint8Array<ArrayBuffer>): number {
    const hint = errnoLook.look();
    let hasEnded = false;
    const count = believed(
      () => {
        const again = this.#libc.recv(this.#descriptor, buffer, buffer.length, 0);
        hasEnded = again === 0;
        return again;
      },
      (this.#state & ENDED) === 0,
      hint,
    );
    // What has cut the stream is told once; whoever asks again is told of an end, which was none.
    if (hasEnded) throw systemError(ENDS.includes(hint) ? hint : ECONNRESET, "recv");
    return count;
  }

  whenReadable(callback: () => void): void {
    if (this.#descriptor < 0) return;
    this.#onReadable = callback;
    if (this.#mayRead) this.#loop.soon(this);
    else this.#hold();
  }

  onSoon(): void {
    const callback = this.#onReadable;
    if (callback === undefined) return;
    this.#onReadable = undefined;
    this.#release();
    callback();
  }

  holdProgram(isHeld: boolean): void {
    this.#mayHold = isHeld;
    if (!isHeld) this.#release();
    else if (this.#onReadable !== undefined || this.#reading !== undefined) this.#hold();
  }

  #hold(): void {
    if (this.#isAwaited || !this.#mayHold) return;
    this.#isAwaited = true;
    this.#loop.hold();
  }

  #release(): void {
    if (!this.#isAwaited) return;
    this.#isAwaited = false;
    this.#loop.release();
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#reading !== undefined) return Promise.reject(busy("Read"));
    let count: number | null | undefined;
    try {
      count = this.tryRead(buffer);
    } catch (error) {
      return Promise.reject(error);
    }
    if (count !== undefined) return Promise.resolve(count);
    this.#hold();
    return new Promise((resolve, reject) => {
      this.#reading = { bytes: buffer, length: buffer.length, resolve, reject };
    });
  }

  #readOn({ bytes, length, resolve, reject }: Waiting<number | null>): void {
    let count: number | null | undefined;
    try {
      // Nothing may be put into a buffer that is somebody else's by now.
      count = bytes.length === length ? this.tryRead(bytes) : 0;
      if (count === undefined) return;
      resolve(count);
    } catch (error) {
      reject(error);
    }
    this.#reading = undefined;
    this.#release();
  }

  tryWrite(bytes: Uint8Array): number | undefined {
    const { descriptor } = this;
    const { length } = bytes;
    if (!this.#mayWrite) return undefined;
    const send = () =>
      this.#libc.send(descriptor, bytes as Uint8Array<ArrayBuffer>, length, abi.MSG_NOSIGNAL);
    let count = send();
    if (count < 0) {
      const hint = errnoLook.look();
      count = believed(send, (this.#state & CUT) === 0, hint);
      // What has cut the stream is told once; then it is a broken pipe.
      if (count === -EPIPE && ENDS.includes(hint)) count = -hint;
      if (count !== -EPIPE && ENDS.includes(-count)) this.#cutBy = -count;
    }
    if (count >= 0) {
      if (count < length) this.#mayWrite = false;
      return count;
    }
    if (!isExpected(-count)) throw systemError(-count, "send");
    this.#mayWrite = false;
    return undefined;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#writing !== undefined) return Promise.reject(busy("Write"));
    let count: number | undefined;
    try {
      count = this.tryWrite(bytes);
    } catch (error) {
      return Promise.reject(error);
    }
    if (count !== undefined) return Promise.resolve(count);
    this.#loop.hold();
    return new Promise((resolve, reject) => {
      this.#writing = { bytes, length: bytes.length, resolve, reject };
    });
  }

  #writeOn({ bytes, length, resolve, reject }: Waiting<number>): void {
    try {
      if (bytes.length !== length) throw new TypeError("The buffer was transferred or resized");
      const count = this.tryWrite(bytes);
      if (count === undefined) return;
      resolve(count);
    } catch (error) {
      reject(error);
    }
    this.#writing = undefined;
    this.#loop.release();
  }

  // deno-lint-ignore require-await -- what it throws becomes a rejection
  async closeWrite(): Promise<void> {
    const { descriptor } = this;
    const result = attempt(() => this.#libc.shutdown(descriptor, abi.SHUT_WR));
    if (result < 0) throw systemError(-result, "shutdown");
  }

  close(): void {
    const { descriptor } = this;
    this.#descriptor = -1;
    this.#loop.unregister(descriptor);
    closeDescriptor(descriptor);
    this.#onReadable = undefined;
    this.#release();
    this.#reading?.reject(interrupted());
    this.#reading = undefined;
    if (this.#writing === undefined) return;
    this.#writing.reject(interrupted());
    this.#writing = undefined;
    this.#loop.release();
  }
}

/** How a stream of TCP was made. */
export interface TcpStreamState {
  /** Whether the delay of small writes is off already, as it is where the listener's was. */
  readonly isNoDelay?: boolean;
  /** Whether it has `reset`: whoever frees it may cut it then. */
  readonly canReset?: boolean;
  /** What another handler was told of it, if the loop knows it already. */
  readonly told?: number;
}

/** A stream of TCP. */
export class LinuxTcpStream extends LinuxStream {
  readonly reset?: () => void;
  #isNoDelay: boolean;

  /**
   * @param descriptor A connected socket.
   * @param local Its address.
   * @param remote Its peer's.
   * @param state How it was made.
   */
  constructor(
    descriptor: number,
    local: NetworkAddress,
    remote: NetworkAddress,
    state: TcpStreamState,
  ) {
    super(descriptor, local, remote, state.told);
    this.#isNoDelay = state.isNoDelay === true;
    if (state.canReset === true) this.reset = this.#reset;
  }

  #reset(): void {
    setOption(this.descriptor, abi.SOL_SOCKET, abi.SO_LINGER, NO_LINGER);
    this.close();
  }

  setNoDelay(on: boolean): void {
    if (on === this.#isNoDelay) return;
    setOption(this.descriptor, abi.IPPROTO_TCP, abi.TCP_NODELAY, Number(on));
    this.#isNoDelay = on;
  }
}

function busy(what: string): Error {
  return new Deno.errors.Busy(`${what} is under way`);
}

function interrupted(): Error {
  return new Deno.errors.Interrupted("operation canceled");
}
