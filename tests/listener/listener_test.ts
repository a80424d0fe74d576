import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  type Caller,
  GenericError,
  Listener,
  type ListenerConfig,
  type Service,
  SocketError,
  type StopOptions,
  type StopReport,
} from "../../mod.ts";
import type { Network } from "../../src/network/network.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import {
  end,
  fail,
  outOfDescriptors,
  pause,
  reset,
  scriptedListener,
  scriptedTransport,
  silence,
  type Step,
  VirtualClock,
} from "../../testing/mod.ts";
import type { Transport } from "../../src/network/network.ts";
import { acceptingBy } from "../support/accepting_by.ts";
import { dial } from "../support/dial.ts";
import { echo } from "../support/echo.ts";
import { listening } from "../support/listening.ts";
import { isPending } from "../support/scripted_connection.ts";
import { plainTurns } from "../../src/network/turns.ts";
import { counted } from "../support/counted.ts";

const LOOPBACK = { interface: "127.0.0.1" };

/** A listener whose accepted transports are scripted, on virtual time. */
function scripted(script: (Transport | Step)[], config: ListenerConfig = {}) {
  const clock = new VirtualClock();
  const sockets: ReturnType<typeof scriptedListener>[] = [];
  const network: Network = {
    ...denoNetwork,
    clock,
    turns: plainTurns,
    listen: () => {
      const socket = scriptedListener(sockets.length === 0 ? script : [], { clock });
      sockets.push(socket);
      return socket;
    },
  };
  return { clock, sockets, listener: new Listener(0, { ...config, network }) };
}

Deno.test("Listener serves every connection, each by itself", async () => {
  await using listener = await listening(echo);
  assertEquals(listener.address, "127.0.0.1");
  const clients = await Promise.all([1, 2, 3].map(() => dial(listener)));
  for (const [i, client] of clients.entries()) {
    await client.write(`hello ${i}`);
    assertEquals((await client.read(7))[1], 7);
  }
  assertEquals(listener.connections.size, 3);
  await Promise.all(clients.map((client) => client.close()));
});

Deno.test("Listener's port is the one asked for, then the one bound, and a restart binds it again", async () => {
  const listener = new Listener(0, LOOPBACK);
  assertEquals([listener.port, listener.address], [0, "127.0.0.1"]);
  listener.attach(echo);
  await Promise.all([listener.start(), listener.start()]);
  const { port } = listener;
  assert(port > 0);
  for (let i = 0; i < 3; i++) {
    const closed = listener.closed;
    assertEquals(await listener.gracefulStop(), { completed: 0, aborted: 0, cut: [] });
    assertEquals(await closed, undefined);
    await listener.start();
    assertEquals(listener.port, port);
    assert(listener.closed !== closed);
    await using client = await dial(listener);
    await client.write("x");
    assertEquals((await client.read())[1], 1);
    await client.shutdownWrite();
    assertEquals((await client.read())[1], -1);
  }
  await listener.immediateStop();
});

Deno.test("Listener.start() says why it cannot, and can be tried again", async () => {
  await using first = new Listener(0, LOOPBACK);
  await first.start();
  const second = new Listener(first.port, LOOPBACK);
  const error = await assertRejects(
    () => second.start(),
    GenericError,
    `Cannot listen on 127.0.0.1:${first.port}`,
  );
  assertEquals(error.code, "in-use");
  await first.gracefulStop();
  await second.start();
  await second.gracefulStop();
});

Deno.test("Listener accepts nothing while nobody wants connections", async () => {
  const { clock, sockets, listener } = scripted([scriptedTransport([]), scriptedTransport([])]);
  await listener.start();
  await clock.settle();
  assertEquals(sockets[0]!.accepts, 0);
  const iterator = listener[Symbol.asyncIterator]();
  await iterator.next();
  await clock.settle();
  assertEquals([sockets[0]!.accepts, listener.connections.size], [1, 1]);
  await listener.immediateStop();
});

