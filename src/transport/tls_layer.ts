// TLS over any Transport, by node:tls: STARTTLS, a listener's side, TLS behind a PROXY header or over a Unix
// socket are all this one layer.
//
// Decision record: which engine does what (measured on Deno 2.9.6, 64-byte messages there and back, the CPU
// of both ends together):
//
//   Deno.listenTls     34 us   no client certificates, no choice by name, no new certificate while it runs,
//                              and 44 ms for each write that follows another (it cannot switch Nagle's
//                              algorithm off): so no listener here uses it
//   node:tls, own TCP  62 us   everything, but only over its own sockets
//   this layer         68 us   everything, over any Transport
//   Deno.startTls      fast    client only: used by tls_client.ts wherever nothing is asked of it that it
//                              cannot do
//
// The layer is pulled: the transport is read only while somebody waits in `read` or in the handshake.

import type { TLSSocket } from "node:tls";
import type { NetworkAddress, Transport } from "../network.ts";
import type { SecureInfo } from "../secure_info.ts";
import { nextTurn } from "./next_turn.ts";
import { secureReadError, truncatedError } from "./tls_failure.ts";
import { TlsWire, type WireHost } from "./tls_wire.ts";

/** How much is encrypted in one write: one record, so that a peer that takes little is seen to take it. */
const LARGEST_WRITE = 16 * 1024;

/** How much is read at once: a handshake's flight for a start, up to four records for who sends much. */
const SMALLEST_READ = 4 * 1024;
const LARGEST_READ = 64 * 1024;
/** Shrink after this many reads in a row that would have fitted a quarter. */
const READS_BEFORE_SHRINKING = 64;

/** How a handshake ends; one of them is called, once. */
export interface HandshakeOutcome {
  /** Both ends have agreed: on what, and whose socket carries it. */
  agreed(socket: TLSSocket, secure: SecureInfo): void;
  /** They have not. */
  failed(error: unknown): void;
}

/** Somebody who waits for decrypted bytes. */
interface Reading {
  readonly buffer: Uint8Array;
  resolve(count: number | null): void;
  reject(error: unknown): void;
}

/** What is being written. */
interface Writing {
  readonly length: number;
  /** So many bytes will have been handed over when all of it was. */
  readonly due: number;
  resolve(count: number): void;
  reject(error: unknown): void;
}

/** A secure stream over another one. */
export class TlsLayer implements Transport, WireHost {
  readonly #inner: Transport;
  readonly #wire: TlsWire;
  /** What was decrypted and not read yet: at most what one read of the transport has brought. */
  readonly #plain: Uint8Array[] = [];
  #buffer = new Uint8Array(SMALLEST_READ);
  #smallReads = 0;
  #socket: TLSSocket | undefined;
  #secure: SecureInfo | undefined;
  #reading: Reading | undefined;
  #writing: Writing | undefined;
  /** node:tls has not called the last write back. */
  #isEncrypting = false;
  #isFilling = false;
  #whenFilled: PromiseWithResolvers<boolean> | undefined;
  /** Something came out of what was fed. */
  #hasArrived = false;
  #isFreed = false;
  #hasSaidGoodbye = false;
  /** The peer has said that it sends no more. */
  #hasEnded = false;
  #error: unknown;
  /** Only where the stream can. */
  declare setNoDelay?: (on: boolean) => void;

  /** @param inner The stream to make secure; it is freed with this. */
  constructor(inner: Transport) {
    this.#inner = inner;
    this.#wire = new TlsWire(inner, this);
    if (inner.setNoDelay !== undefined) this.setNoDelay = (on) => inner.setNoDelay!(on);
  }

  get localAddr(): NetworkAddress {
    return this.#inner.localAddr;
  }

  get remoteAddr(): NetworkAddress {
    return this.#inner.remoteAddr;
  }

  get secure(): SecureInfo | undefined {
    return this.#secure;
  }

