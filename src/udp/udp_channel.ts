// What a connected UdpClient and a UdpSession have in common: datagrams to and from one peer.

import { checkInterval, checkSignal } from "../base/arguments.ts";
import { ignore, type SocketError } from "../base/errors.ts";
import { Iteration, OVER } from "../base/iteration.ts";
import type { DrainedOptions } from "../network/drained.ts";
import type { Datagram } from "./datagram.ts";
import type { TakeLimits } from "./datagram_waiters.ts";
import { optionNames, readOptions } from "../base/options.ts";

/** How one receive waits. */
export interface ReceiveOptions {
  /** Ends the wait with the signal's own reason. No datagram is lost. */
  readonly signal?: AbortSignal;
  /** How long to wait, instead of the socket's `readTimeoutInMillis`. In milliseconds, from 1, or `Infinity`. */
  readonly timeoutInMillis?: number;
}

/**
 * Datagrams to and from one peer: a connected `UdpClient`, or a `UdpSession` of a `UdpListener`. A protocol
 * written on it runs on both ends.
 */
export interface UdpChannel extends AsyncIterable<Datagram>, AsyncDisposable {
  /** IP address of the peer. */
  readonly remoteAddress: string | undefined;
  /** Port of the peer. */
  readonly remotePort: number | undefined;
  /** The local IP address. */
  readonly localAddress: string;
  /** The local port. */
  readonly localPort: number;
  /** How many datagrams reached it and will never be received. */
  readonly droppedDatagrams: number;
  /** Resolves when it is over, with what ended it unless that was `close` or a stop. Never rejects. */
  readonly closed: Promise<SocketError | undefined>;
  /** Receives one datagram of the peer. */
  read(length?: number, options?: ReceiveOptions): Promise<[bytes: Uint8Array, length: number]>;
  /** Receives one datagram of the peer, all of it. */
  read(options: ReceiveOptions): Promise<[bytes: Uint8Array, length: number]>;
  /** Sends content to the peer, in as many datagrams as needed. */
  write(content: Uint8Array | string): Promise<number>;
  /** How many bytes wait to be sent. */
  readonly queuedBytes: number;
  /** Sends content to the peer, unless too much waits already. Returns whether it was queued. */
  tryWrite(content: Uint8Array | string): boolean;
  /** Waits until the system has taken what was written. */
  drained(options?: DrainedOptions): Promise<void>;
  /** Ends it. */
  close(): Promise<void>;
}

/** Waits without a limit. */
export const FOREVER: TakeLimits = { timeoutInMillis: Infinity, signal: undefined };

/** What an iteration gives for a datagram. */
export function nextOf(value: Datagram): IteratorResult<Datagram, undefined> {
  return { done: false, value };
}

/** What datagrams are taken from. */
interface DatagramSource {
  /** Waits for one. */
  take<T>(shape: (datagram: Datagram) => T, limits: TakeLimits, closedAs?: T): Promise<T>;
  /** Ends the waits that have this shape. */
  leave(shape: (datagram: Datagram) => unknown): void;
}

/**
 * Iterates over datagrams. When the iteration is left, its waiting step ends: later datagrams are for others.
 *
 * @param source What they are taken from.
 * @param limits How a step waits.
 * @param onWait Called when a step has begun.
 */
export function iterationOf(
  source: DatagramSource,
  limits: TakeLimits,
  onWait: () => void = ignore,
): AsyncIterator<Datagram, undefined> {
  return new DatagramIteration(source, limits, onWait);
}

class DatagramIteration extends Iteration<Datagram> {
  readonly #source: DatagramSource;
  readonly #limits: TakeLimits;
  readonly #onWait: () => void;
  /** A function of this iteration alone: its waits are known by it. */
  readonly #shape = (datagram: Datagram) => nextOf(datagram);

  constructor(source: DatagramSource, limits: TakeLimits, onWait: () => void) {
    super();
    this.#source = source;
    this.#limits = limits;
    this.#onWait = onWait;
  }

  protected step(): Promise<IteratorResult<Datagram, undefined>> {
    const next = this.#source.take(this.#shape, this.#limits, OVER);
    this.#onWait();
    return next;
  }

  protected leave(): void {
    this.#source.leave(this.#shape);
  }
}

/** The first bytes, at most this many. */
export function cut(bytes: Uint8Array, length: number | undefined): Uint8Array {
  return length === undefined || length >= bytes.length ? bytes : bytes.subarray(0, length);
}

/** What `read` returns of a datagram. */
type BytesAndLength = [bytes: Uint8Array, length: number];

/** Makes what `read` returns. */
export function bytesShape(length: number | undefined): (datagram: Datagram) => BytesAndLength {
  return length === undefined ? allBytes : (datagram) => {
    const bytes = cut(datagram.data, length);
    return [bytes, bytes.length];
  };
}

function allBytes({ data }: Datagram): BytesAndLength {
  return [data, data.length];
}

const RECEIVE_OPTIONS = optionNames<ReceiveOptions>({ signal: true, timeoutInMillis: true });

/** Checks how one receive waits. */
export function checkLimits(options: ReceiveOptions | undefined, standard: TakeLimits): TakeLimits {
  if (options === undefined) return standard;
  const { signal, timeoutInMillis } = readOptions<ReceiveOptions>(
    "options",
    options,
    RECEIVE_OPTIONS,
  );
  return {
    signal: signal === undefined ? undefined : checkSignal(signal),
    timeoutInMillis: timeoutInMillis === undefined
      ? standard.timeoutInMillis
      : checkInterval("timeoutInMillis", timeoutInMillis),
  };
}
