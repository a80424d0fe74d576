// A program that was busy for longer than a timeout: what arrived meanwhile lies in the system's buffers, and no
// connection is cut for it.

import { assertEquals } from "@std/assert";
import {
  Client,
  type ClientConfig,
  type Connection,
  Listener,
  type ListenerConfig,
  type ListenerSecureSocketConfig,
  type UdpSession,
} from "../../mod.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { Authority } from "../support/certificates.ts";
import { testOnEngines } from "../support/udp_engines.ts";
import { serving } from "../support/udp_listeners.ts";

const TIMEOUT_IN_MILLIS = 40;
const TIMEOUT = { timeoutInMillis: TIMEOUT_IN_MILLIS };
const ONE = new Uint8Array([1]);
/** More than the buffers of a loopback connection hold. */
const MUCH = new Uint8Array(12 * 1024 * 1024);

/** Nothing else runs until a timeout that began now is well over. */
function stall(timeoutInMillis = TIMEOUT_IN_MILLIS): void {
  for (const end = performance.now() + 1.5 * timeoutInMillis; performance.now() < end;);
}

function outcomeOf(use: Promise<unknown>): Promise<string> {
  return use.then(() => "served", (error) => `${error}`);
}

/** The first end is the system's own: its operations have begun when the call returns. */
const connectors: Record<string, (listener: Listener) => Promise<Deno.Conn>> = {
  TCP: ({ port }) => Deno.connect({ hostname: "127.0.0.1", port }),
  TLS: ({ port }) => Deno.connectTls({ hostname: "localhost", port, caCerts: [authority.cert] }),
  Unix: ({ address }) => Deno.connect({ transport: "unix", path: address }),
};

const authority = await Authority.make("stalled");
const certificate = await authority.sign({ hosts: ["localhost"] });
const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const sendOne = (client: Deno.Conn) => void client.write(ONE);

interface Case {
  readonly name: string;
  readonly config?: ListenerConfig;
  /** What the client's end has sent before, of which one byte was read. */
  readonly first?: string;
  /** What the listener's end waits for. */
  use(caller: Connection): Promise<unknown>;
  /** What the client's end does right before the stall. */
  act(client: Deno.Conn): void;
}

const cases: readonly Case[] = [
  {
    name: "a byte for one who is idle",
    config: { idleTimeoutInMillis: TIMEOUT_IN_MILLIS },
    use: (caller) => caller.read(1, { timeoutInMillis: 5_000 }),
    act: sendOne,
  },
  {
    name: "a byte for a read",
    use: (caller) => caller.read(1, TIMEOUT),
    act: sendOne,
  },
  {
    name: "a byte for a read of all connections",
    config: { readTimeoutInMillis: TIMEOUT_IN_MILLIS },
    use: (caller) => caller.read(1),
    act: sendOne,
  },
  {
    name: "a line for a minimum rate",
    config: { minBytesPerSecond: 100, minRateIntervalInMillis: TIMEOUT_IN_MILLIS },
    first: "ab",
    use: (caller) => caller.readLine(),
    act: (client) => void client.write(new TextEncoder().encode("cdefghi\n")),
  },
];

for (const transport of Object.keys(connectors)) {
  // A handshake takes long enough for one to be late for another.
  const count = transport === "TLS" ? 1 : 5;
  for (const { name, config, first = "a", use, act } of cases) {
    Deno.test(`A timeout is judged after what came during a stall: ${name}, ${transport}`, async () => {
      const outcomes: Promise<string>[] = [];
      const began = Promise.withResolvers<void>();
      await using listener = new Listener(0, {
        ...(transport === "Unix"
          ? { path: `${folder}/${crypto.randomUUID()}` }
          : { interface: "127.0.0.1" }),
        ...(transport === "TLS" ? { secureSocket: certificate } : {}),
        ...config,
      });
      listener.attach({
        async onConnect(caller) {
          await caller.read(1, { timeoutInMillis: 5_000 });
          outcomes.push(outcomeOf(use(caller)));
          if (outcomes.length === count) began.resolve();
          await outcomes.at(-1);
          caller.abort();
        },
      });
      await listener.start();
      const clients = await Promise.all(
        Array.from({ length: count }, () => connectors[transport]!(listener)),
      );
      for (const client of clients) void client.write(new TextEncoder().encode(first));
      await began.promise;
      for (const client of clients) act(client);
      stall();
      assertEquals(await Promise.all(outcomes), Array<string>(count).fill("served"));
      for (const client of clients) client.close();
    });
  }
}

