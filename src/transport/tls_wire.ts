// What node:tls takes for its socket: the encrypted side of a TLS layer, over any Transport.
//
// It is a Duplex only so far as node:tls needs one (it emits "data", it is written to). None of a stream's
// own buffering is used: received bytes are decrypted in the call of `feed`, sent ones wait for the transport,
// and node:tls encrypts the next 48 KiB only when the last have been taken. So the kernel holds the
// back-pressure, as everywhere here. (A plain Duplex costs 40 us more for each small message and reads ahead.)

import { Duplex } from "node:stream";
import type { Transport } from "../network.ts";

type Callback = () => void;

/** The encrypted side of a TLS layer. */
export class TlsWire extends Duplex {
  readonly #inner: Transport;
  readonly #queue: { readonly bytes: Uint8Array; readonly taken: Callback | undefined }[] = [];
  /** Whether something is being sent. */
  isSending = false;
  #whenIdle: Callback | undefined;
  /** What sending failed with. */
  failure: unknown;

  /** @param inner Where encrypted bytes go. */
  constructor(inner: Transport) {
    super({ allowHalfOpen: true, autoDestroy: false, emitClose: false });
    this.#inner = inner;
    // Whoever waits is told by a rejection; an event that nobody hears would end the program.
    this.on("error", () => {});
  }

  /** Has encrypted bytes decrypted; what they hold has come out when it returns. */
  feed(bytes: Uint8Array): void {
    this.emit("data", bytes);
  }

  /** Resolves when everything that was to be sent has been taken, or cannot be sent. */
  idle(): Promise<void> {
    if (!this.isSending) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle = resolve);
  }

  /** Reading is done by {@linkcode TlsWire.feed}. */
  override _read(): void {}

  /** Sends, in order; calls back when the transport has taken the bytes. */
  override write(bytes: unknown, encoding?: unknown, callback?: unknown): boolean {
    const taken = typeof encoding === "function" ? encoding : callback;
    this.#queue.push({ bytes: bytes as Uint8Array, taken: taken as Callback | undefined });
    if (!this.isSending) void this.#send();
    return true;
  }

  /** The transport's direction is ended by the layer, after the last encrypted byte. */
  override end(...rest: unknown[]): this {
    const callback = rest.at(-1);
    if (typeof callback === "function") queueMicrotask(callback as Callback);
    return this;
  }

  /** node:tls is done with it. The transport is freed by the layer: an alert may still have to go out. */
  override destroy(): this {
    this.emit("close");
    return this;
  }

  async #send(): Promise<void> {
    this.isSending = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      let { bytes } = next;
      try {
        while (bytes.length > 0 && this.failure === undefined) {
          bytes = bytes.subarray(await this.#inner.write(bytes));
        }
      } catch (error) {
        this.failure = error;
      }
      // node:tls would forget an error passed here: the layer looks at `failure`.
      next.taken?.();
    }
    this.isSending = false;
    this.#whenIdle?.();
    this.#whenIdle = undefined;
  }
}