Deno.test("Listener.detach() leaves running connections their service, and new ones wait", async () => {
  await using listener = await listening(echo);
  await using first = await dial(listener);
  await first.write("a");
  assertEquals((await first.read())[1], 1);
  listener.detach({ onClose() {} });
  assertThrows(() => listener.attach(echo), GenericError, "a service is attached already");
  listener.detach(echo);
  listener.detach(echo);
  await first.write("b");
  assertEquals((await first.read())[1], 1);
  await using second = await dial(listener);
  await second.write("c");
  const shout: Service = {
    async onReadReady(caller) {
      const [, length] = await caller.read();
      if (length > 0) await caller.write("shouted");
    },
  };
  const waiting = second.read();
  listener.attach(shout);
  assertEquals((await waiting)[1], 7);
});

Deno.test("Listener's loop takes connections one at a time, and leaving it leaves it listening", async () => {
  await using listener = new Listener(0, LOOPBACK);
  await listener.start();
  const clients = await Promise.all([1, 2].map(() => dial(listener)));
  const callers: Caller[] = [];
  for (let i = 0; i < 2; i++) {
    for await (const caller of listener) {
      callers.push(caller);
      break;
    }
  }
  assertEquals(callers.length, 2);
  for (const caller of callers) {
    await caller.write("hi");
    void caller.close();
  }
  for (const client of clients) {
    assertEquals((await client.read())[1], 2);
    await client.close();
  }
});

Deno.test("Listener's loop ends at a stop, and with the error where it was never started", async () => {
  const listener = new Listener(0, LOOPBACK);
  const error = await assertRejects(
    () => listener[Symbol.asyncIterator]().next(),
    SocketError,
    "call start() first",
  );
  assertEquals(error.code, "closed");
  await listener.start();
  const loop = (async () => {
    for await (const _ of listener) throw new Error("must not come");
  })();
  await listener.gracefulStop();
  await loop;
  for await (const _ of listener) throw new Error("must not come");
});

Deno.test("Listener hands each connection out once, whoever waited for it before", async () => {
  await using listener = await listening(echo);
  // The service waits for a connection, and must not get one any more.
  listener.detach(echo);
  const iterator = listener[Symbol.asyncIterator]();
  const taking = [iterator.next(), iterator.next()];
  await using first = await dial(listener);
  await using second = await dial(listener);
  const callers = (await Promise.all(taking)).map(({ value }) => value!);
  assertEquals(callers.map((caller) => caller.remotePort), [first.localPort, second.localPort]);
  assertEquals(listener.connections.size, 2);
  await Promise.all(callers.map((caller) => caller.close()));

  // And the other way round: an iteration that was left while it waited.
  const waiting = iterator.next();
  await iterator.return!();
  listener.attach(echo);
  await using third = await dial(listener);
  await third.write("again");
  assertEquals((await third.read(5))[1], 5);
  assertEquals((await waiting).done, true);
});

Deno.test("Listener has one way to take connections at a time", async () => {
  const listener = new Listener(0, LOOPBACK);
  listener.attach(echo);
  const busy = assertThrows(
    () => listener[Symbol.asyncIterator](),
    GenericError,
    "a service is attached already",
  );
  assertEquals(busy.code, "busy");
  listener.detach(echo);
  const iterator = listener[Symbol.asyncIterator]();
  assertThrows(() => listener[Symbol.asyncIterator](), GenericError, "an iteration is under way");
  assertThrows(() => listener.attach(echo), GenericError, "an iteration is under way");
  await iterator.return!();
  listener.attach(echo);
});

Deno.test("Listener outlives a handler that throws", async () => {
  await using listener = new Listener(0, LOOPBACK);
  const errors: Error[] = [];
  listener.attach({
    async onReadReady(caller) {
      const [bytes, length] = await caller.read();
      if (length < 0) return;
      if (bytes[0] === 33) throw new RangeError("no shouting");
      await caller.write(bytes);
    },
    onError: (_, error) => void errors.push(error),
  });
  await listener.start();
  await using quiet = await dial(listener);
  await using loud = await dial(listener);
  await loud.write("!");
  assertEquals((await loud.read())[1], -1);
  await quiet.write("a");
  assertEquals((await quiet.read())[1], 1);
  assertEquals(errors.map((error) => error.message), ["no shouting"]);
});

