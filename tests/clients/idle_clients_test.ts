import { assertEquals } from "@std/assert";
import { IdleClients } from "../../src/clients/idle_clients.ts";
import { Pooled } from "../../src/clients/pooled.ts";
import { Client } from "../../mod.ts";
import { listen, type Served, served } from "../support/simulated_server.ts";

/** Some idle connections, and what is told of them. */
async function idleOf({ net, place }: Served, count: number, timeoutInMillis: number) {
  const told: string[] = [];
  const idle = new IdleClients<number>(net.clock, timeoutInMillis, {
    onSpoilt: ({ session }) => told.push(`${session} spoilt`),
    onOld: ({ session }) => told.push(`${session} old`),
    lookBy: (due) => told.push(`look ${due}`),
  });
  const all: Pooled<number>[] = [];
  for (let i = 0; i < count; i++) {
    const pooled = new Pooled(await Client.connect(place), i);
    all.push(pooled);
    idle.put(pooled);
  }
  const end = () => Promise.all(all.map(({ client }) => client.close()));
  return { idle, told, all, end };
}

Deno.test("IdleClients gives the one that was used last, and watches it no more", () =>
  served(listen, async (scene) => {
    const { idle, told, all, end } = await idleOf(scene, 3, Infinity);
    assertEquals([idle.take(), idle.take(), idle.length], [all[2], all[1], 1]);
    for (const caller of scene.callers) await caller.write("x");
    await scene.net.delay(1);
    assertEquals([told, idle.length], [["0 spoilt"], 0]);
    await end();
  }));

Deno.test("IdleClients.look() gives up those that were idle for too long, the longest first", () =>
  served(listen, async (scene) => {
    const { idle, told, all, end } = await idleOf(scene, 2, 100);
    await scene.net.delay(50);
    idle.put(new Pooled(all[0]!.client, 7));
    const now = scene.net.clock.now();
    assertEquals(told.splice(0), [`look ${now + 50}`, `look ${now + 50}`, `look ${now + 100}`]);
    assertEquals([idle.look(now + 50, false), told], [now + 50, []]);
    assertEquals([idle.look(now + 50, true), told], [now + 100, ["0 old", "1 old"]]);
    assertEquals([idle.look(now + 100, true), idle.length], [Infinity, 0]);
    await end();
  }));

Deno.test("IdleClients.takeAll() watches none of them any more", () =>
  served(listen, async (scene) => {
    const { idle, told, all, end } = await idleOf(scene, 2, Infinity);
    assertEquals([idle.takeAll(), idle.length], [all, 0]);
    assertEquals(all.map(({ isClean }) => isClean), [true, true]);
    for (const caller of scene.callers) caller.abort();
    await scene.net.delay(1);
    assertEquals(told, []);
    await end();
  }));
