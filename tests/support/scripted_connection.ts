// A connection whose peer is a script and whose time is virtual.

import { Connection, type ConnectionConfig } from "../../mod.ts";
import { connectionFrom } from "../../src/connection/connection.ts";
import type { Origin } from "../../src/connection/origin.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import {
  type ScriptedTransport,
  scriptedTransport,
  type ScriptedTransportOptions,
  silence,
  type Step,
  VirtualClock,
} from "../../testing/mod.ts";

/** Whether peers can be read and written without a promise, where a test does not say. */
export const scriptedPeers = { canTry: false };

export interface ScriptedConnection {
  readonly clock: VirtualClock;
  readonly peer: ScriptedTransport;
  readonly connection: Connection;
}

/** The script goes on with silence: a peer that ends says so with `end()`. */
export function scriptedConnection(
  script: readonly (string | Uint8Array | Step)[] = [],
  config: ConnectionConfig = {},
  options: ScriptedTransportOptions = {},
  origin: Origin = {},
): ScriptedConnection {
  const clock = new VirtualClock();
  const peer = scriptedTransport([...script, silence()], { clock, ...scriptedPeers, ...options });
  const network = { ...denoNetwork, clock };
  const connection = connectionFrom(origin, Connection, peer, { ...config, network });
  return { clock, peer, connection };
}

/** The same over a stream of which parts arrive that cannot be read yet. */
export function arrivingConnection(
  script: readonly (string | Uint8Array | Step)[] = [],
  config: ConnectionConfig = {},
  origin: Origin = {},
): ScriptedConnection & { arrive(length: number): void } {
  const clock = new VirtualClock();
  const arriving: { length: number; onMore?: () => void } = { length: 0 };
  const scripted = scriptedTransport([...script, silence()], { clock });
  const peer = Object.assign(scripted, { arriving });
  const network = { ...denoNetwork, clock };
  const connection = connectionFrom(origin, Connection, peer, { ...config, network });
  const arrive = (length: number) => {
    arriving.length = length;
    arriving.onMore?.();
  };
  return { clock, peer, connection, arrive };
}

/** How many reads of the kernel were begun. */
export function readsOf({ calls }: ScriptedTransport): number {
  return calls.filter((call) => /^(read|whenReadable)/.test(call)).length;
}

const decoder = new TextDecoder();

/** What was read, as text and length: easier to compare. */
export function asText([bytes, length]: [Uint8Array, number]): [string, number] {
  return [decoder.decode(bytes), length];
}

/** Whether a promise is still pending after all code has come to rest. */
export async function isPending(clock: VirtualClock, promise: Promise<unknown>): Promise<boolean> {
  let pending = true;
  promise.then(() => pending = false, () => pending = false);
  await clock.settle();
  return pending;
}
