// Foreign programs as peers: socat and OpenBSD's nc (Debian: socat, netcat-openbsd). The examples run against them,
// too.

import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import { Client, type Connection, GenericError, Listener } from "../../mod.ts";
import { dial } from "../support/dial.ts";
import { echo } from "../support/echo.ts";
import { portOfExample, startExample } from "../support/example.ts";
import { inFolder } from "../support/folder.ts";
import { listening } from "../support/listening.ts";
import { peerTest, portOf } from "../support/peers.ts";
import { Program } from "../support/program.ts";
import { text } from "../support/text.ts";
import { engines, localClient } from "../support/udp_engines.ts";

const MIB = 1024 * 1024;
/** The content sent: one block over and over, whose size divides no buffer. */
const BLOCK = crypto.getRandomValues(new Uint8Array(65_521));

/** Whether bytes are the content sent from that place on. */
function isSent(bytes: Uint8Array, at: number): boolean {
  return bytes.every((byte, i) => byte === BLOCK[(at + i) % BLOCK.length]);
}

/** The content sent, `total` bytes of it. */
function* sent(total: number): Generator<Uint8Array<ArrayBuffer>> {
  for (let at = 0; at < total; at += BLOCK.length) yield BLOCK.subarray(0, total - at);
}

async function textOf(connection: Connection): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of connection) text += decoder.decode(bytes, { stream: true });
  return text;
}

/** A shell that runs `script` with `$1`, `$2`... */
const shell = (script: string, ...args: (string | number)[]) =>
  new Program("sh", ["-c", script, "sh", ...args.map(String)], { lifetimeInMillis: 60_000 });

await peerTest(
  "Listener echoes 64 MiB to socat, byte for byte",
  ["socat"],
  () =>
    inFolder(async (folder) => {
      const total = 64 * MIB;
      using file = await Deno.open(`${folder}/sent`, { write: true, create: true });
      for (const bytes of sent(total)) assertEquals(await file.write(bytes), bytes.length);
      await using listener = await listening(echo);
      await using socat = shell(
        "socat -t 30 -b 65536 STDIO TCP4:127.0.0.1:$1 <$2/sent >$2/received && cmp $2/sent $2/received",
        listener.port,
        folder,
      );
      const { code, stdout, stderr } = await socat.ending();
      assertEquals([code, stdout, stderr], [0, "", ""]);
    }),
);

await peerTest("Client gets 64 MiB back from socat, byte for byte", ["socat"], async () => {
  const total = 64 * MIB;
  await using socat = new Program("socat", [
    ..."-d -d -t 30 -b 65536 TCP4-LISTEN:0,bind=127.0.0.1 EXEC:cat".split(" "),
  ], { lifetimeInMillis: 60_000 });
  await using client = await dial({ port: await portOf(socat) });
  const sending = (async () => {
    for (const bytes of sent(total)) await client.write(bytes);
    await client.shutdownWrite();
  })();
  let received = 0;
  for await (const bytes of client) {
    assert(isSent(bytes, received), `what came after ${received} bytes is not what was sent`);
    received += bytes.length;
  }
  await sending;
  assertEquals([received, client.bytesRead, client.bytesWritten], [total, total, total]);
  assertEquals(await client.closed, undefined);
});

await peerTest("Service hears the half-close of socat and still answers", ["socat"], async () => {
  let heard = 0;
  await using listener = await listening({
    async onReadReady(caller) {
      const [, length] = await caller.read();
      if (length > 0) heard += length;
      else await caller.write(`${heard} bytes, then the end\n`);
    },
  });
  await using socat = new Program("socat", ["-t", "10", "-", `TCP4:127.0.0.1:${listener.port}`]);
  await socat.type("half a conversation");
  await socat.endInput();
  assertEquals((await socat.ending()).stdout, "19 bytes, then the end\n");
});

