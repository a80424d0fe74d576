// The socket that node:tls sees: the encrypted side of a TLS layer, over any Transport.
//
// It is a Duplex only as far as node:tls needs one (it emits "data", it is written to). A stream's own buffering is not
// used: received bytes are decrypted in the call of `feed`, sent ones wait for the transport, one after another. So the
// kernel applies the back-pressure, as everywhere here. (A plain Duplex costs 40 us more for each small message and
// reads ahead.)

import { Duplex } from "node:stream";
import { isCount, writeCountError } from "../network/counts.ts";
import type { Transport } from "../network/network.ts";

/**
 * Called each time the transport has taken some of the bytes, with how many it has taken so far; and once, whatever the
 * count, when sending has failed.
 */
type OnTaken = (count: number) => void;

/** Bytes that are to be sent. */
interface Sending {
  readonly bytes: Uint8Array;
  readonly onTaken: OnTaken | undefined;
  taken: number;
}

/** The encrypted side of a TLS layer. */
export class TlsWire extends Duplex {
  readonly #inner: Pick<Transport, "write">;
  readonly #queue: Sending[] = [];
  #whenIdle: (() => void) | undefined;
  #isOver = false;
  /** Whether something was sent, or is to be. */
  hasSent = false;
  /** The error with which sending failed. */
  failure: unknown;

  /** @param inner Where encrypted bytes go. */
  constructor(inner: Pick<Transport, "write">) {
    super({ allowHalfOpen: true, autoDestroy: false, emitClose: false });
    this.#inner = inner;
    // A rejection reports the failure; an event without a listener would end the program.
    this.on("error", () => {});
  }

  /** Whether something is being sent. */
  get isSending(): boolean {
    return this.#queue.length > 0;
  }

  /** Decrypts bytes; their content has come out when it returns. */
  feed(bytes: Uint8Array): void {
    this.emit("data", bytes);
  }

  /** Sends bytes after those that are being sent. */
  send(bytes: Uint8Array, onTaken?: OnTaken): void {
    this.hasSent = true;
    this.#queue.push({ bytes, onTaken, taken: 0 });
    if (this.#queue.length === 1) this.#send();
  }

  /** Sends this, and nothing after it. */
  sendLast(bytes: Uint8Array): void {
    this.send(bytes);
    this.#isOver = true;
  }

  /** Resolves when everything that was to be sent has been taken, or cannot be sent. */
  idle(): Promise<void> {
    if (!this.isSending) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle = resolve);
  }

  /** {@linkcode TlsWire.feed} does the reading. */
  override _read(): void {}

  /** Sends what node:tls passes in; calls back when the transport has taken it. */
  override write(bytes: unknown, encoding?: unknown, callback?: unknown): boolean {
    const calledBack = (typeof encoding === "function" ? encoding : callback) as
      | (() => void)
      | undefined;
    if (this.#isOver) {
      if (calledBack !== undefined) queueMicrotask(calledBack);
      return true;
    }
    const { length } = bytes as Uint8Array;
    this.send(bytes as Uint8Array, (count) => {
      // node:tls would forget an error passed here: the layer looks at `failure`.
      if (count === length || this.failure !== undefined) calledBack?.();
    });
    return true;
  }

  /** The layer ends the transport's direction, after the last encrypted byte. */
  override end(...rest: unknown[]): this {
    const callback = rest.at(-1);
    if (typeof callback === "function") queueMicrotask(callback as () => void);
    return this;
  }

  /** node:tls needs it no more. The layer frees the transport: an alert may still have to go out. */
  override destroy(): this {
    this.emit("close");
    return this;
  }

  #send(): void {
    const { bytes, taken } = this.#queue[0]!;
    // A stream that has failed takes nothing more; every callback is called all the same.
    if (this.failure !== undefined) return queueMicrotask(this.#next);
    try {
      this.#inner.write(taken === 0 ? bytes : bytes.subarray(taken))
        .then(this.#onTaken, this.#onFailure);
    } catch (error) {
      this.failure = error;
      queueMicrotask(this.#next);
    }
  }

  readonly #onTaken = (count: number): void => {
    const first = this.#queue[0]!;
    const offered = first.bytes.length - first.taken;
    // Nothing is all that can be taken of nothing.
    if (!isCount(count, offered) && offered + count !== 0) {
      return this.#onFailure(writeCountError(count, offered));
    }
    first.taken += count;
    if (first.taken === first.bytes.length) return this.#next();
    first.onTaken?.(first.taken);
    this.#send();
  };

  readonly #onFailure = (error: unknown): void => {
    this.failure = error;
    this.#next();
  };

  readonly #next = (): void => {
    const { onTaken, taken } = this.#queue.shift()!;
    if (this.#queue.length > 0) this.#send();
    // The callback may have more to send.
    onTaken?.(taken);
    if (this.isSending) return;
    this.#whenIdle?.();
    this.#whenIdle = undefined;
  };
}
