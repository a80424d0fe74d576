// How bytes get through a socket of node:tls by its engine, without the streams around it.
//
//   decrypt --> engine --> socket.push        write --> engine --> wire --> transport
//
// Decision record: over a stream that is not its own node:tls puts two streams around its engine, asks the engine
// three times for what there is to send whenever anything has happened, and copies it. That is a quarter of what a
// small message costs, and half or more of what sending in bulk does. Deno's sockets keep the engine, as Node's do,
// in `_handle`, which nobody documents. So three of its methods are used for the one thing that is easy to check,
// moving bytes in and out, where all of them are there; where one is missing, bytes take the streams
// (tls_streams.ts), slower and as right. Whom to trust, names, protocols and the handshake stay with node:tls's
// public face in any case.

import type { TLSSocket } from "node:tls";
import { releaseBuffer } from "./decrypted.ts";
import { RECORD_CONTENT, type TlsPath } from "./tls_streams.ts";
import type { TlsWire } from "./tls_wire.ts";

/** As much as the engine encrypts at once. */
const LARGEST_WRITE = 3 * RECORD_CONTENT;
/** What a record begins with: type, version and, in the last two bytes, its length; with TLS 1.2, a nonce. */
const RECORD_HEADER = 5;
const RECORD_NONCE = 8;

/** What is used of the engine. */
interface Engine {
  /** Takes encrypted bytes, pushes what they hold to the socket. */
  readBuffer(bytes: Uint8Array): void;
  /** Encrypts bytes, which are copied; 0 where it could. */
  writeBuffer(request: object, bytes: Uint8Array): number;
  /** Gives out what is to be sent. */
  drainEncOut(): Uint8Array;
}

/** What is being written. */
interface Writing {
  /** How many bytes were given. */
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
  /** How much of it the transport has. */
  #taken = 0;
  /** How many bytes were sealed, and of how many it was told that the transport has them. */
  #length = 0;
  #told = 0;

  private constructor(engine: Engine, encrypt: Engine["writeBuffer"], wire: TlsWire) {
    this.#engine = engine;
    this.#encrypt = encrypt;
    this.#wire = wire;
  }

  /** The way through the engine of a socket that was made over a wire, where the runtime lets one at it. */
  static of(socket: TLSSocket, wire: TlsWire): TlsEngine | undefined {
    const { _handle: engine } = socket as { readonly _handle?: Partial<Engine> | null };
    if (engine === undefined || engine === null) return undefined;
    // The handle's own method has the streams look for what is to be sent; that of its class only encrypts.
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
      // What was sealed for the last write and not yet sent is what these bytes begin with.
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
    // A runtime in which these methods have come to mean something else must not lose bytes in silence.
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
      // Whoever writes has not gone on with the bytes that were sealed: those that were given are lost.
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
 * How much content is among the first `taken` bytes, never all of it. What the engine had to say for itself comes
 * before the content, in records of its own.
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
