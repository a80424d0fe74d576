// A stream whose beginning was read before, and is put back.

import { holdProgram } from "./hold_program.ts";
import type { Arriving, Transport } from "./network.ts";
import type { NetworkAddress } from "../base/address.ts";
import { young } from "../base/young.ts";
import type { SecureInfo } from "./secure_info.ts";
import type { SystemSocket } from "./socket_info.ts";

/** Gives the bytes that were read before, then the rest of the stream. */
export class ReplayedTransport implements Transport {
  readonly #inner: Transport;
  #first: Uint8Array;
  /** Whether the last read was of those bytes, so that it is unknown what the stream has. */
  #hasReplayed = false;
  /** Only where the stream can. */
  readonly reset?: () => void;
  /** Only where the stream can. */
  readonly setNoDelay?: (on: boolean) => void;
  /** Only where the stream can. */
  readonly tryRead?: (buffer: Uint8Array) => number | null | undefined;
  /** Only where the stream can. */
  readonly whenReadable?: (callback: () => void) => void;
  /** Only where the stream can. */
  readonly tryWrite?: (bytes: Uint8Array) => number | undefined;
  /** Only where the stream can. */
  readonly beginTls?: () => (secure: Transport) => Transport;

  /** @param inner The stream. @param first What was read from it. */
  constructor(inner: Transport, first: Uint8Array) {
    this.#inner = inner;
    this.#first = first;
    if (inner.reset !== undefined) this.reset = young(() => inner.reset!());
    if (inner.setNoDelay !== undefined) this.setNoDelay = young((on) => inner.setNoDelay!(on));
    if (inner.tryWrite !== undefined) this.tryWrite = young((bytes) => inner.tryWrite!(bytes));
    if (inner.beginTls !== undefined) this.beginTls = young(() => inner.beginTls!());
    if (inner.whenReadable === undefined) return;
    this.tryRead = young((buffer) => this.#replay(buffer) ?? inner.tryRead!(buffer));
    this.whenReadable = young((callback) => {
      if (this.#first.length > 0) queueMicrotask(callback);
      else inner.whenReadable!(callback);
    });
  }

  get localAddr(): NetworkAddress {
    return this.#inner.localAddr;
  }

  get remoteAddr(): NetworkAddress {
    return this.#inner.remoteAddr;
  }

  get secure(): SecureInfo | undefined {
    return this.#inner.secure;
  }

  get mustSayEnd(): boolean | undefined {
    return this.#inner.mustSayEnd;
  }

  get mayHaveSent(): number | undefined {
    return this.#inner.mayHaveSent;
  }

  get system(): SystemSocket | undefined {
    return this.#inner.system;
  }

  get mayHaveMore(): boolean | undefined {
    return this.#hasReplayed || this.#inner.mayHaveMore;
  }

  get arriving(): Arriving | undefined {
    return this.#inner.arriving;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const count = this.#replay(buffer);
    return count === undefined ? this.#inner.read(buffer) : Promise.resolve(count);
  }

  /** Gives what was read before; `undefined` where the stream is to be asked. */
  #replay(buffer: Uint8Array): number | undefined {
    const first = this.#first;
    this.#hasReplayed = first.length > 0;
    if (first.length === 0 || buffer.length === 0) return undefined;
    const count = Math.min(first.length, buffer.length);
    buffer.set(first.subarray(0, count));
    this.#first = first.subarray(count);
    return count;
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#inner.write(bytes);
  }

  holdProgram(isHeld: boolean): void {
    holdProgram(this.#inner, isHeld);
  }

  closeWrite(): Promise<void> {
    return this.#inner.closeWrite();
  }

  close(): void {
    return this.#inner.close();
  }
}
