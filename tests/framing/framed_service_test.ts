import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { GenericError, type SocketError } from "../../src/base/errors.ts";
import type { Codec } from "../../src/framing/codec.ts";
import { type Framed, framed } from "../../src/framing/framed.ts";
import {
  framedService,
  type MessageService,
  type Reply,
} from "../../src/framing/framed_service.ts";
import { Group } from "../../src/framing/group.ts";
import { JsonLinesCodec } from "../../src/framing/json_lines_codec.ts";
import { LengthPrefixCodec } from "../../src/framing/length_prefix_codec.ts";
import { LineCodec } from "../../src/framing/line_codec.ts";
import { type Connection, coreOf } from "../../src/connection/connection.ts";
import { readService } from "../../src/connection/service.ts";
import { serve } from "../../src/connection/service_loop.ts";
import { connectedPair, end, reset, silence, type Step, until } from "../../testing/mod.ts";
import { printedDuring } from "../support/printed_during.ts";
import { isPending, scriptedConnection } from "../support/scripted_connection.ts";
import { bytesOf } from "../support/text.ts";

function served<In, Out>(
  script: readonly (string | Uint8Array | Step)[],
  codec: Codec<In, Out>,
  service: MessageService<In, Out>,
  options: Parameters<typeof scriptedConnection>[2] = {},
) {
  const made = scriptedConnection(script, {}, options);
  serve(made.connection, readService(framedService(codec, service)));
  return made;
}

const lines = new LineCodec({ maxFrameLength: 100 });

Deno.test("framedService() sends what onMessage returns, as one write for what one read brought", async () => {
  const { connection, peer } = served(["one\ntwo\nth", "ree\nfour", end()], lines, {
    onMessage: (_caller, line) => line.toUpperCase(),
  });
  assertEquals(await connection.closed, undefined);
  assertEquals(peer.writes, [bytesOf("ONE\nTWO\n"), bytesOf("THREE\n"), bytesOf("FOUR\n")]);
  assertEquals(peer.violations, []);
});

Deno.test("framedService() sends several messages, a promise of them, an async iterable, or nothing, in order", async () => {
  const replies: Record<string, MessageService<string>["onMessage"]> = {
    one: () => "1",
    none: () => {},
    empty: () => "",
    several: function* () {
      yield "a";
      yield "b";
    },
    values: () => ["c", "d"].values(),
    promise: () => Promise.resolve("p"),
    late: async () => {
      await Promise.resolve();
      return ["l", "m"].values();
    },
    nothing: () => Promise.resolve(),
    async: async function* () {
      yield "x";
      await Promise.resolve();
      yield "y";
    },
    stream: () => ReadableStream.from(["s", "t"]),
  };
  const names = Object.keys(replies);
  const all = [...names, ...names.toReversed(), "one"];
  const { connection, peer } = served([all.join("\n"), end()], lines, {
    onMessage: (caller, line) => replies[line]!(caller, line),
  });
  await connection.closed;
  assertEquals(peer.writtenText.split("\n").slice(0, -1), [
    ..."1,,a,b,c,d,p,l,m,x,y,s,t".split(","),
    ..."s,t,x,y,l,m,p,c,d,a,b,,1".split(","),
    "1",
  ]);
});

Deno.test("framedService() takes an array as one message", async () => {
  const { connection, peer } = served(["[1,[2]]\nnull\n", end()], new JsonLinesCodec(), {
    onMessage: (_caller, message) => message,
  });
  await connection.closed;
  assertEquals(peer.writtenText, "[1,[2]]\nnull\n");
});

Deno.test("framedService() handles one message after the other, and answers what one read brought at once", async () => {
  const log: string[] = [];
  const { connection, peer } = served(["a\nb\nc\n", end()], lines, {
    async onMessage(_caller, line) {
      log.push(`${line} begins`);
      for (let i = 0; i < 5; i++) await Promise.resolve();
      log.push(`${line} ends, ${peer.writes.length} written`);
      return line;
    },
  });
  await connection.closed;
  assertEquals(
    log,
    ["a", "b", "c"].flatMap((line) => [`${line} begins`, `${line} ends, 0 written`]),
  );
  assertEquals(peer.writes, [bytesOf("a\nb\nc\n")]);
});

