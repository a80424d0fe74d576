import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { type ConnectionEnd, framedService, LineCodec, type Service } from "../../mod.ts";
import { serve } from "../../src/connection/service_loop.ts";
import { end, pause, reset, silence, type Step } from "../../testing/mod.ts";
import { scriptedConnection } from "../support/scripted_connection.ts";

/** How a connection with a service ends, in words, with what `closed` tells beside it. */
async function endOf(
  script: (string | Step)[],
  service: Service,
  ...rest: [Parameters<typeof scriptedConnection>[1]?, Parameters<typeof scriptedConnection>[2]?]
): Promise<[by: string, code: string | undefined, durationInMillis: number]> {
  const ends: ConnectionEnd[] = [];
  const { connection, clock } = scriptedConnection(script, ...rest);
  serve(connection, { ...service, onClose: (_, end) => void ends.push(end) });
  await clock.advance(1_000);
  const error = await connection.closed;
  const [end] = ends;
  assertEquals([ends.length, Object.isFrozen(end)], [1, true]);
  assertStrictEquals(end!.error, error);
  assertEquals("error" in end!, error !== undefined);
  return [end!.by, error?.code, end!.durationInMillis];
}

const reading: Service = {
  async onReadReady(caller) {
    await caller.read();
  },
};

Deno.test("ConnectionEnd says that the peer has ended, whoever closes then", async () => {
  assertEquals(await endOf(["ab", pause(30), end()], reading), ["peer", undefined, 30]);
  const closing: Service = {
    async onReadReady(caller) {
      if ((await caller.read())[1] === -1) await caller.close();
    },
  };
  assertEquals((await endOf(["ab", end()], closing)).slice(0, 2), ["peer", undefined]);
  const shutting: Service = { onReadReady: (caller) => caller.shutdownWrite() };
  assertEquals((await endOf([end()], shutting)).slice(0, 2), ["peer", undefined]);
});

Deno.test("ConnectionEnd says that this side has closed or aborted", async () => {
  const closing: Service = { onReadReady: (caller) => void caller.close() };
  // Half of it is the wait for silence before the socket is freed.
  assertEquals(await endOf([pause(30), "ab"], closing), ["local", undefined, 80]);
  const aborting: Service = { onReadReady: (caller) => caller.abort("enough") };
  assertEquals(await endOf([pause(30), "ab"], aborting), ["local", "aborted", 30]);
  const shutting: Service = {
    onConnect(caller) {
      caller.shutdownRead();
      void caller.shutdownWrite();
    },
  };
  assertEquals((await endOf([silence()], shutting)).slice(0, 2), ["local", undefined]);
});

Deno.test("ConnectionEnd has the error that ended the connection", async () => {
  const lines = framedService(new LineCodec({ maxFrameLength: 2 }), { onMessage() {} });
  const quiet = { ...reading, onError() {} };
  assertEquals(await endOf([pause(30), reset()], quiet), ["error", "broken", 30]);
  assertEquals(await endOf([], quiet, { idleTimeoutInMillis: 40 }), ["error", "timed-out", 40]);
  const throwing = { ...quiet, onReadReady: () => Promise.reject(new Error("mine")) };
  assertEquals((await endOf(["ab"], throwing)).slice(0, 2), ["error", "handler"]);
  const { onConnect, onReadReady } = lines;
  const framed = { onConnect: onConnect!.bind(lines), onReadReady: onReadReady!.bind(lines) };
  assertEquals((await endOf(["abcdef"], framed)).slice(0, 2), ["error", "frame"]);
  const late: Service = {
    ...quiet,
    async onReadReady(caller) {
      await caller.close();
      throw new Error("after it has closed");
    },
  };
  assertEquals((await endOf(["ab"], late)).slice(0, 2), ["error", "handler"]);
});

Deno.test("ConnectionEnd and closed tell of a close that did not get everything out, whatever a method waited for", async () => {
  const service: Service = {
    async onReadReady(caller) {
      await caller.read();
      void caller.write("never taken");
      void caller.close();
      await caller.read();
    },
  };
  const config = { closeTimeoutInMillis: 100 };
  assertEquals(await endOf(["ab"], service, config, { writes: [silence()] }), [
    "error",
    "timed-out",
    100,
  ]);
});

Deno.test("framedService() tells onClose how the connection has ended", async () => {
  const ends: ConnectionEnd[] = [];
  const { connection } = scriptedConnection(["a\n", end()]);
  serve(
    connection,
    framedService(new LineCodec(), {
      onMessage() {},
      onClose(peer, end) {
        assert(peer.connection === connection);
        ends.push(end);
      },
    }),
  );
  await connection.closed;
  assertEquals(ends, [{ by: "peer", durationInMillis: 0 }]);
});