Deno.test("Listener goes on after clients that reset before accept and a full descriptor table", async () => {
  const client = scriptedTransport(["ab", end()]);
  const { clock, listener } = scripted([
    ...Array(300).fill(0).map(() => fail(new Deno.errors.NotConnected("gone"))),
    outOfDescriptors(),
    outOfDescriptors(),
    client,
  ]);
  listener.attach(echo);
  await listener.start();
  await clock.advance(20);
  assertEquals(client.writtenText, "ab");
  await listener.immediateStop();
});

Deno.test("Listener.closed tells the error that ended accepting for good, and open connections go on", async () => {
  const client = scriptedTransport(["ab", silence()]);
  const { clock, listener } = scripted([client, fail(new Deno.errors.BadResource("gone"))]);
  listener.attach(echo);
  await listener.start();
  assertEquals((await listener.closed)!.code, "broken");
  assertEquals(client.writtenText, "ab");
  client.say("cd", silence());
  await clock.settle();
  assertEquals(client.writtenText, "abcd");
  await listener.start();
  assert(await isPending(clock, listener.closed));
  const stopping = listener.gracefulStop();
  await clock.advance(50);
  assertEquals(await stopping, { completed: 1, aborted: 0, cut: [] });
});

Deno.test("Listener's loop rejects with the error that ended accepting for good", async () => {
  const { listener } = scripted([fail(new Deno.errors.BadResource("gone"))]);
  await listener.start();
  await assertRejects(() => listener[Symbol.asyncIterator]().next(), SocketError, "Cannot accept");
  assertEquals((await listener.closed)!.code, "broken");
});

Deno.test("Listener.gracefulStop() closes what is idle, lets calls finish, and cuts the rest at the deadline", async () => {
  const gate = Promise.withResolvers<void>();
  const [idle, working, stuck] = [0, 1, 2].map(() => scriptedTransport([silence()]));
  const { clock, listener } = scripted([idle!, working!, stuck!]);
  const closes: string[] = [];
  listener.attach({
    async onReadReady(caller) {
      const [bytes] = await caller.read();
      if (bytes[0] === 119) await gate.promise;
      if (bytes[0] === 115) await new Promise(() => {});
      await caller.write("done");
    },
    onClose: (_, { by, error }) => void closes.push(`${by} ${error?.code}`),
  });
  await listener.start();
  await clock.settle();
  working!.say("w", silence());
  stuck!.say("s", silence());
  await clock.settle();
  const stopping = listener.gracefulStop({ deadlineInMillis: 1_000 });
  await clock.advance(100);
  assertEquals([idle!.isClosed, working!.isClosed, listener.connections.size], [true, false, 2]);
  gate.resolve();
  await clock.advance(100);
  assertEquals([working!.writtenText, working!.isClosed, stuck!.isClosed], ["done", true, false]);
  await clock.advance(799);
  assert(await isPending(clock, stopping));
  await clock.advance(1);
  assertEquals(counted(await stopping), { completed: 2, aborted: 1 });
  assertEquals([stuck!.isClosed, listener.connections.size, clock.pending], [true, 0, 0]);
  // The method of the third one is under way for ever, so it is never told; the listener counts it all the same.
  assertEquals(closes, ["stop undefined", "stop undefined"]);
  assertEquals(listener.stats().ended, { peer: 0, local: 0, stop: 3, error: 0 });
});

Deno.test("Listener says how each connection has ended, and counts them by that", async () => {
  const ends: string[] = [];
  const peers = [
    [end()],
    ["close", silence()],
    ["abort", silence()],
    ["throw", silence()],
    [reset()],
    [silence()],
  ].map((script) => scriptedTransport(script));
  const { clock, listener } = scripted(peers);
  listener.attach({
    async onReadReady(caller) {
      const word = new TextDecoder().decode((await caller.read())[0]);
      if (word === "close") await caller.close();
      if (word === "abort") caller.abort();
      if (word === "throw") throw new Error("as asked");
    },
    onError() {},
    onClose: (_, { by, error }) => void ends.push(`${by} ${error?.code}`),
  });
  await listener.start();
  await clock.advance(100);
  assertEquals(listener.stats().ended, { peer: 1, local: 2, stop: 0, error: 2 });
  await listener.immediateStop();
  await clock.settle();
  assertEquals(ends.toSorted(), [
    "error broken",
    "error handler",
    "local aborted",
    "local undefined",
    "peer undefined",
    "stop aborted",
  ]);
  const { accepted, ended } = listener.stats();
  assertEquals([accepted, ended], [6, { peer: 1, local: 2, stop: 1, error: 2 }]);
});

