import { assertEquals, assertRejects } from "@std/assert";
import { GenericError, ReadTimedOutError } from "../../src/base/errors.ts";
import type { UdpListenerEvent } from "../../mod.ts";
import type { UdpSession } from "../../src/udp/udp_session.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { scriptedDatagrams, settled } from "../support/scripted_datagrams.ts";
import { text } from "../support/text.ts";
import { localClient, testOnEngines } from "../support/udp_engines.ts";
import { droppedBy, localListener, serving } from "../support/udp_listeners.ts";

testOnEngines(
  "UdpSession that was idle too long ends, and its peer gets a new one",
  async (network) => {
    const sessions: UdpSession[] = [];
    const ends: string[] = [];
    await using sockets = await serving(network, {
      async onSession(session) {
        sessions.push(session);
        for await (const { data } of session) await session.write(data);
        ends.push((await session.closed)?.code ?? "stopped");
      },
    }, { sessionIdleTimeoutInMillis: 20 });
    assertEquals(await sockets.ask("one"), "one");
    const [first] = sessions;
    const error = await first!.closed;
    assertEquals(error!.message, "The session ended: idle for 20 ms");
    await assertRejects(() => first!.read(), GenericError, "idle");
    await assertRejects(() => first!.write("x"), GenericError, "idle");
    assertEquals(await sockets.ask("two"), "two");
    assertEquals(sessions.length, 2);
    assertEquals(ends, ["timed-out"]);
  },
);

testOnEngines("UdpSession.close() ends it, and read() of it says so", async (network) => {
  const began = Promise.withResolvers<UdpSession>();
  await using sockets = await serving(network, { onSession: (session) => began.resolve(session) });
  const { client, listener } = sockets;
  await client.write("hello world");
  const session = await began.promise;
  assertEquals(await session.read(5), [new TextEncoder().encode("hello"), 5]);
  const error = await assertRejects(
    () => session.read({ timeoutInMillis: 5 }),
    ReadTimedOutError,
  );
  assertEquals(error.code, "timed-out");
  const waiting = assertRejects(() => session.read(), GenericError, "already closed");
  await session.close();
  await waiting;
  assertEquals(await session.closed, undefined);
  assertEquals(listener.sessions.size, 0);
  await assertRejects(() => session.write("x"), GenericError, "Cannot write: already closed");
  await assertRejects(() => session.read(0), RangeError);
  for await (const _ of session) throw new Error("nothing should come");
});

testOnEngines("UdpSession has a queue of its own with a limit", async (network) => {
  const began = Promise.withResolvers<UdpSession>();
  await using sockets = await serving(
    network,
    { onSession: (session) => began.resolve(session) },
    { maxUnreadBytesPerSession: 2 * 257, receiveQueueDrop: "oldest" },
  );
  const { client, listener } = sockets;
  for (let i = 0; i < 5; i++) await client.write(`${i}`);
  const session = await began.promise;
  while (session.droppedDatagrams < 3) await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(text((await session.read())[0]), "3");
  assertEquals(text((await session.read())[0]), "4");
  assertEquals(droppedBy(listener), 3);
  session.abort("why");
  const error = await session.closed;
  assertEquals([error!.code, error!.cause], ["aborted", "why"]);
});

testOnEngines("UdpSession has the face of a caller and of a connected client", async (network) => {
  await using other = localClient(network);
  const { host, port } = await other.bound;
  const began = Promise.withResolvers<UdpSession>();
  await using sockets = await serving(network, { onSession: (session) => began.resolve(session) });
  const { client, listener } = sockets;
  await client.write("one");
  await client.write("two");
  const session = await began.promise;
  assertEquals(
    [session.remoteAddress, session.remotePort, session.localAddress, session.localPort],
    ["127.0.0.1", client.localPort, "127.0.0.1", listener.port],
  );
  for await (const { data, remotePort } of session) {
    assertEquals([text(data), remotePort], ["one", client.localPort]);
    break; // leaves it open
  }
  assertEquals(text((await session.read())[0]), "two");
  assertEquals(await session.sendBytes("bytes"), 5);
  assertEquals(text((await client.read())[0]), "bytes");
  await session.sendDatagram({ remoteHost: host, remotePort: port, data: new Uint8Array([33]) });
  const [bytes, , from] = await other.receiveFrom();
  assertEquals([text(bytes), from.port], ["!", listener.port]);
  await assertRejects(() => session.write(7 as unknown as string), TypeError, "Content");
  await session[Symbol.asyncDispose]();
  assertEquals(await session.closed, undefined);
});

