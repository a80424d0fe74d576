// A TLS record of which a part has arrived: nothing of it can be read, but its sender is neither idle nor silent, and
// may have begun a message. As over plain TCP, where the same bytes can be read.

import { assert, assertEquals } from "@std/assert";
import { linuxNetwork } from "../../linux/mod.ts";
import { Listener, type ListenerConfig } from "../../mod.ts";
import { denoNetwork, turnsOf } from "../../src/network/deno/deno_network.ts";
import type { Network, Transport } from "../../src/network/network.ts";
import { look } from "../../src/network/turns.ts";
import { Authority } from "../support/certificates.ts";
import { type CutRecords, cutRecords, VERSIONS } from "../support/cut_records.ts";
import { inFolder } from "../support/folder.ts";
import { hasLinuxEngine } from "../support/linux_engine.ts";
import { writeAll } from "../support/read_all.ts";
import { calmly } from "../support/simulated_server.ts";
import { bytesOf, text } from "../support/text.ts";
import { waysToServe } from "../support/ways_to_serve.ts";
import type { SimulatedNetwork } from "../../testing/mod.ts";

const authority = await Authority.make("Tests");
const localhost = await authority.sign();

/** One record, as most programs send it. */
const LINE = bytesOf(`${"y".repeat(15_000)}\n`);
/** How much of the record has arrived: a part of its header, only that, a segment, nearly all. */
const CUTS = [3, 5, 1_400, 14_900];

type Version = (typeof VERSIONS)[number];
type Served = { readonly net: SimulatedNetwork; listener: Listener; client: CutRecords };

/** Waits for node:tls, which takes turns of the runtime: virtual time goes on in small steps. */
async function meanwhile<T>(net: SimulatedNetwork, work: Promise<T>): Promise<T> {
  let isOver = false;
  const over = () => void (isOver = true);
  work.then(over, over);
  while (!isOver) await net.delay(0.01);
  return await work;
}

/** A listener in virtual time, and a client that has got one answer. */
async function served(
  version: Version,
  serve: (listener: Listener) => void,
  config: ListenerConfig,
  test: (served: Served) => Promise<void>,
): Promise<void> {
  await calmly(async (net) => {
    const network = net.host("server");
    const listener = new Listener(443, { network, secureSocket: localhost, ...config });
    await listener.start();
    serve(listener);
    const stream = await net.host("client").connect({ hostname: "server", port: 443 });
    const client = await meanwhile(net, cutRecords(stream, authority.cert, version));
    await client.send(await client.seal(bytesOf("hello\n")));
    assertEquals(text(await client.read(6)), "hello\n");
    await test({ net, listener, client });
    await listener.immediateStop();
    client.close();
  });
}

const lines = waysToServe["messages"]!;

for (const version of VERSIONS) {
  for (const [way, serve] of Object.entries(waysToServe)) {
    Deno.test(`A stop waits for the rest of a record of ${version} (${way})`, async () => {
      for (const cut of CUTS) {
        await served(version, serve, {}, async ({ net, listener, client }) => {
          const record = await client.seal(LINE);
          await client.send(record.subarray(0, cut));
          await net.delay(50);
          const stopping = listener.gracefulStop({ deadlineInMillis: 5_000 });
          await net.delay(300);
          await client.send(record.subarray(cut));
          assertEquals(text(await client.read()), text(LINE), `${cut}`);
          assertEquals(await stopping, { completed: 1, aborted: 0, cut: [] });
        });
      }
    });
  }
}

/** What a listener says of a record of which `pieces` come, one each `everyInMillis`. */
async function dribbled(
  version: Version,
  config: ListenerConfig,
  { everyInMillis, length, count = Infinity }: Record<"everyInMillis" | "length", number> & {
    count?: number;
  },
): Promise<string> {
  let outcome = "";
  await served(version, lines, config, async ({ net, listener, client }) => {
    const record = await client.seal(LINE);
    const answer = client.read(LINE.length).then(text, () => "cut");
    let isOver = false;
    void answer.then(() => isOver = true);
    for (let i = 0; i < count && i * length < record.length && !isOver; i++) {
      await client.send(record.subarray(i * length, (i + 1) * length)).catch(() => {});
      await net.delay(everyInMillis);
    }
    if (!isOver) await net.delay(5_000);
    const slow = listener.stats().rejected["slow-sender"];
    outcome = slow > 0
      ? "slow-sender"
      : isOver
      ? (await answer === text(LINE) ? "served" : "cut")
      : "open";
  });
  return outcome;
}

