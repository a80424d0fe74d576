import { assertEquals } from "@std/assert";
import { Patience } from "../../src/listener/patience.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { OpenConnections } from "../../src/listener/open_connections.ts";
import { serve } from "../../src/connection/service_loop.ts";
import { VirtualClock } from "../../testing/mod.ts";
import {
  isPending,
  type ScriptedConnection,
  scriptedConnection,
} from "../support/scripted_connection.ts";

/** A connection that is there until it leaves, as a listener's is. */
function joined(open: OpenConnections, script: string[] = []): ScriptedConnection {
  const onLeave = () => open.delete(made.connection);
  const onDone = () => open.done(made.connection);
  const made = scriptedConnection(script, {}, {}, { onLeave, onDone });
  return made;
}

Deno.test("OpenConnections knows a connection until it is freed", () => {
  const open = new OpenConnections();
  const { connection } = joined(open);
  open.add(connection);
  assertEquals([...open.connections], [connection]);
  connection.abort();
  assertEquals(open.connections.size, 0);
});

Deno.test("OpenConnections.stop() also stops what is added meanwhile", async () => {
  const clock = new VirtualClock();
  const open = new OpenConnections();
  const [busy, late] = [joined(open), joined(open)];
  open.add(busy.connection);
  const patience = new Patience(clock, 1_000);
  const stop = open.stop(patience);
  open.add(late.connection);
  void late.connection.read().catch(() => {});
  // Own turns let the runtime look at its sockets; those of Deno's network take as long.
  for (let i = 0; i < 3; i++) await denoNetwork.turns!.looked!();
  await late.clock.advance(50);
  assertEquals(late.peer.isClosed, true);
  const finished = stop.finish();
  await clock.advance(1_000);
  const { id, remoteAddress, remotePort } = busy.connection;
  const cut = [{ id, remoteAddress, remotePort, reason: "deadline" as const }];
  assertEquals(await finished, { completed: 1, cut });
  assertEquals([busy.peer.isClosed, clock.pending], [true, 0]);
});

Deno.test("OpenConnections.stop() waits for the method of one that was aborted", async () => {
  for (const isAbortedFirst of [true, false]) {
    for (const isInTime of [true, false]) {
      const clock = new VirtualClock();
      const open = new OpenConnections();
      const { connection } = joined(open, ["x"]);
      const called = Promise.withResolvers<void>();
      const done = Promise.withResolvers<void>();
      open.add(connection);
      serve(connection, {
        onBytes() {
          called.resolve();
          return done.promise;
        },
      });
      await called.promise;
      const patience = new Patience(clock, 1_000);
      if (isAbortedFirst) connection.abort();
      const stop = open.stop(patience);
      if (!isAbortedFirst) connection.abort();
      assertEquals(open.connections.size, 0);
      const finished = stop.finish();
      assertEquals(await isPending(clock, finished), true);
      if (isInTime) done.resolve();
      else await clock.advance(1_000);
      const { completed, cut } = await finished;
      assertEquals([completed, cut.map(({ id }) => id)], isInTime ? [1, []] : [0, [connection.id]]);
      patience.end();
      // Nothing of it is left for another stop.
      const next = open.stop(new Patience(clock, Infinity));
      done.resolve();
      await clock.settle();
      assertEquals(await next.finish(), { completed: 0, cut: [] });
    }
  }
});

Deno.test("OpenConnections.stop() that is hurried aborts at once, with a reason", async () => {
  const clock = new VirtualClock();
  const open = new OpenConnections();
  const { connection } = joined(open);
  open.add(connection);
  const patience = new Patience(clock, Infinity);
  const finished = open.stop(patience).finish();
  patience.end();
  const { completed, cut } = await finished;
  assertEquals([completed, cut.map(({ reason }) => reason)], [0, ["hurried"]]);
  const error = await connection.closed;
  assertEquals([error!.code, (error!.cause as Error).message], [
    "aborted",
    "The listener was stopped",
  ]);
});

for (const onClose of [undefined, "sync", "async"] as const) {
  Deno.test(`OpenConnections.stop() does not cut at its deadline what only waits for its peer's end (${onClose} onClose)`, async () => {
    const clock = new VirtualClock();
    const open = new OpenConnections();
    const { connection, clock: near } = joined(open, ["x"]);
    open.add(connection);
    let closed = 0;
    const closing = Promise.withResolvers<void>();
    serve(connection, {
      onBytes: (caller) => {
        void caller.close();
        return "answer";
      },
      ...(onClose === undefined ? {} : {
        onClose() {
          closed++;
          return onClose === "async" ? closing.promise : undefined;
        },
      }),
    });
    await near.settle();
    assertEquals([connection.queuedBytes, closed], [0, 0]);
    const finished = open.stop(new Patience(clock, 10)).finish();
    await clock.advance(10);
    const { completed, cut } = await finished;
    assertEquals([completed, cut.length], onClose === "async" ? [0, 1] : [1, 0]);
    assertEquals(closed, onClose === undefined ? 0 : 1);
    closing.resolve();
  });
}