testOnEngines(
  "UdpSession leaves nobody who does not wait with an unhandled rejection",
  async (network) => {
    const began = Promise.withResolvers<UdpSession>();
    await using sockets = await serving(network, {
      onSession: (session) => began.resolve(session),
    });
    await sockets.client.write("one");
    const session = await began.promise;
    const attempts = () => {
      void session.write(7 as unknown as string);
      void session.sendBytes("x");
      void session.sendDatagram({ remoteHost: "a b", remotePort: 9, data: new Uint8Array(1) });
      void session.sendDatagram(undefined as never);
      void session.write("x");
    };
    attempts();
    await session.close();
    attempts();
    session.abort("twice");
    attempts();
    await sockets.listener.immediateStop();
    attempts();
    // Unhandled rejections are reported when this turn is over.
    await new Promise((resolve) => setTimeout(resolve, 0));
  },
);

testOnEngines("UdpSession.tryWrite() sends in as many datagrams as it takes", async (network) => {
  const began = Promise.withResolvers<UdpSession>();
  await using sockets = await serving(network, { onSession: (session) => began.resolve(session) }, {
    datagramSize: 3,
  });
  const { client } = sockets;
  await client.write("hello");
  const session = await began.promise;
  assertEquals([session.tryWrite("abcde"), session.tryWrite("")], [true, true]);
  await session.drained();
  assertEquals(session.queuedBytes, 0);
  for (const expected of ["abc", "de", ""]) {
    assertEquals(text((await client.read())[0]), expected);
  }
  assertEquals(client.tryWrite("over"), true);
  await client.drained();
  await session.read();
  assertEquals(text((await session.read())[0]), "over");
  await session.close();
  assertEquals(session.tryWrite("late"), false);
  await assertRejects(() => session.drained(), GenericError, "closed");
});

Deno.test("UdpSession that was idle has its datagrams handled, and sends nothing more", async () => {
  const clock = new VirtualClock();
  const network = scriptedDatagrams(clock);
  const ended: UdpListenerEvent[] = [];
  const log: string[] = [];
  const gates = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const listener = localListener(network, {
    sessionIdleTimeoutInMillis: 1_000,
    onEvent: (event) => void (event.kind === "ended" && ended.push(event)),
  });
  listener.attach(() => ({
    onDatagram(_, { data }) {
      log.push(text(data));
      return text(data) === "c" ? "never" : gates[text(data) === "a" ? 0 : 1]!.promise;
    },
    onError: (_, error) => void log.push(error.message),
    onClose: () => void log.push("onClose"),
  }));
  await listener.start();
  for (const word of ["a", "b", "c"]) {
    network.sockets[0]!.deliver(word);
    await settled();
  }
  gates[0]!.resolve("in time");
  await settled();
  await clock.advance(1_000);
  gates[1]!.resolve("late");
  await settled();
  const idle = "The session ended: idle for 1000 ms";
  assertEquals(log, ["a", "b", idle, "c", idle, "onClose"]);
  const [event] = ended;
  const { sent, dropped } = listener.stats();
  // The event, the numbers and the wire agree.
  assertEquals(event!.kind === "ended" && event!.bytesWritten, 7);
  assertEquals([sent.bytes, network.sockets[0]!.sent], [7, ["in time > 127.0.0.1:9"]]);
  assertEquals(dropped["not-taken"], 0);
  await listener.gracefulStop();
});

Deno.test("UdpSession that is idle by either counts what its service returns", async () => {
  const clock = new VirtualClock();
  const network = scriptedDatagrams(clock);
  const listener = localListener(network, {
    sessionIdleTimeoutInMillis: 1_000,
    sessionIdleBy: "either",
  });
  const gate = Promise.withResolvers<string>();
  listener.attach(() => ({ onDatagram: () => gate.promise }));
  await listener.start();
  network.sockets[0]!.deliver("x");
  await settled();
  await clock.advance(900);
  gate.resolve("answer");
  await settled();
  await clock.advance(900);
  assertEquals(listener.sessions.size, 1);
  await clock.advance(100);
  assertEquals(listener.sessions.size, 0);
  await listener.gracefulStop();
});
