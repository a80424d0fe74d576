import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { GenericError, ReadTimedOutError } from "../../src/base/errors.ts";
import { DatagramWaiters } from "../../src/udp/datagram_waiters.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";

const datagram = (port: number) => ({
  remoteHost: "127.0.0.1",
  remotePort: port,
  data: new Uint8Array(0),
});
const FROM = { transport: "udp", hostname: "127.0.0.1", port: 1 } as const;
const portOf = ({ remotePort }: { remotePort: number }) => remotePort;
const closed = new GenericError("closed", "over");

function play(onDue: (waiters: DatagramWaiters) => void = () => {}) {
  const clock = new VirtualClock();
  const waiters: DatagramWaiters = new DatagramWaiters(clock, () => onDue(waiters));
  const ask = (timeoutInMillis = Infinity, signal?: AbortSignal, closedAs?: number) =>
    waiters.wait(portOf, { timeoutInMillis, signal }, closedAs);
  return { clock, waiters, ask };
}

Deno.test("DatagramWaiters are served in their order", async () => {
  const { waiters, ask } = play();
  const waits = [ask(), ask(), ask()];
  for (let port = 1; waiters.length > 0; port++) waiters.shift()!.deliver(datagram(port), FROM);
  assertEquals([await Promise.all(waits), waiters.shift()], [[1, 2, 3], undefined]);
});

Deno.test("DatagramWaiters end by their time, which is given to deliver something first", async () => {
  const { clock, waiters, ask } = play((waiters) => waiters.shift()!.deliver(datagram(1), FROM));
  const first = ask(100);
  const second = assertRejects(() => ask(100), ReadTimedOutError, "within 100 ms");
  const third = ask(101);
  await clock.advance(100);
  assertEquals([await first, waiters.length], [1, 1]);
  await second;
  waiters.stop();
  waiters.fail(closed, false);
  assertStrictEquals(await third.catch((error) => error), closed);
});

Deno.test("DatagramWaiters leave by their signal, and let go of it", async () => {
  const { waiters, ask } = play();
  const controller = new AbortController();
  const [one, other] = [ask(Infinity, controller.signal), ask()];
  controller.abort("enough");
  assertEquals([await one.catch((reason) => reason), waiters.length], ["enough", 1]);
  waiters.shift()!.deliver(datagram(2), FROM);
  assertEquals(await other, 2);
  const quiet = new AbortController();
  const served = ask(Infinity, quiet.signal);
  waiters.shift()!.deliver(datagram(3), FROM);
  const last = ask();
  quiet.abort("too late");
  assertEquals([await served, waiters.length], [3, 1]);
  waiters.shift()!.deliver(datagram(4), FROM);
  assertEquals(await last, 4);
});

Deno.test("DatagramWaiters that are told of a quiet end get what they asked for", async () => {
  const { waiters, ask } = play();
  const waits = [ask(Infinity, undefined, -1), ask().catch((error) => error)];
  waiters.fail(closed, true);
  assertEquals(await Promise.all(waits), [-1, closed]);
});
