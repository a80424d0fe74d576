import { assert, assertEquals, assertRejects } from "@std/assert";
import { GenericError } from "../../src/base/errors.ts";
import { scriptedDatagrams, settled } from "../support/scripted_datagrams.ts";
import { testOnEngines, text } from "../support/udp_engines.ts";
import { droppedBy, localListener, serving } from "../support/udp_listeners.ts";
import { counted } from "../support/counted.ts";

Deno.test("UdpListener.gracefulStop() finishes what came and is under way", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  const go = Promise.withResolvers<void>();
  listener.attach({
    async onDatagram(_, { data }) {
      await go.promise;
      return data;
    },
  });
  await listener.start();
  const socket = network.sockets[0]!;
  for (const word of ["1", "2", "3"]) {
    socket.deliver(word);
    await settled();
  }
  const stop = listener.gracefulStop();
  const again = listener.gracefulStop();
  await settled();
  socket.deliver("too late");
  await settled();
  assertEquals([socket.isReceiving, socket.isClosed], [false, false]);
  go.resolve();
  assertEquals(await stop, { completed: 3, aborted: 0, cut: [] });
  assertEquals(await again, { completed: 3, aborted: 0, cut: [] });
  assertEquals(await listener.closed, undefined);
  assertEquals(socket.sent, ["1", "2", "3"].map((word) => `${word} > 127.0.0.1:9`));
  assertEquals([socket.isClosed, droppedBy(listener)], [true, 1]);
});

testOnEngines("UdpListener.gracefulStop() aborts what is left at the deadline", async (network) => {
  const began = Promise.withResolvers<void>();
  const never = Promise.withResolvers<void>();
  await using sockets = await serving(network, {
    async onDatagram() {
      began.resolve();
      await never.promise;
    },
  });
  await sockets.client.write("1");
  await began.promise;
  assertEquals(counted(await sockets.listener.gracefulStop({ deadlineInMillis: 5 })), {
    completed: 0,
    aborted: 1,
  });
  never.resolve();
});

testOnEngines("UdpListener.immediateStop() hurries a graceful one", async (network) => {
  const began = Promise.withResolvers<void>();
  const never = Promise.withResolvers<void>();
  await using sockets = await serving(network, {
    async onDatagram() {
      began.resolve();
      await never.promise;
    },
  });
  await sockets.client.write("1");
  await began.promise;
  const stop = sockets.listener.gracefulStop();
  await sockets.listener.immediateStop();
  assertEquals(counted(await stop), { completed: 0, aborted: 1 });
  never.resolve();
});

Deno.test("UdpListener.gracefulStop() aborts sessions that nobody has taken", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  await listener.start();
  const sessions = listener.acceptSessions();
  const first = sessions.next();
  for (const port of [1, 2, 3]) {
    network.sockets[0]!.deliver("x", port);
    await settled();
  }
  const { value } = await first;
  assertEquals([...listener.sessions].map(({ remotePort }) => remotePort), [1, 2, 3]);
  await value!.close();
  assertEquals(counted(await listener.gracefulStop()), { completed: 0, aborted: 2 });
  assertEquals((await sessions.next()).done, true);
});

Deno.test("UdpListener.gracefulStop() waits until the answers have left", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  listener.attach({ onDatagram: (_, { data }) => data });
  await listener.start();
  const socket = network.sockets[0]!;
  socket.sendsAtOnce = false;
  socket.deliver("x");
  await settled();
  let isOver = false;
  const stop = listener.gracefulStop().finally(() => isOver = true);
  await settled();
  assertEquals([isOver, socket.isClosed], [false, false]);
  socket.sending[0]!.settle();
  assertEquals(await stop, { completed: 0, aborted: 0, cut: [] });
  assertEquals(socket.sent, ["x > 127.0.0.1:9"]);
});

testOnEngines("UdpListener that was flooded while busy answers again", async (network) => {
  const busy = Promise.withResolvers<void>();
  let handled = 0;
  await using sockets = await serving(network, {
    async onDatagram(_, { data }) {
      if (++handled === 1) await busy.promise;
      return text(data) === "again" ? "here" : undefined;
    },
  }, { maxUnreadBytes: 64 * 1024 });
  const { listener, client } = sockets;
  const garbage = crypto.getRandomValues(new Uint8Array(200));
  const flood = Array.from({ length: 3_000 }, () => client.write(garbage));
  assertEquals(await Promise.all(flood), flood.map(() => 200));
  while (droppedBy(listener) === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  busy.resolve();
  // The system drops, too, and tells nobody.
  for (let tries = 0;; tries++) {
    await client.write("again");
    const answer = await client.read(undefined, { timeoutInMillis: 200 }).catch((error) => {
      if (tries === 20) throw error;
    });
    if (answer !== undefined) {
      assertEquals(text(answer[0]), "here");
      break;
    }
  }
  assert(handled + droppedBy(listener) <= 3_021);
  // 64 KiB hold 143 of them.
  assert(handled < 3_000, `${handled} were handled`);
});

Deno.test("UdpListener whose socket breaks ends everything with that error", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  await listener.start();
  const sessions = listener.acceptSessions();
  const first = sessions.next();
  const cause = new Error("the network card is on fire");
  network.sockets[0]!.deliver("x");
  await settled();
  const session = (await first).value!;
  const second = assertRejects(() => sessions.next(), GenericError, "on fire");
  network.sockets[0]!.fail(cause);
  await second;
  const error = await listener.closed;
  assertEquals([error!.code, error!.cause, await session.closed], ["broken", cause, error]);
  // A new start makes a new socket.
  const { closed } = listener;
  await listener.start();
  assert(listener.closed !== closed);
  const next = assertRejects(
    () => listener[Symbol.asyncIterator]().next(),
    GenericError,
    "on fire",
  );
  network.sockets[1]!.fail(cause);
  await next;
});

Deno.test("UdpListener gives what waited for an iteration to the sessions that follow it", async () => {
  const network = scriptedDatagrams();
  await using listener = localListener(network);
  await listener.start();
  const datagrams = listener[Symbol.asyncIterator]();
  const first = datagrams.next();
  for (const [word, port] of [["a", 1], ["b", 1], ["c", 2]] as const) {
    network.sockets[0]!.deliver(word, port);
    await settled();
  }
  assertEquals(text((await first).value![1].data), "a");
  await datagrams.return!();
  const sessions = listener.acceptSessions();
  const one = (await sessions.next()).value!;
  const other = (await sessions.next()).value!;
  assertEquals([one.remotePort, text((await one.read())[0])], [1, "b"]);
  assertEquals([other.remotePort, text((await other.read())[0])], [2, "c"]);
  await sessions.return!();
  // With nobody to take new ones, those that there are still hear their peer.
  const more = one.read();
  for (const port of [3, 1]) {
    network.sockets[0]!.deliver("d", port);
    await settled();
  }
  assertEquals([text((await more)[0]), listener.sessions.size], ["d", 2]);
  assertEquals(droppedBy(listener), 1);
  for (const session of [one, other]) await session.close();
});
