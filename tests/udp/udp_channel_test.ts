import { assertEquals, assertThrows } from "@std/assert";
import { checkLimits, cut, nextOf, type UdpChannel } from "../../src/udp/udp_channel.ts";
import { text } from "../support/text.ts";
import { testOnEngines } from "../support/udp_engines.ts";
import { serving } from "../support/udp_listeners.ts";

/** A protocol that is the same at both ends. */
async function countDown(channel: UdpChannel, from?: number): Promise<number> {
  if (from !== undefined) await channel.write(`${from}`);
  for await (const { data } of channel) {
    const number = Number(text(data));
    if (number === 0) return 0;
    await channel.write(`${number - 1}`);
    if (number === 1) return 1;
  }
  return -1;
}

testOnEngines("UdpChannel is the same at both ends", async (network) => {
  const ended = Promise.withResolvers<number>();
  await using sockets = await serving(network, {
    async onSession(session) {
      ended.resolve(await countDown(session));
    },
  });
  assertEquals(await countDown(sockets.client, 10), 1);
  assertEquals(await ended.promise, 0);
});

Deno.test("cut() gives a view of the first bytes", () => {
  const bytes = new Uint8Array([1, 2, 3]);
  assertEquals([cut(bytes, undefined), cut(bytes, 3), cut(bytes, 9)], [bytes, bytes, bytes]);
  assertEquals(cut(bytes, 2), new Uint8Array([1, 2]));
});

Deno.test("nextOf() is what an iterator gives", () => {
  const datagram = { remoteHost: "127.0.0.1", remotePort: 9, data: new Uint8Array(0) };
  assertEquals(nextOf(datagram), { done: false, value: datagram });
});

Deno.test("checkLimits() lets a call have its own", () => {
  const standard = { timeoutInMillis: 7, signal: undefined };
  const { signal } = new AbortController();
  assertEquals(checkLimits(undefined, standard), standard);
  assertEquals(checkLimits({}, standard), { signal: undefined, timeoutInMillis: 7 });
  assertEquals(checkLimits({ signal, timeoutInMillis: Infinity }, standard), {
    signal,
    timeoutInMillis: Infinity,
  });
  assertThrows(() => checkLimits({ timeoutInMillis: 0 }, standard), RangeError);
  assertThrows(() => checkLimits(7 as unknown as { timeoutInMillis: 1 }, standard), TypeError);
});
