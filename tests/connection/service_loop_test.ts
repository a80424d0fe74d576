import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  type Caller,
  Client,
  type ConnectionEnd,
  GenericError,
  Listener,
  ReadTimedOutError,
  type Service,
  type SocketError,
} from "../../mod.ts";
import { badFrame } from "../../src/base/errors.ts";
import { coreOf } from "../../src/connection/connection.ts";
import { readService } from "../../src/connection/service.ts";
import { serve } from "../../src/connection/service_loop.ts";
import { broken, end, pause, reset, silence, type Step } from "../../testing/mod.ts";
import { printedDuring } from "../support/printed_during.ts";
import {
  isPending,
  type ScriptedConnection,
  scriptedConnection,
} from "../support/scripted_connection.ts";

const decoder = new TextDecoder();

function served(
  script: readonly (string | Uint8Array | Step)[],
  service: Service,
  ...rest: [Parameters<typeof scriptedConnection>[1]?, Parameters<typeof scriptedConnection>[2]?]
): ScriptedConnection {
  const made = scriptedConnection(script, ...rest);
  serve(made.connection, readService(service));
  return made;
}

Deno.test("Service is called when bytes can be read, never overlapping, and once more at the end", async () => {
  const log: string[] = [];
  let underWay = 0;
  const call = async (name: string, body: () => Promise<void>) => {
    assertEquals(underWay++, 0, name);
    await body();
    underWay--;
  };
  const { connection, clock } = served(["ab", "cd", end()], {
    onConnect: () =>
      call("onConnect", async () => {
        log.push("connect");
        await Promise.resolve();
      }),
    onReadReady: (caller) =>
      call("onReadReady", async () => {
        const [bytes, length] = await caller.read();
        log.push(`${decoder.decode(bytes)} ${length}`);
        await Promise.resolve();
      }),
    onClose: () => call("onClose", () => Promise.resolve(void log.push("close"))),
  });
  assertEquals(await connection.closed, undefined);
  assertEquals(log, ["connect", "ab 2", "cd 2", " -1", "close"]);
  assertEquals(clock.pending, 0);
});

Deno.test("Service.onReadReady waits for onConnect to settle", async () => {
  const connected = Promise.withResolvers<void>();
  const log: string[] = [];
  const { clock, connection } = served(["ab"], {
    onConnect: () => connected.promise,
    onReadReady: async (caller) => void log.push(`${(await caller.read())[1]}`),
  });
  await clock.settle();
  assertEquals(log, []);
  connected.resolve();
  await clock.settle();
  assertEquals(log, ["2"]);
  connection.abort();
});

Deno.test("Service.onReadReady is called again while unread bytes are left and the last call read", async () => {
  for (const isAsync of [true, false]) {
    const parts: string[] = [];
    const { connection, clock } = served(["Hellofromclient"], {
      onReadReady: isAsync
        ? async (caller) => void parts.push(decoder.decode((await caller.read(5))[0]))
        : (caller) => void caller.read(5).then(([bytes]) => void parts.push(decoder.decode(bytes))),
    });
    await clock.settle();
    assertEquals(parts, ["Hello", "fromc", "lient"], `async ${isAsync}`);
    connection.abort();
  }
});

Deno.test("Service.onReadReady that reads nothing is not repeated until more has come", async () => {
  let calls = 0;
  const { connection, peer, clock } = served(["ab"], { onReadReady: () => void calls++ });
  await clock.settle();
  assertEquals(calls, 1);
  peer.say("c", silence());
  await clock.settle();
  assertEquals([calls, connection.bytesRead], [2, 3]);
  connection.abort();
});

Deno.test("Service.onReadReady that is not async may take a byte at a time from a full queue", async () => {
  let bytes = 0;
  const { connection, clock } = served([
    new Uint8Array(2_048),
    new Uint8Array(8_192),
    new Uint8Array(30_000),
  ], {
    onReadReady: (caller) => void caller.read(1).then(([, length]) => bytes += length),
  });
  await clock.settle();
  assertEquals(bytes, 40_240);
  connection.abort();
});

