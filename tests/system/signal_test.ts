// The signal of a connection: when it aborts, with what, and what it reads ahead for that.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  type Caller,
  Client,
  Connection,
  type ConnectionConfig,
  denoNetwork,
  framed,
  framedService,
  GenericError,
  LineCodec,
  Listener,
  type Service,
  type SocketError,
} from "../../mod.ts";
import { connectionFrom, coreOf } from "../../src/connection/connection.ts";
import { serve } from "../../src/connection/service_loop.ts";
import type { Clock } from "../../network.ts";
import { plainTurns } from "../../src/network/turns.ts";
import {
  connectedTransports,
  end,
  pause,
  reset,
  scriptedTransport,
  silence,
  VirtualClock,
} from "../../testing/mod.ts";
import { asText, readsOf, scriptedConnection } from "../support/scripted_connection.ts";

function codeOf({ signal }: Connection): string | undefined {
  assert(!signal.aborted || signal.reason instanceof GenericError);
  return signal.aborted ? (signal.reason as SocketError).code : undefined;
}

Deno.test("Connection.signal aborts at once by a reset, while nobody reads", async () => {
  const { connection, clock } = scriptedConnection([pause(30), reset()]);
  const at: number[] = [];
  connection.signal.addEventListener("abort", () => at.push(clock.now()));
  await clock.advance(29);
  assertEquals([codeOf(connection), at], [undefined, []]);
  await clock.advance(1);
  assertEquals([codeOf(connection), at], ["broken", [30]]);
  assertStrictEquals(connection.signal.reason, await connection.closed);
});

Deno.test("Connection.signal aborts while a method runs, for which closed waits", async () => {
  const services = {
    onConnect: { onConnect: (caller: Connection, work: Promise<void>) => (caller.signal, work) },
    onReadReady: {
      async onReadReady(caller: Connection, work: Promise<void>) {
        void caller.signal;
        await caller.read();
        await work;
      },
    },
    onBytes: {
      onBytes: (caller: Connection, _: unknown, work: Promise<void>) => (caller.signal, work),
    },
  };
  for (const [name, methods] of Object.entries(services)) {
    for (const canTry of [false, true]) {
      const { connection, clock } = scriptedConnection(["request", pause(30), reset()], {}, {
        canTry,
      });
      const work = Promise.withResolvers<void>();
      const bound = Object.fromEntries(
        Object.entries(methods).map(([method, call]) => [
          method,
          (...args: unknown[]) => (call as (...all: unknown[]) => unknown)(...args, work.promise),
        ]),
      );
      let isClosed = false;
      void connection.closed.then(() => isClosed = true);
      serve(connection, bound);
      await clock.advance(29);
      // What a method that reads nothing leaves unread hides what is behind it.
      if (name === "onConnect") await connection.read();
      assertEquals([name, codeOf(connection)], [name, undefined]);
      await clock.advance(31);
      assertEquals([name, codeOf(connection), isClosed], [name, "broken", false]);
      work.resolve();
      assertEquals((await connection.closed)!.code, "broken");
    }
  }
});

Deno.test("Connection.signal aborts by close, abort, a timeout and a stop; asked for before or after", async () => {
  const ends: Record<string, [code: string, (connection: Connection) => void, ConnectionConfig?]> =
    {
      close: ["closed", (connection) => void connection.close()],
      abort: ["aborted", (connection) => connection.abort("enough")],
      idle: ["timed-out", () => {}, { idleTimeoutInMillis: 1 }],
      write: ["timed-out", (connection) => void connection.write("x"), { writeTimeoutInMillis: 1 }],
      overflow: ["overflow", (connection) => {
        for (let i = 0; i < 3; i++) void connection.write("x");
      }, { maxQueuedBytes: 1 }],
    };
  for (const [name, [code, act, config]] of Object.entries(ends)) {
    for (const isAskedBefore of [true, false]) {
      const { connection, clock } = scriptedConnection([], config, { writes: [silence()] });
      let events = 0;
      if (isAskedBefore) connection.signal.addEventListener("abort", () => events++);
      act(connection);
      if (isAskedBefore && config === undefined) assertEquals([name, events], [name, 1]);
      await clock.advance(1);
      assertEquals([name, codeOf(connection)], [name, code]);
      assertStrictEquals(connection.signal, connection.signal);
      connection.abort();
      assertEquals([codeOf(connection), events], [code, isAskedBefore ? 1 : 0]);
    }
  }
});

