import { assertEquals } from "@std/assert";
import { OpenConnections } from "../src/open_connections.ts";
import { VirtualClock } from "../testing/mod.ts";
import { scriptedConnection } from "./support/scripted_connection.ts";

const never = new Promise<void>(() => {});

Deno.test("OpenConnections knows a connection until it is freed", () => {
  const open = new OpenConnections(new VirtualClock());
  const { connection } = scriptedConnection();
  open.add(connection);
  assertEquals([...open.connections], [connection]);
  connection.abort();
  assertEquals(open.connections.size, 0);
});

Deno.test("OpenConnections.stop() also stops what is added meanwhile", async () => {
  const clock = new VirtualClock();
  const open = new OpenConnections(clock);
  const [busy, late] = [scriptedConnection(), scriptedConnection()];
  open.add(busy.connection);
  const stopping = open.stop(1_000, never);
  open.add(late.connection);
  void late.connection.read().catch(() => {});
  await late.clock.advance(50);
  assertEquals(late.peer.isClosed, true);
  await clock.advance(1_000);
  assertEquals(await stopping, { completed: 1, aborted: 1 });
  assertEquals([busy.peer.isClosed, clock.pending], [true, 0]);
});

Deno.test("OpenConnections.stop() that is hurried aborts at once, with a reason", async () => {
  const clock = new VirtualClock();
  const open = new OpenConnections(clock);
  const { connection } = scriptedConnection();
  open.add(connection);
  const hurry = Promise.withResolvers<void>();
  const stopping = open.stop(Infinity, hurry.promise);
  hurry.resolve();
  assertEquals(await stopping, { completed: 0, aborted: 1 });
  const error = await connection.closed;
  assertEquals([error!.code, (error!.cause as Error).message], [
    "aborted",
    "The listener was stopped",
  ]);
});