const ENDS: Record<string, (connection: Connection) => unknown> = {
  "close()": (connection) => connection.close(),
  "shutdownWrite()": (connection) => connection.shutdownWrite(),
  "write()": (connection) => connection.write("X\n"),
  "tryWrite()": (connection) => connection.tryWrite("X\n"),
  "drained()": (connection) => connection.drained(),
};

for (const [name, act] of Object.entries(ENDS)) {
  Deno.test(`framedService() sends what was returned before a later call says ${name}`, async () => {
    const { connection, clock, peer } = served(["a\nb\nlast\n", silence()], lines, {
      onMessage({ connection }, line) {
        if (line !== "last") return line;
        // At once: not only because the call takes long.
        void act(connection);
        assertEquals(coreOf(connection).writer.queuedBytes >= 4, true);
        return new Promise(() => {});
      },
    });
    await clock.settle();
    const isMore = name === "write()" || name === "tryWrite()";
    assertEquals(peer.writtenText, isMore ? "a\nb\nX\n" : "a\nb\n");
    connection.abort();
  });
}

const MANY = 300;
const REPLIES: Record<string, MessageService<string>["onMessage"]> = {
  "an async iterable": async function* () {
    for (let i = 0; i < MANY; i++) yield "x".repeat(99);
  },
  "an iterator": function* () {
    for (let i = 0; i < MANY; i++) yield "x".repeat(99);
  },
  "long and short ones": async function* () {
    for (let i = 0; i < MANY; i++) yield "x".repeat(i % 10 === 0 ? 919 : 9);
  },
  "one message": () => "x".repeat(99),
  "a promise of one": () => Promise.resolve("x".repeat(99)),
};

for (const [name, onMessage] of Object.entries(REPLIES)) {
  Deno.test(`framedService() waits for a slow peer, however little may be queued (${name})`, async () => {
    for (const maxQueuedBytes of [200, 4_000, 70_000]) {
      const config = { capacity: 1_000, maxQueuedBytes, writeTimeoutInMillis: Infinity };
      await using pair = connectedPair(config);
      const [client, server] = pair;
      const codec = new LineCodec({ maxFrameLength: 1_000 });
      serve(server, readService(framedService(codec, { onMessage })));
      const isMany = !name.startsWith("one") && !name.startsWith("a ");
      for (let i = 0; i < (isMany ? 1 : MANY); i++) await client.write("go\n");
      await client.shutdownWrite();
      let count = 0;
      for await (const line of framed(client, codec)) {
        count++;
        assertEquals(/^x+$/.test(line), true);
        // It is late, again and again.
        for (let i = 0; i < 30; i++) await Promise.resolve();
      }
      assertEquals([count, await server.closed], [MANY, undefined]);
    }
  });
}

Deno.test("framedService() holds no answer back while a later call takes long", async () => {
  const gate = Promise.withResolvers<void>();
  const { connection, clock, peer } = served(["a\nb\nslow\nd\n", end()], lines, {
    async onMessage(_caller, line) {
      if (line === "slow") await gate.promise;
      return line;
    },
  });
  await clock.settle();
  assertEquals(peer.writtenText, "a\nb\n");
  gate.resolve();
  await connection.closed;
  assertEquals(peer.writes, [bytesOf("a\nb\n"), bytesOf("slow\nd\n")]);
});

Deno.test("framedService() sends what was returned before what a group sends, however its member is given", async () => {
  const group = new Group<string>({ codec: lines, slow: "skip" });
  const { clock, connection, peer } = served(["a\nb\n", silence()], lines, {
    onMessage({ connection }, line) {
      if (line === "b") {
        group.add(connection);
        group.send("to all");
      }
      return line;
    },
  });
  await clock.settle();
  assertEquals(peer.writtenText, "a\nto all\nb\n");
  connection.abort();
});

