import { assertEquals, assertRejects } from "@std/assert";
import { portOf } from "../../../src/base/address.ts";
import { GenericError } from "../../../src/base/errors.ts";
import type { Transport, TransportListener } from "../../../src/network/network.ts";
import { denoNetwork } from "../../../src/network/deno/deno_network.ts";
import { listenNode } from "../../../src/network/node/node_listener.ts";
import { checkTransport } from "../../../testing/mod.ts";

const local = { hostname: "127.0.0.1", port: 0, backlog: 8 };

async function meet(listener: TransportListener): Promise<[client: Deno.Conn, server: Transport]> {
  const to = { hostname: "127.0.0.1", port: portOf(listener.addr) };
  return await Promise.all([Deno.connect(to), listener.accept()]);
}

/** How a connection ends that is made, or being made. */
async function endOf(connecting: Promise<Deno.Conn>): Promise<string> {
  try {
    using conn = await connecting;
    return await conn.read(new Uint8Array(1)) === null ? "end" : "bytes";
  } catch (error) {
    return (error as Error).name;
  }
}

checkTransport(async () => {
  const listener = await listenNode(local);
  const [near, far] = await meet(listener);
  listener.close();
  return { near, far };
}, { name: "Deno's client and node:net's server: " });

checkTransport(async () => {
  const listener = await listenNode(local);
  const [far, near] = await meet(listener);
  listener.close();
  return { near, far };
}, { name: "node:net's server and Deno's client: " });

Deno.test("listenNode() shares a port with those that ask for it, and with nobody else", async () => {
  for (const hostname of ["127.0.0.1", "::1", "0.0.0.0", "::"]) {
    const first = await listenNode({ ...local, hostname, reusePort: true });
    const port = portOf(first.addr);
    const second = await listenNode({ ...local, hostname, port, reusePort: true });
    assertEquals(portOf(second.addr), port);
    await assertRejects(() => listenNode({ ...local, hostname, port }), Deno.errors.AddrInUse);
    first.close();
    second.close();
  }
});

Deno.test("listenNode() on :: hears both families, as Deno's own sockets do", async () => {
  const listener = await listenNode({ ...local, hostname: "::", reusePort: true });
  for (const hostname of ["127.0.0.1", "::1"]) {
    const [client, server] = await Promise.all([
      Deno.connect({ hostname, port: portOf(listener.addr) }),
      listener.accept(),
    ]);
    client.close();
    server.close();
  }
  listener.close();
});

Deno.test("NodeListener holds what nobody waits for, unread, and hands it out in order", async () => {
  const listener = await listenNode(local);
  const clients: Deno.TcpConn[] = [];
  for (let i = 0; i < 3; i++) {
    const client = await Deno.connect({ hostname: "127.0.0.1", port: portOf(listener.addr) });
    await client.write(new Uint8Array([i]));
    clients.push(client);
  }
  // What was accepted before is held; accepting takes turns of the event loop.
  await denoNetwork.clock.looked!();
  for (let i = 0; i < 3; i++) {
    const transport = await listener.accept();
    const buffer = new Uint8Array(8);
    assertEquals([await transport.read(buffer), buffer[0]], [1, i]);
    assertEquals([portOf(transport.remoteAddr), transport.reset], [
      clients[i]!.localAddr.port,
      undefined,
    ]);
    transport.close();
    clients[i]!.close();
  }
  listener.close();
});

Deno.test("NodeListener holds no more than its backlog, and resets what it holds at a close", async () => {
  const listener = await listenNode({ ...local, backlog: 1 });
  const to = { hostname: "127.0.0.1", port: portOf(listener.addr) };
  const first = Deno.connect(to);
  await first;
  assertEquals(await endOf(Deno.connect(to)), "ConnectionReset");
  listener.close();
  assertEquals(await endOf(first), "ConnectionReset");
});

Deno.test("NodeListener.letGo() accepts no more, and still gives what it holds", async () => {
  const listener = await listenNode(local);
  const to = { hostname: "127.0.0.1", port: portOf(listener.addr) };
  const first = await Deno.connect(to);
  const second = await Deno.connect(to);
  await denoNetwork.clock.looked!();
  assertEquals([listener.letGo!(), listener.letGo!()], [2, 2]);
  await assertRejects(() => Deno.connect(to), Deno.errors.ConnectionRefused);
  for (let i = 0; i < 2; i++) (await listener.accept()).close();
  const waiting = assertRejects(() => listener.accept(), Deno.errors.Interrupted);
  listener.close();
  await waiting;
  await assertRejects(() => listener.accept(), Deno.errors.BadResource);
  first.close();
  second.close();
});

Deno.test("listenNode() says of a descriptor that it is no listening socket", async () => {
  for (const descriptor of [1_000_000, 2_147_483_647]) {
    const error = await assertRejects(
      () => listenNode({ descriptor, backlog: 1 }),
      GenericError,
      `Cannot listen on descriptor ${descriptor}: it is no listening socket`,
    );
    assertEquals(error.code, "unreachable");
  }
});
