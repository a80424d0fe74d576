// Secure connections as users make them: Client, Listener and upgradeToTls.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type Caller,
  Client,
  type ClientSecureSocketConfig,
  GenericError,
  Listener,
  type ListenerConfig,
  type ListenerEvent,
  type ListenerSecureSocketConfig,
  ReadTimedOutError,
  type Service,
  type SocketError,
  type StageCounts,
} from "../../mod.ts";
import { createServer } from "node:tls";
import type { AddressInfo } from "node:net";
import { keysOf, RawAuthority } from "../support/raw_certificates.ts";
import { Authority } from "../support/certificates.ts";
import { echo } from "../support/echo.ts";
import { listening } from "../support/listening.ts";

const authority = await Authority.make("Tests");
const localhost = await authority.sign();
const member = await authority.sign({ name: "member", hosts: ["member.example"] });
const caCerts = [authority.cert];
const decoder = new TextDecoder();

const listen = (
  secureSocket: ListenerSecureSocketConfig,
  service: Service = echo,
  config: ListenerConfig = {},
) => listening(service, { secureSocket, ...config });

function dial(listener: Listener, secureSocket?: ClientSecureSocketConfig): Promise<Client> {
  return Client.connect({
    host: "localhost",
    port: listener.port,
    ...(secureSocket === undefined ? {} : { secureSocket }),
  });
}

function wordsOf(event: ListenerEvent): string {
  if (event.kind !== "refused") return event.kind;
  return `${event.kind} ${event.remoteAddress} ${event.reason} ${event.error?.code}`;
}

async function text(connection: Caller, length?: number): Promise<string> {
  const [bytes] = await connection.read(length, { timeoutInMillis: 5_000 });
  return decoder.decode(bytes);
}

/** How many handshakes there were; how many at once depends on the clients' timing. */
function handshakesOf(listener: Listener): Omit<StageCounts, "peak"> {
  const { peak: _, ...counts } = listener.stats().handshakes;
  return counts;
}

Deno.test("Client and Listener talk over TLS, and both tell what was agreed on", async () => {
  const callers: Caller[] = [];
  await using listener = await listen(
    { ...localhost, alpnProtocols: ["echo"] },
    { ...echo, onConnect: (caller) => void callers.push(caller) },
  );
  await using client = await dial(listener, { caCerts, alpnProtocols: ["echo"] });
  await client.write("hello");
  assertEquals(await text(client, 5), "hello");
  assertEquals(callers[0]!.secure, {
    protocol: "TLSv1.3",
    alpnProtocol: "echo",
    serverName: "localhost",
    peerCertificate: undefined,
  });
  assertEquals(client.secure!.alpnProtocol, "echo");
  assertEquals(handshakesOf(listener), { underWay: 0, completed: 1, failed: 0 });
});

Deno.test("Listener with clientAuth knows its clients by their certificates", async () => {
  const subjects: (string | undefined)[] = [];
  await using listener = await listen({ ...localhost, caCerts, clientAuth: "require" }, {
    ...echo,
    onConnect: (caller) => void subjects.push(caller.secure?.peerCertificate?.subject),
  });
  await using client = await dial(listener, { caCerts, ...member });
  await client.write("hello");
  assertEquals(await text(client, 5), "hello");
  assertEquals(subjects, ["CN=member, O=Tests"]);
});

Deno.test("Listener goes on after clients that failed, and tells of each", async () => {
  const told: string[] = [];
  const bothTold = Promise.withResolvers<void>();
  const onEvent = (event: ListenerEvent) => {
    told.push(wordsOf(event));
    if (told.length === 2) bothTold.resolve();
  };
  await using listener = await listen(localhost, echo, { onEvent });
  await using plain = await Client.connect({ host: "127.0.0.1", port: listener.port });
  await plain.write("GET / HTTP/1.0\r\n\r\n");
  // An alert, then the end.
  while ((await plain.read())[1] > 0);
  const error = await assertRejects(
    () => dial(listener, {}),
    GenericError,
    "not signed by anybody",
  );
  assertEquals(error.code, "handshake");
  await bothTold.promise;
  assertEquals(told, Array(2).fill("refused 127.0.0.1 handshake handshake"));
  await using client = await dial(listener, { caCerts });
  await client.write("hello");
  assertEquals(await text(client, 5), "hello");
  assertEquals(listener.stats().handshakes.failed, 2);
});

