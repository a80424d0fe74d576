import { assert, assertEquals } from "@std/assert";
import { FairTurns, plainTurns, type Turn } from "../../src/network/turns.ts";
import { Client, Listener } from "../../mod.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { microtasksDrained } from "../../testing/mod.ts";
import { scriptOutput } from "../support/script_output.ts";

const MIB = 1024 * 1024;

/** Turns of an event loop that the test moves, and what was begun. */
function manual() {
  const begun: string[] = [];
  let waiting: (() => void)[] = [];
  const fair = new FairTurns({
    now: () => 0,
    together: (callback) => callback(),
    nextTurn: (callback) => void waiting.push(callback),
  });
  const turn = (name: string): Turn => ({ begin: () => void begun.push(name) });
  return {
    begun,
    fair,
    turn,
    /** Whether a callback waits for the next turn of the loop. */
    get isWaiting() {
      return waiting.length > 0;
    },
    /** One turn of the loop. */
    async next() {
      const callbacks = waiting;
      waiting = [];
      for (const callback of callbacks) callback();
      await microtasksDrained();
    },
    /** Goes on until the condition holds, and returns how many turns it took. */
    async turnsUntil(promise: Promise<void>) {
      let hasCome = false;
      void promise.then(() => hasCome = true);
      let turns = 0;
      for (; !hasCome; turns++) await this.next();
      return turns;
    },
    /** Two turns that are used up. */
    async getBusy() {
      for (let turn = 0; turn < 2; turn++) {
        await this.burst(range(120));
        await this.next();
      }
    },
    /** Lets reads begin as one burst. */
    async burst(names: readonly string[]) {
      for (const name of names) fair.read(turn(name), 0);
      await microtasksDrained();
    },
  };
}

const range = (length: number, from = 0) => Array.from({ length }, (_, i) => `${from + i}`);

/** Enough quiet turns for the runtime to have looked at its sockets. */
const A_LOOK = 66;

Deno.test("FairTurns begins the reads of a small burst together, and asks for nothing", async () => {
  const loop = manual();
  for (const name of range(59)) loop.fair.read(loop.turn(name), 0);
  assertEquals(loop.begun, []);
  await microtasksDrained();
  assertEquals([loop.begun, loop.isWaiting], [range(59), false]);
});

Deno.test("FairTurns never holds in turns that leave the runtime room", async () => {
  const loop = manual();
  for (const size of [119, 119, 59, 59, 60, 119, 60, 119]) {
    await loop.burst(range(size));
    await loop.next();
    assertEquals([loop.begun.length, loop.isWaiting], [size, false]);
    loop.begun.length = 0;
  }
});

Deno.test("FairTurns holds after two busy turns in a row, not after one", async () => {
  const loop = manual();
  for (const size of [120, 60, 120, 60]) {
    await loop.burst(range(size));
    await loop.next();
  }
  await loop.burst(["free"]);
  assertEquals(loop.begun.at(-1), "free");
  await loop.getBusy();
  await loop.burst(["held"]);
  assertEquals(loop.begun.at(-1), "119");
});

Deno.test("FairTurns counts the writes of a turn, and all of its bursts", async () => {
  const loop = manual();
  for (let turn = 0; turn < 2; turn++) {
    for (let burst = 0; burst < 6; burst++) {
      for (const name of range(10)) loop.fair.write(loop.turn(name));
      await loop.burst(range(10));
    }
    await loop.next();
  }
  await loop.burst(["held"]);
  assertEquals([loop.begun.length, loop.isWaiting], [240, true]);
});

Deno.test("FairTurns holds until the runtime has looked at its sockets, then begins what it held", async () => {
  const loop = manual();
  await loop.getBusy();
  await loop.burst(range(20, 120).concat(range(100)));
  loop.begun.length = 0;
  for (let i = 1; i < A_LOOK; i++) await loop.next();
  assertEquals(loop.begun, []);
  await loop.next();
  // A round: 32 in a turn, in order of arrival.
  const order = range(20, 120).concat(range(100));
  for (let turn = 1; turn <= 4; turn++) {
    assertEquals(loop.begun, order.slice(0, 32 * turn));
    await loop.next();
  }
  for (let i = 0; i < A_LOOK && loop.isWaiting; i++) await loop.next();
  // Few were left over, so all is as before.
  assertEquals([loop.begun, loop.isWaiting], [order, false]);
  await loop.burst(["next"]);
  assertEquals(loop.begun.at(-1), "next");
});

Deno.test("FairTurns reads everybody once before it reads anybody twice", async () => {
  const loop = manual();
  const all = range(500);
  await loop.getBusy();
  await loop.burst(all);
  for (let i = 0; i < A_LOOK; i++) await loop.next();
  // Each read completes at once and is asked for again.
  let seen = loop.begun.length - 32;
  const counts = new Map<string, number>();
  for (let i = 0; i < 1_000; i++) {
    const names = loop.begun.slice(seen);
    seen = loop.begun.length;
    for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
    await loop.burst(names);
    await loop.next();
  }
  const held = all.map((name) => counts.get(name)!);
  assert(Math.max(...held) > 5);
  assert(Math.max(...held) - Math.min(...held) <= 1, `${Math.min(...held)}/${Math.max(...held)}`);
});

