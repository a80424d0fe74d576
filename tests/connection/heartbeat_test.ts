import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type Caller,
  Connection,
  type ConnectionConfig,
  framed,
  type FramedConfig,
  framedService,
  JsonLinesCodec,
  LineCodec,
} from "../../mod.ts";
import { serve } from "../../src/connection/service_loop.ts";
import { connectedTransports, end, pause, silence, type Step, until } from "../../testing/mod.ts";
import { isPending, scriptedConnection } from "../support/scripted_connection.ts";
import { printedDuring } from "../support/printed_during.ts";

/** A peer that says something every so many milliseconds. */
const every = (millis: number, times: number): (string | Step)[] =>
  Array(times).fill([pause(millis), "hi\n"]).flat();

Deno.test("HeartbeatConfig.content is sent when nothing else was for as long", async () => {
  const heartbeat = { content: "~", everyInMillis: 10 };
  const { connection, peer, clock } = scriptedConnection([], { heartbeat });
  await clock.advance(9);
  assertEquals(peer.writtenText, "");
  await clock.advance(1);
  assertEquals(peer.writtenText, "~");
  await clock.advance(5);
  await connection.write("x");
  await clock.advance(9);
  assertEquals(peer.writtenText, "~x");
  await clock.advance(21);
  assertEquals(peer.writtenText, "~x~~~");
  connection.abort();
  assertEquals(clock.pending, 0);
});

Deno.test("Heartbeat sends nothing behind what waits, after an end, or while it closes", async () => {
  const heartbeat = { content: "~", everyInMillis: 10 };
  const open = Promise.withResolvers<void>();
  const slow = scriptedConnection([], { heartbeat }, { writes: [until(open.promise)] });
  void slow.connection.write("slow");
  await slow.clock.advance(100);
  assertEquals(slow.connection.queuedBytes, 4);
  open.resolve();
  await slow.clock.advance(10);
  assertEquals(slow.peer.writtenText, "slow~");
  slow.connection.abort();

  const shut = scriptedConnection([], { heartbeat });
  await shut.connection.shutdownWrite();
  await shut.clock.advance(100);
  assertEquals([shut.peer.writtenText, shut.peer.isClosed], ["", false]);
  void shut.connection.close();
  await shut.clock.advance(100);
  assertEquals([await shut.connection.closed, shut.clock.pending], [undefined, 0]);
});

Deno.test("Heartbeat asks a peer that only answers, however much is sent", async () => {
  const heartbeat = { content: "~", everyInMillis: 20, deafAfterInMillis: 60 };
  const { connection, peer, clock } = scriptedConnection([silence()], { heartbeat });
  void connection.read().catch(() => {});
  for (let i = 0; i < 5; i++) {
    await connection.write("news");
    await clock.advance(10);
  }
  assertEquals(peer.writtenText, "newsnews~newsnews~news");
  await clock.advance(9);
  assert(await isPending(clock, connection.closed));
  await clock.advance(1);
  assertEquals([(await connection.closed)?.code, clock.pending], ["timed-out", 0]);

  // Whoever cannot be deaf is left alone.
  const other = scriptedConnection([silence()], { heartbeat: { content: "~", everyInMillis: 20 } });
  void other.connection.read().catch(() => {});
  for (let i = 0; i < 5; i++) {
    await other.connection.write("news");
    await other.clock.advance(10);
  }
  assertEquals(other.peer.writtenText, "newsnewsnewsnewsnews");
  other.connection.abort();
});

Deno.test("Heartbeat takes nobody for deaf who takes what waits, so that it cannot be asked", async () => {
  const heartbeat = { content: "~", everyInMillis: 20, deafAfterInMillis: 60 };
  const { connection, clock } = scriptedConnection([silence()], { heartbeat }, {
    writes: [...Array.from({ length: 20 }, () => [pause(10), 4]).flat(), silence()],
  });
  void connection.read().catch(() => {});
  void (async () => {
    for (;;) await connection.write("news");
  })().catch(() => {});
  await clock.advance(200);
  assert(await isPending(clock, connection.closed));
  // From here on it takes nothing any more.
  await clock.advance(59);
  assert(await isPending(clock, connection.closed));
  await clock.advance(30);
  assertEquals((await connection.closed)?.code, "timed-out");
});

Deno.test("Heartbeat does not take for deafness what our own pace holds back", async () => {
  const { connection, clock } = scriptedConnection([silence()], {
    heartbeat: { deafAfterInMillis: 100 },
    maxBytesWrittenPerSecond: 1_000,
  });
  void connection.read().catch(() => {});
  void connection.write(new Uint8Array(1_500));
  await clock.advance(400);
  assert(await isPending(clock, connection.closed));
  await clock.advance(2_000);
  assertEquals((await connection.closed)?.code, "timed-out");
});

