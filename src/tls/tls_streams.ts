// Moves bytes through a socket of node:tls by its streams: the public way, which every runtime has.

import type { TLSSocket } from "node:tls";
import type { TlsWire } from "./tls_wire.ts";

/** The content of a full record. */
export const RECORD_CONTENT = 16 * 1024;

/** Moves bytes through a socket of node:tls. Decrypted content comes out of the socket itself. */
export interface TlsPath {
  /** Decrypts bytes. Their content has come out when it returns. */
  decrypt(bytes: Uint8Array): void;
  /**
   * Encrypts and sends bytes. Called again only after it has settled, then first with the bytes that were not sent.
   *
   * @param bytes Those that are sent have been copied when it returns.
   * @returns How many of them the transport has taken.
   */
  write(bytes: Uint8Array): Promise<number>;
  /** Sends what the engine itself has to send: an alert, an answer to a change of keys. */
  answer(): void;
}

/** The way through the streams. */
export class TlsStreams implements TlsPath {
  readonly #socket: TLSSocket;
  readonly #wire: TlsWire;

  /** @param socket The side in the clear. @param wire The encrypted side. */
  constructor(socket: TLSSocket, wire: TlsWire) {
    this.#socket = socket;
    this.#wire = wire;
  }

  decrypt(bytes: Uint8Array): void {
    this.#wire.feed(bytes);
  }

  write(bytes: Uint8Array): Promise<number> {
    // One record, so that a peer that takes bytes slowly is seen to take some.
    const piece = bytes.subarray(0, RECORD_CONTENT);
    // Read once: its buffer may be resized later.
    const { length } = piece;
    return new Promise((resolve, reject) => {
      this.#socket.write(piece, async (error) => {
        // It may be called back before the wire has sent the bytes.
        await this.#wire.idle();
        const failure = this.#wire.failure ?? error;
        if (failure === undefined || failure === null) resolve(length);
        else reject(failure);
      });
    });
  }

  /** The runtime does that. */
  answer(): void {}
}
