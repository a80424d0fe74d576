// Listener with limits, lists and proxies, over loopback.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type Caller,
  Client,
  GenericError,
  Listener,
  type ListenerConfig,
  type ListenerEvent,
  type ProxyHeaderConfig,
  type ProxyHeaderError,
} from "../../mod.ts";
import { counted } from "../support/counted.ts";
import { dial } from "../support/dial.ts";
import { echo } from "../support/echo.ts";

type Refused = Extract<ListenerEvent, { kind: "refused" }>;

function listenerWith(config: ListenerConfig) {
  const told: Refused[] = [];
  const rejected = Promise.withResolvers<Refused>();
  const listener = new Listener(0, {
    interface: "127.0.0.1",
    onEvent(event) {
      if (event.kind !== "refused") return;
      told.push(event);
      rejected.resolve(event);
    },
    ...config,
  });
  return { listener, told, rejected: rejected.promise };
}

async function isServed(client: Client): Promise<boolean> {
  await client.write("ping");
  return (await client.read(4))[1] === 4;
}

/** What a refused client gets: an end, or a reset where it had sent something. */
async function isCut(client: Client): Promise<boolean> {
  const [, length] = await client.read().catch(() => [undefined, -1]);
  return length === -1;
}

const PROXIES = { proxyProtocol: { trusted: ["127.0.0.1"] } };
const CLIENT = { transport: "tcp", hostname: "192.0.2.1", port: 56_324 } as const;
const SERVER = { transport: "tcp", hostname: "198.51.100.1", port: 443 } as const;

Deno.test("Listener leaves clients in the backlog while maxConnections are open", async () => {
  const { listener, told } = listenerWith({ maxConnections: 2 });
  await using _ = listener;
  listener.attach(echo);
  await listener.start();
  const clients = await Promise.all([0, 1, 2, 3, 4].map(() => dial(listener)));
  const served = clients.map(isServed);
  await Promise.all([served[0], served[1]]);
  assertEquals([listener.connections.size, listener.stats().open], [2, 2]);
  for (const [i, client] of clients.entries()) {
    assertEquals(await served[i], true);
    assert(listener.connections.size <= 2);
    await client.close();
  }
  assertEquals([listener.stats().accepted, told], [5, []]);
});

Deno.test("Listener refuses an address with too many connections, and tells", async () => {
  const { listener, told, rejected } = listenerWith({ maxConnectionsPerAddress: 1 });
  await using _ = listener;
  listener.attach(echo);
  await listener.start();
  await using first = await dial(listener);
  assertEquals(await isServed(first), true);
  await using second = await dial(listener);
  assertEquals(await isCut(second), true);
  assertEquals((await rejected).reason, "address-limit");
  assertEquals([told.length, told[0]!.remoteAddress, told[0]!.remotePort], [
    1,
    "127.0.0.1",
    second.localPort,
  ]);
  assertEquals(await isServed(first), true);
  assertEquals(listener.stats().rejected["address-limit"], 1);
});

Deno.test("Listener keeps out whom deny has", async () => {
  const { listener, rejected } = listenerWith({ deny: ["127.0.0.0/8"] });
  await using _ = listener;
  listener.attach(echo);
  await listener.start();
  await using client = await dial(listener);
  assertEquals(await isCut(client), true);
  assertEquals((await rejected).reason, "denied");
});

Deno.test("Listener names the client behind a proxy, and gives what comes behind the header", async () => {
  const { listener, told } = listenerWith(PROXIES);
  await using _ = listener;
  await listener.start();
  const headers: ProxyHeaderConfig[] = [
    { version: 1, source: CLIENT, destination: SERVER },
    {
      source: CLIENT,
      destination: SERVER,
      checksum: true,
      tlvs: [{ type: 0xe0, value: Uint8Array.of(7) }],
    },
  ];
  for (const header of headers) {
    await using client = await dial(listener, header && { sendProxyHeader: header });
    await client.write("PROXY is data behind the header");
    for await (const caller of listener) {
      assertEquals([caller.remoteAddress, caller.remotePort], ["192.0.2.1", 56_324]);
      assertEquals([caller.localAddress, caller.localPort], ["127.0.0.1", listener.port]);
      assertEquals(caller.proxy?.version, header.version ?? 2);
      assertEquals([caller.proxy?.source, caller.proxy?.destination], [CLIENT, SERVER]);
      assertEquals(caller.proxy?.tlvs, header.tlvs ?? []);
      const [bytes] = await caller.read(31);
      assertEquals(new TextDecoder().decode(bytes), "PROXY is data behind the header");
      assertEquals(caller.bytesRead, 31);
      await caller.close();
      break;
    }
  }
  assertEquals([listener.stats().accepted, told], [2, []]);
});

Deno.test("Client tells its own ends in a header where it is given none", async () => {
  const { listener } = listenerWith(PROXIES);
  await using _ = listener;
  await listener.start();
  await using client = await dial(listener, { sendProxyHeader: {} });
  for await (const caller of listener) {
    assertEquals([caller.remoteAddress, caller.remotePort], ["127.0.0.1", client.localPort]);
    assertEquals(caller.proxy?.destination, {
      transport: "tcp",
      hostname: "127.0.0.1",
      port: listener.port,
    });
    assertEquals(client.bytesWritten, 0);
    await Promise.all([client.close(), caller.close()]);
    break;
  }
  await using local = await dial(listener, { sendProxyHeader: { command: "local" } });
  for await (const caller of listener) {
    assertEquals([caller.remotePort, caller.proxy?.command], [local.localPort, "local"]);
    await Promise.all([local.close(), caller.close()]);
    break;
  }
});