await peerTest(
  "Caller's loop ends at the half-close of socat and still answers",
  ["socat"],
  async () => {
    await using listener = new Listener(0, { interface: "127.0.0.1" });
    await listener.start();
    await using socat = new Program("socat", ["-t", "10", "-", `TCP4:127.0.0.1:${listener.port}`]);
    await socat.type("half a conversation");
    await socat.endInput();
    for await (const caller of listener) {
      const text = await textOf(caller);
      // The peer's end does not close this side: it may write as often and as late as it likes.
      await caller.write(`${text}, `);
      await caller.write("then the end\n");
      await caller.shutdownWrite();
      assertEquals(await caller.closed, undefined, "both directions have ended: it is free");
      break;
    }
    assertEquals((await socat.ending()).stdout, "half a conversation, then the end\n");
  },
);

await peerTest(
  "Client.shutdownWrite() ends socat's input and not its answer",
  ["socat"],
  async () => {
    await using socat = new Program("socat", [
      ..."-d -d -t 10 TCP4-LISTEN:0,bind=127.0.0.1 EXEC:sort".split(" "),
    ]);
    await using client = await dial({ port: await portOf(socat) });
    await client.write("b\nc\n");
    await client.write("a\n");
    await client.shutdownWrite(); // sort answers only at the end
    assertEquals(await textOf(client), "a\nb\nc\n");
    assertEquals(await client.closed, undefined);
    assertEquals((await socat.ending()).code, 0);
  },
);

await peerTest(
  "Service is told of a reset by socat, and no other connection is",
  ["socat"],
  async () => {
    const calls: string[] = [];
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    const { promise: greeted, resolve: onGreeted } = Promise.withResolvers<Connection>();
    const failures: Error[] = [];
    await using listener = await listening({
      async onReadReady(caller) {
        const [bytes, length] = await caller.read();
        if (length > 0) await caller.write(bytes);
        onGreeted(caller);
      },
      onError(_caller, error) {
        calls.push("onError");
        failures.push(error);
      },
      onClose() {
        calls.push("onClose");
        resolve();
      },
    });
    const target = `TCP4:127.0.0.1:${listener.port},linger=0`;
    await using socat = new Program("socat", ["-", target]);
    await socat.type("in the middle of\n");
    await socat.line(/^in the middle of$/);
    await using client = await dial(listener);
    const caller = await greeted;
    socat.signal("SIGKILL"); // with linger=0 the system sends a reset for it
    await closed;
    assertEquals(calls, ["onError", "onClose"]);
    const [error] = failures;
    assertInstanceOf(error, GenericError);
    assertEquals(error.code, "broken");
    assertInstanceOf(error.cause, Deno.errors.ConnectionReset);
    assertEquals(await caller.closed, error);
    assertEquals(listener.connections.has(caller), false);
    await client.write("still here");
    assertEquals(text((await client.read())[0]), "still here");
  },
);

await peerTest("Client.write() is told of a reset by socat in its middle", ["socat"], async () => {
  // Accepts a connection and reads nothing from it.
  await using socat = new Program("socat", [
    ..."-d -d -u - TCP4-LISTEN:0,bind=127.0.0.1,linger=0".split(" "),
  ]);
  await using client = await dial({ port: await portOf(socat) });
  const write = client.write(new Uint8Array(64 * MIB));
  await socat.type("ready\n");
  await client.read(6);
  socat.signal("SIGKILL");
  const error = await assertRejects(() => write, GenericError);
  const ended = (await client.closed)!;
  assertEquals([error.code, error.cause], ["broken", ended.cause]);
  const { bytesWritten } = client;
  assertEquals(error.bytesTaken, bytesWritten);
  assert(bytesWritten > 0 && bytesWritten < 64 * MIB, `${bytesWritten} bytes were taken`);
});

await peerTest(
  "Caller.close() lets socat have everything, whatever it has sent unread",
  ["socat"],
  async () => {
    // Raw Deno's close() with unread input is a reset, which destroys what the peer has not read yet.
    const total = 8 * MIB;
    await using listener = await listening({
      async onConnect(caller) {
        for (const bytes of sent(total)) await caller.write(bytes);
        await caller.close();
      },
    });
    await using socat = shell(
      "head -c 100000 /dev/zero | socat -t 10 STDIO TCP4:127.0.0.1:$1 | wc -c",
      listener.port,
    );
    const { stdout, stderr } = await socat.ending();
    assertEquals([stdout.trim(), stderr], [`${total}`, ""]);
  },
);