Deno.test("FairTurns goes on holding while the runtime has its hands full", async () => {
  const loop = manual();
  await loop.getBusy();
  await loop.burst(range(120));
  loop.begun.length = 0;
  for (let i = 1; i < A_LOOK; i++) await loop.next();
  // What it had ready is served, and uses a whole turn up: there may be more.
  await loop.burst(range(120, 120));
  for (let i = 0; i < A_LOOK; i++) await loop.next();
  assertEquals(loop.begun, []);
  await loop.next();
  assertEquals(loop.begun, range(32));
});

Deno.test("FairTurns lets the others go before one that streams", async () => {
  const loop = manual();
  assertEquals(loop.fair.read(loop.turn("stream"), MIB - 1), false);
  await microtasksDrained();
  assertEquals([loop.begun, loop.isWaiting], [["stream"], false]);
  assertEquals(loop.fair.read(loop.turn("stream"), MIB), true);
  await microtasksDrained();
  assertEquals([loop.begun.length, loop.isWaiting], [1, true]);
  await loop.burst(["other"]);
  for (let i = 0; i < A_LOOK; i++) await loop.next();
  assertEquals([loop.begun, loop.isWaiting], [["stream", "stream", "other"], false]);
});

Deno.test("FairTurns gives a stream more where nobody else has anything to do", async () => {
  const loop = manual();
  const stream = loop.turn("stream");
  const stepBack = async (streamed: number, others: readonly string[]) => {
    const hasHadItsShare = loop.fair.read(stream, streamed * MIB);
    await microtasksDrained();
    await loop.burst(others);
    while (loop.isWaiting) await loop.next();
    return hasHadItsShare;
  };
  for (const share of [1, 2, 4, 8, 8]) {
    assertEquals(await stepBack(share - 0.5, []), false);
    assertEquals(await stepBack(share, []), true);
  }
  assertEquals(await stepBack(8, ["other"]), true);
  assertEquals(await stepBack(1, []), true);
});

Deno.test("FairTurns begins 64 writes in a turn, the others in the next ones, in their order", async () => {
  const loop = manual();
  for (const name of range(150)) loop.fair.write(loop.turn(name));
  await microtasksDrained();
  assertEquals(loop.begun, range(64));
  await loop.next();
  assertEquals(loop.begun, range(128));
  await loop.next();
  assertEquals([loop.begun, loop.isWaiting], [range(150), false]);
});

Deno.test("FairTurns begins 64 writes in a turn also where each follows the one before", async () => {
  const loop = manual();
  let begun = 0;
  const write: Turn = {
    begin() {
      if (++begun < 200) queueMicrotask(() => loop.fair.write(write));
    },
  };
  loop.fair.write(write);
  for (const soFar of [64, 128, 192, 200]) {
    while (begun < soFar && begun % 64 > 0 || begun === soFar - 64) await microtasksDrained();
    await microtasksDrained();
    assertEquals(begun, soFar);
    await loop.next();
  }
});

Deno.test("FairTurns asks for no turn where few writes are begun in each", async () => {
  const loop = manual();
  for (let i = 0; i < 31; i++) loop.fair.write(loop.turn(`${i}`));
  await microtasksDrained();
  assertEquals(loop.isWaiting, false);
  // Now it does, once, and nobody has to wait for it.
  for (let i = 31; i < 63; i++) {
    loop.fair.write(loop.turn(`${i}`));
    await microtasksDrained();
    assertEquals([loop.begun.length, loop.isWaiting], [i + 1, true]);
  }
  await loop.next();
  assertEquals(loop.isWaiting, false);
});

Deno.test("FairTurns begins a write at the end of its turn", async () => {
  const loop = manual();
  loop.fair.write(loop.turn("a"));
  assertEquals(loop.begun, []);
  await microtasksDrained();
  assertEquals(loop.begun, ["a"]);
});

Deno.test("FairTurns.looked() resolves after 66 turns that leave room, and asks for no more", async () => {
  const loop = manual();
  assertEquals(await loop.turnsUntil(loop.fair.looked()), 1 + A_LOOK);
  assertEquals(loop.isWaiting, false);
});

Deno.test("FairTurns.looked() begins anew after a turn that was used up", async () => {
  const loop = manual();
  const looked = loop.fair.looked();
  for (let i = 0; i < A_LOOK; i++) await loop.next();
  await loop.burst(range(120));
  assertEquals(await loop.turnsUntil(looked), 1 + A_LOOK);
});

Deno.test("FairTurns.looked() ends though writes use up every turn", async () => {
  const loop = manual();
  let isOver = false;
  void loop.fair.looked().then(() => isOver = true);
  let turns = 0;
  for (; !isOver; turns++) {
    for (let burst = 0; burst < 2; burst++) {
      for (const name of range(60)) loop.fair.write(loop.turn(name));
      await microtasksDrained();
    }
    await loop.next();
  }
  assert(turns < 200, `${turns}`);
});

