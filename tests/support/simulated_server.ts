// A server on a calm simulated network, for the tests of clients that last.

import { type Caller, Listener } from "../../mod.ts";
import { calmFaults, simulate, type SimulatedNetwork } from "../../testing/mod.ts";

/** Where the server is, as the config of a client says it. */
export interface Place {
  readonly host: string;
  readonly port: number;
  readonly network: ReturnType<SimulatedNetwork["host"]>;
}

/** A server, and how it is reached. */
export interface Served {
  readonly net: SimulatedNetwork;
  readonly listener: Listener;
  readonly place: Place;
  /** Those that have come so far. */
  readonly callers: Caller[];
}

/** Runs a test with a server that handles each connection with `handler`, in virtual time. */
export async function served(
  handler: (caller: Caller, number: number) => Promise<void>,
  test: (served: Served) => Promise<void>,
): Promise<void> {
  await calmly(async (net) => {
    const callers: Caller[] = [];
    const listener = new Listener(80, { network: net.host("server"), closeTimeoutInMillis: 100 });
    await listener.serve((caller) => handler(caller, callers.push(caller)), { onError() {} });
    const place = { host: "server", port: 80, network: net.host("client") };
    await test({ net, listener, place, callers });
    await listener.immediateStop();
  });
}

/** Runs a test in virtual time, on a network without faults. */
export async function calmly(test: (net: SimulatedNetwork) => Promise<void>): Promise<void> {
  await simulate(1, test, { faults: calmFaults });
}

/** Reads and drops everything. */
export async function listen(caller: Caller): Promise<void> {
  for await (const _ of caller);
}

/** Sends everything back. */
export async function echo(caller: Caller): Promise<void> {
  for await (const bytes of caller) await caller.write(bytes);
}
