// The sending side of a TLS layer: what was given to node:tls to encrypt, and when the transport has all of it.
//
// node:tls calls a write back only when it is asked for more (see tls_wire.ts). But as soon as it has handed
// over at least as many bytes as it was given, nothing of them is left, and the transport tells when it has
// them. Where it hands over less than that, its own callback is waited for.

import type { TLSSocket } from "node:tls";
import type { Transport } from "../network.ts";
import { TlsWire, type WireHost } from "./tls_wire.ts";

const NOTHING = new Uint8Array(0);

/** What is being written. */
interface Writing {
  readonly length: number;
  /** So many bytes will have been handed over when all of it was. */
  readonly due: number;
  resolve(count: number): void;
  reject(error: unknown): void;
}

/** Has bytes encrypted and sent, one write after another. */
export class Encrypting implements WireHost {
  /** The encrypted side. */
  readonly wire: TlsWire;
  #writing: Writing | undefined;
  /** node:tls has not called the last write back. */
  #isUnderWay = false;

  /** @param inner Where encrypted bytes go. */
  constructor(inner: Transport) {
    this.wire = new TlsWire(inner, this);
  }

  /**
   * Sends bytes. Called again only when it has settled.
   *
   * @param socket What encrypts them, on the wire.
   * @param bytes At most as many as are encrypted at once; copied when it returns.
   * @returns Their count, when the transport has them all.
   */
  write(socket: TLSSocket, bytes: Uint8Array): Promise<number> {
    const { wire } = this;
    const { length } = bytes;
    if (length === 0) return Promise.resolve(0);
    return new Promise((resolve, reject) => {
      // The last write must be over before the next goes through. Whatever is fed tells node:tls that it is;
      // where nothing was, nothing does, and it is cheaper than having it ask for more.
      if (this.#isUnderWay) wire.feed(NOTHING);
      this.#writing = { length, due: wire.bytesHanded + length, resolve, reject };
      this.#isUnderWay = true;
      socket.write(bytes, this.#onCalledBack);
      wire.goOn();
    });
  }

  /** The transport has what was handed over. */
  onSent(): boolean {
    const writing = this.#writing;
    const { failure, bytesHanded } = this.wire;
    if (writing === undefined) return true;
    if (failure === undefined && bytesHanded < writing.due && this.#isUnderWay) return true;
    this.#writing = undefined;
    if (failure === undefined) writing.resolve(writing.length);
    else writing.reject(failure);
    return failure !== undefined;
  }

  readonly #onCalledBack = (error?: Error | null): void => {
    this.#isUnderWay = false;
    const writing = this.#writing;
    if (writing === undefined) return;
    const failure = this.wire.failure ?? error ?? undefined;
    // What was handed over is still on its way: `onSent` tells.
    if (failure === undefined && this.wire.isSending) return;
    this.#writing = undefined;
    if (failure === undefined) writing.resolve(writing.length);
    else writing.reject(failure);
  };
}