Deno.test("Listener counts how long a connection has lasted from its accept, not from its PROXY header", async () => {
  const durations: number[] = [];
  const script: Transport[] = [];
  const { clock, listener } = scripted(script, { proxyProtocol: { trusted: ["10.0.0.1"] } });
  const header = "PROXY TCP4 192.0.2.9 192.0.2.2 7 8\r\n";
  script.push(scriptedTransport([pause(400), header, pause(100), end()], {
    clock,
    remoteAddr: { transport: "tcp", hostname: "10.0.0.1", port: 7 },
  }));
  listener.attach({ ...echo, onClose: (_, end) => void durations.push(end.durationInMillis) });
  await listener.start();
  await clock.advance(1_000);
  assertEquals(durations, [500]);
  await listener.immediateStop();
});

Deno.test("Listener.gracefulStop() closes a connection that waits in a loop, and one that only pushes", async () => {
  const [pulled, pushed] = [scriptedTransport([silence()]), scriptedTransport([silence()])];
  const pulling = scripted([pulled]);
  await pulling.listener.start();
  const serving = (async () => {
    for await (const caller of pulling.listener) {
      for await (const chunk of caller) await caller.write(chunk);
    }
  })();
  await pulling.clock.settle();
  pulled.say("ab", silence());
  await pulling.clock.settle();
  const stopped = pulling.listener.gracefulStop();
  await pulling.clock.advance(50);
  assertEquals([await stopped, pulled.writtenText], [{ completed: 1, aborted: 0, cut: [] }, "ab"]);
  await serving;

  const pushing = scripted([pushed]);
  pushing.listener.attach({ onConnect: (caller) => void caller.write("news") });
  await pushing.listener.start();
  await pushing.clock.settle();
  const also = pushing.listener.gracefulStop();
  await pushing.clock.advance(50);
  assertEquals([await also, pushed.writtenText], [{ completed: 1, aborted: 0, cut: [] }, "news"]);
});

Deno.test("Listener.gracefulStop() serves on while bytes are unread or queued", async () => {
  const unread = scriptedTransport(["half", silence()]);
  const queued = scriptedTransport(["x", silence()], { writes: [silence()] });
  const { clock, listener } = scripted([unread, queued]);
  const messages: number[] = [];
  listener.attach({
    async onReadReady(caller) {
      // Messages of eight bytes, and one byte that is answered.
      const [bytes] = await caller.read(1);
      if (bytes[0] === 120) return void caller.write("never taken");
      messages.push((await caller.read(7))[1]);
    },
  });
  await listener.start();
  await clock.settle();
  const stopping = listener.gracefulStop({ deadlineInMillis: 500 });
  await clock.advance(400);
  assertEquals([unread.isClosed, queued.isClosed], [false, false]);
  unread.say("done", silence());
  queued.say("12345678", silence());
  await clock.advance(60);
  assertEquals([messages, unread.isClosed, queued.isClosed], [[7, 7], true, false]);
  await clock.advance(40);
  assertEquals(counted(await stopping), { completed: 1, aborted: 1 });
});

