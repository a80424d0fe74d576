// A relay in the middle of two peers: joined in memory, or both scripted. Its time is virtual.

import {
  Connection,
  type ConnectionConfig,
  relay,
  type RelayOptions,
  type RelayReport,
} from "../../mod.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import type { Turns } from "../../src/network/turns.ts";
import {
  connectedPair,
  type ScriptedTransport,
  scriptedTransport,
  silence,
  type Step,
  VirtualClock,
} from "../../testing/mod.ts";

/** What is being relayed. */
interface Relayed {
  readonly clock: VirtualClock;
  /** The connection of the caller's that is relayed. */
  readonly a: Connection;
  /** That of the target's. */
  readonly b: Connection;
  readonly report: Promise<RelayReport>;
}

/** A caller and a target as connections: what one writes the other reads. */
export function relayedPeers(
  options: RelayOptions = {},
  { canTry = false, ...config }: ConnectionConfig & { canTry?: boolean } = {},
): Relayed & { readonly caller: Connection; readonly target: Connection } {
  const clock = new VirtualClock();
  const network = { ...denoNetwork, clock };
  const [caller, a] = connectedPair({ canTry, ...config, network });
  const [b, target] = connectedPair({ canTry, ...config, network });
  return { clock, caller, a, b, target, report: relay(a, b, options) };
}

type Script = readonly (string | Uint8Array | Step)[];

/** How scripted peers behave. */
interface ScriptedPeers {
  readonly canTry?: boolean;
  readonly options?: RelayOptions;
  readonly config?: ConnectionConfig;
  readonly turns?: Turns;
  /** What writes to the target do. */
  readonly writes?: readonly (number | Step)[];
  /** What writes to the caller do. */
  readonly writesBack?: readonly (number | Step)[];
}

/** A caller and a target that play scripts, and are silent after them. */
export function relayedScripts(
  callerSays: Script,
  targetSays: Script,
  {
    canTry = false,
    options = {},
    config = {},
    turns = denoNetwork.turns!,
    writes = [],
    writesBack = [],
  }: ScriptedPeers = {},
): Relayed & { readonly caller: ScriptedTransport; readonly target: ScriptedTransport } {
  const clock = new VirtualClock();
  const network = { ...denoNetwork, clock, turns };
  const caller = scriptedTransport([...callerSays, silence()], {
    clock,
    canTry,
    writes: writesBack,
  });
  const target = scriptedTransport([...targetSays, silence()], { clock, canTry, writes });
  const [a, b] = [caller, target].map((peer) =>
    new Connection(peer, { overwriteLentBytes: true, ...config, network })
  ) as [Connection, Connection];
  return { clock, caller, a, b, target, report: relay(a, b, options) };
}