for (const version of VERSIONS) {
  Deno.test(`A stop names in cut whoever is silent within a record of ${version}`, async () => {
    for (const cut of CUTS) {
      await served(version, lines, {}, async ({ net, listener, client }) => {
        await client.send((await client.seal(LINE)).subarray(0, cut));
        await net.delay(50);
        const begunAt = net.clock.now();
        const report = await listener.gracefulStop({ deadlineInMillis: 3_000 });
        assertEquals([report.completed, report.cut.map(({ reason }) => reason)], [0, ["deadline"]]);
        assertEquals(Math.round(net.clock.now() - begunAt), 3_000);
      });
    }
  });

  Deno.test(`A stop waits for no record of ${version} that begins after it`, async () => {
    await served(version, lines, {}, async ({ net, listener, client }) => {
      const record = await client.seal(LINE);
      const stopping = listener.gracefulStop({ deadlineInMillis: 3_000 });
      await net.delay(50);
      await client.send(record.subarray(0, 1_400));
      assertEquals(await stopping, { completed: 1, aborted: 0, cut: [] });
      assertEquals(await client.read(), new Uint8Array());
    });
  });

  Deno.test(`A stop goes on when a record of ${version} was the end of the client`, async () => {
    await served(version, lines, { allowHalfOpen: true }, async ({ net, listener, client }) => {
      const record = await meanwhile(net, client.end());
      await client.send(record.subarray(0, 9));
      await net.delay(50);
      const stopping = listener.gracefulStop({ deadlineInMillis: 3_000 });
      await net.delay(300);
      await client.send(record.subarray(9));
      assertEquals(await stopping, { completed: 1, aborted: 0, cut: [] });
    });
  });

  const minimum = { minBytesPerSecond: 1_000, minRateIntervalInMillis: 1_000 };
  Deno.test(`minBytesPerSecond counts within a record of ${version}`, async () => {
    const slow = await dribbled(version, minimum, { everyInMillis: 100, length: 1 });
    const silent = await dribbled(version, minimum, { everyInMillis: 1, length: 4, count: 1 });
    const honest = await dribbled(version, minimum, { everyInMillis: 100, length: 200 });
    assertEquals([slow, silent, honest], ["slow-sender", "slow-sender", "served"]);
  });

  const timeouts: readonly ListenerConfig[] = [
    { idleTimeoutInMillis: 1_000 },
    { heartbeat: { deafAfterInMillis: 1_000 } },
  ];
  for (const config of timeouts) {
    const [name] = Object.keys(config);
    Deno.test(`${name} begins anew with each piece of a record of ${version}`, async () => {
      const steady = await dribbled(version, config, { everyInMillis: 900, length: 1_500 });
      const silent = await dribbled(version, config, {
        everyInMillis: 900,
        length: 1_500,
        count: 3,
      });
      assertEquals([steady, silent], ["served", "cut"]);
    });
  }

  Deno.test(`readTimeoutInMillis begins anew with each piece of a record of ${version}`, async () => {
    for (const [count, expected] of [[Infinity, LINE.length], [3, "nothing came for 1000 ms"]]) {
      const got = Promise.withResolvers<unknown>();
      const serve = (listener: Listener) =>
        void listener.serve(async (caller) => {
          await caller.write(await caller.readLine({ limit: 1_000_000 }) + "\n");
          const length = (await caller.readLine({ limit: 1_000_000 }))!.length + 1;
          got.resolve(length);
        }, { onError: (_caller, error) => got.resolve(error.message) });
      await served(version, serve, { readTimeoutInMillis: 1_000 }, async ({ net, client }) => {
        const record = await client.seal(LINE);
        for (let i = 0; i < Number(count) && i * 1_500 < record.length; i++) {
          await client.send(record.subarray(i * 1_500, (i + 1) * 1_500));
          await net.delay(900);
        }
        const said = await got.promise;
        assert(said === expected || String(said).includes(String(expected)), String(said));
      });
    }
  });
}