Deno.test("FairTurns.looked() waits for the reads that were held, not for those held later", async () => {
  const loop = manual();
  await loop.getBusy();
  await loop.burst(range(500));
  loop.begun.length = 0;
  const looked = loop.fair.looked();
  let isOver = false;
  void looked.then(() => isOver = true);
  let atEnd = 0;
  for (let seen = 0; !isOver;) {
    // Each connection that was read asks for another read.
    const names = loop.begun.slice(seen);
    seen = atEnd = loop.begun.length;
    await loop.burst(names);
    await loop.next();
  }
  // All once, and none a third time.
  assert(range(500).every((name) => loop.begun.includes(name)));
  assert(atEnd <= 1_000, `${atEnd}`);
});

Deno.test("FairTurns.looked() is one look for all who ask at a time, and those who ask during it get the next", async () => {
  const loop = manual();
  const ends: string[] = [];
  const ask = (name: string) => void loop.fair.looked().then(() => ends.push(name));
  ask("a");
  ask("b");
  await loop.next();
  ask("c");
  for (let i = 0; i < A_LOOK; i++) await loop.next();
  assertEquals(ends, ["a", "b"]);
  ask("d");
  for (let i = 0; i < A_LOOK; i++) await loop.next();
  assertEquals(ends, ["a", "b", "c"]);
  for (let i = 0; i < A_LOOK; i++) await loop.next();
  assertEquals([ends, loop.isWaiting], [["a", "b", "c", "d"], false]);
});

Deno.test("FairTurns.looked() of Deno's own has what had come handed out, from everybody", async () => {
  await using listener = new Listener(0, { interface: "127.0.0.1" });
  let got = 0;
  listener.attach({
    async onReadReady(caller) {
      const [, length] = await caller.read();
      if (length > 0) got += length;
    },
  });
  await listener.start();
  const clients = await Promise.all(
    range(200).map(() => Client.connect({ host: "127.0.0.1", port: listener.port })),
  );
  const turns = denoNetwork.turns!;
  for (let round = 1; round <= 20; round++) {
    await Promise.all(clients.map((client) => client.write("x")));
    await turns.looked!();
    assertEquals(got, 200 * round);
  }
  await Promise.all(clients.map((client) => client.close()));
});

Deno.test("FairTurns.looked() of Deno's own has what came right before it told, in any turn", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [theirs, ours] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: (listener.addr as Deno.NetAddr).port }),
    listener.accept(),
  ]);
  const one = new Uint8Array(1);
  await theirs.write(one);
  await ours.read(one);
  const missed: number[] = [];
  // More turns than can lie between two looks, behind a timer: that comes when there was nothing to do.
  for (let phase = 0; phase <= 70; phase++) {
    let isTold = false;
    const reading = ours.read(new Uint8Array(1)).then(() => isTold = true);
    await new Promise((resolve) => setTimeout(resolve, 0));
    for (let i = 0; i < phase; i++) await new Promise<void>((resolve) => setImmediate(resolve));
    void theirs.write(one);
    await denoNetwork.turns!.looked!();
    if (!isTold) missed.push(phase);
    await reading;
  }
  assertEquals(missed, []);
  theirs.close();
  ours.close();
});

Deno.test("FairTurns.stepBack() lets one go on after each look, in the order in which they came", async () => {
  const loop = manual();
  const ends: string[] = [];
  for (const name of ["a", "b", "c"]) void loop.fair.stepBack().then(() => ends.push(name));
  const looks: number[] = [];
  for (let turns = 1; ends.length < 3; turns++) {
    const before = ends.length;
    await loop.next();
    if (ends.length > before) looks.push(turns);
  }
  assertEquals([ends, loop.isWaiting], [["a", "b", "c"], false]);
  assertEquals(looks.length, 3);
  assert(looks.every((turn, i) => turn - (looks[i - 1] ?? 0) >= A_LOOK), `${looks}`);
});

Deno.test("plainTurns begins a read at once and a write at the end of its turn", async () => {
  const begun: string[] = [];
  assertEquals(plainTurns.read({ begin: () => void begun.push("read") }, 5 * MIB), false);
  plainTurns.write({ begin: () => void begun.push("write") });
  assertEquals(begun, ["read"]);
  await microtasksDrained();
  assertEquals(begun, ["read", "write"]);
});

Deno.test("Deno's own turns need no permission beyond the port, and let the program end", async () => {
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = (probe.addr as Deno.NetAddr).port;
  probe.close();
  const program = `
    import { Client, Listener } from "${new URL("../../mod.ts", import.meta.url)}";
    const listener = new Listener(${port}, { interface: "127.0.0.1" });
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
  assertEquals(await scriptOutput([`--allow-net=127.0.0.1:${port}`], program), "done\n");
});