Deno.test("Service.onReadReady gets unread bytes and then -1 in one last call, read or not", async () => {
  const reads: number[] = [];
  let calls = 0;
  const { connection } = served(["abc", end()], {
    onReadReady: async (caller) => {
      if (++calls === 1) return; // leaves everything unread
      reads.push((await caller.read())[1], (await caller.read())[1]);
    },
  });
  assertEquals(await connection.closed, undefined);
  assertEquals([calls, reads], [2, [3, -1]]);

  let ignored = 0;
  const ignoring = served(["abc", end()], { onReadReady: () => void ignored++ });
  assertEquals(await ignoring.connection.closed, undefined);
  assertEquals([ignored, ignoring.peer.isClosed], [2, true]);
});

Deno.test("Service.onReadReady loses nothing at the end: it is called while its calls read", async () => {
  const parts: string[] = [];
  let calls = 0;
  const { connection } = served(["abcdefg", end()], {
    onReadReady: async (caller) => {
      if (++calls === 1) return;
      parts.push(decoder.decode((await caller.read(3))[0]));
    },
  });
  await connection.closed;
  assertEquals(parts, ["abc", "def", "g"]);
});

Deno.test("Service's connection stays open after the end with allowHalfOpen", async () => {
  const { connection, peer, clock } = served(["ab", end()], {
    onReadReady: async (caller) => void await caller.read(),
  }, { allowHalfOpen: true });
  assert(await isPending(clock, connection.closed));
  assertEquals(await connection.write("still"), 5);
  await connection.shutdownWrite();
  assertEquals([await connection.closed, peer.writtenText], [undefined, "still"]);
});

Deno.test("Service.onReadReady is not called after shutdownRead, and the connection stays open", async () => {
  let calls = 0;
  const { connection, peer, clock } = served(["ab"], {
    onReadReady: async (caller) => {
      calls++;
      await caller.read();
    },
  });
  await clock.settle();
  connection.shutdownRead();
  peer.say("more", silence());
  await clock.settle();
  assertEquals([calls, peer.isClosed], [1, false]);
  assertEquals(await connection.write("x"), 1);
  connection.abort();
  await connection.closed;
});

Deno.test("Service's loop refuses a read from outside while it waits, and allows those of its calls", async () => {
  const { connection, clock } = served([], {
    onReadReady: async (caller) => void await caller.read(),
  });
  await clock.settle();
  const error = await connection.read().catch((error) => error);
  assertEquals((error as SocketError).code, "busy");
  connection.abort();
});

Deno.test("Service's loop waits without a read timeout, its calls' own reads with one", async () => {
  const errors: unknown[] = [];
  const { connection, clock, peer } = served([pause(10_000), "ab"], {
    onReadReady: async (caller) => void await caller.read(4),
    onError: (_, error) => void errors.push(error),
  }, { readTimeoutInMillis: 100 });
  await clock.advance(10_000);
  assertEquals(errors, []);
  await clock.advance(100);
  assert(errors[0] instanceof ReadTimedOutError);
  await clock.advance(50);
  assertEquals([(await connection.closed)!.code, peer.isClosed], ["handler", true]);
});

Deno.test("Service's left-behind read goes first, then the loop goes on", async () => {
  const log: string[] = [];
  let calls = 0;
  const { connection, peer, clock } = served(["a"], {
    onReadReady: (caller) => {
      const n = ++calls;
      void caller.read(3).then(([bytes]) => log.push(`${n}:${decoder.decode(bytes)}`));
    },
  });
  await clock.settle();
  assertEquals(calls, 1);
  peer.say("bc", "def", silence());
  await clock.settle();
  assertEquals(log, ["1:abc", "2:def"]);
  connection.abort();
});

Deno.test("Service's exception ends its connection after onError, with what was written going out", async () => {
  for (const method of ["onConnect", "onReadReady"] as const) {
    for (const isAsync of [true, false]) {
      const log: string[] = [];
      const thrown = new TypeError("mine");
      const { connection, peer, clock } = scriptedConnection(["ab"], {}, { writes: [pause(10)] });
      serve(connection, {
        [method]: isAsync ? () => Promise.reject(thrown) : () => {
          throw thrown;
        },
        onError: async (caller, error) => {
          assertStrictEquals(error, thrown);
          assertEquals(peer.isClosed, false);
          log.push("error");
          void caller.write("sorry");
          await Promise.resolve();
        },
        onClose: () => {
          assertEquals(peer.isClosed, true);
          log.push("close");
        },
      });
      void connection.closed.then(() => log.push("closed"));
      await clock.advance(100);
      const error = await connection.closed;
      assertEquals([error!.code, error!.cause], ["handler", thrown]);
      assertEquals([log, peer.writtenText], [["error", "close", "closed"], "sorry"], method);
    }
  }
});

