import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GenericError, ReadTimedOutError, type SocketError } from "../src/errors.ts";
import type { Network } from "../src/network.ts";
import type { UdpCaller } from "../src/udp_caller.ts";
import { UdpListener, type UdpListenerConfig } from "../src/udp_listener.ts";
import type { UdpService } from "../src/udp_service.ts";
import type { UdpSession } from "../src/udp_session.ts";
import { scriptedDatagrams, settled } from "./support/scripted_datagrams.ts";
import { localClient, testOnEngines, text } from "./support/udp_engines.ts";

function localListener(network: Network, config: UdpListenerConfig = {}): UdpListener {
  return new UdpListener(0, { interface: "127.0.0.1", network, ...config });
}

/** A started listener and a connected client. */
async function pair(network: Network, service: UdpService, config: UdpListenerConfig = {}) {
  const listener = localListener(network, config);
  listener.attach(service);
  await listener.start();
  const client = localClient(network, { remoteHost: "127.0.0.1", remotePort: listener.port });
  return {
    listener,
    client,
    /** Sends one datagram and gives the answer. */
    async ask(content: string): Promise<string> {
      await client.write(content);
      return text((await client.read())[0]);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([listener.immediateStop(), client.close()]);
    },
  };
}

testOnEngines("UdpListener sends back what onDatagram returns", async (network) => {
  await using other = localClient(network);
  const { port } = await other.bound;
  await using sockets = await pair(network, {
    onDatagram({ data }) {
      switch (text(data)) {
        case "bytes":
          return new Uint8Array([104, 105]);
        case "later":
          return Promise.resolve("text");
        case "elsewhere":
          return { remoteHost: "127.0.0.1", remotePort: port, data: new Uint8Array([33]) };
        case "empty":
          return "";
        default:
          return undefined;
      }
    },
  });
  assertEquals(await sockets.ask("bytes"), "hi");
  assertEquals(await sockets.ask("later"), "text");
  await sockets.client.write("nothing");
  await sockets.client.write("elsewhere");
  const [bytes, , from] = await other.receiveFrom();
  assertEquals([text(bytes), from.port], ["!", sockets.listener.port]);
  assertEquals(await sockets.ask("empty"), "");
});

testOnEngines("UdpListener gives a caller to answer by", async (network) => {
  await using other = localClient(network);
  const { host, port } = await other.bound;
  const callers: UdpCaller[] = [];
  const service = {
    greeting: "Hello ",
    onDatagram({ data, remoteHost, remotePort }, caller) {
      assertEquals([remoteHost, remotePort], [caller.remoteAddress, caller.remotePort]);
      callers.push(caller);
      caller.sendBytes(this.greeting + text(data));
      caller.sendDatagram({ remoteHost: host, remotePort: port, data });
    },
  } satisfies UdpService & { greeting: string };
  await using sockets = await pair(network, service);
  assertEquals(await sockets.ask("you"), "Hello you");
  assertEquals(text((await other.receiveFrom())[0]), "you");
  const [caller] = callers;
  assertEquals(caller!.remotePort, sockets.client.localPort);
  assertEquals(caller!.localPort, sockets.listener.port);
  assertEquals(caller!.localAddress, "127.0.0.1");
  await assertRejects(() => caller!.sendBytes(7 as unknown as string), TypeError, "Content");
  await assertRejects(
    () => caller!.sendDatagram({ remoteHost: host, remotePort: 70_000, data: new Uint8Array(1) }),
    RangeError,
    "70000",
  );
});

testOnEngines("UdpListener handles datagrams in order, one call at a time", async (network) => {
  const seen: string[] = [];
  let calls = 0;
  const done = Promise.withResolvers<void>();
  await using sockets = await pair(network, {
    async onDatagram({ data }) {
      assertEquals(++calls, 1);
      // The earlier ones take longer.
      for (let turns = 20 - seen.length; turns > 0; turns--) await Promise.resolve();
      calls--;
      seen.push(text(data));
      if (seen.length === 20) done.resolve();
    },
  });
  for (let i = 0; i < 20; i++) sockets.client.write(`${i}`);
  await done.promise;
  assertEquals(seen, Array.from({ length: 20 }, (_, i) => `${i}`));
});

