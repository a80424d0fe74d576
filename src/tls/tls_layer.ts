// TLS over any Transport, by node:tls. STARTTLS, a listener's side, TLS behind a PROXY header or over a Unix socket:
// all are this one layer.
//
// Decision record: which engine does what (Deno 2.9.6, the server's CPU; `deno task bench:tls` measures it):
//
//                     64 bytes   64 bytes,      handshake,    bulk, a MiB
//                     alone      50 at a time   64 bytes      in      out
//   Deno.listenTls    29 us       8.9 us        275 us        420 us  450 us
//   node:tls          36 us      10.2 us        238 us        530 us  370 us   over its own sockets only
//   this layer        39 us      10.6 us        332 us        430 us  540 us   over any Transport
//
// Deno.listenTls has no client certificates, no choice by name and no new certificate while it runs. It gives neither
// the name nor the protocol that was agreed on, and keeps a socket whose handshake was given up until the client sends
// something. And it cannot switch Nagle's algorithm off: 44 ms for each write that follows another. So no listener here
// uses it. Deno.startTls has none of these faults but works for clients only: native_tls.ts uses it unless something is
// asked of it that it cannot do.
//
// Connections on node:tls's own sockets, with everything else of this library around them, were tried: a handshake
// costs a tenth less then, a message as much as here. That is not worth an acceptor of their own, which could not stop
// accepting while nobody takes connections.
//
// The layer is pulled: the transport is read only during a `read` or the handshake.

import type { TLSSocket } from "node:tls";
import { isCount, readCountError } from "../network/counts.ts";
import { cut, free, freedError } from "../network/free.ts";
import { holdProgram } from "../network/hold_program.ts";
import type { Transport } from "../network/network.ts";
import type { NetworkAddress } from "../base/address.ts";
import type { SecureInfo } from "../network/secure_info.ts";
import type { SystemSocket } from "../network/socket_info.ts";
import { ArrivingRecord } from "./arriving_record.ts";
import { Decrypted } from "./decrypted.ts";
import { nextTurn } from "./next_turn.ts";
import { TlsEngine } from "./tls_engine.ts";
import { withoutStacks } from "../base/errors.ts";
import { secureReadError, truncatedError } from "../base/tls_failure.ts";
import { young } from "../base/young.ts";
import { TlsRecords } from "./tls_records.ts";
import { type TlsPath, TlsStreams } from "./tls_streams.ts";
import { TlsWire } from "./tls_wire.ts";

/** How much is read at once: one flight of a handshake at first, up to four records for a peer that sends much. */
const SMALLEST_READ = 4 * 1024;
const LARGEST_READ = 64 * 1024;
/** Shrink after this many consecutive reads that would have fitted a quarter. */
const READS_BEFORE_SHRINKING = 64;

/** How a handshake ends; one of the two is called, once. */
export interface HandshakeOutcome {
  /** Both ends have agreed: on `secure`, carried by `socket`. */
  agreed(socket: TLSSocket, secure: SecureInfo): void;
  /** They have not agreed. */
  failed(error: unknown): void;
}

/** Chooses how bytes get through a socket. */
export type ChoosePath = (socket: TLSSocket, wire: TlsWire) => TlsPath;

const shortestPath: ChoosePath = (socket, wire) =>
  TlsEngine.of(socket, wire) ?? new TlsStreams(socket, wire);

/** The options of a layer. */
export interface LayerOptions {
  /** Chooses how bytes get through node:tls. */
  readonly choosePath?: ChoosePath;
  /** Called once, when the peer has sent the first bytes of the handshake, whatever they are. */
  readonly onFirstBytes?: () => void;
  /** Bytes that the peer has sent and that were read already. */
  readonly said?: Uint8Array;
}

/** A secure stream over another one. */
export class TlsLayer implements Transport {
  readonly #inner: Transport;
  readonly #wire: TlsWire;
  readonly #choosePath: ChoosePath;
  readonly #onFirstBytes: () => void;
  #said: Uint8Array | undefined;
  readonly #records = new TlsRecords();
  readonly #decrypted = new Decrypted();
  readonly arriving: ArrivingRecord;
  #buffer = new Uint8Array(SMALLEST_READ);
  #smallReads = 0;
  #socket: TLSSocket | undefined;
  #path: TlsPath | undefined;
  #secure: SecureInfo | undefined;
  #isFilling = false;
  #whenFilled: PromiseWithResolvers<boolean> | undefined;
  /** Whether the stream may have more than its last read has brought. */
  #mayHaveMore = false;
  /** Whether the last read got, or gets, only what was read from the stream before it, or by a read begun before it. */
  #isEarlier = false;
  /** Whether the peer is known to have found nothing wrong with the handshake. */
  #isConfirmed = true;
  /** Whether something came out of the bytes that were fed. */
  #hasArrived = false;
  #isFreed = false;
  #hasSaidGoodbye = false;
  #error: unknown;
  /** Takes what the engine throws: the handshake, while it is under way. */
  #onThrown: (error: unknown) => void = young((error) => this.#fail(error));
  /** Only if the stream can. */
  declare setNoDelay?: (on: boolean) => void;