Deno.test("framedService() calls its methods with the caller, as methods of their object", async () => {
  const log: unknown[] = [];
  const callers = new Set<Framed<string>>();
  const { promise: welcomed, resolve: onWelcomed } = Promise.withResolvers<unknown>();
  const service: MessageService<string> & { name: string } = {
    name: "mine",
    onConnect(caller) {
      callers.add(caller);
      log.push(["connect", this.name, caller.connection === connection]);
      void caller.send("welcome").then(onWelcomed);
    },
    onMessage(this: typeof service, caller, line) {
      callers.add(caller);
      log.push(["message", this.name, line]);
    },
    onError(caller, error) {
      callers.add(caller);
      log.push(["error", (error as SocketError).code]);
    },
    onClose(caller) {
      callers.add(caller);
      log.push(["close"]);
    },
  };
  const made = scriptedConnection(["hi\n", until(welcomed), reset()]);
  const { connection } = made;
  serve(connection, framedService(lines, service));
  assertEquals((await connection.closed)!.code, "broken");
  assertEquals(log, [["connect", "mine", true], ["message", "mine", "hi"], ["error", "broken"], [
    "close",
  ]]);
  assertEquals(callers.size, 1);
  assertEquals(made.peer.writtenText, "welcome\n");
});

Deno.test("framedService() serves any number of connections, each with its own decoder and callers", async () => {
  const service = framedService(lines, {
    onMessage: (caller, line) => `${line} for ${caller.connection.id}`,
  });
  const made = [1, 2, 3].map((i) => scriptedConnection([`li`, `ne ${i}\n`, end()]));
  for (const { connection } of made) serve(connection, service);
  for (const [i, { connection, peer }] of made.entries()) {
    await connection.closed;
    assertEquals(peer.writtenText, `line ${i + 1} for ${connection.id}\n`);
  }
});

Deno.test("framedService() ends the connection at a bad frame, after the replies before it and what onError sends", async () => {
  let told: Error | undefined;
  const { connection, peer, clock } = served(["ok\n" + "x".repeat(102), silence()], lines, {
    onMessage: (_caller, line) => line,
    onError(caller, error) {
      told = error;
      void caller.send("too long");
    },
  });
  await clock.advance(50);
  const error = await connection.closed;
  assertEquals(error!.code, "frame");
  assertEquals(error!.message, "Cannot decode: the line at byte 3 is longer than 100 bytes");
  assertStrictEquals(told, error);
  assertEquals([peer.writtenText, peer.calls.includes("reset")], ["ok\ntoo long\n", false]);
});

Deno.test("framedService() without onError ends a connection quietly at a bad frame", async () => {
  const printed = await printedDuring(async () => {
    const { connection, clock } = served(["x".repeat(102), silence()], lines, { onMessage() {} });
    await clock.advance(50);
    assertEquals((await connection.closed)!.code, "frame");
  });
  assertEquals(printed, []);
});

const NO_DECODER = {
  throws: [() => {
    throw new Error("none today");
  }, "none today"],
  rejects: [
    () => Promise.reject(new Error("none today")),
    "decoder() must not be async: it has to be done when it returns",
  ],
  "gives none": [() => ({}), "decoder() must give an object with the method decode: got {}"],
} as const;

for (const [way, [decoder, message]] of Object.entries(NO_DECODER)) {
  Deno.test(`framedService() tells onError that decoder() ${way}, and onClose the end`, async () => {
    const log: unknown[] = [];
    const codec = { decoder, encode: lines.encode.bind(lines) } as unknown as Codec<string>;
    const printed = await printedDuring(async () => {
      const { connection, peer, clock } = served(["hello\n", silence()], codec, {
        onConnect: () => void log.push("onConnect"),
        onMessage: () => void log.push("onMessage"),
        async onError(caller, error) {
          log.push(error.message, caller.connection);
          void caller.send("sorry");
          await assertRejects(() => caller.receive(), Error, message);
        },
        onClose: (caller, end) => void log.push(end.error?.code, caller.connection),
      });
      await clock.advance(50);
      assertEquals((await connection.closed)!.code, "handler");
      assertEquals(peer.writtenText, "sorry\n");
      assertEquals(log.map((item) => item === connection ? "its connection" : item), [
        message,
        "its connection",
        "handler",
        "its connection",
      ]);
    });
    assertEquals(printed, []);
  });
}

