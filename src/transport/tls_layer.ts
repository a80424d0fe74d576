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
import { TlsWire } from "./tls_wire.ts";

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

/** A secure stream over another one. */
export class TlsLayer implements Transport {
  readonly #inner: Transport;
  readonly #wire: TlsWire;
  /** What was decrypted and not read yet: at most what one read of the transport has brought. */
  readonly #plain: Uint8Array[] = [];
  #buffer = new Uint8Array(SMALLEST_READ);
  #smallReads = 0;
  #socket: TLSSocket | undefined;
  #secure: SecureInfo | undefined;
  #arrived: (() => void) | undefined;
  #giveUp: ((error: unknown) => void) | undefined;
  #isFreed = false;
  #hasSaidGoodbye = false;
  #filling: Promise<boolean> | undefined;
  /** The peer has said that it sends no more. */
  #hasEnded = false;
  #error: unknown;
  /** Only where the stream can. */
  declare setNoDelay?: (on: boolean) => void;

  /** @param inner The stream to make secure; it is freed with this. */
  constructor(inner: Transport) {
    this.#inner = inner;
    this.#wire = new TlsWire(inner);
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
        const hasMore = await Promise.race([this.#fill(), done.promise]);
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

  async read(buffer: Uint8Array): Promise<number | null> {
    if (buffer.length === 0) return 0;
    for (;;) {
      if (this.#isFreed) throw freedError();
      const chunk = this.#plain[0];
      if (chunk !== undefined) {
        if (chunk.length <= buffer.length) {
          this.#plain.shift();
          buffer.set(chunk);
          return chunk.length;
        }
        buffer.set(chunk.subarray(0, buffer.length));
        this.#plain[0] = chunk.subarray(buffer.length);
        return buffer.length;
      }
      if (this.#hasEnded) return null;
      if (this.#error !== undefined) throw secureReadError(this.#error);
      if (!await this.#more() && this.#plain.length === 0) {
        // What came before the end may still be on its way through node:tls.
        await nextTurn();
        if (this.#hasEnded) return null;
        throw this.#error === undefined ? truncatedError() : secureReadError(this.#error);
      }
    }
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#isFreed) return Promise.reject(freedError());
    const piece = bytes.length > LARGEST_WRITE ? bytes.subarray(0, LARGEST_WRITE) : bytes;
    return new Promise((resolve, reject) => {
      this.#socket!.write(piece, (error) => {
        const failure = this.#wire.failure ?? this.#error ?? error;
        if (failure === undefined || failure === null) resolve(piece.length);
        else reject(failure);
      });
    });
  }

  async closeWrite(): Promise<void> {
    if (this.#isFreed) throw freedError();
    this.#hasSaidGoodbye = true;
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
    socket.end();
    // Unread input would make it a reset: with TLS 1.3 there is some that nobody has asked for.
    this.#fill().catch(() => {});
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
    this.#giveUp?.(new Deno.errors.Interrupted("operation canceled"));
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
    socket.on("data", (chunk: Uint8Array) => {
      this.#plain.push(chunk);
      this.#arrived?.();
    });
    socket.on("end", () => this.#hasEnded = true);
    socket.on("error", (error) => this.#error ??= error);
  }

  /** Waits until something was decrypted, or one more read of the stream is over. */
  #more(): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#arrived = () => resolve(true);
      this.#giveUp = reject;
      this.#fill().then(resolve, reject);
    });
  }

  /** Reads once from the stream. Resolves with whether there may be more. */
  #fill(): Promise<boolean> {
    return this.#filling ??= this.#fillOnce().finally(() => this.#filling = undefined);
  }

  async #fillOnce(): Promise<boolean> {
    const buffer = this.#buffer;
    const count = await this.#inner.read(buffer);
    if (count === null) return false;
    this.#resize(count);
    // Decrypted, and so copied, when it returns.
    this.#wire.feed(buffer.subarray(0, count));
    return true;
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