Deno.test("Listener.gracefulStop() closes a service's connections that will read no more", async () => {
  for (const whenStopped of ["before", "during"]) {
    const { promise: lastCall, resolve: onLastCall } = Promise.withResolvers<void>();
    const { promise: goOn, resolve: letGoOn } = Promise.withResolvers<void>();
    const lastOfTwo = async () => {
      if (++calls === 2) onLastCall();
      await goOn;
    };
    let calls = 0;
    const halfOpen = scripted([scriptedTransport(["ab", end()])], { allowHalfOpen: true });
    halfOpen.listener.attach({
      async onReadReady(caller) {
        if ((await caller.read())[1] < 0) await lastOfTwo();
      },
    });
    const shut = scripted([scriptedTransport(["ab", silence()])]);
    shut.listener.attach({
      async onReadReady(caller) {
        await caller.read();
        caller.shutdownRead();
        await lastOfTwo();
      },
    });
    await Promise.all([halfOpen.listener.start(), shut.listener.start()]);
    await lastCall;
    if (whenStopped === "before") letGoOn();
    await Promise.all([halfOpen.clock.settle(), shut.clock.settle()]);
    const stops = [halfOpen, shut].map(({ listener }) => listener.gracefulStop());
    await Promise.all([halfOpen.clock.settle(), shut.clock.settle()]);
    letGoOn();
    // The one that was shut drains what its peer may still send.
    await Promise.all([halfOpen.clock.advance(50), shut.clock.advance(50)]);
    for (const stop of stops) {
      assertEquals(await stop, { completed: 1, aborted: 0, cut: [] }, whenStopped);
    }
  }
});

Deno.test("Listener.gracefulStop() lets an onConnect under way finish", async () => {
  const gate = Promise.withResolvers<void>();
  const peer = scriptedTransport([silence()]);
  const { clock, listener } = scripted([peer]);
  listener.attach({
    async onConnect(caller) {
      await gate.promise;
      await caller.write("welcome");
    },
  });
  await listener.start();
  await clock.settle();
  const stopping = listener.gracefulStop();
  await clock.advance(100);
  gate.resolve();
  await clock.advance(100);
  assertEquals([await stopping, peer.writtenText], [
    { completed: 1, aborted: 0, cut: [] },
    "welcome",
  ]);
});

Deno.test("Listener stopped twice is one stop, and immediateStop() ends a graceful one", async () => {
  const stuck = scriptedTransport(["x", silence()]);
  const { clock, listener } = scripted([stuck]);
  listener.attach({ onReadReady: () => new Promise(() => {}) });
  await listener.start();
  await clock.settle();
  const stops = [listener.gracefulStop(), listener.gracefulStop({ deadlineInMillis: 2_000 })];
  await clock.advance(1_000);
  assert(await isPending(clock, stops[0]!));
  await listener.immediateStop();
  assertEquals((await Promise.all(stops)).map(counted), [{ completed: 0, aborted: 1 }, {
    completed: 0,
    aborted: 1,
  }]);
  assertEquals([stuck.isClosed, clock.pending, await listener.closed], [true, 0, undefined]);
});

Deno.test("Listener stopped before it was started has nothing to report", async () => {
  const listener = new Listener(0, LOOPBACK);
  assertEquals(await listener.gracefulStop(), { completed: 0, aborted: 0, cut: [] });
  await listener.immediateStop();
});

Deno.test("Listener counts a connection that was accepted and never taken as aborted", async () => {
  const never = scriptedTransport([silence()]);
  const { clock, sockets, listener } = scripted([]);
  listener.attach(echo);
  await listener.start();
  await clock.settle();
  listener.detach(echo);
  sockets[0]!.say(never);
  await clock.settle();
  assertEquals(counted(await listener.gracefulStop()), { completed: 0, aborted: 1 });
  assert(never.isClosed);
});

Deno.test("Listener.signal's abort is a graceful stop; an aborted one refuses the start", async () => {
  const controller = new AbortController();
  const listener = new Listener(0, { ...LOOPBACK, signal: controller.signal });
  listener.attach(echo);
  await listener.start();
  await using client = await dial(listener);
  await client.write("a");
  await client.read();
  const reason = new Error("mine");
  controller.abort(reason);
  assertEquals(await listener.closed, undefined);
  assertEquals((await client.read())[1], -1);
  assertStrictEquals(await listener.start().catch((error) => error), reason);
});

Deno.test("Listener.start() during a stop waits for it, and binds again", async () => {
  const listener = await listening(echo);
  const { port } = listener;
  const [report] = await Promise.all([listener.gracefulStop(), listener.start()]);
  assertEquals([report, listener.port], [{ completed: 0, aborted: 0, cut: [] }, port]);
  await using client = await dial(listener);
  await client.write("x");
  assertEquals((await client.read())[1], 1);
  await client.close();
  await listener.gracefulStop();
});