for (const kind of ["throws", "rejects", "gives what has no frame"]) {
  Deno.test(`framedService() whose onMessage ${kind} answers what came before, then ends the connection`, async () => {
    const thrown = new Error("no");
    let told: Error | undefined;
    const { connection, peer, clock } = served(["a\nb\nbad\nc\n", silence()], lines, {
      onMessage(_caller, line) {
        if (line !== "bad") return line;
        if (kind === "throws") throw thrown;
        return kind === "rejects" ? Promise.reject(thrown) : "li\nnes";
      },
      onError: (_caller, error) => void (told = error),
    });
    await clock.advance(50);
    const error = await connection.closed;
    assertEquals(peer.writtenText, "a\nb\n");
    assertEquals([error!.code, error!.cause], ["handler", told]);
    if (kind === "gives what has no frame") {
      assertEquals((told as GenericError).code, "frame");
      assertEquals(told!.message, "Cannot encode: the line has a line feed in it, at 2");
    } else {
      assertStrictEquals(told, thrown);
    }
  });
}

const SENDS_WITHOUT_A_FRAME: Record<string, MessageService<string>["onMessage"]> = {
  "a reply": () => "li\nnes",
  "a reply later": () => Promise.resolve("li\nnes"),
  "a reply of several": () => ["fine", "li\nnes"].values(),
  "what it sends": async (caller) => void await caller.send("li\nnes"),
  "what it sends at once": (caller) => void caller.trySend("li\nnes"),
};

for (const [what, onMessage] of Object.entries(SENDS_WITHOUT_A_FRAME)) {
  Deno.test(`framedService() is at fault, not its peer, where ${what} has no frame`, async () => {
    const printed = await printedDuring(async () => {
      const { connection, clock } = served(["a\n", silence()], lines, { onMessage });
      await clock.advance(50);
      const error = await connection.closed;
      const { cause } = error as { cause?: unknown };
      assertEquals([error!.code, (cause as GenericError).code], ["handler", "frame"]);
    });
    assertEquals(printed.length, 1);
  });
}

Deno.test("framedService() keeps the order when a method sends by itself, and sends that at once", async () => {
  let written = "";
  const { connection, peer } = served(["a\nask\nb\n", end()], lines, {
    async onMessage(caller, line) {
      if (line !== "ask") return line;
      await caller.send("question");
      written = peer.writtenText;
      return "answered";
    },
  });
  await connection.closed;
  assertEquals(written, "a\nquestion\n");
  assertEquals(peer.writtenText, "a\nquestion\nanswered\nb\n");
});

Deno.test("framedService()'s methods may receive the next message themselves", async () => {
  const { connection, peer, clock } = served(["a\nask\n"], lines, {
    async onMessage(caller, line) {
      if (line !== "ask") return line;
      // The replies before it go out, for the peer may wait for them.
      const answer = await caller.receive();
      return `got ${answer}`;
    },
  });
  await clock.settle();
  assertEquals(peer.writtenText, "a\n");
  peer.say("answer\nb\n", end());
  await connection.closed;
  assertEquals(peer.writtenText, "a\ngot answer\nb\n");
});

Deno.test("framedService()'s methods may close: replies before it go out, later messages are not handled", async () => {
  const log: string[] = [];
  const { connection, peer, clock } = served(["a\nquit\nb\n", silence()], lines, {
    onMessage(caller, line) {
      log.push(line);
      if (line !== "quit") return line;
      void caller.send("bye");
      return void caller.close();
    },
  });
  await clock.advance(50);
  assertEquals(await connection.closed, undefined);
  assertEquals([log, peer.writtenText], [["a", "quit"], "a\nbye\n"]);
});

Deno.test("framedService()'s methods may close without a reply: what is gathered goes out", async () => {
  const { connection, peer, clock } = served(["a\nquit\nb\n", silence()], lines, {
    onMessage(caller, line) {
      if (line === "quit") return void caller.close();
      return line;
    },
  });
  await clock.advance(50);
  assertEquals(await connection.closed, undefined);
  assertEquals(peer.writtenText, "a\n");
});

Deno.test("framedService() says so when the stream ends inside a message", async () => {
  const { connection } = served(["\0\0\0\x05hel", end()], {
    decoder: () => ({ decode: (bytes) => bytes.length > 7 ? bytes.takeAll() : undefined }),
    encode() {},
  }, { onMessage() {} });
  const error = await connection.closed;
  assertEquals(error!.message, "Cannot decode: the stream ended 7 bytes into the frame at byte 0");
});

