// Connections of which the system asks, from time to time, whether their peers are still there. Deno's engine
// can switch that on; after how long it begins is the system's own time (on Linux two hours, tcp_keepalive_time).

import { GenericError } from "../../base/errors.ts";
import type { NetworkAddress } from "../../base/address.ts";
import type { Transport, TransportListener } from "../transport.ts";

/** What Deno's listeners accept. */
type KeptAlive = Transport & { setKeepAlive(on: boolean): void };

/** What accepts those. */
interface Inner extends TransportListener {
  accept(): Promise<KeptAlive>;
}

/** Switches the questions on. */
export function keepAlive(transport: { setKeepAlive(on: boolean): void }): void {
  try {
    transport.setKeepAlive(true);
  } catch { /* gone already: the first read or write tells */ }
}

/** Switches them on for each that it accepts. */
export class KeepAliveListener implements TransportListener {
  readonly #inner: Inner;

  /** @param inner What accepts. */
  constructor(inner: Inner) {
    this.#inner = inner;
  }

  get addr(): NetworkAddress {
    return this.#inner.addr;
  }

  async accept(): Promise<Transport> {
    const transport = await this.#inner.accept();
    keepAlive(transport);
    return transport;
  }

  close(): void {
    this.#inner.close();
  }
}

/**
 * Refuses a time of one's own, before anything is bound.
 *
 * @throws {GenericError} `"unsupported"`.
 */
export function refuseOwnTime(keepAliveInMillis: number | "system" | undefined): void {
  if (typeof keepAliveInMillis !== "number") return;
  throw new GenericError(
    "unsupported",
    `Cannot ask peers after ${keepAliveInMillis} ms: Deno's sockets only have the system's own time ` +
      '(keepAliveInMillis: "system"; or use idleTimeoutInMillis, a heartbeat, or linuxNetwork of linux/mod.ts)',
  );
}