/** Takes everything as soon as it is told to, while the program stalls. */
const TAKER = `self.onmessage = async ({ data: port }) => {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  self.onmessage = async () => {
    const buffer = new Uint8Array(1024 * 1024);
    while (await connection.read(buffer).catch(() => null) !== null);
    connection.close();
    self.postMessage("over");
  };
  self.postMessage("ready");
};`;

Deno.test("A timeout is judged after what came during a stall: room for a write", async () => {
  const begun = Promise.withResolvers<Connection>();
  await using listener = new Listener(0, {
    interface: "127.0.0.1",
    writeTimeoutInMillis: TIMEOUT_IN_MILLIS,
  });
  listener.attach({ onConnect: begun.resolve });
  await listener.start();
  const taker = new Worker(`data:text/javascript,${encodeURIComponent(TAKER)}`, { type: "module" });
  const told = () => new Promise((resolve) => taker.onmessage = resolve);
  const ready = told();
  taker.postMessage(listener.port);
  await ready;
  const caller = await begun.promise;
  const outcome = outcomeOf(caller.write(MUCH));
  // Until it waits for room.
  await denoNetwork.turns!.looked!();
  const over = told();
  taker.postMessage("take");
  stall();
  assertEquals(await outcome, "served");
  await caller.close();
  await over;
  taker.terminate();
});

Deno.test("A timeout is judged after what came during a stall: the header of a proxy", async () => {
  const served = Promise.withResolvers<string>();
  await using listener = new Listener(0, {
    interface: "127.0.0.1",
    proxyProtocol: { trusted: ["127.0.0.1"], headerTimeoutInMillis: TIMEOUT_IN_MILLIS },
    onEvent: (event) => void (event.kind === "refused" && served.resolve(event.kind)),
  });
  listener.attach({ onConnect: (caller) => served.resolve(caller.remoteAddress) });
  await listener.start();
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
  await client.write(new TextEncoder().encode("PROXY "));
  await denoNetwork.turns!.looked!();
  void client.write(new TextEncoder().encode("TCP4 1.2.3.4 5.6.7.8 9 10\r\n"));
  stall();
  assertEquals(await served.promise, "1.2.3.4");
});

/** A handshake takes turns of both ends, which are one program here. */
const HANDSHAKE_TIMEOUT_IN_MILLIS = 200;
const SHORT = { handshakeTimeoutInMillis: HANDSHAKE_TIMEOUT_IN_MILLIS };

/** Where a listener waits for a handshake. */
const handshakes: Readonly<Record<string, Partial<ListenerSecureSocketConfig>>> = {
  "a listener's": {},
  "an optional one": { mode: "optional" },
  "a listener's that asks": { clientAuth: "request", caCerts: [authority.cert] },
  "an upgrade": { mode: "upgrade" },
};

