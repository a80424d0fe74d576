import { assertEquals, assertRejects } from "@std/assert";
import { denoNetwork, type Transport } from "../../src/network.ts";
import { connectNodeStream } from "../../src/transport/node_stream.ts";
import { checkTransport } from "../../testing/mod.ts";

async function meet(
  options: { localAddress?: string; keepAliveInMillis?: number } = {},
): Promise<[client: Transport, server: Transport]> {
  const listener = await denoNetwork.listen({ hostname: "127.0.0.1", port: 0, backlog: 8 });
  const { port } = listener.addr as Deno.NetAddr;
  try {
    return await Promise.all([
      connectNodeStream({ hostname: "127.0.0.1", port, ...options }),
      listener.accept(),
    ]);
  } finally {
    listener.close();
  }
}

checkTransport(async () => {
  const [near, far] = await meet();
  return { near, far };
}, { name: "node:net's client and Deno's server: " });

checkTransport(async () => {
  const [far, near] = await meet();
  return { near, far };
}, { name: "Deno's server and node:net's client: " });

Deno.test("connectNodeStream() binds the local address that is asked for", async () => {
  const [client, server] = await meet({ localAddress: "127.0.0.9" });
  assertEquals((client.localAddr as Deno.NetAddr).hostname, "127.0.0.9");
  assertEquals((server.remoteAddr as Deno.NetAddr).hostname, "127.0.0.9");
  client.close();
  server.close();
});

Deno.test("NodeStream.reset() resets: the peer gets an error, not an end", async () => {
  const [client, server] = await meet({ keepAliveInMillis: 60_000 });
  client.reset!();
  await assertRejects(() => server.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  server.close();
});

Deno.test("connectNodeStream() rejects as Deno's own connect does", async () => {
  const listener = await denoNetwork.listen({ hostname: "127.0.0.1", port: 0, backlog: 8 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const target = { hostname: "127.0.0.1", port };
  await assertRejects(() => connectNodeStream(target), Deno.errors.ConnectionRefused);
  const controller = new AbortController();
  const connecting = assertRejects(
    () => connectNodeStream({ ...target, signal: controller.signal }),
    Error,
    "changed my mind",
  );
  controller.abort(new Error("changed my mind"));
  await connecting;
  await assertRejects(
    () => connectNodeStream({ ...target, signal: AbortSignal.abort(new Error("no")) }),
    Error,
    "no",
  );
});
