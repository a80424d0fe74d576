// The stream behind a proxy: reads the PROXY protocol header, and is then as if the client itself had connected. It
// is below everything else, so that TLS and all readers begin behind the header.

import { ByteQueue } from "../bytes/byte_queue.ts";
import { checkRead } from "../network/counts.ts";
import { waitFor } from "../network/deadline.ts";
import { GenericError, reasonOf } from "../base/errors.ts";
import { cut } from "../network/free.ts";
import type { Clock, Transport } from "../network/network.ts";
import type { NetworkAddress } from "../base/address.ts";
import { ReplayedTransport } from "../network/replayed_transport.ts";
import type { ProxyHeader } from "./proxy_header.ts";
import { ProxyHeaderError } from "./proxy_header_error.ts";
import { parseProxyHeader, truncatedHeaderError } from "./proxy_protocol.ts";

/** How to wait for a header. */
export interface HeaderLimits {
  /** The time it goes by. */
  readonly clock: Clock;
  /** How long it may take to arrive, or `Infinity`. */
  readonly headerTimeoutInMillis: number;
  /** How many bytes it may have. */
  readonly maxHeaderLength: number;
  /** Gives up. */
  readonly signal?: AbortSignal;
  /** Called when bytes have arrived. */
  readonly onWord?: () => void;
}

/** Bytes asked for at once: every header without long values fits into it, as the specification says. */
const SLAB_LENGTH = 536;

const NOTHING = new Uint8Array(0);

/** A stream whose header was read, with the addresses of its client. */
export class ProxiedTransport extends ReplayedTransport {
  /** What the proxy has sent. */
  readonly header: ProxyHeader;

  /**
   * Takes a stream over.
   *
   * @param transport The stream.
   * @param header Its header.
   * @param rest What was read behind it.
   */
  constructor(transport: Transport, header: ProxyHeader, rest: ByteQueue) {
    super(transport, rest.length === 0 ? NOTHING : rest.take(rest.length));
    this.header = header;
  }

  /** The client's address where the header has it, else the proxy's own. */
  override get remoteAddr(): NetworkAddress {
    return this.header.source ?? super.remoteAddr;
  }
}

/**
 * Waits for the header that a stream must begin with. Without one the stream is of no use and is freed.
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

/** A peer that cuts its connection has sent no header either. */
async function receive(
  transport: Transport,
  target: Uint8Array,
  length: number,
): Promise<number | null> {
  try {
    return checkRead(await transport.read(target), target.length);
  } catch (cause) {
    throw new ProxyHeaderError(
      "truncated",
      `Cannot read the PROXY protocol header: ${reasonOf(cause)} after ${length} bytes`,
      { cause },
    );
  }
}