for (const [name, options] of Object.entries(handshakes)) {
  Deno.test(`A timeout is judged after what came during a stall: a handshake, ${name}`, async () => {
    const isUpgrade = options.mode === "upgrade";
    await using listener = new Listener(0, {
      interface: "127.0.0.1",
      secureSocket: { ...certificate, ...SHORT, ...options },
    });
    listener.attach({
      async onConnect(caller) {
        if (isUpgrade) await caller.upgradeToTls();
        await caller.write(ONE);
      },
    });
    await listener.start();
    const secureSocket = { caCerts: [authority.cert], serverName: "localhost" };
    const use = async () => {
      await using client = await Client.connect({
        host: "127.0.0.1",
        port: listener.port,
        ...(isUpgrade ? {} : { secureSocket }),
      });
      if (isUpgrade) await client.upgradeToTls(secureSocket);
      await client.read(1);
    };
    const outcome = outcomeOf(use());
    while (listener.stats().handshakes.underWay === 0) await denoNetwork.turns!.looked!();
    stall(HANDSHAKE_TIMEOUT_IN_MILLIS);
    assertEquals(await outcome, "served");
  });
}

/** A server that answers when it is told to. */
const ANSWERER = `import { createServer } from "node:net";
import { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
const told = Promise.withResolvers();
self.onmessage = ({ data }) => {
  self.onmessage = told.resolve;
  const server = createServer((client) => {
    const later = new Duplex({
      read() {},
      write: (bytes, _, done) => void told.promise.then(() => client.write(bytes, done)),
    });
    client.on("data", (bytes) => {
      later.push(bytes);
      self.postMessage("heard");
    });
    client.on("error", () => {});
    const socket = new TLSSocket(later, { isServer: true, ...data });
    socket.on("error", () => {});
    socket.on("secure", () => socket.write("a"));
  });
  server.listen(0, "127.0.0.1", () => self.postMessage(server.address().port));
};`;

/** Where a client waits for one. */
const clients: Readonly<Record<string, Partial<ClientConfig>>> = {
  "a client's": { secureSocket: SHORT },
  "a client's of node:tls": { secureSocket: { ...SHORT, exposePeerCertificate: true } },
  "a client's connect": { connectTimeoutInMillis: HANDSHAKE_TIMEOUT_IN_MILLIS },
};

for (const [name, options] of Object.entries(clients)) {
  Deno.test(`A timeout is judged after what came during a stall: a handshake, ${name}`, async () => {
    const url = `data:text/javascript,${encodeURIComponent(ANSWERER)}`;
    const answerer = new Worker(url, { type: "module" });
    const told = () =>
      new Promise<unknown>((resolve) => answerer.onmessage = (e) => resolve(e.data));
    const bound = told();
    answerer.postMessage(certificate);
    const port = await bound as number;
    const heard = told();
    const use = async () => {
      await using client = await Client.connect({
        host: "127.0.0.1",
        port,
        ...options,
        secureSocket: {
          caCerts: [authority.cert],
          serverName: "localhost",
          ...options.secureSocket,
        },
      });
      await client.read(1);
    };
    const outcome = outcomeOf(use());
    await heard;
    stall(HANDSHAKE_TIMEOUT_IN_MILLIS);
    answerer.postMessage("answer");
    assertEquals(await outcome, "served");
    answerer.terminate();
  });
}

testOnEngines(
  "A timeout is judged after what came during a stall: a session's",
  async (network) => {
    const outcome = Promise.withResolvers<string>();
    const began = Promise.withResolvers<void>();
    await using sockets = await serving(network, {
      async onSession(session) {
        await session.read();
        began.resolve();
        outcome.resolve(await outcomeOf(session.read()));
      },
    }, { sessionIdleTimeoutInMillis: TIMEOUT_IN_MILLIS });
    await sockets.client.write("a");
    await began.promise;
    await sockets.client.write("b");
    stall();
    assertEquals(await outcome.promise, "served");
  },
);

testOnEngines(
  "A timeout is judged after what came during a stall: a datagram's",
  async (network) => {
    const began = Promise.withResolvers<UdpSession>();
    await using sockets = await serving(network, {
      onSession: (session) => began.resolve(session),
    });
    await sockets.client.write("a");
    const session = await began.promise;
    const outcome = outcomeOf(sockets.client.read(undefined, TIMEOUT));
    await session.write("b");
    stall();
    assertEquals(await outcome, "served");
  },
);
