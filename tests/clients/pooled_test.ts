import { assertEquals } from "@std/assert";
import { Pooled } from "../../src/clients/pooled.ts";
import { type Caller, Client } from "../../mod.ts";
import { arrivingConnection } from "../support/scripted_connection.ts";
import { listen, served } from "../support/simulated_server.ts";

const SPOILERS: Record<string, (caller: Caller) => void> = {
  "bytes that nobody asked for": (caller) => void caller.write("x"),
  "the end of what the peer sends": (caller) => void caller.shutdownWrite(),
  "a reset": (caller) => caller.abort(),
};

for (const [name, spoil] of Object.entries(SPOILERS)) {
  Deno.test(`Pooled.watch() hears at once of ${name}, and takes nothing`, () =>
    served(listen, async ({ net, place, callers }) => {
      const pooled = new Pooled(await Client.connect(place), undefined);
      let times = 0;
      await net.delay(1);
      const before = net.leftBehind.length;
      pooled.watch(() => times++);
      assertEquals([pooled.isClean, net.leftBehind.length], [false, before]);
      spoil(callers[0]!);
      await net.delay(1);
      assertEquals(times, 1);
      pooled.unwatch();
      assertEquals(pooled.isClean, false);
      await pooled.client.close();
      assertEquals(times, 1);
    }));
}

Deno.test("Pooled.unwatch() leaves the connection as it was", () =>
  served(listen, async ({ net, place, callers }) => {
    const { client } = await (async () => {
      const pooled = new Pooled(await Client.connect(place), 7);
      pooled.watch(() => assertEquals(1, 2));
      pooled.unwatch();
      assertEquals([pooled.isClean, pooled.session], [true, 7]);
      return pooled;
    })();
    await net.delay(1);
    await callers[0]!.write("hello");
    assertEquals((await client.read(5))[1], 5);
    await client.close();
  }));

Deno.test("Pooled.isClean is false in the middle of a conversation", () =>
  served(listen, async ({ net, place, callers }) => {
    const pooled = new Pooled(await Client.connect(place), undefined);
    const reading = pooled.client.read(2);
    assertEquals(pooled.isClean, false);
    await net.delay(1);
    await callers[0]!.write("more");
    await reading;
    assertEquals(pooled.isClean, false);
    await pooled.client.read();
    assertEquals(pooled.isClean, true);
    await pooled.client.shutdownWrite();
    assertEquals(pooled.isClean, false);
    await pooled.client.close();
  }));

Deno.test("Pooled.isClean is false while something arrives that cannot be read yet", () => {
  const { connection, arrive } = arrivingConnection();
  const pooled = new Pooled(connection as Client, undefined);
  arrive(1);
  assertEquals(pooled.isClean, false);
  arrive(0);
  assertEquals(pooled.isClean, true);
  connection.abort();
});
