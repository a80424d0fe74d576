import { assertEquals } from "@std/assert";
import { resolvePool } from "../../src/clients/client_pool_config.ts";
import { PoolDialler } from "../../src/clients/pool_dialler.ts";
import type { Client } from "../../mod.ts";
import { listen, type Place, type Served, served } from "../support/simulated_server.ts";

/** A dialler for so many who need a connection, and what it tells. */
function dialler(place: Place, needed: number, maxAttempts = Infinity) {
  const clients: Client[] = [];
  const failed: [code: string, comers: number][] = [];
  const tasks: Promise<void>[] = [];
  const life = new AbortController();
  const scene = { needed, comers: needed, rested: 0 };
  const settings = resolvePool<number>(place, {
    ...{ redialDelayInMillis: 10, maxRedialDelayInMillis: 10, maxAttempts, random: () => 0.5 },
    onConnect: () => clients.length,
  });
  const dialler: PoolDialler<number> = new PoolDialler<number>(settings, life.signal, {
    isNeeded: () => scene.needed > dialler.underWay,
    comers: () => scene.comers,
    onMade(client) {
      clients.push(client);
      scene.needed--;
    },
    onFailed: (error, comers) => failed.push([(error as { code: string }).code, comers]),
    onRested: () => scene.rested++,
    track: (task) => tasks.push(task),
  });
  return { dialler, clients, failed, scene, life, done: () => Promise.all(tasks) };
}

const nowhere = ({ place }: Served) => ({ ...place, host: "nobody.invalid" });

Deno.test("PoolDialler makes as many connections as are needed, all at once", () =>
  served(listen, async ({ place }) => {
    const { dialler: made, clients, scene, done } = dialler(place, 3);
    made.more();
    made.more();
    assertEquals(made.underWay, 3);
    await done();
    assertEquals([made.underWay, clients.length, scene.needed, made.failure], [0, 3, 0, undefined]);
    await Promise.all(clients.map((client) => client.close()));
  }));

Deno.test("PoolDialler rests after failures, and then tries one and not all", () =>
  served(listen, async (served) => {
    const { dialler: made, failed, scene, done } = dialler(nowhere(served), 3);
    made.more();
    while (made.underWay > 0) await served.net.delay(1);
    made.more();
    assertEquals([made.underWay, made.failure !== undefined, failed.length], [0, true, 0]);
    await done();
    assertEquals(scene.rested, 1);
    made.more();
    assertEquals(made.underWay, 1);
    await done();
    assertEquals(scene.rested, 2);
  }));

Deno.test("PoolDialler gives up for those who had come, and begins anew for others", () =>
  served(listen, async (served) => {
    const { dialler: made, failed, scene, done } = dialler(nowhere(served), 1, 1);
    made.more();
    scene.comers = 9;
    await done();
    assertEquals([failed, made.failure, scene.rested], [[["unreachable", 1]], undefined, 0]);
    made.more();
    assertEquals(made.underWay, 1);
    await done();
    assertEquals(failed[1], ["unreachable", 9]);
  }));

Deno.test("PoolDialler tells nothing of what its signal gives up, and dials no more", () =>
  served(listen, async ({ place }) => {
    const { dialler: made, clients, failed, life, done } = dialler(place, 2);
    made.more();
    life.abort(new Error("closed"));
    await done();
    made.more();
    assertEquals([made.underWay, clients.length, failed.length], [0, 0, 0]);
  }));