Deno.test("framedService() does not read from a peer that does not take its replies", async () => {
  const isTaken = Promise.withResolvers<void>();
  let messages = 0;
  const reply = "x".repeat(99);
  const burst = "m\n".repeat(500);
  const { connection, peer, clock } = served(
    [...Array(20).fill(burst), end()],
    lines,
    {
      onMessage() {
        messages++;
        return reply;
      },
    },
    { writes: [until(isTaken.promise)] },
  );
  await clock.settle();
  // Some 64 KiB wait to be sent, and no more is read for them.
  assert(messages <= 1000, `${messages} messages`);
  assert(connection.queuedBytes <= 150_000, `${connection.queuedBytes} bytes`);
  assertEquals(peer.isReading, false);
  isTaken.resolve();
  await connection.closed;
  assertEquals([messages, peer.written.length], [10_000, 1_000_000]);
});

const long = "x".repeat(9999);
for (
  const [how, reply, times] of [
    ["one each", () => long, 1000],
    ["a promise each", () => Promise.resolve(long), 1000],
    ["a generator", () => Array(1000).fill(long).values(), 1],
  ] as [string, () => Reply<string> | Promise<Reply<string>>, number][]
) {
  Deno.test(`framedService() does not gather without end the replies of many small messages: ${how}`, async () => {
    const isTaken = Promise.withResolvers<void>();
    let messages = 0;
    const onMessage = () => {
      messages++;
      return reply();
    };
    const script = ["m\n".repeat(times), end()];
    const writes = [until(isTaken.promise)];
    const { connection, peer, clock } = served(script, new LineCodec(), { onMessage }, { writes });
    await clock.settle();
    assert(messages < 20, `${messages} messages`);
    assert(connection.queuedBytes < 200_000, `${connection.queuedBytes} bytes`);
    isTaken.resolve();
    assertEquals(await connection.closed, undefined);
    assertEquals([messages, peer.written.length], [times, 10_000_000]);
  });
}

Deno.test("framedService() takes no more from an iterator when the connection is over", async () => {
  let taken = 0;
  function* endless() {
    for (;;) yield `${++taken}`;
  }
  const { connection, clock } = served(["go\n", silence()], lines, {
    onMessage(caller) {
      void caller.close();
      return endless();
    },
  });
  await clock.advance(50);
  await connection.closed;
  assertEquals(taken, 1);
});

Deno.test("framedService() that awaits its replies does not read from a peer that does not take them", async () => {
  const isTaken = Promise.withResolvers<void>();
  let messages = 0;
  const onMessage = () => {
    messages++;
    return Promise.resolve("x".repeat(99));
  };
  const script = [...Array(20).fill("m\n".repeat(500)), end()];
  const writes = [until(isTaken.promise)];
  const { connection, clock } = served(script, lines, { onMessage }, { writes });
  await clock.settle();
  assert(messages <= 1000, `${messages} messages`);
  isTaken.resolve();
  await connection.closed;
  assertEquals(messages, 10_000);
});

Deno.test("framedService() asks an async iterable at the pace of the peer, and no more when it has gone", async () => {
  const isTaken = Promise.withResolvers<void>();
  let asked = 0;
  let isLeft = false;
  async function* endless() {
    try {
      for (;;) {
        asked++;
        yield "x".repeat(99);
      }
    } finally {
      isLeft = true;
    }
  }
  const { connection, clock } = served(["go\n"], lines, { onMessage: endless }, {
    writes: [until(isTaken.promise)],
  });
  await clock.settle();
  assert(asked > 600 && asked < 1400, `asked ${asked} times`);
  connection.abort();
  assertEquals((await connection.closed)!.code, "aborted");
  assertEquals(isLeft, true);
});