Deno.test("Service that reads nothing is called as more comes, and ends before it fills the memory", async () => {
  const MIB = 1024 * 1024;
  const errors: Error[] = [];
  let calls = 0;
  const { connection } = served(Array.from({ length: 20 }, () => new Uint8Array(MIB)), {
    onReadReady: () => void calls++,
    onError: (_, error) => void errors.push(error),
  });
  const ended = await connection.closed;
  assertEquals(ended?.code, "overflow");
  assertEquals(errors, [ended as Error]);
  assert(calls > 16, `${calls} calls`);
  assert(connection.bytesRead >= 16 * MIB && connection.bytesRead < 17 * MIB);
});

Deno.test("Service's exception stays what ended its connection, whatever ends it while onError runs", async () => {
  const ways: { [way: string]: (caller: Caller, listener: Listener) => unknown } = {
    "close()": (caller) => caller.close(),
    "abort()": (caller) => caller.abort(),
    "immediateStop()": (_, listener) => listener.immediateStop(),
    "gracefulStop() whose deadline is over": (_, listener) =>
      listener.gracefulStop({ deadlineInMillis: 1 }),
    "a timeout": (caller) => caller.idleTimeoutInMillis = 1,
  };
  for (const [way, end] of Object.entries(ways)) {
    for (const isFrame of [false, true]) {
      const over = Promise.withResolvers<ConnectionEnd>();
      const told = Promise.withResolvers<unknown>();
      const listener = new Listener(0, {
        interface: "127.0.0.1",
        onEvent: (event) => event.kind === "ended" && told.resolve([event.by, event.error?.code]),
      });
      let closed: Promise<unknown>;
      let reason: SocketError | undefined;
      listener.attach({
        onBytes() {
          throw isFrame ? badFrame("odd") : new Error("odd");
        },
        async onError(caller) {
          closed = caller.closed;
          const gone = new Promise((resolve) => caller.signal.addEventListener("abort", resolve));
          void end(caller, listener);
          await gone;
          reason = caller.signal.reason;
        },
        onClose: (_, end) => over.resolve(end),
      });
      await listener.start();
      await using client = await Client.connect({ host: "127.0.0.1", port: listener.port });
      await client.write("x");
      const code = isFrame ? "frame" : "handler";
      const { by, error } = await over.promise;
      assertEquals([by, error?.code], ["error", code], way);
      assertEquals([(await closed! as SocketError).code, reason?.code], [code, code], way);
      await listener.immediateStop();
      const { ended, errors } = listener.stats();
      assertEquals([ended.error, errors[code]], [1, 1], way);
      assertEquals(await told.promise, ["error", code], way);
    }
  }
});

Deno.test("Service without onError: its own exception is printed, a network failure is not", async () => {
  const thrown = new TypeError("mine");
  const lines = await printedDuring(async () => {
    const own = served(["ab"], {
      onReadReady() {
        throw thrown;
      },
    });
    await own.clock.advance(50);
    await own.connection.closed;
    const network = served(["ab", reset()], {
      onReadReady: async (caller) => void await caller.read(9),
    });
    assertEquals((await network.connection.closed)!.code, "broken");
    const waiting = served([reset()], { onReadReady() {} });
    assertEquals((await waiting.connection.closed)!.code, "broken");
  });
  assertEquals(lines, [thrown]);
});

Deno.test("Service.onError tells a network failure once, whoever noticed it", async () => {
  const errors: Error[] = [];
  const service: Service = {
    async onReadReady(caller) {
      const [bytes] = await caller.read();
      await caller.write(bytes);
    },
    onError: (_, error) => void errors.push(error),
  };
  const reading = served([reset()], service);
  const writing = served(["ab"], service, {}, { writes: [broken()] });
  const ended = await Promise.all([reading.connection.closed, writing.connection.closed]);
  assertEquals(errors, ended as Error[]);
  assertEquals(errors.map((error) => (error as SocketError).code), ["broken", "broken"]);
});

