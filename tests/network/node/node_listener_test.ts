import { assertEquals, assertRejects } from "@std/assert";
import { Client, Listener } from "../../../mod.ts";
import { portOf } from "../../../src/base/address.ts";
import { GenericError } from "../../../src/base/errors.ts";
import type { Transport, TransportListener } from "../../../src/network/network.ts";
import { denoNetwork } from "../../../src/network/deno/deno_network.ts";
import { listenNode } from "../../../src/network/node/node_listener.ts";
import { checkTransport } from "../../../testing/mod.ts";
import { echo } from "../../support/echo.ts";
import { scriptOutput } from "../../support/script_output.ts";

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

/** Connects and resets so often, while this program, and thus its accepting, stands still. */
function resetAtOnce(port: number, count: number): void {
  const script = new URL("../../support/resetting_clients.ts", import.meta.url).pathname;
  const args = ["run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1", script, `${port}`];
  const { stdout } = new Deno.Command(Deno.execPath(), { args: [...args, `${count}`] })
    .outputSync();
  assertEquals(new TextDecoder().decode(stdout), "All were reset\n");
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

Deno.test("NodeListener passes over clients that reset before it accepted them, waited for or not", async () => {
  const listener = await listenNode(local);
  const port = portOf(listener.addr);
  for (const isWaiting of [false, true]) {
    const early = isWaiting ? listener.accept() : undefined;
    resetAtOnce(port, 8);
    // What was accepted before is held; accepting takes turns of the event loop.
    if (!isWaiting) await denoNetwork.clock.looked!();
    const client = await Deno.connect({ hostname: "127.0.0.1", port });
    const server = await (early ?? listener.accept());
    assertEquals(portOf(server.remoteAddr), client.localAddr.port);
    server.close();
    client.close();
  }
  // They are not among those that a stop has still to take.
  resetAtOnce(port, 8);
  await denoNetwork.clock.looked!();
  assertEquals(listener.letGo!(), 0);
  listener.close();
});

Deno.test("A listener on node:net serves nobody who has reset before it was judged by deny", async () => {
  const told: string[] = [];
  await using listener = new Listener(0, {
    interface: "127.0.0.1",
    deny: ["127.0.0.0/8"],
    network: { ...denoNetwork, listen: (target) => listenNode(target) },
    onEvent: (event) => void told.push(event.kind),
  });
  listener.attach({ ...echo, onConnect: () => void told.push("onConnect") });
  await listener.start();
  resetAtOnce(listener.port, 20);
  // Whoever comes last is refused last.
  const client = await Client.connect({ host: "127.0.0.1", port: listener.port });
  assertEquals((await client.read().catch(() => [undefined, -1]))[1], -1);
  await client.close();
  await listener.gracefulStop();
  const { accepted, rejected } = listener.stats();
  assertEquals([accepted, rejected.denied, told.includes("onConnect")], [0, 1, false]);
  assertEquals(told.filter((kind) => kind === "refused"), ["refused"]);
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

Deno.test("listenNode() rejects without a permission for the address of a name, and the program goes on", async () => {
  const room = JSON.stringify(import.meta.resolve("../../../src/network/node/node_listener.ts"));
  const script = `
    import { listenNode } from ${room};
    const listening = listenNode({ hostname: "localhost", port: 0, backlog: 8 });
    console.log(await listening.then((listener) => listener.close(), ({ message }) => message));`;
  const missing = (host: string) =>
    `Requires net access to "${host}", run again with the --allow-net flag`;
  for (
    const [flags, told] of [
      [["--allow-net=localhost:0"], missing("localhost")],
      [["--allow-net=localhost"], missing("127.0.0.1:0")],
      [["--allow-net", "--deny-net=127.0.0.1"], missing("127.0.0.1:0")],
      [["--allow-net=localhost,127.0.0.1:0"], "undefined"],
    ] as const
  ) {
    assertEquals(await scriptOutput(flags, script), `${told}\n`, flags.join(" "));
  }
});

Deno.test("listenNode() rejects where a name has no address", async () => {
  const target = { ...local, hostname: "nobody.invalid" };
  await assertRejects(() => listenNode(target), Error, "getaddrinfo");
});
