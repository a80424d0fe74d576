// Moves bytes through a socket of node:tls by its engine, without the streams around it.
//
//   decrypt --> engine --> socket.push        write --> engine --> wire --> transport
//
// Decision record: over a stream that is not its own, node:tls puts two streams around its engine. Whenever anything
// has happened it asks the engine three times for what there is to send, and copies it. That is a quarter of what a
// small message costs, and half or more of what sending in bulk does. Deno's sockets keep the engine, as Node's do, in
// `_handle`, which is not documented. So three of its methods are used, if all of them exist, for the one thing that is
// easy to check: moving bytes in and out. If one is missing, bytes go through the streams (tls_streams.ts), slower but
// just as correct. Trust, names, protocols and the handshake stay with the public interface of node:tls in any case.

import type { TLSSocket } from "node:tls";
import { releaseBuffer } from "./decrypted.ts";
import { RECORD_CONTENT, type TlsPath } from "./tls_streams.ts";
import type { TlsWire } from "./tls_wire.ts";

/** As much as the engine encrypts at once. */
const LARGEST_WRITE = 3 * RECORD_CONTENT;
/** The beginning of a record: type, version and, in the last two bytes, its length; with TLS 1.2, a nonce. */
const RECORD_HEADER = 5;
const RECORD_NONCE = 8;

/** The methods of the engine that are used. */
interface Engine {
  /** Takes encrypted bytes, and pushes their content to the socket. */
  readBuffer(bytes: Uint8Array): void;
  /** Encrypts bytes, which are copied; gives 0 on success. */
  writeBuffer(request: object, bytes: Uint8Array): number;
  /** Gives the bytes that are to be sent. */
  drainEncOut(): Uint8Array;
}

/** A write under way. */
interface Writing {
  /** How many bytes were passed in. */
  readonly length: number;
  resolve(count: number): void;
  reject(error: unknown): void;
}

/** The way through the engine. */
export class TlsEngine implements TlsPath {
  readonly #engine: Engine;
  readonly #encrypt: Engine["writeBuffer"];
  readonly #wire: TlsWire;
  #writing: Writing | undefined;
  #sealed: Uint8Array | undefined;
  /** How much of it the transport has taken. */
  #taken = 0;
  /** How many bytes were sealed, and how many of them were reported as taken by the transport. */
  #length = 0;
  #told = 0;

  private constructor(engine: Engine, encrypt: Engine["writeBuffer"], wire: TlsWire) {
    this.#engine = engine;
    this.#encrypt = encrypt;
    this.#wire = wire;
  }

  /** The way through the engine of a socket that was made over a wire, if the runtime gives access to it. */
  static of(socket: TLSSocket, wire: TlsWire): TlsEngine | undefined {
    const { _handle: engine } = socket as { readonly _handle?: Partial<Engine> | null };
    if (engine === undefined || engine === null) return undefined;
    // The handle's own method makes the streams look for what is to be sent; that of its class only encrypts.
    const { writeBuffer } = Object.getPrototypeOf(engine) as Partial<Engine>;
    const isWhole = [engine.readBuffer, engine.drainEncOut, writeBuffer].every((method) =>
      typeof method === "function"
    );
    return isWhole ? new TlsEngine(engine as Engine, writeBuffer!, wire) : undefined;
  }

  decrypt(bytes: Uint8Array): void {
    this.#engine.readBuffer(bytes);
  }

  write(bytes: Uint8Array): Promise<number> {
    if (bytes.length === 0) return Promise.resolve(0);
    return new Promise((resolve, reject) => {
      const isSealed = this.#sealed !== undefined;
      // What was sealed for the last write and not yet sent is the beginning of these bytes.
      if (!isSealed) this.#seal(bytes);
      this.#writing = { length: bytes.length, resolve, reject };
      if (isSealed) this.#tell();
    });
  }

  answer(): void {
    const bytes = this.#engine.drainEncOut();
    if (bytes.length > 0) this.#wire.send(bytes);
  }

  #seal(bytes: Uint8Array): void {
    const piece = bytes.length > LARGEST_WRITE ? bytes.subarray(0, LARGEST_WRITE) : bytes;
    const status = this.#encrypt.call(this.#engine, {}, piece);
    const sealed = this.#engine.drainEncOut();
    // A runtime in which these methods mean something else must not silently lose bytes.
    if (status !== 0 || !(sealed.length > piece.length)) {
      throw new Error(
        `node:tls has made ${sealed.length} bytes of ${piece.length}: this library does not know the TLS engine ` +
          `of Deno ${Deno.version.deno}, try another version`,
      );
    }
    this.#sealed = sealed;
    this.#length = piece.length;
    this.#taken = this.#told = 0;
    this.#wire.send(sealed, this.#onTaken);
  }

  readonly #onTaken = (count: number): void => {
    this.#taken = count;
    this.#tell();
  };

  /** Settles the write if the transport has more of it, or takes no more. */
  #tell(): void {
    const writing = this.#writing;
    if (writing === undefined) return;
    const sealed = this.#sealed!;
    const { failure } = this.#wire;
    const isAll = this.#taken === sealed.length;
    const content = isAll ? this.#length : contentOf(sealed, this.#taken, this.#length);
    const count = content - this.#told;
    if (count > writing.length) {
      // The caller has not continued with the bytes that were sealed: those that were passed in are lost.
      writing.reject(new Error(`${count} bytes were sent of a write of ${writing.length}`));
    } else if (count > 0) {
      writing.resolve(count);
    } else if (failure !== undefined) {
      writing.reject(failure);
    } else {
      return;
    }
    this.#writing = undefined;
    this.#told = content;
    if (!isAll) return;
    this.#sealed = undefined;
    releaseBuffer(sealed);
  }
}

/**
 * How much content is in the first `taken` bytes, never all of it. Messages of the engine itself come before the
 * content, in records of their own.
 */
function contentOf(sealed: Uint8Array, taken: number, length: number): number {
  const starts: number[] = [];
  for (let at = 0; at < sealed.length;) {
    starts.push(at);
    at += RECORD_HEADER + (sealed[at + 3]! << 8 | sealed[at + 4]!);
  }
  let content = 0;
  for (const start of starts.slice(-Math.ceil(length / RECORD_CONTENT))) {
    const there = taken - start - RECORD_HEADER - RECORD_NONCE;
    content += Math.min(Math.max(there, 0), RECORD_CONTENT);
  }
  return Math.min(content, length - 1);
}
