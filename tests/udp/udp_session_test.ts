import { assertEquals, assertRejects } from "@std/assert";
import { GenericError, ReadTimedOutError, SocketError } from "../../src/base/errors.ts";
import type { UdpListenerEvent } from "../../mod.ts";
import { nextTurn } from "../../src/tls/next_turn.ts";
import type { UdpListener } from "../../src/udp/udp_listener.ts";
import type { UdpService } from "../../src/udp/udp_service.ts";
import { coreOf, type UdpSession } from "../../src/udp/udp_session.ts";
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

type End = (listener: UdpListener, session: UdpSession) => Promise<unknown> | void;

const cuts: Record<string, End> = {
  "close()": (_, session) => session.close(),
  "abort()": (_, session) => session.abort(),
  "immediateStop()": (listener) => listener.immediateStop(),
  "the deadline of a stop": (listener) => listener.gracefulStop({ deadlineInMillis: 1 }),
};

/** Ways to take the datagrams of a session. The first one is held by the gate. */
const takers: Record<string, (take: () => Promise<string>) => UdpService> = {
  "onDatagram": (take) => ({ onDatagram: take }),
  "onBytes": (take) => ({ onBytes: take }),
  "a loop": (take) => ({
    async onSession(session) {
      for await (const _ of session) await take();
    },
  }),
};

for (const [way, end] of Object.entries(cuts)) {
  for (const [form, taker] of Object.entries(takers)) {
    testOnEngines(`UdpSession that ${way} ends drops what waits for ${form}`, async (network) => {
      let calls = 0;
      const began = Promise.withResolvers<UdpSession>();
      const gate = Promise.withResolvers<string>();
      const over = Promise.withResolvers<void>();
      const errors: Error[] = [];
      const listener = localListener(network);
      listener.attach((session) => ({
        ...taker(() => {
          calls++;
          began.resolve(session);
          return gate.promise;
        }),
        onError: (_, error) => void errors.push(error),
        onClose: () => over.resolve(),
      }));
      await listener.start();
      await using client = localClient(network, {
        remoteHost: "127.0.0.1",
        remotePort: listener.port,
      });
      for (let i = 0; i < 4; i++) await client.write("x");
      const session = await began.promise;
      while (listener.stats().received.datagrams < 4) await nextTurn();
      await end(listener, session);
      // All is counted at once, whatever the call under way does.
      assertEquals([listener.stats().dropped["not-taken"], droppedBy(listener)], [3, 3]);
      gate.resolve("too late");
      await over.promise;
      assertEquals([calls, errors, droppedBy(listener)], [1, [], 3]);
      // What a call returns after the end is not sent.
      await listener.immediateStop();
      assertEquals(listener.stats().sent.datagrams, 0);
    });
  }
}

for (const way of ["close", "abort"] as const) {
  testOnEngines(`UdpSession sends nothing to anybody after ${way}()`, async (network) => {
    await using other = localClient(network);
    const { host: remoteHost, port: remotePort } = await other.bound;
    const datagram = { remoteHost, remotePort, data: new Uint8Array(1) };
    const over = Promise.withResolvers<UdpSession>();
    await using listener = localListener(network);
    listener.attach((session) => ({
      onDatagram() {
        void session[way]();
        return datagram;
      },
      onClose: (session) => over.resolve(session),
    }));
    await listener.start();
    const peer = { remoteHost: "127.0.0.1", remotePort: listener.port };
    await using client = localClient(network, peer);
    await client.write("x");
    const session = await over.promise;
    const { code } = await assertRejects(() => session.sendDatagram(datagram), SocketError);
    assertEquals(code, way === "close" ? "closed" : "aborted");
    await listener.gracefulStop();
    assertEquals(listener.stats().sent.datagrams, 0);
  });
}

testOnEngines(
  "UdpSession that ends while its service is being made has no call",
  async (network) => {
    for (const end of Object.values(cuts)) {
      const log: string[] = [];
      const began = Promise.withResolvers<UdpSession>();
      const made = Promise.withResolvers<void>();
      const over = Promise.withResolvers<void>();
      const listener = localListener(network);
      listener.attach(async (session) => {
        began.resolve(session);
        await made.promise;
        return {
          onSession: () => void log.push("onSession"),
          onStop: () => void log.push("onStop"),
          onClose: () => over.resolve(),
        };
      });
      await listener.start();
      await using client = localClient(network, {
        remoteHost: "127.0.0.1",
        remotePort: listener.port,
      });
      await client.write("x");
      await end(listener, await began.promise);
      made.resolve();
      await over.promise;
      assertEquals([log, listener.stats().dropped["not-taken"]], [[], 1]);
      await listener.immediateStop();
    }
  },
);

Deno.test("UdpSession that ends in the turn in which a datagram came has no call for it", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  const sessions: UdpSession[] = [];
  let calls = 0;
  listener.attach((session) => {
    sessions.push(session);
    return { onDatagram: () => void calls++ };
  });
  await listener.start();
  const [socket] = network.sockets;
  socket!.deliver("x");
  await settled();
  assertEquals(calls, 1);
  // It is handed out now, and the call for it comes in a microtask.
  coreOf(sessions[0]!).put(new Uint8Array(1), socket!.addr);
  sessions[0]!.abort();
  await settled();
  assertEquals([calls, listener.stats().dropped["not-taken"]], [1, 1]);
  await listener.immediateStop();
});

Deno.test("UdpSession is not idle while what has come of it is handled, or waits for that", async () => {
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
      return text(data) === "c" ? "third" : gates[text(data) === "a" ? 0 : 1]!.promise;
    },
    onError: (_, error) => void log.push(error.message),
    onClose: () => void log.push("onClose"),
  }));
  await listener.start();
  for (const word of ["a", "b", "c"]) {
    network.sockets[0]!.deliver(word);
    await settled();
  }
  await clock.advance(5_000);
  gates[0]!.resolve("first");
  await clock.advance(5_000);
  gates[1]!.resolve("second");
  await settled();
  assertEquals([log, listener.sessions.size], [["a", "b", "c"], 1]);
  // It has had nothing to do since then.
  await clock.advance(1_000);
  assertEquals(log, ["a", "b", "c", "onClose"]);
  const [event] = ended;
  const { sent, dropped } = listener.stats();
  // The event, the numbers and the wire agree.
  assertEquals([event!.kind === "ended" && event!.bytesWritten, sent.bytes], [16, 16]);
  assertEquals(network.sockets[0]!.sent.length, 3);
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