Deno.test("Heartbeat ends a connection whose peer is deaf, and no other one", async () => {
  const config = { heartbeat: { deafAfterInMillis: 100 } };
  const { connection, clock } = scriptedConnection([...every(90, 3), silence()], config);
  void (async () => {
    for await (const _ of connection);
  })().catch(() => {});
  await clock.advance(369);
  assert(await isPending(clock, connection.closed));
  await clock.advance(1);
  const error = await connection.closed;
  assertEquals([error!.code, clock.now(), clock.pending], ["timed-out", 370, 0]);
  assert(error!.message.includes("nothing came for 100 ms (heartbeat.deafAfterInMillis)"));
});

Deno.test("Heartbeat does not take for deaf who is not listened to, or has ended", async () => {
  const config = { heartbeat: { deafAfterInMillis: 100 } };
  const { connection, clock } = scriptedConnection(["one\n", silence()], config);
  await clock.advance(1_000);
  // Nobody has read, so nobody knows. From here on somebody does.
  const lines: (string | undefined)[] = [await connection.readLine()];
  assertEquals(lines, ["one"]);
  await clock.advance(1_000);
  assert(await isPending(clock, connection.closed));
  void connection.read().catch(() => {});
  await clock.advance(200);
  assertEquals((await connection.closed)!.code, "timed-out");

  const ended = scriptedConnection([end()], config);
  assertEquals((await ended.connection.read())[1], -1);
  await ended.clock.advance(1_000);
  assertEquals(await ended.connection.write("still open"), 10);
  ended.connection.abort();

  const watched = scriptedConnection([], config);
  void watched.connection.signal;
  await watched.clock.advance(200);
  assertEquals((await watched.connection.closed)!.code, "timed-out");
});

Deno.test("Heartbeat counts from when a read begins, not from what came before a long call", async () => {
  const ways: { [way: string]: (connection: Connection, work: () => Promise<void>) => unknown } = {
    "a service": (connection, work) =>
      serve(connection as Caller, {
        async onReadReady(caller) {
          await caller.read();
          await work();
        },
      }),
    "a loop": async (connection, work) => {
      try {
        for await (const _ of connection) await work();
      } catch { /* it is deaf in the end */ }
    },
    "messages": (connection, work) =>
      serve(connection as Caller, framedService(new LineCodec(), { onMessage: work })),
  };
  for (const [way, consume] of Object.entries(ways)) {
    for (const workInMillis of [90, 150, 195]) {
      const script = [pause(10), "one\n", pause(50), "two\n", silence()];
      const { connection, clock } = scriptedConnection(script, {
        heartbeat: { deafAfterInMillis: 100 },
      });
      let calls = 0;
      consume(connection, async () => {
        calls++;
        await new Promise<void>((resolve) => clock.setTimeout(resolve, workInMillis));
      });
      await clock.advance(10 + 2 * workInMillis + 50);
      assertEquals(calls, 2, `${way}, ${workInMillis} ms`);
      assert(await isPending(clock, connection.closed), way);
      // And then it is deaf.
      await clock.advance(100);
      assertEquals((await connection.closed)?.code, "timed-out", way);
    }
  }
});

Deno.test("framedService() beats on each of its connections, between the replies", async () => {
  let count = 0;
  const service = framedService(new LineCodec(), {
    async *onMessage(_peer, line) {
      yield `${line} 1`;
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, 25));
      yield `${line} 2`;
    },
  }, {
    heartbeat: { message: () => `beat ${++count}`, everyInMillis: 10, deafAfterInMillis: 200 },
  });
  const { connection, peer, clock } = scriptedConnection([pause(15), "a\n", silence()]);
  serve(connection, service);
  await clock.advance(51);
  assertEquals(peer.writtenText.split("\n"), [
    "beat 1",
    "a 1",
    "beat 2",
    "beat 3",
    "a 2",
    "beat 4",
    "",
  ]);
  await clock.advance(1_000);
  const error = await connection.closed;
  assertEquals([error!.code, clock.now() > 215], ["timed-out", true]);
  assertEquals(clock.pending, 0);
});