testOnEngines("UdpListener goes on after a handler that throws", async (network) => {
  const errors: [string, number][] = [];
  await using sockets = await pair(network, {
    onDatagram({ data }) {
      switch (text(data)) {
        case "throw":
          throw new Error("on purpose");
        case "reject":
          return Promise.reject("a string");
        case "too long":
          return new Uint8Array(65_508);
        case "nonsense":
          return 7 as unknown as string;
      }
      return "fine";
    },
    onError(caller, error) {
      errors.push([error.message, caller.remotePort]);
      if (errors.length === 1) throw new Error("printed");
    },
  });
  const printed: unknown[] = [];
  const { error: original } = console;
  console.error = (...args: unknown[]) => printed.push(args[0]);
  try {
    for (const word of ["throw", "reject", "too long", "nonsense"]) sockets.client.write(word);
    assertEquals(await sockets.ask("good"), "fine");
  } finally {
    console.error = original;
  }
  assertEquals(errors.map(([message]) => message), [
    "on purpose",
    'A method of the service threw: "a string"',
    "Content must be at most 65507 bytes for one datagram: got 65508",
    "What onDatagram returned must be an object: got 7",
  ]);
  for (const [, port] of errors) assertEquals(port, sockets.client.localPort);
  assertEquals(printed.map((error) => (error as Error).message), ["printed"]);
});

testOnEngines(
  "UdpListener prints what a handler throws when there is no onError",
  async (network) => {
    await using sockets = await pair(network, {
      onDatagram({ data }) {
        if (text(data) === "throw") throw new Error("on purpose");
        return data;
      },
    });
    const printed: unknown[] = [];
    const { error: original } = console;
    console.error = (...args: unknown[]) => printed.push(args[0]);
    try {
      sockets.client.write("throw");
      assertEquals(await sockets.ask("good"), "good");
    } finally {
      console.error = original;
    }
    assertEquals(printed.map((error) => (error as Error).message), ["on purpose"]);
  },
);

testOnEngines("UdpListener tells onError of an answer that cannot be sent", async (network) => {
  const failed = Promise.withResolvers<Error>();
  await using sockets = await pair(network, {
    onDatagram({ data }) {
      if (text(data) !== "nowhere") return data;
      return { remoteHost: "::1", remotePort: 9, data };
    },
    onError: (_, error) => failed.resolve(error),
  });
  sockets.client.write("nowhere");
  assertEquals((await failed.promise as SocketError).code, "unreachable");
  assertEquals(await sockets.ask("still here"), "still here");
});