Deno.test("Client refuses a server that speaks no TLS", async () => {
  await using listener = await listening({
    onConnect: (caller) => void caller.write("220 hello\r\n"),
  });
  for (const exposePeerCertificate of [false, true]) {
    const error = await assertRejects(
      () => dial(listener, { caCerts, exposePeerCertificate }),
      GenericError,
      "does not speak TLS",
    );
    assertEquals(error.code, "handshake");
  }
});

Deno.test("Client and Listener give a handshake up in time", async () => {
  const told = Promise.withResolvers<SocketError>();
  const secure = { ...localhost, handshakeTimeoutInMillis: 20 };
  await using listener = await listen(secure, echo, {
    onEvent: (event) => void (event.kind === "refused" && told.resolve(event.error!)),
  });
  // A client that says nothing, and a server that does not.
  await using silent = await Client.connect({ host: "127.0.0.1", port: listener.port });
  assertEquals((await told.promise).message.includes("was not over within 20 ms"), true);
  assertEquals((await silent.read())[1], -1);
  await using mute = await listening({ onConnect() {} });
  for (const exposePeerCertificate of [false, true]) {
    const error = await assertRejects(
      () => dial(mute, { caCerts, exposePeerCertificate, handshakeTimeoutInMillis: 20 }),
      GenericError,
      "was not over within 20 ms",
    );
    assertEquals(error.code, "handshake");
  }
});

Deno.test("Client.connect() with a signal gives a handshake up with its reason", async () => {
  await using mute = new Listener(0, { interface: "127.0.0.1" });
  const connected = Promise.withResolvers<void>();
  mute.attach({ onConnect: () => connected.resolve() });
  await mute.start();
  const controller = new AbortController();
  const connecting = assertRejects(
    () =>
      Client.connect({
        host: "127.0.0.1",
        port: mute.port,
        secureSocket: { caCerts },
        signal: controller.signal,
      }),
    Error,
    "changed my mind",
  );
  await connected.promise;
  controller.abort(new Error("changed my mind"));
  await connecting;
});

Deno.test("Listener with mode optional tells secure clients from plain ones", async () => {
  await using listener = await listen({ ...localhost, mode: "optional" });
  await using secure = await dial(listener, { caCerts });
  await using plain = await dial(listener);
  for (const client of [secure, plain]) {
    await client.write("hello");
    assertEquals(await text(client, 5), "hello");
  }
  assertEquals([...listener.connections].map(({ secure }) => secure?.protocol), [
    "TLSv1.3",
    undefined,
  ]);
  // Who speaks in the clear, or ends without a word, has made none.
  const ended = await Deno.connect({ hostname: "127.0.0.1", port: listener.port });
  ended.close();
  while (listener.stats().accepted < 3 || listener.stats().handshakes.underWay > 0) {
    await new Promise((next) => setImmediate(next));
  }
  assertEquals(handshakesOf(listener), { underWay: 0, completed: 1, failed: 0 });
});

Deno.test("Listener.replaceCertificate() changes new connections, running ones go on", async () => {
  await using listener = await listen(localhost);
  await using before = await dial(listener, { caCerts, exposePeerCertificate: true });
  const renewed = await authority.sign();
  await listener.replaceCertificate(renewed);
  await using after = await dial(listener, { caCerts, exposePeerCertificate: true });
  for (const client of [before, after]) {
    await client.write("hello");
    assertEquals(await text(client, 5), "hello");
  }
  const [first, second] = [before, after].map((c) => c.secure!.peerCertificate!.serialNumber);
  assertEquals(first === second, false);
  await assertRejects(
    () => listener.replaceCertificate({ cert: localhost.cert, key: renewed.key }),
    GenericError,
    "is not the key of secureSocket.cert",
  );
  await using still = await dial(listener, { caCerts, exposePeerCertificate: true });
  assertEquals(still.secure!.peerCertificate!.serialNumber, second);
});

Deno.test("Listener.start() refuses a certificate that cannot be used, and binds nothing", async () => {
  const listener = new Listener(0, {
    interface: "127.0.0.1",
    secureSocket: { certFile: "no/such/file.pem", keyFile: "no/such/key.pem" },
  });
  const error = await assertRejects(
    () => listener.start(),
    GenericError,
    'certFile "no/such/file.pem": it does not exist',
  );
  assertEquals(error.code, "handshake");
  assertEquals(listener.port, 0);
});

Deno.test("Listener.replaceCertificate() needs secureSocket", async () => {
  const listener = new Listener(0);
  await assertRejects(() => listener.replaceCertificate(localhost), TypeError, "secureSocket");
});

