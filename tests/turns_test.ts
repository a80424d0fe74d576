import { assertEquals } from "@std/assert";
import { FairTurns, plainTurns, type Turn } from "../src/turns.ts";
import { microtasksDrained } from "../testing/mod.ts";

/** Turns whose signals come when the test says so, and what was begun. */
function manual() {
  const begun: string[] = [];
  const sockets: (() => void)[] = [];
  const turns: (() => void)[] = [];
  const fair = new FairTurns({
    afterSockets: (callback) => void sockets.push(callback),
    nextTurn: (callback) => void turns.push(callback),
  });
  const turn = (name: string): Turn => ({ begin: () => void begun.push(name) });
  return { begun, sockets, turns, fair, turn };
}

const range = (length: number) => Array.from({ length }, (_, i) => `${i}`);

Deno.test("FairTurns begins the reads of a small burst together, and asks for nothing", async () => {
  const { begun, sockets, fair, turn } = manual();
  for (const name of range(63)) fair.read(turn(name), false);
  assertEquals(begun, []);
  await microtasksDrained();
  assertEquals([begun, sockets.length], [range(63), 0]);
});

Deno.test("FairTurns holds the reads of a busy burst, and those behind it, for one round", async () => {
  const { begun, sockets, fair, turn } = manual();
  for (const name of range(64)) fair.read(turn(name), false);
  await microtasksDrained();
  fair.read(turn("later"), false);
  await microtasksDrained();
  assertEquals([begun, sockets.length], [[], 1]);
  sockets[0]!();
  assertEquals(begun, [...range(64), "later"]);
  fair.read(turn("next"), false);
  await microtasksDrained();
  assertEquals([begun.at(-1), sockets.length], ["next", 1]);
});

Deno.test("FairTurns begins what was held in its order, a hundred at a time", async () => {
  const { begun, sockets, fair, turn } = manual();
  for (const name of range(150)) fair.read(turn(name), false);
  await microtasksDrained();
  sockets[0]!();
  assertEquals([begun, sockets.length], [range(100), 2]);
  // What comes meanwhile goes behind.
  fair.read(turn("150"), false);
  await microtasksDrained();
  assertEquals(begun.length, 100);
  sockets[1]!();
  assertEquals([begun, sockets.length], [range(151), 2]);
});

Deno.test("FairTurns lets the others go before one that streams", async () => {
  const { begun, sockets, fair, turn } = manual();
  fair.read(turn("stream"), true);
  await microtasksDrained();
  assertEquals([begun, sockets.length], [[], 1]);
  sockets[0]!();
  assertEquals(begun, ["stream"]);
  fair.read(turn("stream"), false);
  await microtasksDrained();
  assertEquals([begun.length, sockets.length], [2, 1]);
});

Deno.test("FairTurns begins 64 writes in a turn, in order, and the others in the next ones", async () => {
  const { begun, turns, fair, turn } = manual();
  for (const name of range(150)) fair.write(turn(name));
  await microtasksDrained();
  assertEquals([begun, turns.length], [range(64), 1]);
  fair.write(turn("150"));
  await microtasksDrained();
  assertEquals(begun.length, 64);
  turns[0]!();
  assertEquals([begun, turns.length], [range(128), 2]);
  turns[1]!();
  assertEquals([begun, turns.length], [range(151), 2]);
  fair.write(turn("151"));
  await microtasksDrained();
  assertEquals([begun, turns.length], [range(152), 2]);
});

Deno.test("plainTurns begins reads at once and writes at the end of the turn", async () => {
  const begun: string[] = [];
  plainTurns.write({ begin: () => void begun.push("write") });
  plainTurns.read({ begin: () => void begun.push("read") }, true);
  assertEquals(begun, ["read"]);
  await microtasksDrained();
  assertEquals(begun, ["read", "write"]);
});

Deno.test("Deno's own turns need no permission beyond the port, and let the program end", async () => {
  const program = `
    import { Client, Listener } from "${new URL("../mod.ts", import.meta.url)}";
    const listener = new Listener(Number(Deno.args[0]), { interface: "127.0.0.1" });
    listener.attach({
      async onReadReady(caller) {
        const [bytes, length] = await caller.read();
        if (length > 0) await caller.write(bytes);
      },
    });
    await listener.start();
    const clients = await Promise.all(Array.from({ length: 200 }, () =>
      Client.connect({ host: "127.0.0.1", port: listener.port })));
    for (let round = 0; round < 5; round++) {
      for (const client of clients) void client.write("ping");
      await Promise.all(clients.map((client) => client.read(4)));
    }
    await Promise.all(clients.map((client) => client.close()));
    await listener.gracefulStop();
    console.log("done");`;
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = (probe.addr as Deno.NetAddr).port;
  probe.close();
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      `--allow-net=127.0.0.1:${port}`,
      `data:text/typescript,${encodeURIComponent(program)}`,
      `${port}`,
    ],
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  assertEquals([decoder.decode(stdout), code], ["done\n", 0], decoder.decode(stderr));
});
