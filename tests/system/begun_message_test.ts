// A message has begun, and a part of it was taken off the queue already: whatever asks whether something has begun must
// see it, though no byte is unread.

import { assertEquals, assertRejects } from "@std/assert";
import { ClientPool, ReconnectingClient, Requests } from "../../clients.ts";
import { type Codec, stepDecoder } from "../../codec.ts";
import {
  Client,
  DelimiterCodec,
  framed,
  framedService,
  JsonLinesCodec,
  LengthPrefixCodec,
  LineCodec,
  Listener,
  type ListenerConfig,
  mapCodec,
  ReadTimedOutError,
} from "../../mod.ts";
import { calmly, listen, served } from "../support/simulated_server.ts";
import { bytesOf, text } from "../support/text.ts";
import type { SimulatedNetwork } from "../../testing/mod.ts";

/** A line that ends in a count, and so many bytes: as memcached has it. */
const blocks: Codec<string, string> = {
  decoder: () =>
    stepDecoder(function* (read) {
      const line = yield* read.line();
      const data = yield* read.bytes(Number(/\d+$/.exec(line)?.[0] ?? 0));
      yield* read.line();
      return text(data);
    }),
  encode: (message, frames) => frames.write(`V ${message.length}\r\n${message}\r\n`),
};
const mapped = mapCodec(blocks, { decode: (word) => word, encode: (word: string) => word });

type Way = (listener: Listener, codec: Codec<string, string>) => Promise<void>;

const WAYS: readonly (readonly [string, Way])[] = [
  ["framedService()", async (listener, codec) => {
    listener.attach(framedService(codec, { onMessage: (_caller, word) => word, onError() {} }));
    await listener.start();
  }],
  ["a loop", async (listener, codec) => {
    await listener.serve(async (caller) => {
      const messages = framed(caller, codec);
      for await (const word of messages) await messages.send(word);
    }, { onError() {} });
  }],
];

async function withServer(
  way: Way,
  codec: Codec<string, string>,
  config: ListenerConfig,
  test: (net: SimulatedNetwork, listener: Listener, client: Client) => Promise<void>,
): Promise<void> {
  await calmly(async (net) => {
    const listener = new Listener(80, { ...config, network: net.host("server") });
    await way(listener, codec);
    const network = net.host("client");
    await using client = await Client.connect({ host: "server", port: 80, network });
    await test(net, listener, client);
    await listener.immediateStop();
  });
}

/** What has come of a message of "hello". */
const BEGINNINGS = ["V 5\r\n", "V 5\r\nhello", "V 5\r\nhe", "V"];

for (const [name, way] of WAYS) {
  for (const codec of [blocks, mapped]) {
    const title = `${name}${codec === mapped ? " with a mapped codec" : ""}`;
    Deno.test(`A stop waits for the rest of a message of which a part was taken (${title})`, async () => {
      for (const beginning of BEGINNINGS) {
        await withServer(way, codec, {}, async (net, listener, client) => {
          await client.write(beginning);
          await net.delay(10);
          const stopping = listener.gracefulStop({ deadlineInMillis: 3_000 });
          await net.delay(300);
          await client.write("V 5\r\nhello\r\n".slice(beginning.length));
          assertEquals(text((await client.read(12))[0]), "V 5\r\nhello\r\n");
          assertEquals((await client.read())[1], -1);
          const { completed, cut } = await stopping;
          assertEquals([completed, cut.length], [1, 0], beginning);
        });
      }
    });

    Deno.test(`minBytesPerSecond counts for a message of which a part was taken (${title})`, async () => {
      for (const beginning of BEGINNINGS) {
        const limits = { minBytesPerSecond: 100, minRateIntervalInMillis: 1_000 };
        await withServer(way, codec, limits, async (net, listener, client) => {
          await client.write("V 1\r\nx\r\n");
          await client.read();
          await net.delay(5_000);
          assertEquals(listener.stats().open, 1);
          await client.write(beginning);
          await net.delay(2_000);
          assertEquals(listener.stats().rejected["slow-sender"], 1, beginning);
        });
      }
    });
  }
}

const SKIPPING: readonly (readonly [string, Codec<unknown, string>, string])[] = [
  ["LineCodec", new LineCodec({ maxFrameLength: 4, onBadFrame() {} }), "too long"],
  ["JsonLinesCodec", new JsonLinesCodec({ maxFrameLength: 4, onBadFrame() {} }), "too long"],
  [
    "DelimiterCodec",
    mapCodec(new DelimiterCodec("; ", { maxFrameLength: 4, onBadFrame() {} }), {
      decode: (bytes) => bytes,
      encode: (word: string) => bytesOf(word),
    }),
    "too long",
  ],
  [
    "LengthPrefixCodec",
    mapCodec(new LengthPrefixCodec({ maxFrameLength: 4, onBadFrame() {} }), {
      decode: (bytes) => bytes,
      encode: (word: string) => bytesOf(word),
    }),
    "\0\0\0\x09",
  ],
];

for (const [name, codec, beginning] of SKIPPING) {
  Deno.test(`minBytesPerSecond counts for a bad frame that is skipped (${name})`, () =>
    calmly(async (net) => {
      const listener = new Listener(80, {
        network: net.host("server"),
        minBytesPerSecond: 100,
        minRateIntervalInMillis: 1_000,
      });
      listener.attach(framedService(codec, { onMessage() {}, onError() {} }));
      await listener.start();
      const network = net.host("client");
      await using client = await Client.connect({ host: "server", port: 80, network });
      await client.write(beginning);
      await net.delay(2_000);
      assertEquals(listener.stats().rejected["slow-sender"], 1);
      await listener.immediateStop();
    }));
}

Deno.test("Requests do not answer with what has begun before them", () =>
  served(async (caller) => {
    // The first connection gets a part of an answer for nothing.
    for await (const bytes of caller) {
      await caller.write(bytes);
      if (greeted++ === 0) await caller.write("V 5\r\n");
    }
  }, async ({ net, place, callers }) => {
    const client = new ReconnectingClient({ ...place, redialDelayInMillis: 10 });
    const requests = new Requests(client, blocks);
    assertEquals(await requests.send("one"), "one");
    await net.delay(50);
    assertEquals(await requests.send("two"), "two");
    assertEquals([callers.length, requests.stats().unexpected], [2, 1]);
    await requests.close();
  }));

let greeted = 0;

Deno.test("A pool lends no connection of which a part of a message was taken", () =>
  served(async (caller) => {
    await caller.write("V 5\r\n");
    await listen(caller);
  }, async ({ net, place, callers }) => {
    const pool = new ClientPool(place, { maxClients: 1 });
    for (let i = 0; i < 2; i++) {
      await pool.use(async (client) => {
        const messages = framed(client, blocks);
        await assertRejects(() => messages.receive({ timeoutInMillis: 10 }), ReadTimedOutError);
      });
      await net.delay(10);
    }
    assertEquals(callers.length, 2);
    await pool.close();
  }));
