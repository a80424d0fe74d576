// Datagrams that take long to handle, and of which there is always another one: others have their turn after some of
// them, however they are taken.

import { assertEquals } from "@std/assert";
import { UdpClient, UdpListener } from "../../mod.ts";
import type { Network, Turn } from "../../network.ts";
import { plainTurns } from "../../src/network/turns.ts";
import { WorkClock } from "../support/share_host.ts";
import { triedSocket } from "../support/tried_socket.ts";

/** Where there is always another datagram, and how many were handled whenever others had their turn. */
function endless() {
  const clock = new WorkClock();
  const shares: number[] = [];
  const over = Promise.withResolvers<void>();
  let handled = 0;
  let isOver = false;
  const socket = triedSocket(() => isOver ? undefined : 1);
  const othersFirst = (turn: Turn) => {
    // What was received is handled in the microtasks of this turn.
    setImmediate(() => {
      shares.push(handled);
      handled = 0;
      isOver ||= shares.length === 8;
      if (isOver) over.resolve();
      turn.begin();
    });
    return true;
  };
  const turns = { ...plainTurns, read: othersFirst };
  const network: Network = {
    clock,
    turns,
    datagramTurns: turns,
    connect: () => new Promise(() => {}),
    listen: () => new Promise(() => {}),
    listenDatagram: () => socket,
  } as Network;
  const work = () => {
    handled++;
    clock.work(2);
  };
  return { network, work, over: over.promise, shares };
}

const ways: Record<string, (listener: UdpListener, work: () => void) => void> = {
  "a method": (listener, work) => listener.attach({ onBytes: work }),
  "a method that throws": (listener, work) =>
    listener.attach({
      onDatagram() {
        work();
        throw new Error("no");
      },
      onError() {},
    }),
  "onError": (listener, work) =>
    listener.attach({
      onDatagram() {
        throw new Error("no");
      },
      onError: work,
    }),
  "a loop over the listener": () => {},
  "a loop over a session": (listener, work) =>
    listener.attach({
      async onSession(session) {
        for await (const _ of session) work();
      },
    }),
};

async function loop(listener: UdpListener, work: () => void): Promise<void> {
  for await (const _ of listener) work();
}

/** The first ones show how long they take, about: a call and its onError are two. */
const shareOf = (shares: readonly number[]) => Math.max(...shares.slice(5));

for (const [way, take] of Object.entries(ways)) {
  Deno.test(`Datagrams that take long let others go first: ${way}`, async () => {
    const { network, work, over, shares } = endless();
    const listener = new UdpListener(0, { interface: "127.0.0.1", network });
    take(listener, work);
    await listener.start();
    if (way === "a loop over the listener") void loop(listener, work);
    await over;
    assertEquals(shareOf(shares) <= 16, true, shares.join(" "));
    await listener.immediateStop();
  });
}

Deno.test("Datagrams that take long let others go first: reads of a client", async () => {
  const { network, work, over, shares } = endless();
  const client = new UdpClient({ host: "127.0.0.1", port: 0 }, { network });
  void (async () => {
    for (;;) {
      await client.receiveFrom();
      work();
    }
  })().catch(() => {});
  await over;
  assertEquals(shareOf(shares) <= 16, true, shares.join(" "));
  await client.close();
});
