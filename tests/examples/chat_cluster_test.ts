// examples/chat_cluster: four processes on two hosts behind HAProxy, and books at all ends.

import { assert, assertEquals } from "@std/assert";
import { redisBus } from "../../examples/chat_cluster/redis_bus.ts";
import { Rooms } from "../../examples/chat_cluster/rooms.ts";
import { respCodec } from "../../examples/resp_codec.ts";
import { command } from "../../examples/resp_values.ts";
import { type Framed, framedService, LineCodec, Listener } from "../../mod.ts";
import { type Books, type BusProgram, Cluster, nats, redis } from "../support/chat_cluster.ts";
import { dial } from "../support/dial.ts";
import { inFolder } from "../support/folder.ts";
import { encodeAll } from "../support/framing.ts";
import { freePort } from "../support/free_port.ts";
import { peerTest } from "../support/peers.ts";
import { outputOf, Program } from "../support/program.ts";

async function booksOf(guests: Program): Promise<Books> {
  const { code, stdout, stderr } = await guests.ending();
  assertEquals([code, stderr], [0, ""]);
  return JSON.parse(stdout.split("\n").at(-2)!);
}

async function withCluster(kind: BusProgram, body: (cluster: Cluster) => Promise<void>) {
  await inFolder(async (folder) => {
    await using cluster = await Cluster.start(kind, folder);
    await body(cluster);
  });
}

/** Starts a process of the chat on a bus at a port. */
function chatOn(kind: "nats" | "redis", port: number): Program {
  const args = ["--allow-net", "--allow-env", "--allow-sys", "examples/chat_cluster/server.ts"];
  const options = [`--bus=${kind}://127.0.0.1:${port}`, "--port=0", "--health=0", "--accept-for=0"];
  return new Program("deno", ["run", "--quiet", ...args, ...options]);
}

Deno.test("Rooms of examples/chat_cluster pass on what anybody puts on the bus as one line that a guest can be sent", async () => {
  let hears: (line: string) => void = () => {};
  const codec = new LineCodec({ maxFrameLength: 4_000 });
  const rooms = new Rooms({
    isUp: true,
    publish: (_room, line) => (hears(line), true),
    hear(_room, onLine) {
      hears = onLine;
      return { begun: Promise.resolve(), end() {} };
    },
    close: () => Promise.resolve(),
  }, codec);
  await using listener = new Listener(0, { interface: "127.0.0.1" });
  const entered = Promise.withResolvers<Framed<string>>();
  listener.attach(framedService(codec, {
    async onConnect(caller) {
      await rooms.enter(caller, "room");
      entered.resolve(caller);
    },
    onMessage: () => {},
    onClose: (caller) => rooms.leave(caller),
  }));
  await listener.start();
  await using client = await dial(listener);
  const guest = await entered.promise;
  const line = () => client.readLine({ timeoutInMillis: 10_000 });
  for (
    const [said, heard] of [
      ["a\nb\r\n", "a?b??"],
      ["a\r", "a?"],
      ["\x1b[2J\u202e\x9b", "?[2J??"],
      ["\ud800", "\ufffd"],
      ["\u20ac".repeat(5_000), "\u20ac".repeat(1_100)],
      // Cut within a character.
      ["x" + "\u{1f680}".repeat(5_000), "x" + "\u{1f680}".repeat(549) + "\ufffd"],
      ["", ""],
    ] as const
  ) {
    hears(said);
    assertEquals(await line(), heard);
  }
  // The longest that a guest can say, of bytes that are no text.
  assertEquals(rooms.say(guest, "\ufffd".repeat(1_000)), undefined);
  assert((await line())!.endsWith(`-${guest.id}: ${"\ufffd".repeat(1_000)}`));
  assertEquals(rooms.say(guest, "\x1b]0;x\x07"), undefined);
  assert((await line())!.endsWith(": ?]0;x?"));
  assertEquals(rooms.missed, 0);
});

/** For each bus its program. */
const buses = { NATS: [nats, "nats-server"], Redis: [redis, "redis-server"] } as const;
const [rooms, lines] = [25, 40];

