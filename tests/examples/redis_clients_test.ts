// The Redis clients of npm against examples/redis_server.ts.

import { assertEquals, assertRejects } from "@std/assert";
import { Redis } from "npm:ioredis@6.0.0";
import { createClient } from "npm:redis@6.3.1";
import { Buffer } from "node:buffer";
import { portOfExample, startExample } from "../support/example.ts";

const value = Buffer.from(Uint8Array.from({ length: 300 }, (_, i) => i));

Deno.test("ioredis talks to examples/redis_server.ts", async () => {
  await using server = await startExample("redis_server", { PORT: 0 });
  const redis = new Redis(await portOfExample(server), "127.0.0.1", { retryStrategy: () => null });
  const ended = new Promise((resolve) => redis.once("end", resolve));
  try {
    assertEquals([await redis.ping(), await redis.ping("hello")], ["PONG", "hello"]);
    assertEquals([await redis.set("key", "v\u00e4lue"), await redis.get("key")], [
      "OK",
      "v\u00e4lue",
    ]);
    assertEquals([await redis.incr("n"), await redis.incr("n")], [1, 2]);
    assertEquals(await redis.exists("key", "n", "other"), 2);
    assertEquals([await redis.del("key"), await redis.get("key")], [1, null]);
    await redis.set("bytes", value);
    assertEquals(await redis.getBuffer("bytes"), value);
    await assertRejects(() => redis.incr("bytes"), Error, "ERR value is not an integer");
    await assertRejects(() => redis.call("NONSENSE"), Error, "ERR unknown command 'NONSENSE'");
    const pipeline = redis.pipeline();
    for (let i = 0; i < 500; i++) pipeline.set(`key:${i}`, i).get(`key:${i}`);
    const replies = await pipeline.exec();
    assertEquals(
      replies,
      Array.from({ length: 1000 }, (_, i) => [null, i % 2 === 0 ? "OK" : `${i >> 1}`]),
    );
    assertEquals(await redis.quit(), "OK");
  } finally {
    redis.disconnect();
    await ended;
  }
});

Deno.test("The redis client of npm talks to examples/redis_server.ts", async () => {
  await using server = await startExample("redis_server", { PORT: 0 });
  const client = createClient({
    // The protocol that this server speaks; 3 is the next one.
    RESP: 2,
    socket: { host: "127.0.0.1", port: await portOfExample(server), reconnectStrategy: false },
  });
  client.on("error", () => {});
  await client.connect();
  try {
    assertEquals([await client.ping(), await client.echo("hello")], ["PONG", "hello"]);
    assertEquals([await client.set("key", "v\u00e4lue"), await client.get("key")], [
      "OK",
      "v\u00e4lue",
    ]);
    assertEquals([await client.incr("n"), await client.exists(["key", "n", "other"])], [1, 2]);
    assertEquals([await client.del("key"), await client.get("key")], [1, null]);
    await assertRejects(() => client.sendCommand(["GET"]), Error, "ERR wrong number of arguments");
    // Requests of one turn go out together.
    const keys = Array.from({ length: 500 }, (_, i) => `key:${i}`);
    await Promise.all(keys.map((key, i) => client.set(key, `${i}`)));
    const values = await Promise.all(keys.map((key) => client.get(key)));
    assertEquals(values, keys.map((_, i) => `${i}`));
  } finally {
    await client.close();
  }
});
