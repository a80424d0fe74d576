// Networks of one's own that never do what they have to when something is freed: a stop ends all the same, a second after
// its deadline, and so does a client.

import { assertEquals } from "@std/assert";
import { Listener, UdpClient, UdpListener } from "../../mod.ts";
import type { Network } from "../../network.ts";
import { plainTurns } from "../../src/network/turns.ts";
import { VirtualClock } from "../../testing/mod.ts";

const never = () => new Promise<never>(() => {});
const throws = () => {
  throw new Error("cannot be closed");
};
const addr = { hostname: "127.0.0.1", port: 1 } as const;

/** A network on which nothing arrives, with these members of what it makes. */
function silent(clock: VirtualClock, members: object, turns = plainTurns): Network {
  return {
    clock,
    turns,
    connect: never,
    listen: () =>
      Promise.resolve({
        addr: { ...addr, transport: "tcp" },
        accept: never,
        close() {},
        ...members,
      }),
    listenDatagram: () => ({
      addr: { ...addr, transport: "udp" },
      receive: never,
      send: never,
      close() {},
      ...members,
    }),
  };
}

/** What has resolved after so much time. */
async function resolvedAfter(
  clock: VirtualClock,
  millis: number,
  stop: Promise<unknown>,
): Promise<boolean> {
  let isOver = false;
  void stop.then(() => isOver = true);
  await clock.advance(millis);
  return isOver;
}

const odd: Record<string, object> = {
  "never ends what is pending": {},
  "cannot be closed": { close: throws },
  "never ends closing": { close: never },
};

for (const [what, members] of Object.entries(odd)) {
  for (const Kind of [Listener, UdpListener]) {
    for (const isImmediate of [false, true]) {
      const name = isImmediate ? "immediateStop" : "gracefulStop";
      Deno.test(`${Kind.name}.${name}() ends where a network ${what}`, async () => {
        const clock = new VirtualClock();
        const network = silent(clock, members);
        const listener = new Kind(0, { interface: "127.0.0.1", network });
        listener.attach({ onBytes() {} });
        await listener.start();
        const stop = isImmediate
          ? listener.immediateStop()
          : listener.gracefulStop({ deadlineInMillis: 300 });
        assertEquals(await resolvedAfter(clock, 2_400, stop), true);
        assertEquals(clock.pending, 0);
      });
    }
  }

  Deno.test(`UdpClient.close() ends where a network ${what}`, async () => {
    const clock = new VirtualClock();
    const config = { network: silent(clock, members), closeTimeoutInMillis: 300 };
    const client = new UdpClient({ host: "127.0.0.1", port: 0 }, config);
    void client.sendTo("x", { host: "127.0.0.1", port: 9 }).catch(() => {});
    assertEquals(await resolvedAfter(clock, 2_400, client.close()), true);
    assertEquals(clock.pending, 0);
  });
}

Deno.test("Listener.gracefulStop() ends where a network never has looked", async () => {
  for (const at of ["turns", "clock"]) {
    const clock = new VirtualClock();
    const turns = { ...plainTurns, looked: never };
    if (at === "clock") Object.assign(clock, { looked: never });
    const network = silent(clock, {}, at === "turns" ? turns : plainTurns);
    const listener = new Listener(0, { interface: "127.0.0.1", network });
    listener.attach({ onBytes() {} });
    await listener.start();
    const stop = listener.gracefulStop({ deadlineInMillis: 300 });
    assertEquals([at, await resolvedAfter(clock, 3_400, stop)], [at, true]);
  }
});
