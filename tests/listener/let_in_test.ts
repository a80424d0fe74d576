import { assertEquals, assertStrictEquals } from "@std/assert";
import { serve } from "../../src/connection/service_loop.ts";
import { Events } from "../../src/events/events.ts";
import { Guard } from "../../src/listener/guard/guard.ts";
import { resolveGuardConfig } from "../../src/listener/guard/guard_config.ts";
import { type House, LetIn } from "../../src/listener/let_in.ts";
import { OpenConnections } from "../../src/listener/open_connections.ts";
import { Patience } from "../../src/listener/patience.ts";
import { VirtualClock } from "../../testing/mod.ts";
import { scriptedConnection } from "../support/scripted_connection.ts";
import { tcp } from "../support/tcp.ts";

function house(): House {
  return {
    events: new Events("connection", "listener", { onEvent: undefined, telemetry: false }),
    prepareUpgrade: () => Promise.reject(new TypeError("no upgrade here")),
    onInjected: () => {},
    guard: new Guard(resolveGuardConfig({}), () => 0),
    openConnections: new OpenConnections(),
  };
}

/** A connection that was let in. */
function letIn(inHouse: House) {
  const pass = inHouse.guard.enter(tcp("192.0.2.1"), 7)!;
  inHouse.guard.open(pass);
  const origin = new LetIn(inHouse, pass, undefined, 42);
  const made = scriptedConnection([], {}, {}, origin);
  origin.caller = made.connection;
  inHouse.openConnections.add(made.connection);
  return { origin, ...made };
}

Deno.test("LetIn has what is its own, and what its listener's connections have in common", () => {
  const common = house();
  const { origin, connection } = letIn(common);
  assertEquals([origin.id, connection.id, origin.acceptedAt, origin.proxy], [7, 7, 42, undefined]);
  assertEquals(origin.sender, tcp("192.0.2.1"));
  assertStrictEquals(origin.events, common.events);
  assertStrictEquals(origin.prepareUpgrade, common.prepareUpgrade);
  assertStrictEquals(origin.onInjected, common.onInjected);
  connection.abort();
});

Deno.test("LetIn counts its connection out when it leaves, once", () => {
  const common = house();
  const [first, second] = [letIn(common), letIn(common)];
  first.connection.abort();
  assertEquals([...common.openConnections.connections], [second.connection]);
  const { open, ended } = common.guard.stats(common.openConnections.connections);
  assertEquals([open, ended.local], [1, 1]);
  second.connection.abort();
});

Deno.test("LetIn says when no method works for its connection any more", async () => {
  const common = house();
  const { connection } = letIn(common);
  const done = Promise.withResolvers<void>();
  serve(connection, { onConnect: () => done.promise });
  connection.abort();
  const stop = common.openConnections.stop(new Patience(new VirtualClock(), Infinity));
  done.resolve();
  assertEquals(await stop.finish(), { completed: 1, cut: [] });
});
