import { assertEquals } from "@std/assert";
import type { SocketError } from "../../src/base/errors.ts";
import type { UdpListenerEvent } from "../../mod.ts";
import type { UdpListener } from "../../src/udp/udp_listener.ts";
import type { UdpService } from "../../src/udp/udp_service.ts";
import type { UdpSession } from "../../src/udp/udp_session.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { nextTurn } from "../../src/tls/next_turn.ts";
import { stillHeld } from "../support/collected.ts";
import { scriptedDatagrams, settled } from "../support/scripted_datagrams.ts";
import { text } from "../support/text.ts";
import { localClient, testOnEngines } from "../support/udp_engines.ts";
import { droppedBy, localListener, serving } from "../support/udp_listeners.ts";

testOnEngines("UdpListener gives each peer its own session", async (network) => {
  const closed: string[] = [];
  const listener = localListener(network);
  listener.attach({
    async onSession(session) {
      let count = 0;
      for await (const { data } of session) await session.write(`${text(data)} ${++count}`);
      closed.push("ended");
    },
  });
  await listener.start();
  await using one = localClient(network, { remoteHost: "127.0.0.1", remotePort: listener.port });
  await using other = localClient(network, { remoteHost: "127.0.0.1", remotePort: listener.port });
  for (const [word, count] of [["a", 1], ["b", 2], ["c", 3]] as const) {
    for (const client of [one, other]) {
      await client.write(word);
      assertEquals(text((await client.read())[0]), `${word} ${count}`);
    }
  }
  const ports = [...listener.sessions].map(({ remotePort }) => remotePort).sort();
  assertEquals(ports, [one.localPort, other.localPort].sort());
  assertEquals(await listener.gracefulStop(), { completed: 2, aborted: 0, cut: [] });
  assertEquals(closed, ["ended", "ended"]);
  assertEquals(listener.sessions.size, 0);
});

testOnEngines("UdpListener.acceptSessions() gives new sessions until a stop", async (network) => {
  const listener = localListener(network);
  await listener.start();
  await using client = localClient(network, { remoteHost: "127.0.0.1", remotePort: listener.port });
  await client.write("first");
  const ended: (SocketError | undefined)[] = [];
  const tasks: Promise<void>[] = [];
  for await (const session of listener.acceptSessions()) {
    assertEquals(text((await session.read())[0]), "first");
    assertEquals(session.remotePort, client.localPort);
    tasks.push((async () => {
      for await (const { data } of session) await session.write(data);
      ended.push(await session.closed);
    })());
    await client.write("more");
    assertEquals(text((await client.read())[0]), "more");
    tasks.push(
      listener.gracefulStop().then((report) => {
        assertEquals(report, { completed: 1, aborted: 0, cut: [] });
      }),
    );
  }
  await Promise.all(tasks);
  assertEquals(ended, [undefined]);
});

testOnEngines("UdpSession whose handler throws is closed, and no other one", async (network) => {
  const errors: Error[] = [];
  const sessions: UdpSession[] = [];
  await using sockets = await serving(network, {
    async onSession(session) {
      sessions.push(session);
      for await (const { data } of session) {
        if (text(data) === "throw") throw new Error("on purpose");
        await session.write(data);
      }
    },
    onError(_, error) {
      errors.push(error);
    },
  });
  await using other = localClient(network, {
    remoteHost: "127.0.0.1",
    remotePort: sockets.listener.port,
  });
  await other.write("hi");
  await other.read();
  await sockets.client.write("throw");
  while (sessions.length < 2) await new Promise((resolve) => setTimeout(resolve, 0));
  const error = await sessions[1]!.closed;
  assertEquals([error!.code, (error!.cause as Error).message], ["handler", "on purpose"]);
  assertEquals(errors.map(({ message }) => message), ["on purpose"]);
  await other.write("still");
  assertEquals(text((await other.read())[0]), "still");
});