for (const exposePeerCertificate of [false, true]) {
  const engine = exposePeerCertificate ? "node" : "native";

  Deno.test(`Connection.upgradeToTls() makes both ends secure in mid-conversation (${engine} client)`, async () => {
    await using listener = await listen({ ...localhost, mode: "upgrade" }, {
      onConnect: (caller) => void caller.write("220 ready\r\n"),
      async onReadReady(caller) {
        const line = await text(caller);
        if (line !== "STARTTLS\r\n") return void await caller.write(`250 ${line}`);
        void caller.write("220 go ahead\r\n");
        await caller.upgradeToTls();
      },
    });
    await using client = await dial(listener);
    assertEquals(await text(client, 11), "220 ready\r\n");
    await client.write("STARTTLS\r\n");
    assertEquals(await text(client, 14), "220 go ahead\r\n");
    assertEquals(client.secure, undefined);
    const upgrading = client.upgradeToTls({ caCerts, exposePeerCertificate });
    // Waits for the handshake.
    const writing = client.write("EHLO\r\n");
    await upgrading;
    assertEquals(await writing, 6);
    assertEquals(await text(client, 10), "250 EHLO\r\n");
    assertEquals(client.secure!.serverName, "localhost");
    assertEquals([...listener.connections][0]!.secure!.protocol, "TLSv1.3");
    await assertRejects(() => client.upgradeToTls({ caCerts }), GenericError, "it is already");
  });
}

Deno.test("Listener counts the handshakes of upgrades, and tells of those that fail", async () => {
  const told: string[] = [];
  let failed = Promise.withResolvers<void>();
  const upgraded = Promise.withResolvers<void>();
  const onEvent = (event: ListenerEvent) => {
    if (event.kind !== "refused") return;
    told.push(wordsOf(event));
    failed.resolve();
  };
  await using listener = await listen({ ...localhost, mode: "upgrade" }, {
    onConnect: (caller) => caller.upgradeToTls().then(upgraded.resolve),
    onError() {},
  }, { onEvent });
  await using client = await dial(listener);
  await client.upgradeToTls({ caCerts });
  await upgraded.promise;
  assertEquals(handshakesOf(listener), { underWay: 0, completed: 1, failed: 0 });
  await using other = await dial(listener);
  await other.write("this is no handshake\n");
  await failed.promise;
  assertEquals(told, ["refused 127.0.0.1 handshake handshake"]);
  assertEquals(handshakesOf(listener), { underWay: 0, completed: 1, failed: 1 });
  // Those with options of their own as well.
  failed = Promise.withResolvers();
  await using plain = new Listener(0, { interface: "127.0.0.1", onEvent });
  plain.attach({
    onConnect: (caller) => caller.upgradeToTls(localhost),
    onError() {},
  });
  await plain.start();
  await using third = await dial(plain);
  await third.write("no handshake either\n");
  await failed.promise;
  assertEquals(told, Array(2).fill("refused 127.0.0.1 handshake handshake"));
  assertEquals(handshakesOf(plain), { underWay: 0, completed: 0, failed: 1 });
  // One that this side ended is no failure.
  await using silent = await dial(listener);
  const turn = () => new Promise((next) => setImmediate(next));
  while (listener.stats().handshakes.underWay === 0) await turn();
  await listener.immediateStop();
  assertEquals(handshakesOf(listener), { underWay: 0, completed: 1, failed: 1 });
  assertEquals(silent.secure, undefined);
});

Deno.test("Listener counts an upgrade that a limit ends, and none that its program gives up", async () => {
  const told: string[] = [];
  await using listener = await listen(
    {
      ...localhost,
      mode: "upgrade",
      handshakeTimeoutInMillis: 40,
    },
    { onConnect: (caller) => caller.upgradeToTls(), onError() {} },
    {
      onEvent: (event) => void (event.kind === "refused" && told.push(event.error!.code)),
    },
  );
  const until = async (isSo: (underWay: number) => boolean) => {
    while (!isSo(listener.stats().handshakes.underWay)) {
      await new Promise((next) => setImmediate(next));
    }
  };
  for (const isGivenUp of [false, true]) {
    await using _silent = await dial(listener);
    await until((underWay) => underWay > 0);
    if (isGivenUp) [...listener.connections][0]!.abort();
    await until((underWay) => underWay === 0);
    assertEquals(handshakesOf(listener), { underWay: 0, completed: 0, failed: 1 });
  }
  assertEquals(told, ["handshake"]);
});

