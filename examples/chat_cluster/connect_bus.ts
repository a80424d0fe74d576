// Finds the bus that an address names.

import type { Bus, OnChange } from "./bus.ts";
import { natsBus } from "./nats_bus.ts";

/** Connects to the bus at `nats://HOST:PORT` or `redis://HOST:PORT`. */
export function connectBus(address: string, onChange: OnChange): Promise<Bus> {
  const url = URL.parse(address);
  switch (url?.protocol) {
    case "nats:":
      return natsBus(url.host, onChange);
    default:
      throw new TypeError(`--bus must be nats://HOST:PORT or redis://HOST:PORT: got ${address}`);
  }
}