Deno.test("Connection.signal does not abort by the peer's end, but by the close that follows", async () => {
  const { connection, clock } = scriptedConnection(["ab", end()]);
  void connection.signal;
  await clock.settle();
  assertEquals(asText(await connection.read(5)), ["ab", 2]);
  assertEquals(await connection.write("still open"), 10);
  assertEquals(codeOf(connection), undefined);
  await connection.shutdownWrite();
  assertEquals(codeOf(connection), "closed");
  assert(String(connection.signal.reason.message).includes("the peer"));
});

Deno.test("Connection without a signal reads nothing ahead, one with it while little is unread", async () => {
  const quiet = scriptedConnection(["ab", "cd"]);
  await quiet.clock.advance(100);
  assertEquals(readsOf(quiet.peer), 0);
  quiet.connection.abort();

  const piece = "x".repeat(50_000);
  for (const canTry of [false, true]) {
    const { connection, clock } = scriptedConnection(Array(20).fill(piece), {}, { canTry });
    void connection.signal;
    await clock.advance(100);
    const most = connection.bytesRead;
    assert(most >= 65_536 && most < 131_072, `${most} are read ahead`);
    // A part of it leaves it as it is, until little is unread again.
    await connection.read(most - 65_536);
    await clock.advance(100);
    assertEquals(connection.bytesRead, most);
    await connection.read(1);
    await clock.advance(100);
    assert(connection.bytesRead > most);
    let length = connection.bytesRead;
    while (length < 900_000) length += (await connection.read(1_000))[1];
    connection.abort();
  }
});

Deno.test("Connection.signal aborts by a reset behind what nobody reads, which can be read then", async () => {
  for (const canTry of [false, true]) {
    const pieces = ["220 hi\r\n", pause(10), "x".repeat(600), pause(10), reset()];
    const { connection, clock } = scriptedConnection(pieces, {}, { canTry });
    void connection.signal;
    await clock.advance(19);
    assertEquals(codeOf(connection), undefined);
    await clock.advance(1);
    assertEquals(codeOf(connection), "broken");
    assertEquals(await connection.readLine(), "220 hi");
    assertEquals((await connection.read(600))[1], 600);
    await assertRejects(() => connection.read(), GenericError);
  }
});

Deno.test("Connection.signal is no reason to lose what came before a reset, whoever reads", async () => {
  const script = ["one\n", pause(10), "two\n", pause(10), reset()];
  const made = () => scriptedConnection(script);
  const worked = (clock: { setTimeout(callback: () => void, millis: number): unknown }) =>
    new Promise<void>((resolve) => void clock.setTimeout(resolve, 30));
  const decoder = new TextDecoder();
  for (const kind of ["onBytes", "onBytes, late", "onReadReady", "framedService", "loop"]) {
    const { connection, clock } = made();
    let got = "";
    let last: Error | undefined;
    const onConnect = (caller: Connection) => void caller.signal;
    const onError = (_: unknown, error: Error) => void (last = error);
    const services: Record<string, Service> = {
      onBytes: {
        onConnect,
        onError,
        async onBytes(_, bytes) {
          got += decoder.decode(bytes);
          await worked(clock);
        },
      },
      "onBytes, late": {
        onConnect: (caller) => (onConnect(caller), worked(clock)),
        onError,
        onBytes: (_, bytes) => void (got += decoder.decode(bytes)),
      },
      onReadReady: {
        onConnect,
        onError,
        async onReadReady(caller) {
          got += `${await caller.readLine()}\n`;
          await worked(clock);
        },
      },
      framedService: framedService(new LineCodec(), {
        onConnect: ({ connection }) => onConnect(connection),
        onError,
        async onMessage(_, line) {
          got += `${line}\n`;
          await worked(clock);
        },
      }),
      loop: {
        async onConnect(caller) {
          onConnect(caller);
          for await (const bytes of caller) {
            got += decoder.decode(bytes);
            await worked(clock);
          }
        },
        onError,
      },
    };
    serve(connection, services[kind]!);
    await clock.advance(20);
    assertEquals([kind, codeOf(connection)], [kind, "broken"]);
    await clock.advance(200);
    assertEquals([kind, got, (last as SocketError | undefined)?.code], [
      kind,
      "one\ntwo\n",
      "broken",
    ]);
    assertEquals((await connection.closed)?.code, "broken");
  }
});

