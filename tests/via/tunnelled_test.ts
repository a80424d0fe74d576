import { assertEquals } from "@std/assert";
import { Connection } from "../../src/connection/connection.ts";
import { ReplayedTransport } from "../../src/network/replayed_transport.ts";
import type { Transport } from "../../src/network/transport.ts";
import { Tunnelled } from "../../src/via/tunnelled.ts";
import { checkTransport, connectedTransports, end, scriptedTransport } from "../../testing/mod.ts";

checkTransport(() => {
  const [near, far] = connectedTransports();
  return { near: new Tunnelled(near, new Uint8Array(0)), far };
}, { name: "Tunnelled: ", reset: true });

/** A stream as if TLS were on it. */
function secured<T extends Transport>(transport: T): T {
  return Object.defineProperty(transport, "secure", { value: { serverName: "proxy.example" } });
}

Deno.test("Tunnelled gives what came behind the answer first, and is not secure", async () => {
  const [near, far] = connectedTransports();
  const transport = new Tunnelled(secured(near), new Uint8Array([1]));
  await far.write(new Uint8Array([2]));
  const buffer = new Uint8Array(2);
  const got = [await transport.read(buffer), buffer[0], await transport.read(buffer), buffer[0]];
  assertEquals([...got, transport.secure], [1, 1, 1, 2, undefined]);
});

Deno.test("Tunnelled has its end said, as the stream to the proxy needs it", async () => {
  const peer = scriptedTransport([end()]);
  const tunnelled = new Tunnelled(secured(peer), new Uint8Array(0));
  // What else may be around it passes that on.
  const connection = new Connection(new ReplayedTransport(tunnelled, new Uint8Array(0)));
  assertEquals((await connection.read())[1], -1);
  await connection.close();
  assertEquals(peer.calls.slice(-2), ["closeWrite", "close"]);
});
