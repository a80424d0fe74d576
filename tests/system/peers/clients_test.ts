// Clients that last, against servers of others: killed, stopped and started again.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ReconnectingClient, RequestError, Requests } from "../../../clients.ts";
import type { Codec } from "../../../codec.ts";
import { Redis } from "../../../examples/redis_client.ts";
import { framed } from "../../../mod.ts";
import { stepDecoder } from "../../../codec.ts";
import { freePort } from "../../support/free_port.ts";
import { peerTest } from "../../support/peers.ts";
import { Program } from "../../support/program.ts";

async function redisServer(port: number, ...more: string[]): Promise<Program> {
  const program = new Program("redis-server", [
    ...`--bind 127.0.0.1 --port ${port} --appendonly no --daemonize no --save`.split(" "),
    "",
    ...more,
  ]);
  await program.line(/Ready to accept connections/);
  return program;
}

/** Fast enough for a test. */
const SOON = { timeoutInMillis: 10_000, pingInMillis: 100 };

await peerTest("Requests answer 10000 pipelined requests of redis-server in order", [
  "redis-server",
], async () => {
  const port = await freePort();
  await using _server = await redisServer(port, "--requirepass", "secret");
  await using redis = new Redis({ port, password: "secret", timeoutInMillis: 20_000 });
  const numbers = Array.from({ length: 10_000 }, (_, i) => String(i));
  assertEquals(await Promise.all(numbers.map((number) => redis.run("ECHO", number))), numbers);
  await assertRejects(() => redis.run("NONSENSE"), Error, "unknown command");
  assertEquals(redis.stats().answered >= 10_001, true);
});

await peerTest("Requests outlive a redis-server that is killed and started again", [
  "redis-server",
], async () => {
  const port = await freePort();
  await using first = await redisServer(port);
  await using redis = new Redis({ port, ...SOON });
  assertEquals(await redis.run("INCR", "n"), 1);
  const slow = redis.run("BLPOP", "nothing", "0");
  const failed = assertRejects(() => slow, RequestError);
  // It has left when a later one on the same connection could only be answered after it.
  const read = redis.run("GET", "n");
  first.signal("SIGKILL");
  await first.ending();
  const error = await failed;
  assertEquals(error.code, "broken");
  await using _second = await redisServer(port);
  // What changes nothing was sent again.
  assertEquals(await read, error.hasLeft ? null : "1");
  assertEquals(await redis.run("INCR", "n"), 1);
});

await peerTest("Requests find that redis-server is stopped, and go on with the next one", [
  "redis-server",
], async () => {
  const port = await freePort();
  await using server = await redisServer(port);
  await using redis = new Redis({ port, ...SOON });
  assertEquals(await redis.run("SET", "key", "value"), "OK");
  server.signal("SIGSTOP");
  const error = await assertRejects(() => redis.run("SET", "key", "other"), RequestError);
  assertEquals([error.code, error.hasLeft], ["timed-out", true]);
  const read = redis.run("EXISTS", "key");
  server.signal("SIGCONT");
  assertEquals(await read, 1);
});

await peerTest("ReconnectingClient comes back after CLIENT KILL", ["redis-server"], async () => {
  const port = await freePort();
  await using _server = await redisServer(port);
  await using redis = new Redis({ port, ...SOON });
  await using other = new Redis({ port, ...SOON });
  for (let i = 0; i < 3; i++) {
    const id = await redis.run("CLIENT", "ID");
    assertEquals(await other.run("CLIENT", "KILL", "ID", String(id)), 1);
    while (redis.client.connection !== undefined && await redis.run("PING") !== "PONG");
    assert(await redis.run("CLIENT", "ID").catch(() => undefined) !== id);
  }
});

interface Packet {
  readonly head: number;
  readonly body: Uint8Array;
}

/** The packets of MQTT, as bytes. */
const packets: Codec<Packet> = {
  decoder: () =>
    stepDecoder(function* (read) {
      const head = yield* read.byte();
      return { head, body: (yield* read.bytes(yield* read.varint(4))).slice() };
    }),
  encode({ head, body }, frames) {
    frames.writeByte(head);
    frames.writeVarint(body.length);
    frames.write(body);
  },
};

const text = (text: string) => [0, text.length, ...new TextEncoder().encode(text)];
const packet = (head: number, ...body: number[]): Packet => ({ head, body: Uint8Array.from(body) });
const HELLO = packet(0x10, ...text("MQTT"), 4, 2, 0, 60, 0, 0);
const withId = (head: number, id: number, ...rest: number[]) =>
  packet(head, id >> 8, id & 255, ...rest);
const published = (topic: string, word: string) => (id: number) =>
  packet(0x32, ...text(topic), id >> 8, id & 255, ...new TextEncoder().encode(word));

await peerTest("Requests speak MQTT with mosquitto: ids, pushes, pings, a restart", [
  "mosquitto",
], async () => {
  const port = await freePort();
  const start = async () => {
    const broker = new Program("mosquitto", ["-p", String(port), "-v"]);
    await broker.line(/mosquitto version .* running/, "stderr");
    return broker;
  };
  await using first = await start();
  const pushed: string[] = [];
  const pings = Promise.withResolvers<void>();
  let onPublished = () => {};
  const client = new ReconnectingClient({
    host: "127.0.0.1",
    port,
    async onUp(connection) {
      const mqtt = framed(connection, packets);
      await mqtt.send(HELLO);
      assertEquals((await mqtt.receive())?.head, 0x20);
      await mqtt.send(withId(0x82, 65_535, ...text("news"), 1));
      assertEquals((await mqtt.receive())?.head, 0x90);
    },
  });
  await using mqtt: Requests<Packet, Packet> = new Requests<Packet, Packet>(client, packets, {
    maxId: 65_534,
    idOf: ({ head, body }) => head === 0x40 ? body[0]! << 8 | body[1]! : undefined,
    onPush({ head, body }) {
      if (head === 0xd0) return pings.resolve();
      const at = 2 + body[1]!;
      assert(mqtt.post(withId(0x40, body[at]! << 8 | body[at + 1]!)));
      pushed.push(new TextDecoder().decode(body.subarray(at + 2)));
      onPublished();
    },
    isIdempotent: () => true,
    ping: packet(0xc0),
    pingInMillis: 50,
    pingTimeoutInMillis: 5_000,
    timeoutInMillis: 15_000,
  });
  const words = Array.from({ length: 100 }, (_, i) => `word ${i}`);
  const all = new Promise<void>((resolve) =>
    onPublished = () => pushed.length === 100 && resolve()
  );
  const acknowledged = await Promise.all(words.map((word) => mqtt.send(published("news", word))));
  assertEquals(acknowledged.every(({ head }) => head === 0x40), true);
  await all;
  assertEquals(pushed, words);
  await pings.promise;
  first.signal("SIGKILL");
  await first.ending();
  const again = new Promise<void>((resolve) => onPublished = resolve);
  const later = mqtt.send(published("news", "later"));
  await using _second = await start();
  assertEquals((await later).head, 0x40);
  await again;
  assertEquals(pushed.at(-1), "later");
});