Deno.test("Listener refuses a wrong port, config, deadline or service at once", async () => {
  const wrong: [unknown, unknown, typeof TypeError | typeof RangeError, string][] = [
    [-1, {}, RangeError, "port"],
    [65_536, {}, RangeError, "65536"],
    ["80", {}, TypeError, "port"],
    [0, { interface: "" }, TypeError, "interface"],
    [0, { interface: 5 }, TypeError, "interface"],
    [0, { interface: null }, TypeError, "interface"],
    [0, { backlog: 0 }, RangeError, "backlog"],
    [0, { backlog: null }, TypeError, "backlog"],
    [0, { readTimeoutInMillis: -5 }, RangeError, "readTimeoutInMillis"],
    [0, { signal: "x" }, TypeError, "signal"],
    [0, null, TypeError, "config"],
  ];
  for (const [port, config, kind, part] of wrong) {
    assertThrows(() => new Listener(port as number, config as ListenerConfig), kind, part);
  }
  const listener = new Listener(0);
  assertThrows(() => listener.attach({ onData() {} } as Service), TypeError, "onData");
  assertThrows(() => listener.attach(undefined as unknown as Service), TypeError, "service");
  await assertRejects(
    () => listener.gracefulStop({ deadlineInMillis: -1 }),
    RangeError,
    "deadlineInMillis",
  );
  // A number in the place of the options is a forgotten name, not "no options".
  await assertRejects(() => listener.gracefulStop(15_000 as StopOptions), TypeError, "options");
});

Deno.test("Listener.serve() contains each loop, closes when it returns, and ends those that wait at a stop", async () => {
  const ended: string[] = [];
  const listener = new Listener(0, { interface: "127.0.0.1" });
  await listener.serve(async (caller) => {
    for await (const bytes of caller) {
      if (bytes[0] === 33) throw new Error("not here");
      await caller.write(bytes);
    }
  }, {
    onError: (_caller, error) => void ended.push(error.message),
    onClose: (_caller, { by }) => void ended.push(by),
  });
  const [bad, good] = [await dial(listener), await dial(listener)];
  await bad.write("!");
  assertEquals((await bad.read())[1], -1);
  await good.write("still here");
  assertEquals((await good.read(10))[1], 10);
  const { aborted } = await listener.gracefulStop();
  assertEquals([aborted, (await good.read())[1]], [0, -1]);
  assertEquals(ended, ["not here", "error", "stop"]);
  await Promise.all([bad.close(), good.close()]);
});

Deno.test("Listener.serve() ends reads that wait at a stop, and reports them to nobody", async () => {
  const listener = new Listener(0, { interface: "127.0.0.1" });
  const ended: string[] = [];
  const reported: Error[] = [];
  await listener.serve(async (caller) => {
    await caller.readLine();
    await caller.readLine().catch((error) => {
      ended.push(error.code);
      throw error;
    });
  }, {
    onError: (_caller, error) => void reported.push(error),
    onClose: (_caller, { by }) => void ended.push(by),
  });
  const client = await dial(listener);
  await client.write("a line\n");
  assertEquals(await listener.gracefulStop(), { completed: 1, aborted: 0, cut: [] });
  assertEquals([ended, reported], [["closed", "stop"], []]);
  await client.close();
});

Deno.test("Listener.serve() is refused where something is attached, and leaves nothing attached where it cannot start", async () => {
  const listener = new Listener(0, { interface: "127.0.0.1" });
  await listener.serve(() => {});
  await assertRejects(
    () => listener.serve(() => {}),
    GenericError,
    "a service is attached already",
  );
  const taken = new Listener(listener.port, { interface: "127.0.0.1" });
  await assertRejects(() => taken.serve(() => {}), GenericError, "Cannot listen on");
  await listener.immediateStop();
  await taken.serve(() => {});
  await taken.immediateStop();
});

