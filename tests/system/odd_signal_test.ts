// A signal that is none is refused before anything happens; one whose parts were replaced works as any other.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Client, Listener, UdpListener } from "../../mod.ts";
import { echo } from "../support/echo.ts";
import { counted } from "../support/counted.ts";
import { listening } from "../support/listening.ts";
import { oddSignals, unaskable } from "../support/odd_signals.ts";

const NONE: AbortSignal = Object.create(AbortSignal.prototype);
const LOOPBACK = { interface: "127.0.0.1" };

Deno.test("A signal that is none is refused, and everything is as it was", async () => {
  await using listener = await listening(echo);
  await using client = await Client.connect({ host: "127.0.0.1", port: listener.port });
  await assertRejects(() => client.close({ signal: NONE }), TypeError, "AbortSignal");
  await assertRejects(() => client.read(undefined, { signal: NONE }), TypeError, "AbortSignal");
  await assertRejects(() => listener.gracefulStop({ signal: NONE }), TypeError, "AbortSignal");
  assertEquals(listener.stopping.aborted, false);
  await client.write("still");
  assertEquals((await client.read())[1], 5);
});

for (const Kind of [Listener, UdpListener]) {
  Deno.test(`${Kind.name}.iterate() with an odd signal leaves nothing busy`, async () => {
    const listener = new Kind(0, LOOPBACK);
    await listener.start();
    assertThrows(() => listener.iterate({ signal: NONE }), TypeError, "AbortSignal");
    for (const { kind, get } of oddSignals) {
      const controller = new AbortController();
      const next = listener.iterate({ signal: get(controller.signal) }).next();
      controller.abort(kind);
      assertEquals(await next.catch((reason: unknown) => reason), kind);
    }
    await listener.iterate({ signal: unaskable(new AbortController().signal) }).return!();
    await listener.iterate().return!();
    await listener.immediateStop();
  });
}

Deno.test("close() and gracefulStop() are hurried by a signal whose parts were replaced", async () => {
  for (const get of [...oddSignals.map(({ get }) => get), unaskable]) {
    const asked = Promise.withResolvers<void>();
    const listener = await listening({
      onBytes() {
        asked.resolve();
        return new Promise<void>(() => {});
      },
    });
    const to = { host: "127.0.0.1", port: listener.port };
    const [first, second] = [await Client.connect(to), await Client.connect(to)];
    await first.close({ signal: get(new AbortController().signal) });
    await second.write("anything");
    await asked.promise;
    // Nothing else would end it within the time of a test.
    const report = await listener.gracefulStop({
      signal: get(AbortSignal.abort()),
      deadlineInMillis: Infinity,
    });
    assertEquals([counted(report).aborted, listener.stopping.aborted], [1, true]);
    second.abort();
  }
});
