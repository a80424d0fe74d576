// Finds the bus that an address names.

import type { Bus, OnChange } from "./bus.ts";
import { natsBus } from "./nats_bus.ts";
import { redisBus } from "./redis_bus.ts";

/** Connects to the bus at `nats://HOST:PORT` or `redis://HOST:PORT`, and waits until it is there. */
export function connectBus(address: string, onChange: OnChange): Promise<Bus> {
  const url = URL.parse(address);
  switch (url?.protocol) {
    case "nats:":
      return natsBus(url.host, onChange);
    case "redis:":
      return redisBus(url.hostname, Number(url.port || 6379), onChange);
    default:
      throw new TypeError(`--bus must be nats://HOST:PORT or redis://HOST:PORT: got ${address}`);
  }
}