await peerTest("Listener and Client speak IPv6 with socat", ["socat", "IPv6"], async () => {
  const { promise: from, resolve } = Promise.withResolvers<string[]>();
  await using listener = await listening({
    onConnect: (caller) => resolve([caller.remoteAddress, caller.localAddress]),
    ...echo,
  }, { interface: "::1" });
  assertEquals(listener.address, "::1");
  await using dialling = new Program("socat", ["-", `TCP6:[::1]:${listener.port}`]);
  await dialling.type("six\n");
  await dialling.line(/^six$/);
  assertEquals(await from, ["::1", "::1"]);

  await using socat = new Program("socat", [
    ..."-d -d TCP6-LISTEN:0,bind=[::1] EXEC:cat".split(" "),
  ]);
  await using client = await Client.connect({ host: "[::1]", port: await portOf(socat) });
  assertEquals([client.remoteAddress, client.localAddress], ["::1", "::1"]);
  await client.write("six");
  assertEquals(text((await client.read(3))[0]), "six");
});

await peerTest("Listener on :: hears IPv4 and IPv6", ["socat", "IPv6"], async () => {
  await using listener = await listening({
    onConnect: async (caller) => {
      await caller.write(`${caller.remoteAddress}\n`);
      await caller.close();
    },
  }, { interface: "::" });
  for (const [dial, seen] of [["TCP4:127.0.0.1", "127.0.0.1"], ["TCP6:[::1]", "::1"]]) {
    await using socat = new Program("socat", ["-u", `${dial}:${listener.port}`, "-"]);
    assertEquals((await socat.ending()).stdout, `${seen}\n`);
  }
});

await peerTest("Client talks to a listening nc, until nc ends", ["nc"], async () => {
  await using nc = new Program("nc", ["-v", "-l", "127.0.0.1", "0"]);
  await using client = await dial({ port: await portOf(nc) });
  await client.write("to nc\n");
  await nc.line(/^to nc$/);
  await nc.type("from nc\n");
  assertEquals(text((await client.read(8))[0]), "from nc\n");
  await client.close();
  assertEquals((await nc.ending()).code, 0);
});

for (const [engine, network] of engines) {
  await peerTest(
    `UdpClient gets its datagrams back from socat (${engine})`,
    ["socat"],
    async () => {
      await using socat = new Program("socat", [
        ..."-d -d UDP4-LISTEN:0,bind=127.0.0.1 EXEC:cat".split(" "),
      ]);
      const address = { host: "127.0.0.1", port: await portOf(socat) };
      await using client = localClient(network);
      for (let i = 0; i < 20; i++) {
        await client.sendTo(`datagram ${i}`, address);
        const [bytes, length, from] = await client.receiveFrom();
        assertEquals([text(bytes), length, from], [`datagram ${i}`, bytes.length, address]);
      }
    },
  );

  await peerTest(`UdpClient answers socat and nc (${engine})`, ["socat", "nc"], async () => {
    await using server = localClient(network);
    const { port } = await server.bound;
    const serving = (async () => {
      for await (const { data, remoteHost: host, remotePort: port } of server) {
        await server.sendTo(`${text(data).trimEnd()} back\n`, { host, port });
      }
    })();
    await using socat = new Program("socat", ["-", `UDP4:127.0.0.1:${port}`]);
    await using nc = new Program("nc", ["-u", "127.0.0.1", `${port}`]);
    for (const word of ["one", "two", "three"]) {
      for (const peer of [socat, nc]) {
        await peer.type(`${word}\n`);
        await peer.line(new RegExp(`^${word} back$`));
      }
    }
    await server.close();
    await serving;
  });

  await peerTest(`UdpClient speaks IPv6 with nc (${engine})`, ["nc", "IPv6"], async () => {
    await using nc = new Program("nc", ["-6", "-u", "-v", "-l", "::1", "0"]);
    const port = await portOf(nc);
    await using client = localClient(network, {}, "::1");
    await client.sendTo("to nc\n", { host: "::1", port });
    await nc.line(/^to nc$/);
    await nc.type("from nc\n");
    const [bytes, , from] = await client.receiveFrom();
    assertEquals([text(bytes), from], ["from nc\n", { host: "::1", port }]);
  });
}

