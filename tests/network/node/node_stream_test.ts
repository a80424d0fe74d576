import { assert, assertEquals, assertRejects } from "@std/assert";
import { Connection } from "../../../src/connection/connection.ts";
import type { Transport } from "../../../src/network/network.ts";
import { denoNetwork } from "../../../src/network/deno/deno_network.ts";
import {
  connectNodeStream,
  type NodeConnectTarget,
} from "../../../src/network/node/node_stream.ts";
import { portOf } from "../../../src/base/address.ts";
import { freePort } from "../../support/free_port.ts";
import { scriptOutput } from "../../support/script_output.ts";
import { checkTransport } from "../../../testing/mod.ts";

const { clock } = denoNetwork;

async function meet(
  options: Partial<NodeConnectTarget> = {},
): Promise<[client: Transport, server: Transport]> {
  const listener = await denoNetwork.listen({ hostname: "127.0.0.1", port: 0, backlog: 8 });
  const { port } = listener.addr as Deno.NetAddr;
  try {
    return await Promise.all([
      connectNodeStream({ hostname: "127.0.0.1", port, ...options }, clock),
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
  const [client, server] = await meet({ keepAliveInMillis: 60_000, resetOnAbort: true });
  client.reset!();
  await assertRejects(() => server.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  server.close();
});

Deno.test("NodeStream has a reset only where it was asked for", async () => {
  const [client, server] = await meet({ keepAliveInMillis: "system" });
  assertEquals(client.reset, undefined);
  client.close();
  server.close();
});

Deno.test("connectNodeStream() binds the local port that is asked for, and says when it is taken", async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    using listener = Deno.listen({ hostname, port: 0 });
    using other = Deno.listen({ hostname, port: 0 });
    const localPort = await freePort();
    const target = { hostname, port: listener.addr.port, localPort };
    const [client, server] = await Promise.all([
      connectNodeStream(target, clock),
      listener.accept(),
    ]);
    assertEquals([client.localAddr, server.remoteAddr].map(portOf), [localPort, localPort]);
    server.close();
    client.close();
    await assertRejects(
      () => connectNodeStream({ ...target, localPort: other.addr.port }, clock),
      Deno.errors.AddrInUse,
    );
  }
});

Deno.test("connectNodeStream() rejects as Deno's own connect does", async () => {
  const listener = await denoNetwork.listen({ hostname: "127.0.0.1", port: 0, backlog: 8 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const target = { hostname: "127.0.0.1", port };
  await assertRejects(() => connectNodeStream(target, clock), Deno.errors.ConnectionRefused);
  const controller = new AbortController();
  const connecting = assertRejects(
    () => connectNodeStream({ ...target, signal: controller.signal }, clock),
    Error,
    "changed my mind",
  );
  controller.abort(new Error("changed my mind"));
  await connecting;
  await assertRejects(
    () => connectNodeStream({ ...target, signal: AbortSignal.abort(new Error("no")) }, clock),
    Error,
    "no",
  );
});

Deno.test("connectNodeStream() tries all addresses of a name, from the address that is asked for", async () => {
  const listener = await denoNetwork.listen({ hostname: "127.0.0.2", port: 0, backlog: 8 });
  const { port } = listener.addr as Deno.NetAddr;
  for (const [localAddress, family] of [["127.0.0.9", 4], [undefined, 0]] as const) {
    const lookUp = (...asked: [string, number, 0 | 4 | 6]) => {
      assertEquals(asked, ["many.example", port, family]);
      return Promise.resolve({
        addresses: ["127.0.0.4", "127.0.0.3", "127.0.0.2"],
        isDirect: true,
      });
    };
    const target = { hostname: "many.example", port, ...(localAddress && { localAddress }) };
    const [client, server] = await Promise.all([
      connectNodeStream(target, clock, lookUp),
      listener.accept(),
    ]);
    assertEquals((client.remoteAddr as Deno.NetAddr).hostname, "127.0.0.2");
    assertEquals((server.remoteAddr as Deno.NetAddr).hostname, localAddress ?? "127.0.0.1");
    client.close();
    server.close();
  }
  listener.close();
  const lookUp = () => Promise.resolve({ addresses: ["127.0.0.3", "127.0.0.2"], isDirect: true });
  const target = { hostname: "many.example", port, localAddress: "127.0.0.1" };
  await assertRejects(
    () => connectNodeStream(target, clock, lookUp),
    Deno.errors.ConnectionRefused,
  );
});

Deno.test("connectNodeStream() rejects without a permission, and the program goes on", async () => {
  const mod = import.meta.resolve("../../../mod.ts");
  for (const permissions of ["127.0.0.1:9", "127.0.0.1:0", "localhost:9", "localhost"]) {
    const printed = await scriptOutput(
      [`--allow-net=${permissions}`],
      `
      import { Client } from ${JSON.stringify(mod)};
      for (const host of ["127.0.0.1", "localhost"]) {
        const config = { host, port: 9, localAddress: "127.0.0.1" };
        console.log(await Client.connect(config).catch(({ code }) => code));
      }
    `,
    );
    assertEquals(printed, "denied\ndenied\n", permissions);
  }
});

Deno.test("A node:net stream tells how many bytes it was given, whatever their buffer is resized to", async () => {
  const [client, server] = await meet();
  for (const length of [50, 200]) {
    const bytes = new Uint8Array(new ArrayBuffer(100, { maxByteLength: 200 }));
    const writing = client.write(bytes);
    bytes.buffer.resize(length);
    assertEquals(await writing, 100);
  }
  client.close();
  server.close();
});

Deno.test("A write over node:net that is given up is called taken as far as the peer gets it", async () => {
  const [near, far] = await meet();
  const connection = new Connection(near);
  const writing = connection.write(new Uint8Array(64 * 1024 * 1024)).catch((error) => error);
  const buffer = new Uint8Array(64 * 1024);
  let count = (await far.read(buffer))!;
  connection.abort();
  const { bytesTaken } = await writing;
  for (let more; (more = await far.read(buffer)) !== null;) count += more;
  far.close();
  assert(count <= bytesTaken, `${count} bytes came, ${bytesTaken} are said to be taken`);
});

Deno.test("connectNodeStream() asks for the local port of any address, and the program goes on", async () => {
  const room = JSON.stringify(import.meta.resolve("../../../src/network/node/node_stream.ts"));
  const script = `
    import { connectNodeStream } from ${room};
    const clock = { now: () => 0, setTimeout: () => 0, clearTimeout() {} };
    const told = async (hostname, lookUp) => {
      const target = { hostname, port: 9, localPort: 7 };
      const connecting = connectNodeStream(target, clock, lookUp);
      console.log(await connecting.catch(({ name, message }) => name + ": " + message));
    };
    await told("127.0.0.1");
    await told("::1");
    // Only the name may be used, and it may lead to one of IPv6, too.
    const addresses = ["127.0.0.1", "::1"];
    await told("localhost", () => Promise.resolve({ addresses, isDirect: false }));
    await told("localhost", () => Promise.resolve({ addresses: ["::1"], isDirect: true }));`;
  const missing = (host: string) =>
    `NotCapable: Requires net access to "${host}:7", run again with the --allow-net flag`;
  const any = [missing("0.0.0.0"), missing("[::]")];
  for (
    const [flags, told] of [
      [["--allow-net=127.0.0.1:9,[::1]:9,localhost"], [...any, any[0], any[1]]],
      [["--allow-net=localhost,[::1]", "--deny-net=127.0.0.1"], [
        missing("127.0.0.1").replace(":7", ":9"),
        any[1],
        any[0],
        any[1],
      ]],
      [["--allow-net", "--deny-net=0.0.0.0,[::]"], [...any, any[0], any[1]]],
    ] as const
  ) {
    const printed = await scriptOutput(flags, script);
    assertEquals(printed.trimEnd().split("\n"), [...told], flags.join(" "));
  }
});

Deno.test("connectNodeStream() takes the permission for its port of any address, or of one", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const localPort = await freePort();
  const mod = JSON.stringify(import.meta.resolve("../../../mod.ts"));
  for (
    const [host, flag, options] of [
      ["127.0.0.1", `127.0.0.1:${port},0.0.0.0:${localPort}`, {}],
      ["localhost", `localhost,0.0.0.0:${localPort}`, {}],
      ["127.0.0.1", `127.0.0.1:${port},127.0.0.1:${localPort}`, { localAddress: "127.0.0.1" }],
    ] as const
  ) {
    const config = JSON.stringify({ host, port, localPort, ...options });
    const script = `import { Client } from ${mod};
      (await Client.connect(${config})).abort();
      console.log("connected");`;
    // An end that is not reset keeps the port.
    const [printed, accepted] = await Promise.all([
      scriptOutput([`--allow-net=${flag}`], script),
      listener.accept(),
    ]);
    accepted.close();
    assertEquals(printed, "connected\n", flag);
  }
});
