import { assertEquals } from "@std/assert";
import { Drain, SHORT } from "../../src/connection/drain.ts";
import { pause, VirtualClock } from "../../testing/mod.ts";
import { isPending, scriptedConnection } from "../support/scripted_connection.ts";

Deno.test("Drain is over when nothing has come for 50 ms, after a second, or when it is ended", async () => {
  const clock = new VirtualClock();
  const looks: number[] = [];
  const drain = new Drain({ clock, lookBy: (due) => looks.push(due) }, true, SHORT);
  assertEquals([drain.keeps, drain.isUnderWay, drain.due], [true, true, 50]);
  for (let i = 0; i < 24; i++) {
    await clock.advance(40);
    drain.goOn();
  }
  assertEquals([drain.due, looks.at(-2), looks.at(-1)], [1_000, 970, 1_000]);
  let isOver = false;
  void drain.over.then(() => isOver = true);
  drain.end();
  drain.end();
  await clock.settle();
  assertEquals([isOver, drain.isUnderWay, drain.due], [true, false, Infinity]);
});

const far = { transport: "tcp", hostname: "192.0.2.1", port: 9 } as const;
const near = { transport: "tcp", hostname: "192.0.2.2", port: 7 } as const;
const loopback = { ...far, hostname: "127.0.0.1" } as const;
const peers = {
  "elsewhere": [{ localAddr: near, remoteAddr: far }, 1_000],
  "of this machine, by loopback": [{ remoteAddr: loopback }, 50],
  "of this machine, by its own address": [{ localAddr: near, remoteAddr: near }, 50],
  "elsewhere, whose header says this machine": [{ remoteAddr: loopback }, 1_000, { sender: far }],
  "of this machine, whose header says elsewhere": [{ remoteAddr: far }, 50, { sender: loopback }],
} as const;
for (const [where, [addresses, quiet, origin]] of Object.entries(peers)) {
  Deno.test(`A close waits for a silence of ${quiet} ms of a peer ${where}, who has got something`, async () => {
    const { clock, connection } = scriptedConnection([], {}, addresses, origin);
    await connection.write("answer");
    const closing = connection.close();
    await clock.advance(quiet - 1);
    assertEquals(await isPending(clock, closing), true);
    await clock.advance(1);
    await closing;
    assertEquals(await connection.closed, undefined);
  });
}

Deno.test("A close waits for a longer silence of a peer of this machine who has got much", async () => {
  const near = { remoteAddr: { ...far, hostname: "::1" } };
  const { clock, connection } = scriptedConnection([], {}, near);
  await connection.write(new Uint8Array(40_000));
  const closing = connection.close();
  await clock.advance(999);
  assertEquals(await isPending(clock, closing), true);
  await clock.advance(1);
  await closing;
});

Deno.test("A close waits no longer of a peer elsewhere who has got nothing", async () => {
  const { clock, connection } = scriptedConnection([], {}, peers.elsewhere[0]);
  const closing = connection.close();
  await clock.advance(50);
  await closing;
});

Deno.test("A close is polite to a peer elsewhere who goes on sending, for as long as closing may take", async () => {
  const said = Array.from({ length: 9 }, () => [pause(900), "ping"]).flat();
  const { clock, connection } = scriptedConnection(said, {}, peers.elsewhere[0]);
  await connection.write("answer");
  const closing = connection.close();
  await clock.advance(4_900);
  assertEquals(await isPending(clock, closing), true);
  await clock.advance(100);
  await closing;
  assertEquals(await connection.closed, undefined);
});