await peerTest("examples/tcp_listener.ts answers nc", ["nc"], async () => {
  await using server = await startExample("tcp_listener", { PORT: 0 });
  await using nc = new Program("nc", ["-N", "127.0.0.1", `${await portOfExample(server)}`]);
  await nc.type("Hello nc");
  await server.line(/^Client \d+ joined$/);
  await nc.endInput();
  assertEquals((await nc.ending()).stdout, "Hello nc back");
});

await peerTest("examples/tcp_client.ts talks to socat", ["socat"], async () => {
  await using socat = new Program("socat", [
    ..."-d -d TCP4-LISTEN:0,bind=127.0.0.1 EXEC:cat".split(" "),
  ]);
  await using client = await startExample("tcp_client", { PORT: await portOf(socat) });
  const { stdout } = await client.ending();
  assertMatch(stdout, /^Connected to port \d+\nReceived: Hello Ballerina\nClosed\n$/);
});

await peerTest(
  "examples/chat_server.ts brings nc and socat together",
  ["nc", "socat"],
  async () => {
    await using server = await startExample("chat_server", { PORT: 0 });
    const port = await portOfExample(server);
    await using nc = new Program("nc", ["-N", "127.0.0.1", `${port}`]);
    await nc.line(/^1 guest 1 has joined$/);
    await using socat = new Program("socat", ["-", `TCP4:127.0.0.1:${port}`]);
    await nc.line(/^2 guest 2 has joined$/);
    await socat.type("hello nc\n");
    await nc.line(/^3 guest 2: hello nc$/);
    await nc.type("hello socat\n");
    await socat.line(/^4 guest 1: hello socat$/);
    await nc.endInput();
    await socat.line(/^5 guest 1 has left$/);
    assertEquals((await nc.ending()).code, 0);
  },
);

await peerTest("examples/tcp_proxy.ts passes nc's end on to socat, and its answer back", [
  "nc",
  "socat",
], async () => {
  await using sort = new Program("socat", [
    ..."-d -d -t 10 TCP4-LISTEN:0,bind=127.0.0.1 EXEC:sort".split(" "),
  ]);
  await using proxy = await startExample("tcp_proxy", { TARGET_PORT: await portOf(sort), PORT: 0 });
  await using nc = new Program("nc", ["-N", "127.0.0.1", `${await portOfExample(proxy)}`]);
  await nc.type("b\na\n");
  await nc.endInput();
  assertEquals((await nc.ending()).stdout, "a\nb\n");
  await proxy.line(/^4 bytes there, 4 back: ended by peer$/);
});

await peerTest("examples/udp_echo.ts answers nc", ["nc"], async () => {
  await using server = await startExample("udp_echo", { PORT: 0 });
  await using nc = new Program("nc", ["-u", "127.0.0.1", `${await portOfExample(server)}`]);
  await nc.type("Hello nc\n");
  await nc.line(/^Hello nc$/);
});

await peerTest("examples/udp_client.ts talks to socat", ["socat"], async () => {
  await using socat = new Program("socat", [
    ..."-d -d UDP4-LISTEN:0,bind=127.0.0.1 EXEC:cat".split(" "),
  ]);
  const port = await portOf(socat);
  await using client = await startExample("udp_client", { PORT: port });
  assertEquals(
    (await client.ending()).stdout,
    `Sent: 21 bytes\nReceived: Hello from UDP client\n21 bytes from 127.0.0.1:${port}\n`,
  );
});