testOnEngines("UdpListener.maxSessions drops and counts further peers", async (network) => {
  const service: UdpService = {
    async onSession(session) {
      for await (const { data } of session) await session.write(data);
    },
  };
  await using sockets = await serving(network, service, { maxSessions: 1 });
  await using other = localClient(network, {
    remoteHost: "127.0.0.1",
    remotePort: sockets.listener.port,
  });
  assertEquals(await sockets.ask("in"), "in");
  await other.write("out");
  assertEquals(await sockets.ask("still in"), "still in");
  assertEquals(droppedBy(sockets.listener), 1);
  assertEquals(sockets.listener.sessions.size, 1);
});

testOnEngines(
  "UdpSession ends by what its handler threw, whatever ends it while onError runs",
  async (network) => {
    const ways: { [way: string]: (session: UdpSession, listener: UdpListener) => unknown } = {
      "close()": (session) => session.close(),
      "immediateStop()": (_, listener) => listener.immediateStop(),
      "a deadline": (_, listener) => listener.gracefulStop({ deadlineInMillis: 1 }),
    };
    for (const [way, end] of Object.entries(ways)) {
      const told = Promise.withResolvers<unknown>();
      let closed: Promise<unknown>;
      const listener = localListener(network, {
        onEvent: (event) => event.kind === "ended" && told.resolve([event.by, event.error?.code]),
      });
      listener.attach({
        onSession: () => Promise.reject(new Error("odd")),
        async onError(caller) {
          const session = caller as UdpSession;
          closed = session.closed;
          void end(session, listener);
          await session.closed;
        },
      });
      await listener.start();
      await using client = localClient(network, {
        remoteHost: "127.0.0.1",
        remotePort: listener.port,
      });
      await client.write("x");
      assertEquals(await told.promise, ["error", "handler"], way);
      assertEquals((await closed! as SocketError).code, "handler", way);
      assertEquals(listener.stats().sessions.ended.error, 1, way);
      await listener.immediateStop();
    }
  },
);

testOnEngines("UdpSession whose handler fails because of the stop is no news", async (network) => {
  const errors: unknown[] = [];
  const listener = localListener(network);
  const began = Promise.withResolvers<void>();
  listener.attach({
    async onSession(session) {
      await session.read();
      began.resolve();
      await session.read();
    },
    onError: (_, error) => void errors.push(error),
  });
  await listener.start();
  await using client = localClient(network, { remoteHost: "127.0.0.1", remotePort: listener.port });
  await client.write("x");
  await began.promise;
  assertEquals(await listener.gracefulStop(), { completed: 1, aborted: 0, cut: [] });
  assertEquals(errors, []);
});

Deno.test("UdpListener forgets sessions that end before anybody takes them", async () => {
  const clock = new VirtualClock();
  const network = scriptedDatagrams(clock);
  const listener = localListener(network, { sessionIdleTimeoutInMillis: 1_000 });
  await listener.start();
  const sessions = listener.acceptSessions();
  const first = sessions.next();
  const socket = network.sockets[0]!;
  for (let port = 1; port <= 50; port++) {
    socket.deliver("x", port);
    await settled();
  }
  await first;
  assertEquals([listener.sessions.size, droppedBy(listener)], [50, 0]);
  await clock.advance(1_000);
  // The session that was taken may still be read.
  assertEquals([listener.sessions.size, droppedBy(listener)], [0, 49]);
  socket.deliver("new", 60);
  const next = await sessions.next();
  assertEquals([next.value!.remotePort, text((await next.value!.read())[0])], [60, "new"]);
  assertEquals(text((await (await first).value!.read())[0]), "x");
  await next.value!.close();
  assertEquals(await listener.gracefulStop(), { completed: 0, aborted: 0, cut: [] });
});

const waysToEnd: Record<string, (session: UdpSession) => void> = {
  "throwing": () => {
    throw new Error("on purpose");
  },
  "aborting": (session) => session.abort(),
  "being idle": () => {},
};

