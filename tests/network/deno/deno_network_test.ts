import {
  assertEquals,
  assertNotStrictEquals,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  datagramTurnsOf,
  denoNetwork,
  nodeNetwork,
  turnsOf,
  versionProblem,
} from "../../../src/network/deno/deno_network.ts";
import { plainTurns } from "../../../src/network/turns.ts";
import { VirtualClock } from "../../../testing/mod.ts";

Deno.test("versionProblem() names a Deno that is too old, and what to run with", () => {
  for (const version of ["1.46.3", "2.0.0", "2.8.9", "2.9.4"]) {
    assertStringIncludes(versionProblem(version)!, `Deno ${version} is too old, run with 2.9.5`);
  }
  for (const version of ["2.9.5", "2.9.6", "2.10.0", "3.0.0", "2.9.5+abc", "2.10.0-rc.1"]) {
    assertEquals(versionProblem(version), undefined, version);
  }
});

Deno.test("denoNetwork's clock goes forward, calls back and forgets", async () => {
  const { clock } = denoNetwork;
  const start = clock.now();
  const forgotten = clock.setTimeout(() => {
    throw new Error("was forgotten");
  }, 1);
  clock.clearTimeout(forgotten);
  const { promise, resolve } = Promise.withResolvers<void>();
  clock.setTimeout(resolve, 2);
  await promise;
  assertEquals(clock.now() >= start, true);
});

Deno.test("denoNetwork connects, accepts and carries bytes", async () => {
  const listener = await denoNetwork.listen({ hostname: "127.0.0.1", port: 0, backlog: 1 });
  const { addr } = listener;
  if (addr.transport !== "tcp") throw new Error(addr.transport);
  const [client, server] = await Promise.all([
    denoNetwork.connect({ hostname: addr.hostname, port: addr.port }),
    listener.accept(),
  ]);
  await client.write(new TextEncoder().encode("ab"));
  const buffer = new Uint8Array(4);
  assertEquals(await server.read(buffer), 2);
  client.close();
  server.close();
  listener.close();
});

Deno.test("turnsOf() gives Deno's turns to what goes by Deno's clock, others turns of their own", () => {
  const clock = new VirtualClock();
  assertStrictEquals(turnsOf(denoNetwork), denoNetwork.turns);
  const first = turnsOf({ ...denoNetwork, clock });
  assertNotStrictEquals(first, denoNetwork.turns);
  assertNotStrictEquals(first, turnsOf({ ...denoNetwork, clock }));
  const { turns: _, ...without } = denoNetwork;
  assertStrictEquals(turnsOf(without), plainTurns);
  assertStrictEquals(turnsOf({ ...denoNetwork, clock, turns: plainTurns }), plainTurns);
});

Deno.test("datagramTurnsOf() lets others go first for one turn on node:dgram, which takes in all the time", async () => {
  const turns = datagramTurnsOf(nodeNetwork);
  const steps: string[] = [];
  setImmediate(() => steps.push("the next turn"));
  turns.read({ begin: () => steps.push("a read") }, Infinity);
  const wasAlone = turns.stepBack!().then((wasAlone) => {
    steps.push("a step");
    return wasAlone;
  });
  await new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
  assertEquals(steps, ["the next turn", "a read", "a step"]);
  assertEquals(await wasAlone, false);
  await turns.looked!();
});

Deno.test("datagramTurnsOf() gives the turns of all, where datagrams need no others", () => {
  const { datagramTurns: _, ...network } = denoNetwork;
  assertStrictEquals(datagramTurnsOf(network), denoNetwork.turns);
  assertStrictEquals(datagramTurnsOf({ ...nodeNetwork, turns: plainTurns }), plainTurns);
  // Virtual time passes without turns of the event loop.
  const virtual = datagramTurnsOf({ ...nodeNetwork, clock: new VirtualClock() });
  assertEquals(virtual.stepBack, undefined);
});