Deno.test("Listener says how an address in use is shared, and which option takes a network interface", async () => {
  const told = async (port: number, config: ListenerConfig) =>
    (await assertRejects(() => new Listener(port, config).start(), GenericError)).message;
  const local = { interface: "127.0.0.1" };
  await using taken = new Listener(0, local);
  await taken.start();
  assertStringIncludes(await told(taken.port, local), "or set reusePort in both");
  assertStringIncludes(
    await told(taken.port, { ...local, reusePort: true }),
    "in use by a socket without reusePort",
  );
  assertStringIncludes(
    await told(0, { interface: "nowhere0" }),
    '"nowhere0" is taken for a host name: for a network interface use networkInterface',
  );
});

Deno.test("Listener ends at most the connection whose transport does not tell its peer any more", async () => {
  for (const reads of [0, 1, 2, 3, 4, 5]) {
    let isOdd = true;
    const network = acceptingBy(async (accept) => {
      const transport = await accept();
      if (!isOdd) return transport;
      isOdd = false;
      const { remoteAddr } = transport;
      let left = reads;
      return Object.defineProperty(transport, "remoteAddr", {
        get() {
          if (left-- > 0) return remoteAddr;
          throw new Error("mine");
        },
      });
    });
    await using listener = await listening(echo, { network, onEvent() {} });
    await using odd = await dial(listener);
    await odd.write("hello");
    // Whoever is not known when it is let in is cut, or has nothing to read; later its service goes on.
    const [, length] = await odd.read().catch(() => [undefined, -1]);
    assertEquals(length, reads < 2 ? -1 : 5);
    await using client = await dial(listener);
    await client.write("hello");
    assertEquals((await client.read(5))[1], 5);
  }
});

Deno.test("Listener.start() tells what a network's listener throws, and frees that", async () => {
  for (const name of ["addr", "isShared"]) {
    let freed = 0;
    const network: Network = {
      ...denoNetwork,
      listen: () => {
        const close = () => void freed++;
        const made = scriptedListener([], { clock: denoNetwork.clock });
        return Object.defineProperty(Object.assign(made, { close }), name, {
          get() {
            throw new Error("mine");
          },
        });
      },
    };
    const listener = new Listener(0, { ...LOOPBACK, network });
    listener.attach(echo);
    await assertRejects(() => listener.start(), GenericError, "Cannot listen on 127.0.0.1:0: mine");
    assertEquals(freed, 1);
  }
});

/** A network whose pending accept goes on for a while when its socket closes. */
function slowToFree() {
  const mayEnd = Promise.withResolvers<void>();
  const network = acceptingBy((accept) =>
    accept().catch(async (error) => {
      await mayEnd.promise;
      throw error;
    })
  );
  return { network, mayEnd };
}

const HURRIES: Record<string, (listener: Listener) => Promise<StopReport | void>> = {
  "immediateStop()": (listener) => listener.immediateStop(),
  "A deadline": (listener) => listener.gracefulStop({ deadlineInMillis: 20 }),
  "A signal": (listener) => {
    const hurry = new AbortController();
    const report = listener.gracefulStop({ signal: hurry.signal });
    setTimeout(() => hurry.abort(), 0);
    return report;
  },
  "immediateStop() of a stop under way": (listener) => {
    const report = listener.gracefulStop();
    setTimeout(() => void listener.immediateStop(), 0);
    return report;
  },
};

for (const [name, stop] of Object.entries(HURRIES)) {
  Deno.test(`${name} cuts connections before the listener's socket is free`, async () => {
    const { network, mayEnd } = slowToFree();
    const listener = new Listener(0, { interface: "127.0.0.1", network });
    const served = Promise.withResolvers<Caller>();
    const never = Promise.withResolvers<void>();
    listener.attach({
      onConnect: (caller) => served.resolve(caller),
      onBytes: () => never.promise,
    });
    await listener.start();
    const client = await dial(listener);
    await client.write("x");
    const caller = await served.promise;
    const wasCut = Promise.withResolvers<void>();
    caller.signal.addEventListener("abort", () => wasCut.resolve());
    const stopped = stop(listener);
    await wasCut.promise;
    mayEnd.resolve();
    const report = await stopped;
    never.resolve();
    assertEquals((await caller.closed)?.code, "aborted");
    if (report !== undefined) {
      assertEquals([report.completed, report.cut.length], [0, 1]);
      assertEquals(report.cut[0]?.id, caller.id);
    }
    client.abort();
  });
}