Deno.test("Connection.upgradeToTls() refuses what was injected in the clear, on both sides", async () => {
  const refused = Promise.withResolvers<SocketError>();
  const readAfter: Promise<unknown>[] = [];
  const told: string[] = [];
  await using listener = await listen({ ...localhost, mode: "upgrade" }, {
    async onReadReady(caller) {
      await caller.read(10);
      await caller.write("220 go ahead\r\n250 injected\r\n");
      const upgrading = caller.upgradeToTls();
      await upgrading.catch(() => readAfter.push(caller.read().catch((error) => error.code)));
      await upgrading;
    },
    onError: (_, error) => refused.resolve(error as SocketError),
  }, { onEvent: (event) => void (event.kind === "refused" && told.push(wordsOf(event))) });
  await using client = await dial(listener);
  await client.write("STARTTLS\r\nRCPT TO:<evil@example>\r\n");
  assertEquals((await refused.promise).code, "handshake");
  assertEquals((await refused.promise).message.includes("24 bytes that came in the clear"), true);
  assertEquals(await text(client, 14), "220 go ahead\r\n");
  const error = await assertRejects(
    () => client.upgradeToTls({ caCerts }),
    GenericError,
    "14 bytes that came in the clear",
  );
  assertEquals(error.code, "handshake");
  assertEquals((await client.closed)?.code, "handshake");
  // The injected bytes are gone.
  await assertRejects(() => client.read(), GenericError, "14 bytes that came in the clear");
  assertEquals(await Promise.all(readAfter), ["handshake"]);
  // A failed handshake like one that finds them with the system.
  assertEquals(handshakesOf(listener), { underWay: 0, completed: 0, failed: 1 });
  assertEquals(told, ["refused 127.0.0.1 handshake handshake"]);
});

Deno.test("Connection.upgradeToTls() is busy while a read is under way, also one that timed out", async () => {
  await using listener = await listen({ ...localhost, mode: "upgrade" }, { onConnect() {} });
  for (const exposePeerCertificate of [false, true]) {
    await using client = await dial(listener);
    await assertRejects(
      () => client.read(1, { timeoutInMillis: 1 }),
      ReadTimedOutError,
      "nothing came",
    );
    const error = await assertRejects(
      () => client.upgradeToTls({ caCerts, exposePeerCertificate }),
      GenericError,
      "a read is under way",
    );
    assertEquals(error.code, "busy");
    // The connection goes on.
    await client.write("hello");
  }
});

Deno.test("Connection.upgradeToTls() checks its options before anything is done", async () => {
  await using listener = await listen({ ...localhost, mode: "upgrade" });
  await using client = await dial(listener);
  const raw = await RawAuthority.make();
  // The first key cannot be read by the engine, the second one only not be used by it.
  const [short, odd] = await Promise.all([
    raw.sign({ keys: keysOf("rsa", { modulusLength: 1_024 }) }),
    raw.sign({ keys: keysOf("ec", { namedCurve: "P-224" }) }),
  ]);
  const other = { cert: localhost.cert, key: odd.key };
  for (
    const [options, made, named] of [
      [{ alpnProtocols: [] }, TypeError, "secureSocket.alpnProtocols"],
      [{ serverName: "-a.example" }, TypeError, "secureSocket.serverName"],
      [{ minVersion: "TLSv1" as never }, TypeError, "secureSocket.minVersion"],
      [{ trustSystemCerts: false }, TypeError, "secureSocket.trustSystemCerts"],
      [{ caCerts: ["garbage"] }, GenericError, "secureSocket.caCerts[0]"],
      [{ caCertFile: "/nowhere" }, GenericError, "secureSocket.caCertFile"],
      [other, GenericError, "secureSocket.key"],
      [{ cert: short.cert, key: short.key }, GenericError, "secureSocket.key"],
      [{ cert: odd.cert, key: odd.key }, GenericError, "secureSocket.key"],
    ] as const
  ) {
    await assertRejects(() => client.upgradeToTls(options), made, named);
    await client.write("hello");
    assertEquals(await text(client, 5), "hello");
  }
});

Deno.test("Client and Listener over TLS never wait for the delay of small writes", async () => {
  // Two writes and the answer to both: with Nagle's algorithm the second waits 40 ms for the first.
  await using listener = await listen(localhost, {
    async onReadReady(caller) {
      await caller.read(2);
      await caller.write("a");
      await caller.write("b");
    },
  });
  for (const exposePeerCertificate of [false, true]) {
    await using client = await dial(listener, { caCerts, exposePeerCertificate });
    const times: number[] = [];
    for (let i = 0; i < 11; i++) {
      const begun = performance.now();
      await client.write("1");
      await client.write("2");
      assertEquals(await text(client, 2), "ab");
      times.push(performance.now() - begun);
    }
    const median = times.sort((a, b) => a - b)[5]!;
    assertEquals(median < 30, true, `${median} ms`);
  }
});