Deno.test("Connection.signal reads ahead behind every way to read", async () => {
  const ways: Record<string, (connection: Connection) => Promise<unknown>> = {
    "read": (connection) => connection.read(),
    "read(into)": (connection) => connection.read(new Uint8Array(100_000)),
    "readLine": (connection) => connection.readLine(),
    "readUntil": (connection) => connection.readUntil("\n"),
    "loop": (connection) => connection[Symbol.asyncIterator]().next(),
    "readable": (connection) => connection.readable.getReader().read(),
    "receive": (connection) => framed(connection, new LineCodec()).receive(),
  };
  for (const [name, way] of Object.entries(ways)) {
    // More than is read ahead.
    const line = "x".repeat(70_000) + "\n";
    const { connection, clock } = scriptedConnection([line, pause(30), reset()]);
    void connection.signal;
    await clock.advance(50);
    assertEquals([connection.bytesRead, codeOf(connection)], [line.length, undefined]);
    await way(connection);
    await clock.advance(50);
    assertEquals([name, codeOf(connection)], [name, "broken"]);
  }
});

Deno.test("Connection.signal reads ahead where a part of a message is left", async () => {
  const { connection, clock } = scriptedConnection(["one\ntwo", pause(30), reset()]);
  const lines = framed(connection, new LineCodec());
  assertStrictEquals(lines.signal, connection.signal);
  assertEquals(await lines.receive(), "one");
  await clock.advance(30);
  assertEquals(codeOf(connection), "broken");
});

Deno.test("Connection that is read ahead gives everything in order, lent bytes included", async () => {
  const text = Array.from({ length: 400 }, (_, i) => `${i}`.padStart(i % 9 + 1, "_")).join(" ");
  const pieces = text.match(/.{1,7}/gs)!;
  for (const canTry of [false, true]) {
    const { connection, clock, peer } = scriptedConnection(
      [...pieces.flatMap((piece, i) => i % 3 === 0 ? [pause(1), piece] : [piece]), end()],
      { overwriteLentBytes: true },
      { canTry },
    );
    const decoder = new TextDecoder();
    let received = "";
    let at = 0;
    serve(connection, {
      onConnect: (caller) => void caller.signal,
      async onBytes(_, bytes) {
        // Meanwhile the next one is read.
        await new Promise<void>((resolve) => void clock.setTimeout(resolve, at++ % 3 + 1));
        received += decoder.decode(bytes);
        return bytes;
      },
    });
    await clock.advance(10_000);
    assertEquals([received, peer.writtenText], [text, text]);
    assertEquals(await connection.closed, undefined);
  }
});

Deno.test("Connection whose read ahead is under way has no consumer: others may read", async () => {
  const { connection, clock } = scriptedConnection([pause(10), "ab", silence()], {
    readTimeoutInMillis: 5,
  });
  void connection.signal;
  await clock.settle();
  const late = assertRejects(() => connection.read(), GenericError).catch(() => {});
  await clock.advance(5);
  await late;
  const read = connection.read();
  await clock.advance(5);
  assertEquals(asText(await read), ["ab", 2]);
  connection.abort();
});

Deno.test("Connection.shutdownRead() ends reading ahead", async () => {
  const { connection, peer, clock } = scriptedConnection(["ab", pause(10), "cd", "ef"]);
  void connection.signal;
  await clock.settle();
  connection.shutdownRead();
  await clock.advance(100);
  assertEquals(readsOf(peer), 2);
  connection.abort();
});