Deno.test("Service.onError is not told of close, abort and the peer's end; onClose is called once for each", async () => {
  const log: string[] = [];
  const service: Service = {
    async onReadReady(caller) {
      const [, length] = await caller.read();
      if (length === 3) await caller.close();
      if (length === 4) caller.abort("enough");
    },
    onError: (_, error) => void log.push(error.message),
    onClose: () => void log.push("close"),
  };
  const all = [served(["abc"], service), served(["abcd"], service), served(["ab", end()], service)];
  for (const { clock } of all) await clock.advance(50);
  const codes = await Promise.all(
    all.map(async ({ connection }) => (await connection.closed)?.code),
  );
  assertEquals(codes, [undefined, "aborted", undefined]);
  assertEquals(log, ["close", "close", "close"]);
});

Deno.test("Service's onError and onClose that throw are printed, and what follows still happens", async () => {
  const [first, second] = [new Error("in onError"), new Error("in onClose")];
  const lines = await printedDuring(async () => {
    const { connection, clock } = served(["ab"], {
      onReadReady: () => Promise.reject(new Error("first")),
      onError: () => Promise.reject(first),
      onClose() {
        throw second;
      },
    });
    await clock.advance(50);
    assertEquals((await connection.closed)!.code, "handler");
  });
  assertEquals(lines, [first, second]);
});

Deno.test("Service that throws what is no Error is told and closed by one that is", async () => {
  const errors: Error[] = [];
  const { connection, clock } = served([], {
    onConnect: () => Promise.reject("just text"),
    onError: (_, error) => void errors.push(error),
  });
  await clock.advance(50);
  const ended = await connection.closed;
  assertEquals([ended!.cause, errors[0]!.cause], ["just text", "just text"]);
  assert(errors[0] instanceof GenericError);
});

Deno.test("Service that throws nothing at all is told and closed all the same", async () => {
  const errors: Error[] = [];
  const { connection, clock } = served([], {
    onConnect: () => Promise.reject(),
    onError: (_, error) => void errors.push(error),
  });
  await clock.advance(50);
  assertEquals([(await connection.closed)?.code, errors.length], ["handler", 1]);
});

Deno.test("Service that throws what cannot be shown is closed all the same", async () => {
  const thrown = {
    [Symbol.for("Deno.customInspect")]() {
      throw new Error("not even that");
    },
  };
  const lines = await printedDuring(async () => {
    const { connection, clock } = served([], { onConnect: () => Promise.reject(thrown) });
    await clock.advance(50);
    const ended = await connection.closed;
    assertStrictEquals(ended?.cause, thrown);
    assertEquals(ended?.message, "A method of the service threw: a value that cannot be shown");
  });
  assertEquals(lines, ["A function of the user threw what cannot be shown"]);
});

Deno.test("Service without onError: an error of another socket is its own exception, what a peer does is not", async () => {
  const refused = new GenericError("unreachable", "Cannot connect to the database");
  const lines = await printedDuring(async () => {
    const upstream = served([], { onConnect: () => Promise.reject(refused) });
    await upstream.clock.advance(50);
    assertStrictEquals((await upstream.connection.closed)?.cause, refused);
    const slow = served(["ab"], {
      onReadReady: async (caller) => void await caller.read(3, { timeoutInMillis: 10 }),
    });
    await slow.clock.advance(60);
    assertEquals((await slow.connection.closed)?.code, "handler");
    const garbled = served([Uint8Array.of(0xff, 0x0a)], {
      onReadReady: async (caller) => void await caller.readLine(),
    });
    await garbled.clock.advance(50);
    assertEquals((await garbled.connection.closed)?.code, "frame");
  });
  assertEquals(lines, [refused]);
});