Deno.test("Listener behind a proxy reads the PROXY header, then shakes hands, and counts both", async () => {
  const listener = new Listener(0, {
    interface: "127.0.0.1",
    maxConnections: 1,
    proxyProtocol: { trusted: ["127.0.0.1"] },
    secureSocket: { ...localhost, handshakeTimeoutInMillis: 20 },
  });
  listener.attach(echo);
  await listener.start();
  await using _ = listener;
  const source = { transport: "tcp", hostname: "192.0.2.1", port: 1234 } as const;
  const destination = { transport: "tcp", hostname: "192.0.2.2", port: 443 } as const;
  const config = {
    host: "localhost",
    port: listener.port,
    sendProxyHeader: { source, destination },
  };
  // One whose handshake never arrives gives its place back.
  await using silent = await Client.connect(config);
  assertEquals((await silent.read())[1], -1);
  await using client = await Client.connect({ ...config, secureSocket: { caCerts } });
  await client.write("hello");
  assertEquals(await text(client, 5), "hello");
  const [caller] = listener.connections;
  assertEquals([caller!.remoteAddress, caller!.secure!.protocol], ["192.0.2.1", "TLSv1.3"]);
  assertEquals(handshakesOf(listener), { underWay: 0, completed: 1, failed: 1 });
});

Deno.test("secureSocket is checked at the door", () => {
  assertThrows(() => new Listener(0, { secureSocket: {} }), TypeError, "a certificate and its key");
});

Deno.test("A write over TLS that the peer has got is not called untaken when the next ones overflow", async () => {
  const taken = Promise.withResolvers<number[]>();
  await using listener = await listen(localhost, {
    onConnect(caller) {
      const count = async (writing: Promise<number>) =>
        await writing.catch((error) => error.bytesTaken);
      const first = count(caller.write("x".repeat(300)));
      queueMicrotask(() => {
        const others = Array.from({ length: 4 }, () => count(caller.write("x".repeat(300))));
        taken.resolve(Promise.all([first, ...others]));
      });
    },
    onError: () => {},
  }, { maxQueuedBytes: 1_000 });
  const client = await dial(listener, { caCerts });
  let received = 0;
  try {
    for await (const bytes of client) received += bytes.length;
  } catch { /* it was cut */ }
  const counts = await taken.promise;
  assertEquals(counts.reduce((sum, count) => sum + count, 0), received);
  client.abort();
});

Deno.test("A chain with something that is no certificate ends the connection that it came by, and nothing else", async () => {
  const junk = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n";
  const server = createServer({ cert: localhost.cert + junk, key: localhost.key });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const configs: ClientSecureSocketConfig[] = [
    { exposePeerCertificate: true },
    { minVersion: "TLSv1.3" },
    { trustSystemCerts: false, verifyHostname: false },
    { exposePeerCertificate: true, serverName: "other.example" },
  ];
  for (const config of configs) {
    const secureSocket = { ...config, caCerts };
    const refused = await assertRejects(
      () => Client.connect({ host: "localhost", port, secureSocket }),
      GenericError,
      "has something that is no certificate",
    );
    assertEquals(refused.code, "handshake");
  }
  await new Promise((resolve) => server.close(resolve));
});

Deno.test("A write over Deno's own TLS that is given up is called taken as far as the peer gets it", async () => {
  const begun = Promise.withResolvers<void>();
  const givenUp = Promise.withResolvers<void>();
  const received = Promise.withResolvers<number>();
  await using listener = await listen(localhost, {
    async onConnect(caller) {
      let [, count] = await caller.read();
      begun.resolve();
      await givenUp.promise;
      try {
        for await (const bytes of caller) count += bytes.length;
      } catch { /* it was cut */ }
      received.resolve(count);
      caller.abort();
    },
    onError: () => {},
  });
  const client = await dial(listener, { caCerts });
  const writing = client.write(new Uint8Array(64 * 1024 * 1024)).catch((error) => error);
  await begun.promise;
  client.abort();
  const { bytesTaken } = await writing;
  givenUp.resolve();
  const count = await received.promise;
  assert(count <= bytesTaken, `${count} bytes came, ${bytesTaken} are said to be taken`);
});