Deno.test("framedService() does not wait for an async iterable that gives nothing when the connection is over", async () => {
  const never = Promise.withResolvers<string>();
  let isClosed = false;
  async function* news() {
    yield "first";
    yield await never.promise;
  }
  const { connection, peer, clock } = served(["subscribe\n"], lines, {
    onMessage: news,
    onClose: () => void (isClosed = true),
  });
  await clock.settle();
  assertEquals([peer.writtenText, await isPending(clock, connection.closed)], ["first\n", true]);
  connection.abort("gone");
  assertEquals((await connection.closed)!.code, "aborted");
  assertEquals(isClosed, true);
});

Deno.test("framedService() leaves nothing at the connection for each async iterable", async () => {
  let answers = 0;
  const { connection } = served(["x\n".repeat(100), end()], lines, {
    async *onMessage() {
      await Promise.resolve();
      answers++;
      yield "y";
    },
  });
  const core = coreOf(connection);
  const { freed } = core;
  let waits = 0;
  const watched = { then: (...args: Parameters<typeof freed.then>) => freed.then(...args) };
  Object.defineProperty(core, "freed", {
    get() {
      waits++;
      return watched;
    },
  });
  assertEquals(await connection.closed, undefined);
  // Each of what waits for the end of the connection stays alive until then.
  assertEquals([answers, waits < 10], [100, true], `${waits} waits`);
});

Deno.test("framedService() ends the connection with what an async iterable throws", async () => {
  const thrown = new Error("no more");
  async function* failing() {
    yield "first";
    throw thrown;
  }
  const { connection, peer, clock } = served(["go\n"], lines, {
    onMessage: failing,
    onError() {},
  });
  await clock.advance(50);
  assertEquals((await connection.closed)!.cause, thrown);
  assertEquals(peer.writtenText, "first\n");
});

/** What a forgotten await gives: the test runner fails a test that leaves it unhandled. */
const unawaited = () => Promise.reject(new Error("no such thing")) as unknown as string;

const forgetful: Record<string, MessageService<string>["onMessage"]> = {
  "a list of values": () => ["first", unawaited(), unawaited()].values(),
  "a generator": function* () {
    yield "first";
    yield unawaited();
  },
  "an iterator": () => ["first", unawaited()].values(),
  "an async iterable": () => ({
    [Symbol.asyncIterator]() {
      const values = ["first", unawaited()];
      return { next: () => Promise.resolve({ done: false, value: values.shift()! }) };
    },
  }),
};

const anyCodec: Codec<string> = {
  decoder: () => lines.decoder(),
  encode: (message, frames) => frames.write(`${message}\n`),
};
const json = new JsonLinesCodec<string>();
const codecs = {
  lines,
  JSON: { decoder: () => lines.decoder(), encode: json.encode.bind(json) },
  anyCodec,
};

