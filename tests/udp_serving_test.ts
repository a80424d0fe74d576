import { assertEquals } from "@std/assert";
import { scriptedDatagrams, settled } from "./support/scripted_datagrams.ts";
import { testOnEngines, text } from "./support/udp_engines.ts";
import { localListener, serving } from "./support/udp_listeners.ts";

testOnEngines(
  "UdpListener drops and counts what a slow service leaves no room for",
  async (network) => {
    const first = Promise.withResolvers<void>();
    const seen: string[] = [];
    await using sockets = await serving(network, {
      async onDatagram({ data }) {
        seen.push(text(data));
        if (seen.length === 1) await first.promise;
        return data;
      },
    }, { receiveQueueLimit: 3 * 257 });
    const { listener, client } = sockets;
    for (let i = 0; i < 9; i++) await client.write(`${i}`);
    while (listener.droppedDatagrams < 5) await new Promise((resolve) => setTimeout(resolve, 0));
    first.resolve();
    for (let i = 0; i < 4; i++) assertEquals(text((await client.read())[0]), `${i}`);
    assertEquals(await sockets.ask("again"), "again");
    assertEquals(seen, ["0", "1", "2", "3", "again"]);
  },
);

testOnEngines(
  "UdpListener that is detached keeps datagrams for the next service",
  async (network) => {
    const first = { onDatagram: () => "first" };
    await using sockets = await serving(network, first);
    const { listener, client } = sockets;
    assertEquals(await sockets.ask("1"), "first");
    listener.detach(first);
    await client.write("2");
    listener.attach({ onDatagram: () => "second" });
    assertEquals(text((await client.read())[0]), "second");
  },
);

Deno.test("UdpListener.gracefulStop() finishes what came and is under way", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  const go = Promise.withResolvers<void>();
  listener.attach({
    async onDatagram({ data }) {
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
  assertEquals(await stop, { completed: 3, aborted: 0 });
  assertEquals(await again, { completed: 3, aborted: 0 });
  assertEquals(await listener.closed, undefined);
  assertEquals(socket.sent, ["1", "2", "3"].map((word) => `${word} > 127.0.0.1:9`));
  assertEquals([socket.isClosed, listener.droppedDatagrams], [true, 1]);
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
  assertEquals(await sockets.listener.gracefulStop({ deadlineInMillis: 5 }), {
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
  assertEquals(await stop, { completed: 0, aborted: 1 });
  never.resolve();
});
