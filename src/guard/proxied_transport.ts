// The stream behind a proxy: reads the PROXY protocol header off it and is then as if the client itself had
// connected. It stands under everything else, so that TLS and all that reads see the first byte behind it.

import { ByteQueue } from "../byte_queue.ts";
import { waitFor } from "../deadline.ts";
import { GenericError, reasonOf } from "../errors.ts";
import { cut } from "../free.ts";
import type { Clock, NetworkAddress, Transport } from "../network.ts";
import type { ProxyHeader } from "./proxy_header.ts";
import { ProxyHeaderError } from "./proxy_header_error.ts";
import { parseProxyHeader, truncatedHeaderError } from "./proxy_protocol.ts";

/** How a header is waited for. */
export interface HeaderLimits {
  /** The time it goes by. */
  readonly clock: Clock;
  /** How long it may take to come, or `Infinity`. */
  readonly headerTimeoutInMillis: number;
  /** How many bytes it may have. */
  readonly maxHeaderLength: number;
  /** Gives up. */
  readonly signal?: AbortSignal;
  /** Told when something has come. */
  readonly onWord?: () => void;
}

/** Bytes asked for at once: what the specification has every header without long values fit into. */
const SLAB_LENGTH = 536;

/** A stream whose header was read. */
export class ProxiedTransport implements Transport {
  /** What the proxy has sent. */
  readonly header: ProxyHeader;
  /** Frees the stream with a reset, where the transport can. */
  declare reset?: () => void;
  /** Switches the delay of small writes off, where the transport has one. */
  declare setNoDelay?: (on: boolean) => void;
  readonly #transport: Transport;
  /** What came behind the header. */
  readonly #rest: ByteQueue;
  /** Whether the last read came from there, so that nobody knows what the stream has. */
  #hasReplayed = false;

  /**
   * Takes a stream over.
   *
   * @param transport The stream.
   * @param header Its header.
   * @param rest What came behind it.
   */
  constructor(transport: Transport, header: ProxyHeader, rest: ByteQueue) {
    this.#transport = transport;
    this.header = header;
    this.#rest = rest;
    // Only where the stream has them: others ask.
    if (transport.reset !== undefined) this.reset = () => transport.reset!();
    if (transport.setNoDelay !== undefined) {
      this.setNoDelay = (on) => transport.setNoDelay!(on);
    }
  }

  /** The address of this end, as the system has it. */
  get localAddr(): NetworkAddress {
    return this.#transport.localAddr;
  }

  /** The client's address where the proxy tells it, else the proxy's own. */
  get remoteAddr(): NetworkAddress {
    return this.header.source ?? this.#transport.remoteAddr;
  }

  /** Whether more may be there than the last read has brought. */
  get mayHaveMore(): boolean | undefined {
    return this.#hasReplayed || this.#transport.mayHaveMore;
  }

  /** Waits for bytes behind the header. */
  read(buffer: Uint8Array): Promise<number | null> {
    const rest = this.#rest;
    this.#hasReplayed = rest.length > 0;
    if (rest.length === 0) return this.#transport.read(buffer);
    const bytes = rest.take(Math.min(rest.length, buffer.length));
    buffer.set(bytes);
    return Promise.resolve(bytes.length);
  }

  /** Sends some of the bytes. */
  write(bytes: Uint8Array): Promise<number> {
    return this.#transport.write(bytes);
  }

  /** Ends this end's direction. */
  closeWrite(): Promise<void> {
    return this.#transport.closeWrite();
  }

  /** Frees the stream. */
  close(): void {
    this.#transport.close();
  }
}

/**
 * Waits for the header that a stream must begin with. Where none comes, the stream is of no use and is freed.
 *
 * @param transport The stream; nothing was read from it.
 * @param limits How long the wait and the header may be.
 * @returns The stream behind the header.
 * @throws {ProxyHeaderError} If what comes is no header, or not all of one.
 * @throws {GenericError} `"timed-out"` if it does not come in time.
 * @throws {unknown} `signal.reason` when the signal is or gets aborted.
 */
export async function readProxyHeader(
  transport: Transport,
  limits: HeaderLimits,
): Promise<ProxiedTransport> {
  const { clock, headerTimeoutInMillis, maxHeaderLength, signal } = limits;
  try {
    return await waitFor(
      {
        clock,
        timeoutInMillis: headerTimeoutInMillis,
        signal,
        timeoutError: () =>
          new GenericError(
            "timed-out",
            `Cannot read the PROXY protocol header: it took longer than ${headerTimeoutInMillis} ms`,
          ),
      },
      () => receiveHeader(transport, maxHeaderLength, limits.onWord),
      // Freed below, when the wait was given up.
      () => {},
    );
  } catch (error) {
    cut(transport);
    throw error;
  }
}

async function receiveHeader(
  transport: Transport,
  maxLength: number,
  onWord: () => void = () => {},
): Promise<ProxiedTransport> {
  const queue = new ByteQueue();
  let slab = new Uint8Array(0);
  while (true) {
    if (slab.length === 0) slab = new Uint8Array(SLAB_LENGTH);
    const count = await receive(transport, slab, queue.length);
    if (count === null) throw truncatedHeaderError(queue.length);
    onWord();
    queue.push(slab.subarray(0, count));
    slab = slab.subarray(count);
    const header = parseProxyHeader(queue, maxLength);
    if (header !== undefined) return new ProxiedTransport(transport, header, queue);
  }
}

/** A peer that cuts its connection has not sent a header either. */
async function receive(
  transport: Transport,
  target: Uint8Array,
  length: number,
): Promise<number | null> {
  try {
    return await transport.read(target);
  } catch (cause) {
    throw new ProxyHeaderError(
      "truncated",
      `Cannot read the PROXY protocol header: ${reasonOf(cause)} after ${length} bytes`,
      { cause },
    );
  }
}
