// relay() over real sockets: whatever carries either side, with resets, stops and programs of others.

import { assert, assertEquals } from "@std/assert";
import {
  type Caller,
  Client,
  type ClientConfig,
  type Connection,
  framedService,
  LineCodec,
  Listener,
  type ListenerConfig,
  type LocalClientConfig,
  relay,
  type RelayOptions,
  type RelayReport,
} from "../../mod.ts";
import { Authority } from "../support/certificates.ts";
import { peerTest, portOf } from "../support/peers.ts";
import { isInstalled, Program } from "../support/program.ts";
import { text } from "../support/text.ts";

const MIB = 1024 * 1024;
const LOOPBACK = { interface: "127.0.0.1" };
const timeoutInMillis = 10_000;

const authority = await Authority.make("Relay Test CA");
const { cert, key } = await authority.sign({ hosts: ["localhost"] });
const trust = { secureSocket: { caCerts: [authority.cert], serverName: "localhost" } };

/** How to listen, and how to get there. */
type Carrier = readonly [
  config: ListenerConfig,
  target: (listener: Listener) => ClientConfig | LocalClientConfig,
];

const plain = ({ port }: Listener): ClientConfig => ({ host: "127.0.0.1", port });

function carriers(folder: string): Record<string, Carrier> {
  return {
    TCP: [LOOPBACK, plain],
    TLS: [
      { ...LOOPBACK, secureSocket: { cert, key } },
      (listener) => ({ ...plain(listener), ...trust }),
    ],
    Unix: [{ path: `${folder}/socket` }, () => ({ path: `${folder}/socket` })],
  };
}