Deno.test("framed() beats, and two ends that beat keep each other", async () => {
  const { clock } = scriptedConnection();
  const network = { clock } as unknown as ConnectionConfig["network"];
  const [left, right] = connectedTransports();
  const config: FramedConfig<unknown> = {
    heartbeat: { message: { beat: true }, everyInMillis: 50, deafAfterInMillis: 120 },
  };
  const codec = new JsonLinesCodec<unknown>();
  const ends = [left, right].map((transport) =>
    framed(new Connection(transport, { network: network! }), codec, config)
  );
  const received = [0, 0];
  for (const [i, messages] of ends.entries()) {
    void (async () => {
      for await (const message of messages) {
        assertEquals(message, { beat: true });
        received[i]!++;
      }
    })().catch(() => {});
  }
  for (let i = 0; i < 100; i++) await clock.advance(10);
  assertEquals(received, [20, 20]);
  for (const messages of ends) messages.abort();
  assertEquals(clock.pending, 0);
});

Deno.test("Heartbeat given later takes the place of the one before", async () => {
  const heartbeat = { content: "raw\n", everyInMillis: 10 };
  const { connection, peer, clock } = scriptedConnection([], { heartbeat });
  framed(connection, new LineCodec(), { heartbeat: { message: "line", everyInMillis: 20 } });
  await clock.advance(40);
  assertEquals(peer.writtenText, "line\nline\n");
  connection.abort();
});

Deno.test("Heartbeat that cannot be made ends its connection, and is told", async () => {
  const thrown = new Error("no message");
  const codec = new LineCodec();
  const functions: (() => string)[] = [
    () => {
      throw thrown;
    },
    () => "two\nlines",
    () => Promise.reject(thrown) as unknown as string,
  ];
  for (const [i, message] of functions.entries()) {
    const config = { heartbeat: { message, everyInMillis: 10 } };
    const pulled = scriptedConnection();
    framed(pulled.connection, codec, config);
    await pulled.clock.advance(10);
    const error = await pulled.connection.closed;
    assertEquals([i, error!.code], [i, "handler"]);
    if (i === 0) assertStrictEquals(error!.cause, thrown);

    const told: Error[] = [];
    const served = scriptedConnection();
    const onError = (_: unknown, error: Error) => void told.push(error);
    serve(served.connection, framedService(codec, { onMessage() {}, onError }, config));
    await served.clock.advance(10);
    assertEquals([(await served.connection.closed)!.code, told.length], ["handler", 1]);

    const printed = await printedDuring(async () => {
      const silent = scriptedConnection();
      serve(silent.connection, framedService(codec, { onMessage() {} }, config));
      await silent.clock.advance(10);
      await silent.connection.closed;
    });
    assertEquals([i, printed.length], [i, 1]);
  }
});

Deno.test("HeartbeatConfig takes Infinity for none, which ends the one before", async () => {
  const codec = new LineCodec();
  for (
    const none of [
      { deafAfterInMillis: Infinity },
      { message: "~", everyInMillis: Infinity },
      { message: "~", everyInMillis: Infinity, deafAfterInMillis: Infinity },
    ]
  ) {
    const { connection, clock, peer } = scriptedConnection([silence()]);
    framed(connection, codec, {
      heartbeat: { message: "~", everyInMillis: 5, deafAfterInMillis: 50 },
    });
    void connection.read().catch(() => {});
    await clock.advance(6);
    assertEquals(peer.writtenText, "~\n");
    framed(connection, codec, { heartbeat: none });
    await clock.advance(1_000);
    assertEquals([peer.writtenText, connection.signal.aborted], ["~\n", false]);
    connection.abort();
  }
});

Deno.test("HeartbeatConfig names what is wrong", () => {
  const codec = new LineCodec();
  const make = (heartbeat: unknown) => () =>
    new Connection(connectedTransports()[0], { heartbeat } as ConnectionConfig);
  const makeFramed = (heartbeat: unknown) => () =>
    framedService(codec, { onMessage() {} }, { heartbeat } as FramedConfig<string>);
  const wrong: [unknown, typeof TypeError | typeof RangeError, string][] = [
    [{}, TypeError, "heartbeat must have"],
    [{ everyInMillis: 5 }, TypeError, "and everyInMillis, or neither"],
    [{ deafAfterInMillis: 0 }, RangeError, "heartbeat.deafAfterInMillis"],
    [{ everyInMillis: "5" }, TypeError, "heartbeat.everyInMillis"],
    [{ every: 5 }, TypeError, 'heartbeat has no option "every"'],
    [5, TypeError, "heartbeat must be an object"],
  ];
  for (const [heartbeat, kind, says] of wrong) {
    assertThrows(make(heartbeat), kind, says);
    assertThrows(makeFramed(heartbeat), kind, says);
  }
  assertThrows(make({ content: "~" }), TypeError, "both content and everyInMillis");
  assertThrows(make({ content: 5, everyInMillis: 5 }), TypeError, "heartbeat.content must be");
  assertThrows(makeFramed({ message: "~" }), TypeError, "both message and everyInMillis");
});