  /**
   * Shakes hands.
   *
   * @param begin Gives the wire to node:tls, and calls back, at once, when it is over.
   * @throws {unknown} What `failed` was called with, or an end or failure of the stream. The stream is still
   * open then, and what node:tls had to tell the peer was sent.
   */
  async handshake(begin: (wire: TlsWire, outcome: HandshakeOutcome) => void): Promise<void> {
    const done = Promise.withResolvers<void>();
    let isOver = false;
    done.promise.catch(() => {});
    try {
      begin(this.#wire, {
        agreed: (socket, secure) => {
          isOver = true;
          this.#attach(socket);
          this.#secure = secure;
          done.resolve();
        },
        failed: (error) => {
          isOver = true;
          done.reject(error);
        },
      });
      while (!isOver) {
        const hasMore = await Promise.race([this.#filled(), done.promise]);
        if (hasMore !== false) continue;
        // node:tls tells what the peer's last word was, an alert perhaps, only in a moment.
        await nextTurn();
        if (!isOver) throw new Deno.errors.UnexpectedEof("unexpected end of file");
      }
      await done.promise;
      // What came together with the peer's last word of the handshake comes out first.
      await nextTurn();
      if (this.#wire.failure !== undefined) throw this.#wire.failure;
    } catch (error) {
      // node:tls hands its last words to the wire only after it has told the error.
      await nextTurn();
      await this.#wire.idle();
      this.#wire.destroy();
      throw error;
    }
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#isFreed) return Promise.reject(freedError());
    if (buffer.length === 0) return Promise.resolve(0);
    if (this.#plain.length > 0) return Promise.resolve(this.#take(buffer));
    if (this.#hasEnded) return Promise.resolve(null);
    if (this.#error !== undefined) return Promise.reject(secureReadError(this.#error));
    return new Promise((resolve, reject) => {
      this.#reading = { buffer, resolve, reject };
      this.#fill();
    });
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#isFreed) return Promise.reject(freedError());
    const piece = bytes.length > LARGEST_WRITE ? bytes.subarray(0, LARGEST_WRITE) : bytes;
    const { length } = piece;
    if (length === 0) return Promise.resolve(0);
    const wire = this.#wire;
    return new Promise((resolve, reject) => {
      // The last write, where nothing was fed since: it must be over before the next one goes through.
      if (this.#isEncrypting) wire.goOn();
      this.#writing = { length, due: wire.bytesHanded + length, resolve, reject };
      this.#isEncrypting = true;
      this.#socket!.write(piece, this.#onEncrypted);
      wire.goOn();
    });
  }

  /** The bytes that were encrypted are with the transport. */
  onSent(): boolean {
    const writing = this.#writing;
    const { failure, bytesHanded } = this.#wire;
    if (writing === undefined) return true;
    // Encrypted bytes are never fewer: as long as they are, there are more to come.
    if (failure === undefined && bytesHanded < writing.due && this.#isEncrypting) return true;
    this.#writing = undefined;
    if (failure !== undefined) writing.reject(failure);
    else writing.resolve(writing.length);
    return failure !== undefined;
  }

  /** node:tls is done with a write. What it has handed over need not be sent yet. */
  readonly #onEncrypted = (error?: Error | null): void => {
    this.#isEncrypting = false;
    const writing = this.#writing;
    if (writing === undefined) return;
    const failure = this.#wire.failure ?? this.#error ?? error ?? undefined;
    if (failure === undefined && this.#wire.isSending) return;
    this.#writing = undefined;
    if (failure === undefined) writing.resolve(writing.length);
    else writing.reject(failure);
  };

  async closeWrite(): Promise<void> {
    if (this.#isFreed) throw freedError();
    this.#hasSaidGoodbye = true;
    this.#wire.goOn();
    await new Promise<void>((resolve) => this.#socket!.end(resolve));
    await this.#wire.idle();
    if (this.#wire.failure !== undefined) throw this.#wire.failure;
    await this.#inner.closeWrite();
  }

  /** Tells the peer that this is the end, unless something is still being sent: then it is cut. */
  close(): void {
    const socket = this.#socket;
    const isWhole = !this.#wire.isSending && this.#wire.failure === undefined;
    const hasGoodbye = isWhole && !this.#hasSaidGoodbye && this.#error === undefined;
    this.#end();
    if (socket === undefined || !hasGoodbye) return this.#release(() => this.#inner.close());
    this.#wire.goOn();
    socket.end();
    // Unread input would make it a reset: with TLS 1.3 there is some that nobody has asked for.
    this.#fill();
    // node:tls hands its goodbye to the wire in a moment; what was begun to be sent is sent.
    void nextTurn().then(() => this.#release(() => this.#inner.close()));
  }

  /** Frees the stream without a goodbye: the peer sees that it was cut. */
  reset(): void {
    this.#end();
    this.#release(() =>
      this.#inner.reset === undefined ? this.#inner.close() : this.#inner.reset()
    );
  }

  /** Ends everything that waits and everything to come. */
  #end(): void {
    if (this.#isFreed) throw freedError();
    this.#isFreed = true;
    this.#settle()?.reject(new Deno.errors.Interrupted("operation canceled"));
  }

  #release(free: () => void): void {
    this.#socket?.destroy();
    this.#wire.destroy();
    try {
      free();
    } catch { /* freed already, by whoever gave it to us */ }
  }

  #attach(socket: TLSSocket): void {
    this.#socket = socket;
    const { push } = socket;
    // Taken where it comes from: the way through a Readable that hands everything on at once is for nothing.
    socket.push = (chunk: Uint8Array | null) => {
      if (chunk === null) this.#onEnd();
      else this.#onPlain(chunk);
      return chunk === null ? push.call(socket, null) : true;
    };
    socket.on("data", this.#onPlain);
    socket.on("end", this.#onEnd);
    socket.on("error", (error) => {
      this.#error ??= error;
      if (this.#plain.length === 0) this.#settle()?.reject(secureReadError(this.#error));
    });
  }

  readonly #onPlain = (chunk: Uint8Array): void => {
    this.#hasArrived = true;
    this.#plain.push(chunk);
    const reading = this.#settle();
    reading?.resolve(this.#take(reading.buffer));
  };

  readonly #onEnd = (): void => {
    this.#hasEnded = true;
    this.#settle()?.resolve(null);
  };

  /** Whoever waits, who is told now. */
  #settle(): Reading | undefined {
    const reading = this.#reading;
    this.#reading = undefined;
    return reading;
  }

  /** Takes what was decrypted, as much as fits. */
  #take(buffer: Uint8Array): number {
    const chunk = this.#plain[0]!;
    if (chunk.length <= buffer.length) {
      this.#plain.shift();
      buffer.set(chunk);
      return chunk.length;
    }
    buffer.set(chunk.subarray(0, buffer.length));
    this.#plain[0] = chunk.subarray(buffer.length);
    return buffer.length;
  }

  /** Reads once from the stream. Resolves with whether there may be more. */
  #filled(): Promise<boolean> {
    this.#whenFilled = Promise.withResolvers();
    this.#fill();
    return this.#whenFilled.promise;
  }

  /** Reads once from the stream, where that is not under way. */
  #fill(): void {
    if (this.#isFilling) return;
    this.#isFilling = true;
    this.#inner.read(this.#buffer).then(this.#onFilled, this.#onFillFailure);
  }

  readonly #onFilled = (count: number | null): void => {
    this.#isFilling = false;
    if (count === null) {
      this.#whenFilled?.resolve(false);
      return void this.#onCut();
    }
    const buffer = this.#buffer;
    this.#resize(count);
    this.#hasArrived = false;
    // Decrypted, and so copied, when it returns.
    this.#wire.feed(buffer.subarray(0, count));
    // What was no content may want an answer.
    if (!this.#hasArrived) this.#wire.goOn();
    this.#whenFilled?.resolve(true);
    if (this.#reading !== undefined) this.#fill();
  };

  readonly #onFillFailure = (error: unknown): void => {
    this.#isFilling = false;
    this.#whenFilled?.reject(error);
    this.#settle()?.reject(error);
  };

  /** The stream has ended. What came before may still be on its way through node:tls. */
  async #onCut(): Promise<void> {
    if (this.#reading === undefined) return;
    await nextTurn();
    this.#settle()?.reject(truncatedError());
  }

  /** An idle connection keeps a small buffer, a busy one a large one. */
  #resize(count: number): void {
    const { length } = this.#buffer;
    if (count > length / 4) this.#smallReads = 0;
    else if (length > SMALLEST_READ && ++this.#smallReads === READS_BEFORE_SHRINKING) {
      this.#smallReads = 0;
      this.#buffer = new Uint8Array(SMALLEST_READ);
    }
    if (count === length && length < LARGEST_READ) this.#buffer = new Uint8Array(length * 4);
  }
}

function freedError(): Error {
  return new Deno.errors.BadResource("Bad resource ID");
}