Deno.test("Service's own exception after its close is not lost", async () => {
  const thrown = new RangeError("late");
  const errors: Error[] = [];
  const { connection, clock } = served(["ab"], {
    onReadReady: (caller) => {
      void caller.close();
      throw thrown;
    },
    onError: (_, error) => void errors.push(error),
  });
  await clock.advance(50);
  assertEquals((await connection.closed)!.cause, thrown);
  assertEquals(errors, [thrown]);
});

Deno.test("Service's call under way settles before anything else when the connection fails", async () => {
  const gate = Promise.withResolvers<void>();
  const log: string[] = [];
  const { connection, peer, clock } = served(["ab"], {
    async onReadReady(caller) {
      await caller.read();
      await gate.promise;
      log.push("settled");
    },
    onError: () => void log.push("error"),
    onClose: () => void log.push("close"),
  }, { idleTimeoutInMillis: 100 });
  await clock.advance(100);
  assertEquals([log, peer.isClosed], [[], true]);
  gate.resolve();
  assertEquals((await connection.closed)!.code, "timed-out");
  assertEquals(log, ["settled", "error", "close"]);
});

Deno.test("Service without onReadReady leaves reading to its user", async () => {
  const chunks: string[] = [];
  const { connection, clock } = served(["ab", "cd", end()], {
    async onConnect(caller) {
      for await (const chunk of caller) chunks.push(decoder.decode(chunk));
    },
  });
  assert(await isPending(clock, connection.closed));
  assertEquals(chunks, ["ab", "cd"]);
  await connection.close();
  assertEquals(await connection.closed, undefined);
});

Deno.test("Service's methods are called with the service as this", async () => {
  class Counter {
    count = 0;
    onConnect(_caller: Caller) {
      this.count++;
    }
    onReadReady(caller: Caller) {
      this.count += 10;
      return caller.read().then(() => {});
    }
    onClose() {
      this.count += 100;
    }
  }
  const counter = new Counter();
  const { connection } = served(["ab", end()], counter);
  await connection.closed;
  assertEquals(counter.count, 121);
});

Deno.test("Service that writes in pieces without awaiting sends one kernel write per call", async () => {
  const { connection, peer, clock } = served(["ab"], {
    async onReadReady(caller) {
      const [bytes] = await caller.read();
      for (const byte of bytes) void caller.write(new Uint8Array([byte]));
      void caller.write("!");
    },
  });
  await clock.settle();
  assertEquals(peer.writes.length, 1);
  assertEquals(peer.writtenText, "ab!");
  connection.abort();
});

Deno.test("onBytes: calls never overlap, replies keep their order, and onEnd comes last", async () => {
  const log: string[] = [];
  const { connection, peer } = served(["a", "b", "c", "d", "e", end()], {
    onConnect: () => void log.push("connect"),
    onBytes(_caller, bytes) {
      const text = decoder.decode(bytes);
      log.push(text);
      if (text === "a") return "A";
      if (text === "b") return Promise.resolve(["B", Uint8Array.of(66), ""]);
      if (text === "c") return [];
      if (text === "d") return new Promise<string>((resolve) => queueMicrotask(() => resolve("D")));
      return undefined;
    },
    async onEnd(caller) {
      log.push("end");
      await caller.write("bye");
    },
    onClose: (_caller, { by }) => void log.push(by),
  });
  assertEquals(await connection.closed, undefined);
  assertEquals(log, ["connect", "a", "b", "c", "d", "e", "end", "peer"]);
  assertEquals(decoder.decode(peer.written), "ABBDbye");
});

Deno.test("onBytes: what is thrown, rejected or is no reply ends its own connection, after onError", async () => {
  const thrown = new Error("no");
  for (
    const onBytes of [
      () => {
        throw thrown;
      },
      () => Promise.reject(thrown),
      () => 5,
      () => ["a", 5],
      () => Promise.resolve({}),
    ]
  ) {
    const errors: Error[] = [];
    const { connection } = served(["a", end()], {
      onBytes: onBytes as unknown as () => string,
      onError: (_caller, error) => void errors.push(error),
    });
    assertEquals((await connection.closed)?.code, "handler");
    assertEquals(errors.length, 1);
    assert(errors[0] === thrown || errors[0] instanceof TypeError);
  }
});