Deno.test("Connection that only reads ahead is idle at a stop", async () => {
  for (const script of [[], ["unread"]]) {
    const untouched = scriptedConnection(script);
    serve(untouched.connection, { onConnect: (caller) => void caller.signal });
    await untouched.clock.settle();
    coreOf(untouched.connection).stop();
    assertEquals(codeOf(untouched.connection), "closed");
    await untouched.clock.advance(2_000);
    assertEquals(await untouched.connection.closed, undefined);
  }
  const served = scriptedConnection(["ab"]);
  serve(served.connection, {
    onConnect: (caller) => void caller.signal,
    onBytes() {},
  });
  await served.clock.settle();
  coreOf(served.connection).stop();
  await served.clock.advance(2_000);
  assertEquals([codeOf(served.connection), await served.connection.closed], ["closed", undefined]);
});

Deno.test("Connection.upgradeToTls() of one that is read ahead says what to do", async () => {
  const [transport] = connectedTransports();
  const prepareUpgrade = () => Promise.reject(new Error("must not come that far"));
  const connection = connectionFrom({ prepareUpgrade }, Connection, transport, {});
  void connection.signal;
  const error = await assertRejects(() => connection.upgradeToTls(), GenericError, "signal");
  assertEquals([error.code, codeOf(connection)], ["busy", undefined]);
  connection.abort();
});

Deno.test("Connection.signal of a listener's aborts by a real reset, and at the stop's deadline", async () => {
  const callers: PromiseWithResolvers<Connection>[] = [];
  for (let i = 0; i < 2; i++) callers.push(Promise.withResolvers());
  let count = 0;
  const work = Promise.withResolvers<void>();
  const listener = new Listener(0, { interface: "127.0.0.1" });
  listener.attach({
    onConnect(caller) {
      void caller.signal;
      callers[count++]!.resolve(caller);
      return work.promise;
    },
  });
  await listener.start();
  const options = { host: "127.0.0.1", port: listener.port, resetOnAbort: true };
  const client = await Client.connect(options);
  const { signal } = await callers[0]!.promise;
  // Nobody reads it.
  await client.write("unread");
  const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve));
  client.abort();
  await aborted;
  assertEquals((signal.reason as SocketError).code, "broken");

  const other = await Client.connect(options);
  const second = await callers[1]!.promise;
  await listener.gracefulStop({ deadlineInMillis: 1 });
  assertEquals(codeOf(second), "aborted");
  work.resolve();
  await second.closed;
  other.abort();
});

Deno.test("Connection.signal loses nothing where a reset comes while a call that is due lets others go first", async () => {
  const others = Promise.withResolvers<void>();
  let steps = 0;
  let time = 0;
  const virtual = new VirtualClock();
  // Each look at the clock takes a while, so that a share is soon used up.
  const clock: Clock = {
    now: () => time += 0.3,
    setTimeout: (callback, delayInMillis) => virtual.setTimeout(callback, delayInMillis),
    clearTimeout: (timer) => virtual.clearTimeout(timer),
  };
  const stepBack = () => (steps++, others.promise.then(() => false));
  const network = { ...denoNetwork, clock, turns: { ...plainTurns, stepBack } };
  const peer = scriptedTransport(["x".repeat(200), silence()], { clock: virtual });
  const connection = new Connection(peer, { network });
  const gone = new Promise((resolve) => connection.signal.addEventListener("abort", resolve));
  const closed = Promise.withResolvers<void>();
  let handled = 0;
  serve(connection as Caller, {
    async onReadReady(caller) {
      handled += (await caller.read(1))[1];
    },
    onClose: () => closed.resolve(),
  });
  await virtual.settle();
  assert(steps === 1 && handled < 200, `${steps} ${handled}`);
  peer.say(reset());
  await gone;
  await virtual.settle();
  others.resolve();
  await closed.promise;
  assertEquals(handled, 200);
});