for (const [name, [kind, program]] of Object.entries(buses)) {
  const needs = ["haproxy", "curl", program] as const;
  await peerTest(
    `examples/chat_cluster brings ${rooms * 20 * lines} lines to all of ${
      rooms * 20
    } guests, by ${name}`,
    needs,
    () =>
      withCluster(kind, async (cluster) => {
        const books = await booksOf(cluster.guests(rooms, 20, lines));
        assertEquals(books, {
          said: rooms * 20 * lines,
          heard: rooms * 20 * lines * 20,
          unordered: 0,
          missing: 0,
          lost: 0,
          refused: 0,
          returns: 0,
        });
        const stats = await Promise.all(cluster.members.map((member) => cluster.statsOf(member)));
        assertEquals(stats.reduce((sum, { accepted }) => sum + accepted, 0), rooms * 20);
        for (const { accepted, missed } of stats) {
          assertEquals(missed, 0);
          assert(accepted > 0, "HAProxy gives guests to each process");
        }
      }),
  );

  await peerTest(
    `examples/chat_cluster loses nothing unsaid on a bad day, by ${name}`,
    needs,
    () =>
      withCluster(kind, async (cluster) => {
        await using guests = cluster.guests(5, 20);
        await using _deaf = cluster.deafGuest("room0");
        await guests.line(/^All are in$/);
        // One process dies.
        const [first, second, third, fourth] = cluster.members;
        await fourth!.program[Symbol.asyncDispose]();
        await cluster.startAgain(fourth!);
        // The others are replaced, one after the other.
        for (const member of [first!, second!, third!]) {
          member.program.signal("SIGTERM");
          const { code, stdout } = await member.program.ending();
          assertEquals([code, JSON.parse(stdout.split("\n").at(-2)!).cut], [0, []]);
          await cluster.startAgain(member);
        }
        // The bus dies, and comes back.
        const away = cluster.members.map(({ program }) => program.line(/is away/, "stderr"));
        await cluster.killBus();
        await Promise.all(away);
        const back = cluster.members.map(({ program }) => program.line(/is there/, "stderr"));
        await cluster.startBus();
        await Promise.all(back);
        await guests.endInput();
        const { unordered, missing, said, returns } = await booksOf(guests);
        assertEquals([unordered, missing], [0, 0]);
        assert(said > 500 && returns >= 50, `${said} said, ${returns} returns`);
      }),
  );

  await peerTest(
    `A process of examples/chat_cluster waits for a bus that is not there yet, by ${name}`,
    [program],
    async () => {
      const host = {
        address: "127.0.0.1",
        run: (command: string, args: readonly string[]) => new Program(command, args),
      };
      const [busPort, health] = [await freePort(), await freePort()];
      const address = kind.address(host, busPort);
      const args = ["--allow-net", "--allow-env", "--allow-sys", "examples/chat_cluster/server.ts"];
      const options = [`--bus=${address}`, "--port=0", `--health=${health}`, "--accept-for=0"];
      await using server = new Program("deno", ["run", "--quiet", ...args, ...options]);
      const readiness = async () => (await fetch(`http://127.0.0.1:${health}/readyz`)).text();
      const [complaint] = await server.line(/.*no bus.*/, "stderr");
      assertEquals(complaint, `There is no bus at ${address} yet: this process waits for it`);
      assertEquals(await readiness(), "not ready\n");
      await using _bus = await kind.start(host, busPort);
      await server.line(/^Listening on /);
      assertEquals(await readiness(), "ready\n");
      server.signal("SIGTERM");
      assertEquals((await server.ending()).code, 0);
    },
  );
}

await peerTest(
  "A process of examples/chat_cluster says what Redis refuses with, once",
  ["redis-server", "redis-cli"],
  async () => {
    const port = await freePort();
    const here = ["--bind", "127.0.0.1", "--port", `${port}`, "--save", ""];
    await using bus = new Program("redis-server", [...here, "--requirepass", "secret"]);
    await bus.line(/Ready to accept connections/);
    await using server = chatOn("redis", port);
    await server.line(/^Redis refuses: NOAUTH /, "stderr");
    await server.line(/no bus/, "stderr");
    const cli = ["-p", `${port}`, "-a", "secret", "--no-auth-warning"];
    await outputOf("redis-cli", [...cli, "CONFIG", "SET", "requirepass", ""]);
    await server.line(/^The bus is there$/, "stderr");
    await server.line(/^Listening on /);
    server.signal("SIGTERM");
    const { code, stderr } = await server.ending();
    assertEquals([code, stderr.match(/NOAUTH/g)?.length], [0, 1]);
  },
);

