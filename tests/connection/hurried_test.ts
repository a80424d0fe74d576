import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Client, type CloseOptions, Listener, type SocketError, UdpClient } from "../../mod.ts";
import { hurriedBy, readSignal } from "../../src/connection/hurried.ts";
import { scriptedConnection } from "../support/scripted_connection.ts";

const REASON = new Error("enough");

Deno.test("readSignal() refuses what is no signal", () => {
  const { signal } = new AbortController();
  assertEquals([readSignal({}), readSignal({ signal })], [undefined, signal]);
  assertThrows(() => readSignal({ signal: 5 } as never), TypeError, "signal must be");
  assertThrows(() => readSignal({ sinal: signal } as never), TypeError, "use signal");
});

Deno.test("hurriedBy() leaves no listener behind, and aborts once", async () => {
  const controller = new AbortController();
  const aborted: unknown[] = [];
  const abortable = { abort: (reason: unknown) => void aborted.push(reason) };
  assertEquals(await hurriedBy(abortable, controller.signal, Promise.resolve(3)), 3);
  controller.abort(REASON);
  assertEquals(aborted, []);
  assertEquals(await hurriedBy(abortable, controller.signal, Promise.resolve(4)), 4);
  assertEquals(aborted, [REASON]);
});

Deno.test("Connection.close() is hurried by its signal, whether or not it is under way", async () => {
  for (const when of ["before", "during", "by a second call"]) {
    const { connection } = scriptedConnection([]);
    const controller = new AbortController();
    if (when === "before") controller.abort(REASON);
    const options = { signal: controller.signal };
    const closing = when === "by a second call"
      ? [connection.close(), connection.close(options)]
      : [connection.close(options)];
    controller.abort(REASON);
    await Promise.all(closing);
    const error = await connection.closed;
    assertEquals([error?.code, error?.cause], ["aborted", REASON], when);
  }
});

Deno.test("Connection.close() with a wrong option rejects, and the connection stays open", async () => {
  const { connection } = scriptedConnection([]);
  await assertRejects(() => connection.close({ signal: 1 } as unknown as CloseOptions), TypeError);
  assertEquals(connection.tryWrite("still open"), true);
  connection.abort();
});

Deno.test("Connection.upgradeToTls() is given up by its signal, with its reason", async () => {
  await using listener = new Listener(0, { interface: "127.0.0.1" });
  // Nobody answers the handshake.
  listener.attach({ onConnect: () => {} });
  await listener.start();
  const client = await Client.connect({ host: "127.0.0.1", port: listener.port });
  const aborted = { signal: AbortSignal.abort(REASON) };
  const thrown = await client.upgradeToTls(undefined, aborted).catch((error) => error);
  assertEquals([thrown, await client.write("unharmed")], [REASON, 8]);
  const controller = new AbortController();
  const upgrading = client.upgradeToTls(undefined, { signal: controller.signal });
  controller.abort(REASON);
  assertEquals(await upgrading.catch((error) => error), REASON);
  const error = await client.closed as SocketError;
  assertEquals([error.code, error.cause], ["aborted", REASON]);
});

Deno.test("UdpClient.close() is hurried by its signal", async () => {
  const client = new UdpClient({ host: "127.0.0.1", port: 0 });
  await client.bound;
  await assertRejects(() => client.close({ signal: 1 } as unknown as CloseOptions), TypeError);
  await client.close({ signal: AbortSignal.abort(REASON) });
  assertEquals(await client.closed, undefined);
});