Deno.test("Client says what is wrong with a header before it connects", async () => {
  const config = { host: "127.0.0.1", port: 1 };
  const wrong = { version: 1, checksum: true } as const;
  await assertRejects(() => Client.connect({ ...config, sendProxyHeader: wrong }), TypeError);
  const badPort = { source: { ...CLIENT, port: 65_536 }, destination: SERVER };
  await assertRejects(() => Client.connect({ ...config, sendProxyHeader: badPort }), RangeError);
});

Deno.test("Listener refuses everybody who is no trusted proxy, header or not", async () => {
  const { listener, told } = listenerWith({ proxyProtocol: { trusted: ["192.0.2.0/24"] } });
  await using _ = listener;
  listener.attach({ onConnect: () => assert(false, "must not be called") });
  await listener.start();
  for (const header of [undefined, { source: CLIENT, destination: SERVER }]) {
    // It may be cut while it sends its header.
    const dialled = await dial(listener, header && { sendProxyHeader: header })
      .catch((error) => void assertEquals(error.code, "unreachable"));
    if (dialled === undefined) continue;
    await using client = dialled;
    assertEquals(await isCut(client), true);
  }
  assertEquals(told.map(({ reason }) => reason), ["untrusted-proxy", "untrusted-proxy"]);
  assertEquals(listener.stats().accepted, 0);
});

Deno.test("Listener never takes a wrong header for data", async () => {
  const { listener, told } = listenerWith(PROXIES);
  await using _ = listener;
  listener.attach({ onConnect: () => assert(false, "must not be called") });
  await listener.start();
  const wrong = [
    "GET / HTTP/1.1\r\n\r\n",
    "PROXY TCP4 1.2.3.4\r\n",
    "\r\n\r\n\0\r\nQUIT\n\x11\x11",
  ];
  for (const [i, content] of wrong.entries()) {
    await using client = await dial(listener);
    await client.write(content).catch(() => {});
    assertEquals(await isCut(client), true);
    assertEquals(told.length, i + 1);
  }
  await using early = await dial(listener);
  await early.write("PROXY TCP4 ");
  await early.shutdownWrite();
  assertEquals(await isCut(early), true);
  assertEquals(
    told.map(({ reason, error }) => `${reason} ${(error as ProxyHeaderError).problem}`),
    [
      "proxy-header signature",
      "proxy-header line",
      "proxy-header version",
      "proxy-header truncated",
    ],
  );
});

Deno.test("Listener waits for no header longer than it may, and serves others meanwhile", async () => {
  const { listener, rejected } = listenerWith({
    proxyProtocol: { trusted: ["127.0.0.1"], headerTimeoutInMillis: 50 },
  });
  await using _ = listener;
  listener.attach(echo);
  await listener.start();
  await using silent = await dial(listener);
  await silent.write("PROXY");
  await using client = await dial(listener, {
    sendProxyHeader: { source: CLIENT, destination: SERVER },
  });
  assertEquals(await isServed(client), true);
  assertEquals(await isCut(silent), true);
  assertEquals((await rejected).reason, "proxy-timeout");
});

Deno.test("Listener.gracefulStop() waits for no header, and a restart goes on counting", async () => {
  const { listener, told } = listenerWith(PROXIES);
  const connected = Promise.withResolvers<Caller>();
  listener.attach({ ...echo, onConnect: (caller) => connected.resolve(caller) });
  await listener.start();
  await using silent = await dial(listener);
  await using client = await dial(listener, {
    sendProxyHeader: { source: CLIENT, destination: SERVER },
  });
  assertEquals(await isServed(client), true);
  await connected.promise;
  const report = await listener.gracefulStop();
  assertEquals(counted(report), { completed: 1, aborted: 1 });
  assertEquals(await isCut(silent), true);
  assertEquals([listener.stats().open, told], [0, []]);
  await listener.start();
  await using again = await dial(listener, {
    sendProxyHeader: { source: CLIENT, destination: SERVER },
  });
  assertEquals(await isServed(again), true);
  const { accepted, bytesRead, bytesWritten } = listener.stats();
  assertEquals([accepted, bytesRead, bytesWritten], [2, 8, 8]);
  await listener.immediateStop();
});

Deno.test("Listener checks limits when it is made", () => {
  assertThrows(() => new Listener(0, { maxConnections: 0 }), RangeError, "maxConnections");
  assertThrows(() => new Listener(0, { allow: ["10.0.0.0/33"] }), RangeError, '"10.0.0.0/33"');
  const proxyProtocol = { trusted: "10.0.0.1" as unknown as string[] };
  assertThrows(() => new Listener(0, { proxyProtocol }), TypeError, "proxyProtocol.trusted");
});

Deno.test("Listener with a full house still stops at once", async () => {
  const { listener } = listenerWith({ maxConnections: 1, maxConnectionsPerSecond: 1 });
  listener.attach(echo);
  await listener.start();
  await using client = await dial(listener);
  assertEquals(await isServed(client), true);
  await using _waiting = await dial(listener);
  const { completed } = await listener.gracefulStop();
  assertEquals(completed, 2);
  const error = await assertRejects(() => dial(listener), GenericError);
  assertEquals(error.code, "unreachable");
});
