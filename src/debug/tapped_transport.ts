// A stream that tells a tap what goes through it, and is otherwise the one it stands on.
//
// Decision record: when what was written is told. The peer's answer may be read before the promise of the write has
// settled; told only then, an answer would come before its question. So a write is told when it begins, up to 64 KiB of
// it, and the rest when the system has taken it: a system may take little of what is large, and what is never sent should
// not be told. What a write that fails has not sent, up to these 64 KiB, is told all the same.
//
// Nor is it told at once that a write has met a cut: what has come before the cut may still be read. It is told when a
// read meets it, too, or the end, or when the stream is freed.
//
// What TLS carries is told in the clear: when TLS begins on this stream, it falls silent, and what the secure stream
// reads and writes is told in its place, by another one of these.

import type { NetworkAddress } from "../base/address.ts";
import { ignore } from "../base/errors.ts";
import { refusePromise } from "../base/user_code.ts";
import { young } from "../base/young.ts";
import { cut, free } from "../network/free.ts";
import { holdProgram } from "../network/hold_program.ts";
import type { Arriving, SystemSocket, Transport } from "../network/network.ts";
import type { SecureInfo } from "../network/secure_info.ts";
import type { StreamTap } from "./tap.ts";

/** How much of a write is told before the system has taken it. */
const MOST_AHEAD = 64 * 1024;

/** What a stream does not tell of itself, because another one above it does. */
type Silence = "none" | "content" | "reading";

/** Whether the peer has cut the stream: a write has met it, and it may be told. */
type PeerCut = "none" | "met" | "told";

/** A stream with a tap. */
export class TappedTransport implements Transport {
  readonly #inner: Transport;
  readonly #tap: StreamTap;
  #silence: Silence = "none";
  /** How many bytes at the beginning of the next write were told. */
  #ahead = 0;
  #isFreed = false;
  #peerCut: PeerCut = "none";
  /** Only where the stream can. */
  readonly tryRead?: (buffer: Uint8Array) => number | null | undefined;
  /** Only where the stream can. */
  readonly whenReadable?: (callback: () => void) => void;
  /** Only where the stream can. */
  readonly tryWrite?: (bytes: Uint8Array) => number | undefined;
  /** Only where the stream can. */
  readonly reset?: () => void;
  /** Only where the stream can. */
  readonly setNoDelay?: (on: boolean) => void;

  /** @param inner The stream. @param tap What is told. */
  constructor(inner: Transport, tap: StreamTap) {
    this.#inner = inner;
    this.#tap = tap;
    if (inner.tryRead !== undefined) this.tryRead = young((buffer) => this.#tryRead(buffer));
    if (inner.whenReadable !== undefined) {
      this.whenReadable = young((callback) => inner.whenReadable!(callback));
    }
    if (inner.tryWrite !== undefined) this.tryWrite = young((bytes) => this.#tryWrite(bytes));
    if (inner.reset !== undefined) this.reset = young(() => this.#reset());
    if (inner.setNoDelay !== undefined) this.setNoDelay = young((on) => inner.setNoDelay!(on));
  }

  /** The stream that one of these stands on; any other as it is. */
  static innerOf(transport: Transport): Transport {
    return transport instanceof TappedTransport ? transport.#inner : transport;
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
    return this.#inner.mayHaveMore;
  }

  get arriving(): Arriving | undefined {
    return this.#inner.arriving;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const reading = this.#inner.read(buffer);
    if (this.#silence === "reading") return reading;
    return reading.then((count) => this.#hasRead(buffer, count), this.#onReadFailure);
  }

  #tryRead(buffer: Uint8Array): number | null | undefined {
    let count: number | null | undefined;
    try {
      count = this.#inner.tryRead!(buffer);
    } catch (error) {
      return this.#onReadFailure(error);
    }
    return count === undefined ? undefined : this.#hasRead(buffer, count);
  }

  #hasRead(buffer: Uint8Array, count: number | null): number | null {
    if (this.#silence === "reading") return count;
    if (count === null) this.#noMore();
    else if (count > 0 && this.#silence === "none") this.#tap.received(buffer.subarray(0, count));
    return count;
  }

  #noMore(): void {
    if (this.#peerCut === "none") this.#tap.peerEnded();
    else this.#tellPeerCut();
  }

  readonly #onReadFailure = (error: unknown): never => {
    if (isCut(error)) this.#meetPeerCut();
    this.#tellPeerCut();
    throw error;
  };

  readonly #onWriteFailure = (error: unknown): never => {
    if (isCut(error)) this.#meetPeerCut();
    throw error;
  };

  #meetPeerCut(): void {
    if (this.#peerCut === "none" && !this.#isFreed) this.#peerCut = "met";
  }

  #tellPeerCut(): void {
    if (this.#peerCut !== "met") return;
    this.#peerCut = "told";
    this.#tap.peerCut();
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#silence !== "none") return this.#inner.write(bytes);
    const writing = this.#inner.write(bytes);
    if (!this.#isFreed) this.#tell(bytes, Math.min(bytes.length, MOST_AHEAD));
    return writing.then((count) => this.#hasWritten(bytes, count), this.#onWriteFailure);
  }

  #tryWrite(bytes: Uint8Array): number | undefined {
    let count: number | undefined;
    try {
      count = this.#inner.tryWrite!(bytes);
    } catch (error) {
      return this.#onWriteFailure(error);
    }
    return count === undefined ? undefined : this.#hasWritten(bytes, count);
  }

  #hasWritten(bytes: Uint8Array, count: number): number {
    if (this.#silence !== "none") return count;
    this.#tell(bytes, count);
    this.#ahead -= count;
    return count;
  }

  /** Tells of bytes up to this one. */
  #tell(bytes: Uint8Array, end: number): void {
    if (end <= this.#ahead) return;
    this.#tap.sent(bytes.subarray(this.#ahead, end));
    this.#ahead = end;
  }

  holdProgram(isHeld: boolean): void {
    holdProgram(this.#inner, isHeld);
  }

  closeWrite(): Promise<void> {
    const closing = this.#inner.closeWrite();
    // Told when it has happened: what was sent before may have to go out first.
    closing.then(() => this.#tap.ended(), ignore);
    return closing;
  }

  close(): void {
    free(this.#inner);
    this.#tellPeerCut();
    this.#tap.ended();
    this.#free();
  }

  #reset(): void {
    cut(this.#inner);
    this.#tellPeerCut();
    this.#tap.cut();
    this.#free();
  }

  #free(): void {
    if (this.#isFreed) return;
    this.#isFreed = true;
    this.#tap.freed();
  }

  /** TLS begins: what it carries is told from now on. */
  beginTls(): (secure: Transport) => Transport {
    const finishInner = this.#inner.beginTls?.();
    refusePromise("a transport's beginTls", finishInner);
    this.#silence = "content";
    return (secure) => {
      this.#silence = "reading";
      this.#tap.secured(secure.secure);
      return new TappedTransport(finishInner?.(secure) ?? secure, this.#tap);
    };
  }
}

function isCut(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted || error instanceof Deno.errors.BrokenPipe;
}