for (const [way, end] of Object.entries(waysToEnd)) {
  Deno.test(`UdpListener keeps nothing of sessions that have ended by ${way} and that nobody has`, async () => {
    const clock = new VirtualClock();
    const network = scriptedDatagrams(clock);
    // A log may have the errors for long. Not one that the program has made itself: its stack holds the session.
    const log: UdpListenerEvent[] = [];
    const isLogged = way !== "throwing";
    const listener = localListener(network, {
      sessionIdleTimeoutInMillis: 1_000,
      onEvent: (event) => void (isLogged && log.push(event)),
    });
    const refs: WeakRef<UdpSession>[] = [];
    const kept: UdpSession[] = [];
    listener.attach({
      onSession(session) {
        if (session.remotePort === 1) kept.push(session);
        else refs.push(new WeakRef(session));
        end(session);
      },
      onError() {},
    });
    await listener.start();
    for (let port = 1; port <= 21; port++) {
      network.sockets[0]!.deliver("x", port);
      await settled();
    }
    await clock.advance(1_000);
    assertEquals([listener.sessions.size, refs.length], [0, 20]);
    // What waits is dropped at once, unless the session was idle.
    const isIdle = way === "being idle";
    const dropped = isIdle ? 20 : 21;
    assertEquals(droppedBy(listener), isIdle ? 0 : dropped);
    assertEquals(await stillHeld(refs), 0);
    // The collector tells in a turn of its own.
    for (let turn = 0; turn < 100 && droppedBy(listener) < dropped; turn++) await nextTurn();
    assertEquals(droppedBy(listener), dropped);
    const logged = log.filter((event) => event.kind === "ended" && event.error !== undefined);
    assertEquals(logged.length, isLogged ? 21 : 0);
    // Whoever still has one that was idle can read what came.
    const read = kept[0]!.read();
    if (isIdle) assertEquals(text((await read)[0]), "x");
    else assertEquals(await read.catch(() => "dropped"), "dropped");
    await listener.gracefulStop();
    assertEquals(droppedBy(listener), dropped);
  });
}

Deno.test("UdpListener.maxTotalUnreadBytes bounds what all sessions keep, and counts the rest", async () => {
  const network = scriptedDatagrams();
  const sessions: UdpSession[] = [];
  const listener = localListener(network, { maxTotalUnreadBytes: 10 * (256 + 4) });
  listener.attach({ onSession: (session) => void sessions.push(session) });
  await listener.start();
  const socket = network.sockets[0]!;
  const deliver = async (word: string, port: number) => {
    socket.deliver(word, port);
    await settled();
  };
  for (let i = 0; i < 100; i++) await deliver("many", 1);
  for (let port = 2; port <= 9; port++) await deliver("once", port);
  // A session that keeps much made room for those that keep little.
  assertEquals(droppedBy(listener), 98);
  assertEquals(sessions[0]!.droppedDatagrams, 98);
  for (const session of sessions.slice(1)) {
    assertEquals(text((await session.read())[0]), "once");
    assertEquals(session.droppedDatagrams, 0);
  }
  // A session that is read is not harmed, however much the others keep.
  for (let i = 0; i < 50; i++) await deliver("many", 1);
  const reading = sessions[1]!.read();
  await deliver("read", 2);
  assertEquals(text((await reading)[0]), "read");
  await sessions[0]!.close();
  assertEquals(droppedBy(listener), 150);
  await listener.immediateStop();
});

Deno.test("UdpListener.sessions is one set, which shows what is open at any time", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  const { sessions } = listener;
  listener.attach({ onSession: (session) => void session.write("hello") });
  for (let i = 0; i < 2; i++) {
    await listener.start();
    for (const port of [1, 2]) {
      network.sockets[i]!.deliver("x", port);
      await settled();
    }
    assertEquals([...sessions].map(({ remotePort }) => remotePort), [1, 2]);
    const [one, other] = [...sessions] as [UdpSession, UdpSession];
    await one.close();
    assertEquals([sessions.size, sessions.has(one), sessions.has(other)], [1, false, true]);
    assertEquals(sessions.has({} as UdpSession), false);
    await listener.immediateStop();
    assertEquals([sessions.size, listener.sessions === sessions], [0, true]);
  }
});