for (const [way, onMessage] of Object.entries(forgetful)) {
  Deno.test(`framedService() refuses a promise that ${way} gives as a message, and nothing else ends`, async () => {
    for (const [name, codec] of Object.entries(codecs)) {
      let told: Error | undefined;
      const { connection, peer, clock } = served(["a\n", silence()], codec, {
        onMessage,
        onError: (_caller, error) => void (told = error),
      });
      await clock.advance(50);
      assertEquals((await connection.closed)!.code, "handler", name);
      assert(told instanceof TypeError && told.message.includes("await it first"), `${told}`);
      assertEquals(peer.writtenText, name === "JSON" ? '"first"\n' : "first\n");
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
  });
}

Deno.test("framedService() refuses what is no codec or no service", () => {
  const make = (service: unknown) => () => framedService(lines, service as MessageService<string>);
  assertThrows(make({ onMessage() {}, onMesage() {} }), TypeError, '"onMesage", which is never');
  assertThrows(make({ onMessage() {}, onReadReady() {} }), TypeError, '"onReadReady"');
  assertThrows(make({ onConnect() {} }), TypeError, "onMessage");
  assertThrows(make({ onMessage: "no" }), TypeError, 'got "no"');
  assertThrows(make(undefined), TypeError, "undefined");
  assertThrows(() => framedService({} as never, { onMessage() {} }), TypeError, "codec");
  const odd = { decoder: () => lines.decoder(), onBadFrame: "no" as never };
  assertThrows(() => framedService(odd, { onMessage() {} }), TypeError, "codec.onBadFrame must be");
  class Lines {
    onMessage(_caller: Framed<string>, line: string) {
      return line;
    }
  }
  readService(framedService(lines, new Lines()));
});

Deno.test("A service that is not for messages ends with the bad frame that a read found, too", async () => {
  const { connection, clock } = scriptedConnection(["too long", silence()]);
  serve(connection, { onReadReady: async (caller) => void await caller.readLine({ limit: 3 }) });
  await clock.advance(50);
  const error = await connection.closed;
  assertEquals([error instanceof GenericError, error!.code], [true, "frame"]);
  await assertRejects(() => connection.read(), GenericError);
});

Deno.test("framedService() gets a message of any length that its codec allows", async () => {
  const MIB = 1024 * 1024;
  const long = 20 * MIB;
  const piece = new Uint8Array(MIB).fill(120);
  const config = { maxFrameLength: long };
  const ways: [Codec<string | Uint8Array, string>, string, string][] = [
    [new LengthPrefixCodec(config) as Codec<string | Uint8Array, string>, "\x01\x40\0\0", ""],
    [new LineCodec(config), "", "\n"],
  ];
  for (const [codec, before, behind] of ways) {
    const got: number[] = [];
    const { connection } = served(
      [before, ...Array(20).fill(piece), behind, end()].filter((step) => step !== ""),
      codec,
      { onMessage: (_caller, message) => void got.push(message.length) },
    );
    assertEquals([await connection.closed, got], [undefined, [long]]);
    // One that is longer is still refused.
    const endless = served([...Array(22).fill(piece), end()], new LineCodec(config), {
      onMessage() {},
    });
    assertEquals((await endless.connection.closed)?.code, "frame");
  }
});

Deno.test("framedService() counts a message that is sent as the only write behind replies that are gathered", async () => {
  const long = "x".repeat(2_000);
  for (const how of ["send", "sendAll", "trySend", "write"]) {
    const { connection, peer } = scriptedConnection(["a\nb\n", end()], { maxQueuedBytes: 1_000 });
    const service = framedService<string, string>(new LineCodec(), {
      async onMessage(caller, line) {
        if (line === "a") return "reply";
        if (how === "send") await caller.send(long);
        else if (how === "sendAll") await caller.sendAll([long]);
        else if (how === "trySend") assertEquals(caller.trySend(long), true);
        else await connection.write(long + "\n");
        return undefined;
      },
      onError() {},
    });
    serve(connection, readService(service));
    assertEquals([how, await connection.closed], [how, undefined]);
    assertEquals(peer.writtenText, `reply\n${long}\n`);
  }
});

Deno.test("framedService()'s replies that are under way take no room from one message that is sent", async () => {
  const long = "x".repeat(2_000);
  for (const how of ["send", "sendAll", "write"]) {
    for (let microtasks = 0; microtasks < 12; microtasks++) {
      const { connection, peer } = scriptedConnection(["a\n"], { maxQueuedBytes: 1_000 });
      const sent = Promise.withResolvers<void>();
      const service = framedService<string, string>(new LineCodec(), {
        onMessage(caller) {
          (async () => {
            for (let i = 0; i < microtasks; i++) await undefined;
            if (how === "send") await caller.send(long);
            else if (how === "sendAll") await caller.sendAll([long]);
            else await connection.write(long + "\n");
          })().then(sent.resolve, sent.reject);
          return "reply";
        },
      });
      serve(connection, readService(service));
      await sent.promise;
      const lines = peer.writtenText.trimEnd().split("\n");
      assertEquals(lines.sort(), ["reply", long]);
      connection.abort();
    }
  }
});

Deno.test("framedService()'s replies give room to one message only", async () => {
  const { connection } = scriptedConnection(["a\n"], { maxQueuedBytes: 1_000 }, {
    writes: [silence()],
  });
  const failures: string[] = [];
  const service = framedService<string, string>(new LineCodec(), {
    onMessage(caller) {
      queueMicrotask(() => {
        for (const _ of [1, 2]) {
          caller.send("x".repeat(2_000)).catch((error) => failures.push(error.code));
        }
      });
      return "reply";
    },
    onError() {},
  });
  serve(connection, readService(service));
  assertEquals((await connection.closed)?.code, "overflow");
  assertEquals(failures.includes("overflow"), true);
});
