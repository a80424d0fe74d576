// Redis by others: their programs against our server, our client against theirs.

import { assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import { Redis } from "../../examples/redis_client.ts";
import { respCodec } from "../../examples/resp_codec.ts";
import { command, type Resp } from "../../examples/resp_values.ts";
import { type Framed, framed } from "../../mod.ts";
import { dial } from "../support/dial.ts";
import { portOfExample, startExample } from "../support/example.ts";
import { peerTest } from "../support/peers.ts";
import { outputOf, Program } from "../support/program.ts";

await peerTest("redis-cli talks to examples/redis_server.ts", ["redis-cli"], async () => {
  await using server = await startExample("redis_server", { PORT: 0 });
  const port = await portOfExample(server);
  const cli = (...args: string[]) => outputOf("redis-cli", ["-p", port, ...args]);
  for (
    const [command, answer] of [
      ["PING", "PONG"],
      ["ping hello", "hello"],
      ["ECHO hello", "hello"],
      ["GET greeting", ""],
      ["SET greeting hello", "OK"],
      ["GET greeting", "hello"],
      ["INCR count", "1"],
      ["INCR count", "2"],
      ["GET count", "2"],
      ["INCR greeting", "ERR value is not an integer or out of range"],
      ["EXISTS greeting count other greeting", "3"],
      ["DEL greeting other", "1"],
      ["EXISTS greeting", "0"],
      ["GET", "ERR wrong number of arguments for 'get' command"],
      ["CONSTRUCTOR", "ERR unknown command 'CONSTRUCTOR'"],
    ] as const
  ) {
    assertEquals((await cli(...command.split(" "))).trimEnd(), answer, command);
  }
  // Any bytes are a value.
  const value = Uint8Array.from({ length: 1000 }, (_, i) => i);
  assertEquals(await outputOf("redis-cli", ["-p", port, "-x", "SET", "bytes"], value), "OK\n");
  await using client = await dial({ port });
  const redis = framed(client, respCodec());
  await redis.send(command("GET", "bytes"));
  assertEquals(await redis.receive(), value);
});

await peerTest(
  "redis-cli sends 10000 commands at once to examples/redis_server.ts",
  ["redis-cli"],
  async () => {
    await using server = await startExample("redis_server", { PORT: 0 });
    const port = await portOfExample(server);
    const commands = Array.from(
      { length: 10_000 },
      (_, i) =>
        `*3\r\n$3\r\nSET\r\n$9\r\nkey:${String(i).padStart(5, "0")}\r\n$5\r\n${10_000 + i}\r\n`,
    );
    const said = await outputOf(
      "redis-cli",
      ["-p", port, "--pipe"],
      new TextEncoder().encode(commands.join("")),
    );
    assertMatch(said, /errors: 0, replies: 10000/);
    assertEquals(await outputOf("redis-cli", ["-p", port, "GET", "key:09999"]), "19999\n");
  },
);

for (const pipeline of [1, 16]) {
  await peerTest(`redis-benchmark -P ${pipeline} goes through with examples/redis_server.ts`, [
    "redis-benchmark",
  ], async () => {
    await using server = await startExample("redis_server", { PORT: 0 });
    const port = await portOfExample(server);
    await using benchmark = new Program("redis-benchmark", [
      ..."-h 127.0.0.1 -q -n 2000 -c 20 -t ping,set,get,incr".split(" "),
      ...["-P", String(pipeline), "-p", String(port)],
    ]);
    const { code, stdout } = await benchmark.ending();
    assertEquals(code, 0);
    assertEquals(stdout.match(/[\d.]+ requests per second/g)?.length, 5);
    server.signal("SIGINT");
    assertEquals((await server.ending()).stderr, "");
  });
}

/** A real Redis server that keeps nothing. */
async function redisServer(): Promise<{ program: Program; port: number }> {
  for (let tries = 0; tries < 5; tries++) {
    // It cannot choose a free port; another program may take this one first.
    using free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = free.addr;
    free.close();
    const program = new Program("redis-server", [
      ...`--bind 127.0.0.1 --port ${port} --appendonly no --daemonize no --save`.split(" "),
      "",
    ]);
    try {
      await program.line(/Ready to accept connections/);
      return { program, port };
    } catch {
      await program[Symbol.asyncDispose]();
    }
  }
  throw new Error("redis-server does not start");
}

await peerTest("respCodec is a client of redis-server", ["redis-server"], async () => {
  const { program, port } = await redisServer();
  await using _server = program;
  const client = await dial({ port });
  await using redis: Framed<Resp> = framed(client, respCodec());
  const ask = async (...words: string[]) => {
    await redis.send(command(...words));
    return await redis.receive();
  };
  const bytes = (text: string) => new TextEncoder().encode(text);

  assertEquals(await ask("PING"), "PONG");
  assertEquals(await ask("GET", "nothing"), null);
  assertEquals(await ask("SET", "greeting", "Gr\u00fc\u00dfe"), "OK");
  assertEquals(await ask("GET", "greeting"), bytes("Gr\u00fc\u00dfe"));
  assertEquals([await ask("INCR", "n"), await ask("DECRBY", "n", "3")], [1, -2]);
  assertEquals(await ask("RPUSH", "list", "a", "", "c"), 3);
  assertEquals(await ask("LRANGE", "list", "0", "-1"), [bytes("a"), bytes(""), bytes("c")]);
  assertEquals(await ask("LRANGE", "none", "0", "-1"), []);
  assertEquals(
    await ask("EVAL", "return {1, {2, 'x', {}, false}, redis.status_reply('fine')}", "0"),
    [1, [2, bytes("x"), [], null], "fine"],
  );
  const error = await ask("NONSENSE");
  assertInstanceOf(error, Error);
  assertMatch(error.message, /^ERR unknown command/);

  const value = crypto.getRandomValues(new Uint8Array(60_000));
  await redis.send([bytes("SET"), bytes("bytes"), value]);
  assertEquals([await redis.receive(), await ask("GET", "bytes")], ["OK", value]);

  // A thousand at once, answered in order.
  const numbers = Array.from({ length: 1000 }, (_, i) => i);
  await redis.sendAll(numbers.map((i) => command("ECHO", String(i))));
  for (const i of numbers) assertEquals(await redis.receive(), bytes(String(i)));

  // More than is allowed.
  await ask("SETRANGE", "long", "1100000", "x");
  await redis.send(command("GET", "long"));
  await assertRejects(() => redis.receive(), Error, "nonsense");
});

await peerTest(
  "A value that is too long for examples/redis_client.ts harms no other command",
  ["redis-server"],
  async () => {
    const { program, port } = await redisServer();
    await using _server = program;
    await using redis = new Redis({ port });
    await redis.run("SETRANGE", "most", String(2 ** 24 - 1), "x");
    await redis.run("SETRANGE", "long", String(2 ** 24), "x");
    const why = "It has more than 16777216 bytes";
    const answers = await Promise.allSettled([
      redis.run("INCR", "n"),
      redis.run("GET", "long"),
      redis.run("MGET", "n", "long"),
      redis.run("MGET", "long", "long", "n", "long"),
      redis.run("MGET", "most", "n"),
      redis.run("EVAL", "return {1, {{redis.call('GET', 'long')}, 2}}", "0"),
      redis.run("STRLEN", "long"),
      redis.run("INCR", "n"),
    ]);
    assertEquals(
      answers.map((answer) => answer.status === "fulfilled" ? answer.value : answer.reason.message),
      [1, why, why, why, why, why, 2 ** 24 + 1, 2],
    );
    assertEquals((await redis.run("GET", "most") as string).length, 2 ** 24);
    const many = "local t = {} for i = 1, 1048577 do t[i] = i end return t";
    assertEquals((await redis.run("EVAL", many, "0") as Resp[]).length, 1_048_577);
  },
);

await peerTest(
  "examples/redis_client.ts sends no command after which others would get wrong answers",
  ["redis-server"],
  async () => {
    const { program, port } = await redisServer();
    await using _server = program;
    await using redis = new Redis({ port });
    for (
      const command of [
        "",
        "SUBSCRIBE a b",
        "psubscribe a*",
        "SSUBSCRIBE a",
        "UNSUBSCRIBE",
        "PUNSUBSCRIBE",
        "SUNSUBSCRIBE",
        "MONITOR",
        "CLIENT REPLY SKIP",
        "client reply off",
        "REPLCONF ACK 0",
        "PSYNC ? -1",
        "SYNC",
        "MULTI",
        "SELECT 1",
        "HELLO 3",
        "AUTH x",
        "RESET",
        "QUIT",
        "SCRIPT DEBUG SYNC",
      ]
    ) {
      const answers = await Promise.allSettled([
        redis.run(...command.split(" ").filter((word) => word !== "")),
        redis.run("ECHO", "ann"),
        redis.run("ECHO", "bob"),
      ]);
      const [refused, ...others] = answers;
      assertEquals(others.map((answer) => (answer as { value?: Resp }).value), ["ann", "bob"]);
      assertInstanceOf((refused as PromiseRejectedResult).reason, TypeError, command);
    }
    assertEquals(await redis.run("CLIENT", "SETNAME", "x"), "OK");
    assertEquals(redis.stats().late, 0);
  },
);
