// How bytes get through a socket of node:tls by its streams: the public way, which every runtime has.

import type { TLSSocket } from "node:tls";
import type { TlsWire } from "./tls_wire.ts";

/** The content of a full record. */
export const RECORD_CONTENT = 16 * 1024;

/** How bytes get through a socket of node:tls. What comes out of it, comes out by its own face. */
export interface TlsPath {
  /** Has encrypted bytes decrypted. What they hold has come out when it returns. */
  decrypt(bytes: Uint8Array): void;
  /**
   * Has bytes encrypted and sent. Called again only when it has settled; then with what was not sent, first.
   *
   * @param bytes Copied when it returns, as far as they are sent.
   * @returns How many of them the transport has.
   */
  write(bytes: Uint8Array): Promise<number>;
  /** Has sent what the engine has to say for itself: an alert, an answer to a change of keys. */
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
    // One record, so that a peer that takes little is seen to take it.
    const piece = bytes.subarray(0, RECORD_CONTENT);
    // Not asked again later: its buffer may be resized meanwhile.
    const { length } = piece;
    return new Promise((resolve, reject) => {
      this.#socket.write(piece, async (error) => {
        // It may be called back before the wire has sent what it was given.
        await this.#wire.idle();
        const failure = this.#wire.failure ?? error;
        if (failure === undefined || failure === null) resolve(length);
        else reject(failure);
      });
    });
  }

  /** The runtime sees to it. */
  answer(): void {}
}
