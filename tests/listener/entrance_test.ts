import { assertEquals, assertRejects } from "@std/assert";
import { GenericError } from "../../mod.ts";
import { Entrance } from "../../src/listener/entrance.ts";
import { Patience } from "../../src/listener/patience.ts";
import { resolveListenerConfig } from "../../src/listener/listener_config.ts";
import type { Network } from "../../src/network/network.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { plainTurns } from "../../src/network/turns.ts";
import { counted } from "../support/counted.ts";
import {
  scriptedListener,
  scriptedTransport,
  silence,
  type Step,
  VirtualClock,
} from "../../testing/mod.ts";

function entrance(...transports: ReturnType<typeof scriptedTransport>[]) {
  const clock = new VirtualClock();
  const network: Network = {
    ...denoNetwork,
    clock,
    turns: plainTurns,
    listen: () => scriptedListener(transports),
  };
  const config = { network, maxConnectionsPerAddress: 10 };
  return new Entrance(resolveListenerConfig(0, config), OWNER);
}

const { signal } = new AbortController();
const OWNER = { isWanted: true, stopping: () => signal, onOpen: () => {}, onEnd: () => {} };

/** One whose socket other processes have, too, with a client that says so much. */
async function sharedWith(script: (string | Step)[]) {
  const clock = new VirtualClock();
  const transport = scriptedTransport(script);
  const listen = () => Object.assign(scriptedListener([transport]), { isShared: true });
  const network: Network = { ...denoNetwork, clock, turns: plainTurns, listen };
  const way = new Entrance(resolveListenerConfig(0, { network }), OWNER);
  await way.open();
  const connection = way.take((await way.accept())!);
  return { clock, transport, way, connection };
}

/** Shuts it down at once. */
async function shut(way: Entrance) {
  const patience = new Patience(new VirtualClock(), Infinity);
  patience.end();
  return counted(await way.shut(patience));
}

Deno.test("Entrance lets in, makes a connection, and counts it until it has left", async () => {
  const way = entrance(scriptedTransport([silence()]));
  assertEquals([way.isOpen, way.port, way.address], [false, 0, "0.0.0.0"]);
  await way.open();
  assertEquals([way.isOpen, way.port, way.address], [true, 50_000, "127.0.0.1"]);
  const connection = way.take((await way.accept())!);
  assertEquals([[...way.openConnections.connections], way.stats().open], [[connection], 1]);
  connection.abort();
  assertEquals([way.openConnections.connections.size, way.stats().open, way.stats().accepted], [
    0,
    0,
    1,
  ]);
  assertEquals(await shut(way), { completed: 0, aborted: 0 });
});

Deno.test("Entrance gives out again what was put back, and frees it where it is shut", async () => {
  const [first, second] = [scriptedTransport([silence()]), scriptedTransport([silence()])];
  const way = entrance(first, second);
  await way.open();
  const admission = (await way.accept())!;
  way.putBack(admission);
  assertEquals(await way.accept(), admission);
  const other = (await way.accept())!;
  way.putBack(admission);
  const shutting = shut(way);
  way.putBack(other);
  assertEquals(await shutting, { completed: 0, aborted: 2 });
  assertEquals([first.isClosed, second.isClosed], [true, true]);
  assertEquals([await way.accept(), way.stats().open], [undefined, 0]);
  assertEquals(await shut(way), { completed: 0, aborted: 0 });
});

Deno.test("Entrance says where it cannot listen, and has no certificate to replace without TLS", async () => {
  const network: Network = {
    ...denoNetwork,
    listen: () => {
      throw new Deno.errors.AddrInUse("Address already in use (os error 98)");
    },
  };
  const way = new Entrance(resolveListenerConfig(8_080, { network }), OWNER);
  const error = await assertRejects(
    () => way.open(),
    GenericError,
    "Cannot listen on 0.0.0.0:8080",
  );
  assertEquals([error.code, way.isOpen], ["in-use", false]);
  assertEquals(way.stats().handshakes, { underWay: 0, peak: 0, completed: 0, failed: 0 });
  await assertRejects(() => way.replaceCertificate({}), TypeError, "without secureSocket");
});

Deno.test("Entrance asks a network only for options that it lists, before anything is bound", async () => {
  let bound = 0;
  const { socketOptions: _, ...silent } = denoNetwork;
  const network: Network = { ...silent, listen: () => (bound++, scriptedListener([])) };
  const make = (network: Network) =>
    new Entrance(resolveListenerConfig(0, { network, keepAliveInMillis: "system" }), OWNER);
  const way = make(network);
  const error = await assertRejects(() => way.open(), GenericError, "keepAliveInMillis");
  assertEquals([error.code, bound, way.isOpen], ["unsupported", 0, false]);
  const good = make({ ...network, socketOptions: denoNetwork.socketOptions! });
  await good.open();
  assertEquals([bound, good.isOpen], [1, true]);
  await shut(good);
});

for (
  const [deadline, age] of [[Infinity, 1_000], [600, 300]] as const
) {
  Deno.test(`Entrance.shut() of a shared socket waits ${age} ms for a client that has sent nothing, of ${deadline}`, async () => {
    const { clock, transport, way, connection } = await sharedWith([silence()]);
    void connection.read().catch(() => {});
    await clock.advance(100);
    const shutting = way.shut(new Patience(clock, deadline));
    await clock.advance(age - 101);
    assertEquals(transport.isClosed, false);
    await clock.advance(1);
    for (let i = 0; i < 3; i++) await denoNetwork.turns!.looked!();
    await clock.advance(50);
    assertEquals([transport.isClosed, counted(await shutting)], [true, {
      completed: 1,
      aborted: 0,
    }]);
  });
}

Deno.test("Entrance.shut() of a shared socket waits for no client that has sent something", async () => {
  const { clock, transport, way, connection } = await sharedWith(["x", silence()]);
  await connection.read();
  void connection.read().catch(() => {});
  const shutting = way.shut(new Patience(clock, Infinity));
  for (let i = 0; i < 3; i++) await denoNetwork.turns!.looked!();
  await clock.advance(50);
  assertEquals([transport.isClosed, counted(await shutting)], [true, { completed: 1, aborted: 0 }]);
});