/** Passes everything on to another listener; `next()` gives the reports in turn. */
async function proxy(
  config: ListenerConfig,
  target: () => ClientConfig | LocalClientConfig,
  options: RelayOptions = {},
) {
  const listener = new Listener(0, config);
  const reports: RelayReport[] = [];
  let onReport = () => {};
  await listener.serve(async (caller) => {
    reports.push(await relay(caller, await Client.connect(target() as ClientConfig), options));
    onReport();
  }, { onError() {} });
  const next = async () => {
    while (reports.length === 0) await new Promise<void>((resolve) => onReport = resolve);
    return reports.shift()!;
  };
  return Object.assign(listener, { next });
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const BLOCK = crypto.getRandomValues(new Uint8Array(65_521));

async function send(to: Client | Caller, total: number): Promise<void> {
  for (let at = 0; at < total; at += BLOCK.length) await to.write(BLOCK.subarray(0, total - at));
  await to.shutdownWrite();
}

/** Hears everything, slowly at first; how many bytes are as they were sent. */
async function hear(from: Client | Caller): Promise<number> {
  let at = 0;
  for await (const bytes of from) {
    for (const byte of bytes) {
      if (byte !== BLOCK[at++ % BLOCK.length]) return -at;
    }
  }
  return at;
}

for (const [front, back] of [["TCP", "TCP"], ["TLS", "Unix"], ["Unix", "TLS"]] as const) {
  Deno.test(`relay() carries a megabyte each way, from ${front} to ${back}`, () =>
    inFolder(async (folder) => {
      const [frontConfig, toFront] = carriers(folder)[front]!;
      const [backConfig, toBack] = carriers(`${folder}`)[back]!;
      await using target = new Listener(0, backConfig);
      const heard: number[] = [];
      await target.serve(async (caller) => {
        await Promise.all([send(caller, MIB), hear(caller).then((count) => heard.push(count))]);
      });
      await using listener = await proxy(frontConfig, () => toBack(target));
      const clients = Array.from({ length: 3 }, async () => {
        await using client = await Client.connect(toFront(listener) as ClientConfig);
        const [count] = await Promise.all([hear(client), send(client, MIB)]);
        assertEquals(count, MIB);
      });
      await Promise.all(clients);
      for (let i = 0; i < 3; i++) {
        const { there, back, end } = await listener.next();
        assertEquals([there, back, end.error, end.by], [MIB, MIB, undefined, "peer"]);
      }
      assertEquals((await listener.gracefulStop()).cut, []);
      await target.gracefulStop();
      assertEquals(heard, [MIB, MIB, MIB]);
      assertEquals(listener.connections.size, 0);
    }));
}

Deno.test("relay() carries resets over, both ways, in the middle of everything", async () => {
  await using target = new Listener(0, LOOPBACK);
  const arrivals = target[Symbol.asyncIterator]();
  await target.start();
  const resetting = { resetOnAbort: true };
  await using listener = await proxy(LOOPBACK, () => ({ ...plain(target), ...resetting }));
  const pair = async () => {
    const client = await Client.connect({ ...plain(listener), ...resetting });
    await client.write("begun");
    const there = (await arrivals.next()).value!;
    await there.read(5, { timeoutInMillis });
    void send(there, 4 * MIB).catch(() => {});
    await client.read(1, { timeoutInMillis });
    return [client, there] as const;
  };
  const [client, there] = await pair();
  client.abort();
  assertEquals(await there.read(1, { timeoutInMillis }).catch(({ code }) => code), "broken");
  assertEquals((await listener.next()).end.by, "error");
  const [other, gone] = await pair();
  // Somebody who goes with something unread resets.
  const sending = send(other, 64 * MIB).catch(() => {});
  await gone.read(1, { timeoutInMillis });
  gone.abort();
  const hearing = (async () => {
    for await (const _ of other);
  })().catch(() => {});
  await Promise.all([sending, hearing]);
  assertEquals((await listener.next()).end.by, "error");
  await Promise.all([client, there, other, gone].map((connection) => connection.close()));
  assertEquals(listener.connections.size, 0);
});

Deno.test("relay() lets a stop wait for an answer, ends at once where all wait, and is cut at the deadline", async () => {
  await using target = new Listener(0, LOOPBACK);
  const arrivals = target[Symbol.asyncIterator]();
  await target.start();
  await using listener = await proxy(LOOPBACK, () => plain(target));
  const [asking, idle, deaf] = await Promise.all(
    [0, 1, 2].map(() => Client.connect(plain(listener))),
  ) as [Client, Client, Client];
  const ask = async (client: Client) => {
    await client.write("ask");
    const there = (await arrivals.next()).value!;
    await there.read(3, { timeoutInMillis });
    return there;
  };
  const answering = await ask(asking);
  const answered = await ask(idle);
  await answered.write("answer");
  await idle.read(6, { timeoutInMillis });
  const silent = await ask(deaf);
  const stopped = listener.gracefulStop({ deadlineInMillis: 3_000 });
  // The stop is under way: who waits for nothing was told.
  assertEquals((await idle.read(1, { timeoutInMillis }))[1], -1);
  assertEquals((await answered.read(1, { timeoutInMillis }))[1], -1);
  await answering.write("answer");
  assertEquals((await asking.read(6, { timeoutInMillis }))[1], 6);
  assertEquals((await asking.read(1, { timeoutInMillis }))[1], -1);
  const { completed, cut } = await stopped;
  assertEquals([completed, cut.map(({ remotePort }) => remotePort)], [2, [deaf.localPort]]);
  const ends = [await listener.next(), await listener.next(), await listener.next()];
  assertEquals(ends.map(({ end }) => [end.by, end.error?.code]), [
    ["stop", undefined],
    ["stop", undefined],
    ["stop", "aborted"],
  ]);
  const all = [asking, idle, deaf, answering, answered, silent];
  await Promise.all(all.map((connection) => connection.close()));
});

for (const method of ["onConnect", "onReadReady", "onBytes", "onMessage"] as const) {
  Deno.test(`relay() that ${method} begins ends at once in a stop where all wait`, async () => {
    await using target = new Listener(0, LOOPBACK);
    const { promise: begun, resolve: onBegun } = Promise.withResolvers<void>();
    await target.serve(async (caller) => {
      onBegun();
      for await (const bytes of caller) await caller.write(bytes);
    }, { onError() {} });
    const begin = async (caller: Connection) => {
      await relay(caller, await Client.connect(plain(target)));
    };
    await using listener = new Listener(0, LOOPBACK);
    listener.attach(
      method === "onMessage"
        ? framedService(new LineCodec(), { onMessage: ({ connection }) => begin(connection) })
        : method === "onReadReady"
        ? { onReadReady: (caller) => (caller.read(), begin(caller)) }
        : method === "onConnect"
        ? { onConnect: begin, onBytes() {} }
        : { onBytes: begin },
    );
    await listener.start();
    await using client = await Client.connect(plain(listener));
    await client.write("go\n");
    await begun;
    await client.write("ask");
    while (!text((await client.read(undefined, { timeoutInMillis }))[0]).endsWith("ask"));
    const { completed, cut } = await listener.gracefulStop({ deadlineInMillis: 60_000 });
    assertEquals([completed, cut], [1, []]);
  });
}

Deno.test("relay() keeps the pace of a peer that does not read", async () => {
  await using target = new Listener(0, LOOPBACK);
  const arrivals = target[Symbol.asyncIterator]();
  await target.start();
  await using listener = await proxy(LOOPBACK, () => plain(target), { idleTimeoutInMillis: 300 });
  await using client = await Client.connect(plain(listener));
  const sending = send(client, 64 * MIB).catch((error) => error.code);
  const there = (await arrivals.next()).value!;
  const { there: passed, end } = await listener.next();
  assertEquals((end.error as { code?: string }).code, "timed-out");
  assert(passed < 32 * MIB, `${passed} bytes were passed on`);
  assertEquals(await sending, "broken");
  there.abort();
});

const hasOpenssl = await isInstalled("openssl");
await peerTest("relay() passes openssl on to socat, and its end", ["socat"], async () => {
  if (!hasOpenssl) return console.log("skipped: openssl is not installed");
  await using sort = new Program("socat", [
    ..."-d -d -t 10 TCP4-LISTEN:0,bind=127.0.0.1 EXEC:cat".split(" "),
  ]);
  const port = await portOf(sort);
  await using listener = await proxy(
    { ...LOOPBACK, secureSocket: { cert, key } },
    () => ({ host: "127.0.0.1", port }),
  );
  await using client = new Program("openssl", [
    ...["s_client", "-connect", `127.0.0.1:${listener.port}`, "-quiet", "-no_ign_eof"],
  ]);
  await client.type("hello through all of it\n");
  await client.line(/^hello through all of it$/);
  await client.endInput();
  await client.ending();
  const { there, back, end } = await listener.next();
  assertEquals([there, back, end.by], [24, 24, "peer"]);
});

await peerTest("relay() passes a megabyte from socat to socat and back", ["socat"], async () => {
  await using echo = new Program("socat", [
    ..."-d -d -t 10 TCP4-LISTEN:0,bind=127.0.0.1 EXEC:cat".split(" "),
  ]);
  const port = await portOf(echo);
  await using listener = await proxy(LOOPBACK, () => ({ host: "127.0.0.1", port }));
  await inFolder(async (folder) => {
    const bytes = new Uint8Array(MIB).map((_, i) => BLOCK[i % BLOCK.length]!);
    await Deno.writeFile(`${folder}/in`, bytes);
    await using client = new Program("socat", [
      ...["-t", "10", `OPEN:${folder}/in!!CREATE:${folder}/out`],
      `TCP4:127.0.0.1:${listener.port}`,
    ]);
    assertEquals((await client.ending()).code, 0);
    const { there, back, end } = await listener.next();
    assertEquals([there, back, end.by], [MIB, MIB, "peer"]);
    const out = await Deno.readFile(`${folder}/out`);
    assert(out.length === MIB && out.every((byte, i) => byte === bytes[i]));
  });
});