await peerTest(
  "A process of examples/chat_cluster says what NATS refuses with, once, and comes back when it does not",
  ["nats-server"],
  () =>
    inFolder(async (folder) => {
      const [config, port] = [`${folder}/nats.conf`, await freePort()];
      const configure = (more: string) =>
        Deno.writeTextFile(config, `listen: 127.0.0.1:${port}\n${more}`);
      const closed = "authorization: { user: a, password: b }\n";
      await configure(closed);
      await using bus = new Program("nats-server", ["-c", config]);
      const refusals = async () => {
        for (let i = 0; i < 4; i++) await bus.line(/authentication error/, "stderr");
      };
      await bus.line(/Server is ready/, "stderr");
      await using server = chatOn("nats", port);
      await server.line(/^NATS refuses: Authorization Violation$/, "stderr");
      await refusals();
      await configure("");
      bus.signal("SIGHUP");
      await server.line(/^The bus is there$/, "stderr");
      await server.line(/^Listening on /);
      await configure(closed);
      bus.signal("SIGHUP");
      await server.line(/^The bus is away$/, "stderr");
      await refusals();
      await configure("");
      bus.signal("SIGHUP");
      await server.line(/^The bus is there$/, "stderr");
      server.signal("SIGTERM");
      const { code, stderr } = await server.ending();
      assertEquals([code, stderr.match(/Authorization Violation/g)?.length], [0, 2]);
    }),
);

Deno.test("A process of examples/chat_cluster comes back soon when NATS was full", async () => {
  const INFO = 'INFO {"server_id":"x","version":"2.10.0","max_payload":1048576}\r\n';
  const FULL = "-ERR 'maximum\x1b connections exceeded'\r\n";
  await using full = new Listener(0, { interface: "127.0.0.1" });
  const timeToGo = Promise.withResolvers<void>();
  let count = 0;
  await full.serve(async (caller) => {
    const number = ++count;
    await caller.write(INFO);
    if (number === 1) void timeToGo.promise.then(() => caller.close());
    for (let line; (line = await caller.readLine()) !== undefined;) {
      if (line !== "PING") continue;
      // What comes after a refusal is read, lest a reset take the refusal away.
      if (number === 2) await caller.write(FULL).then(() => caller.shutdownWrite());
      else await caller.write("PONG\r\n");
    }
  });
  await using server = chatOn("nats", full.port);
  await server.line(/^Listening on /);
  timeToGo.resolve();
  await server.line(/^The bus is away$/, "stderr");
  await server.line(/^NATS refuses: maximum\? connections exceeded$/, "stderr");
  await server.line(/^The bus is there$/, "stderr");
  server.signal("SIGTERM");
  assertEquals((await server.ending()).code, 0);
});

await peerTest(
  "The bus of examples/chat_cluster on Redis stays, whatever long things others publish there",
  ["redis-server"],
  async () => {
    const port = await freePort();
    const here = ["--bind", "127.0.0.1", "--port", `${port}`, "--save", ""];
    await using redis = new Program("redis-server", here);
    await redis.line(/Ready to accept connections/);
    const away = Promise.withResolvers<never>();
    const bus = await redisBus("127.0.0.1", port, (isUp) => {
      if (!isUp) away.reject(new Error("The bus is away"));
    });
    const heard = new ReadableStream<string>({
      start: async (lines) => await bus.hear("room", (line) => lines.enqueue(line)).begun,
    }).getReader();
    const next = async () => (await Promise.race([heard.read(), away.promise])).value;
    await using other = await dial({ port });
    for (const length of [1_000, 1_100_000, 6_000_000]) {
      const said = "\u20ac".repeat(length / 2);
      await other.write(encodeAll(respCodec(), [command("PUBLISH", "chat.room", said)]));
      assertEquals((await next())!.slice(0, 1_100), said.slice(0, 1_100));
    }
    bus.publish("room", "last");
    assertEquals(await next(), "last");
    away.resolve(undefined as never);
    await bus.close();
  },
);

Deno.test("A process of examples/chat_cluster says why it does not understand its bus, once", async () => {
  await using odd = new Listener(0, { interface: "127.0.0.1" });
  let count = 0;
  const often = Promise.withResolvers<void>();
  await odd.serve(async (caller) => {
    await caller.read();
    await caller.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    if (++count > 4) often.resolve();
  });
  await using server = chatOn("redis", odd.port);
  await server.line(/^Redis is not understood: Cannot decode: nonsense before byte 26$/, "stderr");
  await often.promise;
  server.signal("SIGKILL");
  const { stderr } = await server.ending();
  assertEquals(stderr.match(/not understood/g)?.length, 1);
});