Deno.test("onBytes: the next call waits until the peer has taken the reply", async () => {
  const log: string[] = [];
  const { connection, clock } = served(
    ["a", "b", silence()],
    {
      onBytes(_caller, bytes) {
        log.push(decoder.decode(bytes));
        return "reply";
      },
    },
    { writeTimeoutInMillis: 1_000 },
    { writes: [silence()] },
  );
  await clock.settle();
  assertEquals(log, ["a"]);
  await clock.advance(1_000);
  assertEquals([(await connection.closed)?.code, log], ["timed-out", ["a"]]);
});

Deno.test("onBytes: a half-open connection stays after onEnd", async () => {
  const log: string[] = [];
  const { connection, clock } = served(["a", end()], {
    onBytes: () => void log.push("bytes"),
    onEnd: () => void log.push("end"),
  }, { allowHalfOpen: true });
  await clock.settle();
  assertEquals([log, await isPending(clock, connection.closed)], [["bytes", "end"], true]);
  await connection.write("still");
  connection.abort();
});

Deno.test("onBytes: a reply that ends the connection at once is reported once", async () => {
  const big = new Uint8Array(2_000);
  for (
    const onBytes of [
      (caller: Caller) => {
        void caller.write(big);
        return "more";
      },
      (caller: Caller) => {
        void caller.write("waits");
        return [new Uint8Array(0), big, "more"];
      },
    ]
  ) {
    const calls: string[] = [];
    const { connection } = served(
      ["a", silence()],
      {
        onBytes,
        onError: () => void calls.push("error"),
        onClose: () => void calls.push("close"),
      },
      { maxQueuedBytes: 1_000 },
      { writes: [silence()] },
    );
    assertEquals((await connection.closed)?.code, "overflow");
    await Promise.resolve();
    assertEquals(calls, ["error", "close"]);
  }
});

Deno.test("onBytes: a reply that is a list is one write, whatever its size where nothing waits", async () => {
  const replies = [
    ["head", new Uint8Array(100_000)],
    Array.from({ length: 100 }, () => new Uint8Array(1_000)),
    Array.from({ length: 2_000 }, () => "abc"),
    ["", "a", ""],
    [],
  ];
  for (const reply of replies) {
    const { connection, peer } = served(
      ["a", end()],
      { onBytes: () => reply },
      { maxQueuedBytes: 65_536 },
      { writes: [1, 2] },
    );
    assertEquals(await connection.closed, undefined);
    assertEquals(peer.written.length, reply.reduce((sum, { length }) => sum + length, 0));
  }
});

Deno.test("onBytes: of a list with something wrong in it nothing is sent", async () => {
  const { connection, peer } = served(["a", end()], {
    onBytes: () => ["a", 5 as unknown as string],
    onError: () => {},
  });
  assertEquals((await connection.closed)?.code, "handler");
  assertEquals(peer.writtenText, "");
});

Deno.test("onBytes: promises in a list are refused, and none of them ends the program", async () => {
  const errors: Error[] = [];
  const later = () => Promise.reject(new Error("nobody looks"));
  const { connection } = served(["a", end()], {
    onBytes: () => [later(), later(), later()] as unknown as string[],
    onError: (_caller, error) => void errors.push(error),
  });
  assertEquals((await connection.closed)?.code, "handler");
  assertEquals(errors.map(({ message }) => message.includes("a promise, await it first")), [true]);
});

Deno.test("onStop is called once, between calls, and not after the connection has ended", async () => {
  for (const ends of [false, true]) {
    const log: string[] = [];
    const parting = Promise.withResolvers<void>();
    const { connection, clock } = served(["a", silence()], {
      onBytes: () => void log.push("bytes"),
      async onStop() {
        log.push("stop");
        await parting.promise;
        log.push("stopped");
      },
      onClose: (_caller, { by }) => void log.push(by),
    });
    await clock.settle();
    const core = coreOf(connection);
    // As the stop does that has found it idle.
    assertEquals([core.attendant!.part(), core.attendant!.part()], [true, false]);
    if (ends) connection.abort();
    await clock.settle();
    parting.resolve();
    if (!ends) void connection.close();
    await clock.advance(5_000);
    await connection.closed;
    assertEquals(log, ends ? ["bytes", "local"] : ["bytes", "stop", "stopped", "local"]);
  }
});