testOnEngines(
  "UdpListener drops and counts what a slow service leaves no room for",
  async (network) => {
    const first = Promise.withResolvers<void>();
    const seen: string[] = [];
    await using sockets = await pair(network, {
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

testOnEngines("UdpListener survives garbage of every length", async (network) => {
  let count = 0;
  await using sockets = await pair(network, {
    onDatagram({ data }) {
      count++;
      return text(data) === "ping" ? "pong" : undefined;
    },
  });
  const { client } = sockets;
  for (let length = 0; length < 3_000; length += 97) {
    await client.write(crypto.getRandomValues(new Uint8Array(length)));
  }
  assertEquals(await sockets.ask("ping"), "pong");
  assert(count > 1);
});

testOnEngines("UdpListener with remoteHost hears only that peer", async (network) => {
  await using friend = localClient(network);
  await using stranger = localClient(network);
  const { host, port } = await friend.bound;
  const listener = localListener(network, { remoteHost: host, remotePort: port });
  listener.attach({ onDatagram: ({ data }) => data });
  await listener.start();
  const address = { host, port: listener.port };
  await stranger.sendTo("noise", address);
  await friend.sendTo("signal", address);
  assertEquals(text((await friend.receiveFrom())[0]), "signal");
  assertEquals(listener.droppedDatagrams, 1);
  await listener.gracefulStop();
});

testOnEngines("UdpListener can be iterated, with a caller for each datagram", async (network) => {
  await using listener = localListener(network);
  await using client = localClient(network);
  await listener.start();
  const address = { host: "127.0.0.1", port: listener.port };
  for (const word of ["a", "b", "c"]) client.sendTo(word, address);
  for await (const [datagram, caller] of listener) {
    assertEquals(text(datagram.data), "a");
    await caller.sendBytes("A");
    break;
  }
  assertEquals(text((await client.receiveFrom())[0]), "A");
  const seen: string[] = [];
  let stopped;
  for await (const [{ data }] of listener) {
    seen.push(text(data));
    if (seen.length === 2) stopped = listener.gracefulStop();
  }
  assertEquals(seen, ["b", "c"]);
  assertEquals(await stopped, { completed: 0, aborted: 0 });
});

testOnEngines("UdpListener has one consumer at a time", async (network) => {
  await using listener = localListener(network);
  const service = { onDatagram: () => {} };
  listener.attach(service);
  assertThrows(() => listener.attach(service), GenericError, "attached already");
  assertThrows(() => listener[Symbol.asyncIterator](), GenericError, "attached already");
  assertThrows(() => listener.acceptSessions(), GenericError, "attached already");
  listener.detach({ onDatagram: () => {} });
  assertThrows(() => listener.attach(service), GenericError, "attached already");
  listener.detach(service);
  const iterator = listener[Symbol.asyncIterator]();
  assertThrows(() => listener.attach(service), GenericError, "iteration");
  await iterator.return!();
  const sessions = listener.acceptSessions();
  assertThrows(() => listener[Symbol.asyncIterator](), GenericError, "iteration");
  await sessions.return!();
  listener.attach(service);
});

testOnEngines(
  "UdpListener that is detached keeps datagrams for the next service",
  async (network) => {
    const first = { onDatagram: () => "first" };
    await using sockets = await pair(network, first);
    const { listener, client } = sockets;
    assertEquals(await sockets.ask("1"), "first");
    listener.detach(first);
    await client.write("2");
    listener.attach({ onDatagram: () => "second" });
    assertEquals(text((await client.read())[0]), "second");
  },
);

testOnEngines("UdpListener iterated before start() says so", async (network) => {
  const listener = localListener(network);
  const error = await assertRejects(
    () => listener[Symbol.asyncIterator]().next() as Promise<unknown>,
    GenericError,
  );
  assertEquals(error.message, "Cannot receive: not bound, call start() first");
  await assertRejects(() => listener.joinGroup("239.1.2.3"), GenericError, "start()");
  assertEquals(await listener.gracefulStop(), { completed: 0, aborted: 0 });
  await listener.immediateStop();
});

testOnEngines("UdpListener.start() that cannot bind can be tried again", async (network) => {
  const taken = localClient(network);
  const { port } = await taken.bound;
  const listener = new UdpListener(port, { interface: "127.0.0.1", network });
  const error = await assertRejects(() => listener.start(), GenericError);
  assertEquals(error.code, "in-use");
  await taken.close();
  await Promise.all([listener.start(), listener.start()]);
  assertEquals([listener.port, listener.address], [port, "127.0.0.1"]);
  await listener.immediateStop();
});

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
  await using sockets = await pair(network, {
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
  await using sockets = await pair(network, {
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

testOnEngines("UdpListener starts again on the same port", async (network) => {
  await using sockets = await pair(network, { onDatagram: ({ data }) => data });
  const { listener } = sockets;
  const { port, closed } = listener;
  for (let i = 0; i < 3; i++) {
    assertEquals(await sockets.ask(`${i}`), `${i}`);
    await listener.gracefulStop();
    assertEquals(await closed, undefined);
    await listener.start();
    assertEquals(listener.port, port);
    assert(listener.closed !== closed);
  }
  const stop = listener.immediateStop();
  await listener.start();
  await stop;
  assertEquals(await sockets.ask("after all"), "after all");
});

testOnEngines("UdpListener.signal stops it", async (network) => {
  const controller = new AbortController();
  const listener = localListener(network, { signal: controller.signal });
  listener.attach({ onDatagram: () => {} });
  await listener.start();
  controller.abort("enough");
  assertEquals(await listener.closed, undefined);
  assertEquals(await listener.start().catch((reason) => reason), "enough");
});

Deno.test("UdpListener() and attach() check what they get", () => {
  assertThrows(() => new UdpListener(70_000), RangeError, "70000");
  assertThrows(() => new UdpListener("1" as unknown as number), TypeError, "port");
  const make = (config: unknown) => () => new UdpListener(0, config as UdpListenerConfig);
  assertThrows(make({ interface: "" }), TypeError, "interface");
  assertThrows(make({ maxSessions: -1 }), RangeError, "maxSessions");
  assertThrows(make({ sessionIdleTimeoutInMillis: 0 }), RangeError, "sessionIdleTimeoutInMillis");
  assertThrows(make({ sessionQueueLimit: 0.5 }), RangeError, "sessionQueueLimit");
  assertThrows(make({ receiveQueueLimit: NaN }), TypeError, "receiveQueueLimit");
  assertThrows(make({ signal: {} }), TypeError, "signal");
  assertThrows(make(null), TypeError, "config");
  const listener = new UdpListener(0);
  const attach = (service: unknown) => () => listener.attach(service as UdpService);
  assertThrows(attach(null), TypeError, "service");
  assertThrows(attach({}), TypeError, "onDatagram or onSession");
  assertThrows(attach({ onError() {} }), TypeError, "onDatagram or onSession");
  assertThrows(attach({ onDatagram() {}, onSession() {} }), TypeError, "either");
  assertThrows(attach({ onDatagram: 7 }), TypeError, "service.onDatagram");
  assertThrows(attach({ onDatagrams() {} }), TypeError, '"onDatagrams"');
  class Misspelled {
    onDatagram() {}
    onReadReady() {}
  }
  assertThrows(attach(new Misspelled()), TypeError, '"onReadReady"');
});

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
  const ports = listener.sessions.map(({ remotePort }) => remotePort).sort();
  assertEquals(ports, [one.localPort, other.localPort].sort());
  assertEquals(await listener.gracefulStop(), { completed: 2, aborted: 0 });
  assertEquals(closed, ["ended", "ended"]);
  assertEquals(listener.sessions, []);
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
        assertEquals(report, { completed: 1, aborted: 0 });
      }),
    );
  }
  await Promise.all(tasks);
  assertEquals(ended, [undefined]);
});

testOnEngines(
  "UdpSession that was idle too long ends, and its peer gets a new one",
  async (network) => {
    const sessions: UdpSession[] = [];
    const ends: string[] = [];
    await using sockets = await pair(network, {
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
  await using sockets = await pair(network, { onSession: (session) => began.resolve(session) });
  const { client, listener } = sockets;
  await client.write("hello world");
  const session = await began.promise;
  assertEquals(await session.read(5), [new TextEncoder().encode("hello"), 5]);
  const error = await assertRejects(
    () => session.read(undefined, { timeoutInMillis: 5 }),
    ReadTimedOutError,
  );
  assertEquals(error.code, "timed-out");
  const waiting = assertRejects(() => session.read(), GenericError, "already closed");
  await session.close();
  await waiting;
  assertEquals(await session.closed, undefined);
  assertEquals(listener.sessions, []);
  await assertRejects(() => session.write("x"), GenericError, "Cannot write: already closed");
  await assertRejects(() => session.read(0), RangeError);
  for await (const _ of session) throw new Error("nothing should come");
});

testOnEngines("UdpSession whose handler throws is closed, and no other one", async (network) => {
  const errors: Error[] = [];
  const sessions: UdpSession[] = [];
  await using sockets = await pair(network, {
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
  await using sockets = await pair(network, service, { maxSessions: 1 });
  await using other = localClient(network, {
    remoteHost: "127.0.0.1",
    remotePort: sockets.listener.port,
  });
  assertEquals(await sockets.ask("in"), "in");
  await other.write("out");
  assertEquals(await sockets.ask("still in"), "still in");
  assertEquals(sockets.listener.droppedDatagrams, 1);
  assertEquals(sockets.listener.sessions.length, 1);
});

testOnEngines("UdpSession has a queue of its own with a limit", async (network) => {
  const began = Promise.withResolvers<UdpSession>();
  await using sockets = await pair(
    network,
    { onSession: (session) => began.resolve(session) },
    { sessionQueueLimit: 2 * 257, receiveQueueDrop: "oldest" },
  );
  const { client, listener } = sockets;
  for (let i = 0; i < 5; i++) await client.write(`${i}`);
  const session = await began.promise;
  while (session.droppedDatagrams < 3) await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(text((await session.read())[0]), "3");
  assertEquals(text((await session.read())[0]), "4");
  assertEquals(listener.droppedDatagrams, 3);
  session.abort("why");
  const error = await session.closed;
  assertEquals([error!.code, error!.cause], ["aborted", "why"]);
});