  /** @param inner The stream to make secure; it is freed with this. @param options The options. */
  constructor(inner: Transport, options: LayerOptions = {}) {
    const { choosePath = shortestPath, onFirstBytes = () => {}, said } = options;
    this.#inner = inner;
    this.#choosePath = choosePath;
    this.#onFirstBytes = onFirstBytes;
    this.#said = said;
    this.#wire = new TlsWire(inner);
    this.arriving = new ArrivingRecord(this.#records, inner.arriving);
    if (inner.setNoDelay !== undefined) this.setNoDelay = young((on) => inner.setNoDelay!(on));
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

  get mayHaveSent(): number | undefined {
    return this.#inner.mayHaveSent;
  }

  get system(): SystemSocket | undefined {
    return this.#inner.system;
  }

  get mayHaveMore(): boolean {
    // A read that has not asked the stream says nothing of what has arrived since: a stop would take it for all.
    return this.#isEarlier || this.#mayHaveMore || this.#decrypted.hasMore;
  }

  /**
   * Does the handshake. If this side sends the last message, it must have gone out. What is sent after it, tickets for
   * later, does not belong to the handshake: a peer that has got what it came for may be gone by then.
   *
   * @param begin Passes the wire to node:tls, and calls back, at once, when the handshake is over.
   * @param hasLastWord Whether this side sends the last message.
   * @throws {unknown} What `failed` was called with, or an end or failure of the stream. The stream is still open then,
   * and what node:tls had to send to the peer was sent.
   */
  async handshake(
    begin: (wire: TlsWire, outcome: HandshakeOutcome) => void,
    hasLastWord = false,
  ): Promise<void> {
    let isOver = false;
    let isFirst = true;
    let failure: { readonly error: unknown } | undefined;
    const end = () => {
      isOver = true;
      this.#whenFilled?.resolve(true);
    };
    const failed = (error: unknown) => {
      failure = { error };
      end();
    };
    try {
      this.#onThrown = young(failed);
      begin(this.#wire, {
        agreed: (socket, secure) => {
          this.#onThrown = young((error) => this.#fail(error));
          this.#attach(socket);
          this.#secure = secure;
          // With TLS 1.3 a client has finished before the server has looked at its certificate.
          this.#isConfirmed = !hasLastWord || secure.protocol !== "TLSv1.3";
          end();
        },
        failed,
      });
      if (this.#said !== undefined) this.#decrypt(this.#said);
      this.#said = undefined;
      while (!isOver) {
        const hasCome = await this.#filled();
        if (hasCome && isFirst) this.#onFirstBytes();
        isFirst = false;
        if (hasCome) continue;
        // node:tls reports the peer's last message, perhaps an alert, only a moment later.
        await nextTurn();
        if (!isOver) throw new Deno.errors.UnexpectedEof("unexpected end of file");
      }
      if (failure !== undefined) throw failure.error;
      // Content that arrived together with the peer's last message of the handshake comes out first.
      await nextTurn();
      if (hasLastWord && this.#wire.failure !== undefined) throw this.#wire.failure;
    } catch (error) {
      // node:tls passes its last messages to the wire only after it has reported the error.
      await nextTurn();
      await this.#wire.idle();
      this.#wire.destroy();
      throw error;
    }
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#isFreed) return Promise.reject(freedError());
    const reading = this.#decrypted.read(buffer);
    const { isAwaited } = this.#decrypted;
    this.#isEarlier = !isAwaited || this.#isFilling;
    if (isAwaited) this.#fill();
    return reading;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#isFreed) return Promise.reject(freedError());
    if (this.#error !== undefined) return Promise.reject(this.#error);
    return this.#path!.write(bytes);
  }

  holdProgram(isHeld: boolean): void {
    holdProgram(this.#inner, isHeld);
  }

  async closeWrite(): Promise<void> {
    if (this.#isFreed) throw freedError();
    this.#hasSaidGoodbye = true;
    await new Promise<void>((resolve) => this.#socket!.end(resolve));
    await this.#wire.idle();
    if (this.#wire.failure !== undefined) throw this.#wire.failure;
    await this.#inner.closeWrite();
  }

  /** Tells the peer that this is the end, unless something is still being sent: then the connection is cut. */
  close(): void {
    const socket = this.#socket;
    const isWhole = !this.#wire.isSending && this.#wire.failure === undefined;
    const hasGoodbye = isWhole && !this.#hasSaidGoodbye && this.#error === undefined;
    this.#end();
    if (socket === undefined || !hasGoodbye) return this.#release(free);
    socket.end();
    // Unread input would make it a reset: with TLS 1.3 there is some that no read has asked for.
    this.#fill();
    // node:tls passes its closing message to the wire a moment later; what has begun to be sent is sent.
    void nextTurn().then(() => this.#release(free));
  }

  /** Frees the stream without a closing message: the peer notices that it was cut. */
  reset(): void {
    this.#end();
    this.#release(cut);
  }

  /** Ends everything that waits, and all later calls. */
  #end(): void {
    if (this.#isFreed) throw freedError();
    this.#isFreed = true;
    // Making an error takes a fiftieth of what a short connection costs.
    if (!this.#decrypted.isAwaited) return;
    this.#decrypted.giveUp(new Deno.errors.Interrupted("operation canceled"));
  }

  /** The code that passed the stream in may have freed it already. */
  #release(end: (transport: Transport) => void): void {
    this.#socket?.destroy();
    this.#wire.destroy();
    end(this.#inner);
  }

  #attach(socket: TLSSocket): void {
    this.#socket = socket;
    this.#path = this.#choosePath(socket, this.#wire);
    const { push } = socket;
    // Taken at the source: a Readable that hands everything on at once would only cost time.
    socket.push = young((chunk: Uint8Array | null) => {
      if (chunk !== null) return this.#onPlain(chunk);
      this.#decrypted.end();
      return push.call(socket, null);
    });
    // Later turns may bring content, too.
    socket.on("data", (chunk: Uint8Array) => {
      this.#isEarlier = true;
      this.#onPlain(chunk);
      this.#decrypted.deliver();
    });
    socket.on("end", () => this.#decrypted.end());
    socket.on("error", (error) => this.#fail(error));
  }

  /** The engine can go on no more. Whoever writes is told the same as whoever reads. */
  #fail(error: unknown): void {
    this.#error ??= secureReadError(error, this.#isConfirmed);
    this.#decrypted.fail(this.#error);
  }

  readonly #onPlain = (chunk: Uint8Array): boolean => {
    this.#hasArrived = this.#isConfirmed = true;
    this.#decrypted.push(chunk);
    return true;
  };

  /** Reads once from the stream. Resolves with whether there may be more. */
  #filled(): Promise<boolean> {
    this.#whenFilled = Promise.withResolvers();
    this.#fill();
    return this.#whenFilled.promise;
  }

  /** Reads once from the stream, unless such a read is under way. */
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
    if (!isCount(count, buffer.length)) {
      return this.#onFillFailure(readCountError(count, buffer.length));
    }
    this.#mayHaveMore = this.#inner.mayHaveMore ?? count === buffer.length;
    this.#resize(count);
    this.#decrypt(count === buffer.length ? buffer : buffer.subarray(0, count));
    this.#whenFilled?.resolve(true);
    if (!this.#decrypted.isAwaited) return;
    this.#isEarlier = false;
    this.#fill();
    // Call this last: it may end the connection.
    this.arriving.onMore?.();
  };

  /** The content has come out when it returns, so the bytes were copied. */
  #decrypt(bytes: Uint8Array): void {
    const { length } = bytes;
    for (let at = 0; at < length && this.#error === undefined;) {
      const end = this.#records.next(bytes, at);
      this.#feed(at === 0 && end === length ? bytes : bytes.subarray(at, end));
      at = end;
    }
    this.#decrypted.deliver();
  }

  #feed(bytes: Uint8Array): void {
    const path = this.#path;
    this.#hasArrived = false;
    try {
      // During the handshake node:tls throws what it cannot read, such as a certificate, to whoever feeds it. It reads the
      // stack of each error, whatever the peer may have sent.
      withoutStacks(() => path === undefined ? this.#wire.feed(bytes) : path.decrypt(bytes));
      if (path === undefined) return;
      // A message without content may need an answer.
      if (!this.#hasArrived) path.answer();
    } catch (error) {
      this.#onThrown(error);
    }
  }

  readonly #onFillFailure = (error: unknown): void => {
    this.#isFilling = false;
    this.#whenFilled?.reject(error);
    this.#decrypted.giveUp(error);
  };

  /** The stream has ended. Bytes from before may still be on their way through node:tls. */
  async #onCut(): Promise<void> {
    if (!this.#decrypted.isAwaited) return;
    await nextTurn();
    if (!this.#decrypted.isAwaited) return;
    // From here on nothing must tell the peer that all was well.
    const error = truncatedError();
    this.#error ??= error;
    this.#decrypted.giveUp(error);
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