/** Engines with sockets of the system. */
const ENGINES: Record<string, Network> = {
  "Deno's engine": denoNetwork,
  ...(hasLinuxEngine ? { "the engine for Linux": linuxNetwork } : {}),
};

/** Lets the runtime read what has arrived. */
async function looked(network: Network): Promise<void> {
  for (let i = 0; i < 3; i++) await look(turnsOf(network));
}

const HEADER = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n";

/** How clients come. */
const WAYS_IN: Record<string, (folder: string) => ListenerConfig> = {
  "TCP": () => ({ interface: "127.0.0.1", secureSocket: localhost }),
  "a path": (folder) => ({ path: `${folder}/socket`, secureSocket: localhost }),
  "optional TLS": () => ({
    interface: "127.0.0.1",
    secureSocket: { ...localhost, mode: "optional" },
  }),
  "certificates of clients": () => ({
    interface: "127.0.0.1",
    secureSocket: { ...localhost, clientAuth: "request", caCerts: [authority.cert] },
  }),
  "a PROXY header": () => ({
    interface: "127.0.0.1",
    secureSocket: localhost,
    proxyProtocol: { trusted: ["127.0.0.1"] },
  }),
};

/** A listener on sockets of the system that sends lines back, and a stream to it. */
async function connected(
  network: Network,
  wayIn: string,
  test: (listener: Listener, stream: Transport) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const config = WAYS_IN[wayIn]!(folder);
    await using listener = new Listener(0, { network, ...config });
    await listener.start();
    lines(listener);
    const { port } = listener;
    const stream = config.path === undefined
      ? await network.connect({ hostname: "127.0.0.1", port })
      : await network.connectPath!({ path: config.path });
    if (config.proxyProtocol !== undefined) await writeAll(stream, bytesOf(HEADER));
    await test(listener, stream);
  });
}

for (const [engine, network] of Object.entries(ENGINES)) {
  for (const version of VERSIONS) {
    for (const wayIn of Object.keys(WAYS_IN)) {
      Deno.test(`A stop waits for the rest of a record of ${version} (${wayIn}, ${engine})`, () =>
        connected(network, wayIn, async (listener, stream) => {
          const client = await cutRecords(stream, authority.cert, version);
          await client.send(await client.seal(bytesOf("hello\n")));
          assertEquals(text(await client.read(6)), "hello\n");
          const record = await client.seal(LINE);
          await client.send(record.subarray(0, 1_400));
          const stopping = listener.gracefulStop({ deadlineInMillis: 5_000 });
          await looked(network);
          await client.send(record.subarray(1_400));
          assertEquals(text(await client.read()), text(LINE));
          client.close();
          assertEquals(await stopping, { completed: 1, aborted: 0, cut: [] });
        }));

      Deno.test(`A stop waits for the rest of a handshake of ${version} (${wayIn}, ${engine})`, () =>
        connected(network, wayIn, async (listener, stream) => {
          const goOn = Promise.withResolvers<void>();
          const hasBegun = Promise.withResolvers<void>();
          let isFirst = true;
          const hesitating: Transport = {
            localAddr: stream.localAddr,
            remoteAddr: stream.remoteAddr,
            read: (buffer) => stream.read(buffer),
            async write(bytes) {
              if (!isFirst) return await stream.write(bytes);
              isFirst = false;
              await writeAll(stream, bytes.subarray(0, 20));
              hasBegun.resolve();
              await goOn.promise;
              await writeAll(stream, bytes.subarray(20));
              return bytes.length;
            },
            closeWrite: () => stream.closeWrite(),
            close: () => stream.close(),
          };
          const shaking = cutRecords(hesitating, authority.cert, version);
          await hasBegun.promise;
          const stopping = listener.gracefulStop({ deadlineInMillis: 5_000 });
          await looked(network);
          goOn.resolve();
          const client = await shaking;
          assertEquals(await client.read(), new Uint8Array());
          client.close();
          assertEquals(await stopping, { completed: 1, aborted: 0, cut: [] });
        }));
    }
  }
}
