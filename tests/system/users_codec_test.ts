// A codec and a message service are users' code: whatever they do ends their own connection, and no other.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  Client,
  Connection,
  denoNetwork,
  type Framed,
  framed,
  framedService,
  LengthPrefixCodec,
  LineCodec,
  type MessageService,
  type Service,
  type SocketError,
} from "../../mod.ts";
import type { Codec } from "../../codec.ts";
import { serve } from "../../src/connection/service_loop.ts";
import { connectedTransports, microtasksDrained } from "../../testing/mod.ts";
import { awkwardThings } from "../support/awkward.ts";
import { dial } from "../support/dial.ts";
import { listening } from "../support/listening.ts";
import { printedDuring } from "../support/printed_during.ts";
import { text } from "../support/text.ts";

const lines = new LineCodec();

interface Outcome {
  readonly ended: SocketError | undefined;
  readonly sent: string;
  readonly told: number;
  readonly printed: unknown[];
}

/** Serves one connection that gets three lines and their end, beside another one that must not notice. */
async function outcomeOf<Out>(
  codec: Codec<string, Out>,
  service: MessageService<string, Out>,
): Promise<Outcome> {
  let told = 0;
  let ended: SocketError | undefined;
  let sent = "";
  const printed = await printedDuring(async () => {
    const [transport, peer] = connectedTransports();
    const [otherTransport, otherPeer] = connectedTransports();
    const connection = new Connection(transport);
    const other = new Connection(otherTransport);
    serve(
      connection,
      framedService(codec, {
        ...service,
        onError(caller, error) {
          told++;
          return service.onError?.(caller, error);
        },
      }),
    );
    serve(other, framedService(lines, { onMessage: (_, line) => line }));
    await peer.write(new TextEncoder().encode("one\ntwo\nthree\n"));
    await peer.closeWrite();
    const buffer = new Uint8Array(1_000);
    for (let count; (count = await peer.read(buffer)) !== null;) {
      sent += text(buffer.subarray(0, count));
    }
    peer.close();
    ended = await connection.closed;
    await otherPeer.write(new TextEncoder().encode("still here\n"));
    const count = await otherPeer.read(buffer);
    assertEquals(text(buffer.subarray(0, count!)), "still here\n");
    otherPeer.close();
    await other.closed;
  });
  return { ended, sent, told, printed };
}

const echo: MessageService<string> = { onMessage: (_, line) => line };

/** Each throws something where it is users' code. */
const throwers: Record<string, (thrown: unknown) => Promise<Outcome>> = {
  "decode": (thrown) =>
    outcomeOf({
      ...encoding,
      decoder: () => ({
        decode() {
          throw thrown;
        },
      }),
    }, echo),
  "the decode getter": (thrown) =>
    outcomeOf({
      ...encoding,
      decoder: () => ({
        get decode(): never {
          throw thrown;
        },
      }),
    }, echo),
  "encode of a reply": (thrown) =>
    outcomeOf({
      decoder: () => lines.decoder(),
      encode() {
        throw thrown;
      },
    }, echo),
  "encode of an iterator's message": (thrown) =>
    outcomeOf({
      decoder: () => lines.decoder(),
      encode() {
        throw thrown;
      },
    }, {
      *onMessage() {
        yield "a";
      },
    }),
  "encode of an async iterator's message": (thrown) =>
    outcomeOf({
      decoder: () => lines.decoder(),
      encode() {
        throw thrown;
      },
    }, {
      async *onMessage() {
        yield await Promise.resolve("a");
      },
    }),
  "encode of a promise's message": (thrown) =>
    outcomeOf({
      decoder: () => lines.decoder(),
      encode() {
        throw thrown;
      },
    }, { onMessage: () => Promise.resolve("a") }),
  "onMessage": (thrown) =>
    outcomeOf(lines, {
      onMessage() {
        throw thrown;
      },
    }),
  "an iterator's next": (thrown) =>
    outcomeOf(lines, {
      onMessage: () =>
        iteratorOf(() => {
          throw thrown;
        }),
    }),
  "an async iterator's next": (thrown) =>
    outcomeOf(lines, {
      onMessage: () => ({
        [Symbol.asyncIterator]: () => ({
          next() {
            throw thrown;
          },
        }),
      }),
    }),
  "an async iterable": (thrown) =>
    outcomeOf(lines, {
      onMessage: () => ({
        [Symbol.asyncIterator]() {
          throw thrown;
        },
      }),
    }),
  "the then of a reply": (thrown) =>
    outcomeOf(lines, {
      onMessage: () => ({
        get then(): never {
          throw thrown;
        },
      } as unknown as Promise<string>),
    }),
};

const encoding = { encode: lines.encode.bind(lines) };

function iteratorOf(next: () => IteratorResult<string>): IteratorObject<string, unknown, unknown> {
  return { next, [Symbol.iterator]: () => iteratorOf(next) } as IteratorObject<
    string,
    unknown,
    unknown
  >;
}

for (const [name, run] of Object.entries(throwers)) {
  Deno.test(`framedService ends only its own connection where ${name} throws, and tells`, async () => {
    for (const thrown of awkwardThings()) {
      const { ended, sent, told, printed } = await run(thrown);
      assert(ended !== undefined);
      assertEquals(sent, "");
      assertEquals([told, printed], [1, []]);
    }
  });
}

Deno.test("framedService ends only its own connection where decoder() throws or gives rubbish", async () => {
  const rubbish = [undefined, null, 1, "x", {}, { decode: 1 }, [], () => {}];
  const factories = [
    ...awkwardThings().map((thrown) => () => {
      throw thrown;
    }),
    ...rubbish.map((value) => () => value as never),
  ];
  for (const decoder of factories) {
    const calls: string[] = [];
    const { ended, printed } = await outcomeOf({ ...encoding, decoder }, {
      onMessage: () => void calls.push("message"),
      onConnect: () => void calls.push("connect"),
      onClose: () => void calls.push("close"),
    });
    assertEquals(ended?.code, "handler");
    assertEquals([calls, printed.length], [["close"], 0]);
  }
});

Deno.test("A codec whose functions are async is refused, and what they reject with ends no program", async () => {
  const decoder = () => lines.decoder();
  for (const settle of [() => Promise.reject(new Error("late")), () => Promise.resolve()]) {
    const asynchronous = { decoder, encode: settle as () => void };
    const refused = await outcomeOf(asynchronous, echo);
    assertEquals([refused.ended?.code, refused.told], ["handler", 1]);
  }
});

Deno.test("framedService stops an async iterable of a connection that has gone, whatever its return does", async () => {
  for (
    const [stop, prints] of [
      [() => Promise.resolve({ done: true, value: undefined }), 0],
      [() => undefined, 0],
      [() => new Promise(() => {}), 0],
      [() => Promise.reject(new Error("return rejects")), 1],
      [() => {
        throw new Error("return throws");
      }, 1],
    ] as const
  ) {
    let stopped = 0;
    const printed = await printedDuring(async () => {
      const [transport, peer] = connectedTransports();
      const connection = new Connection(transport);
      const asked = Promise.withResolvers<void>();
      serve(
        connection,
        framedService(lines, {
          onMessage: () => ({
            [Symbol.asyncIterator]: () => ({
              next() {
                asked.resolve();
                return new Promise<never>(() => {});
              },
              return() {
                stopped++;
                return stop() as Promise<IteratorResult<string>>;
              },
            }),
          }),
        }),
      );
      await peer.write(new TextEncoder().encode("one\n"));
      await asked.promise;
      connection.abort();
      peer.close();
      await connection.closed;
      await microtasksDrained();
    });
    assertEquals([stopped, printed.length], [1, prints]);
  }
});

Deno.test("A decoder that takes nothing and gives messages for ever keeps nobody else waiting", async () => {
  const endless: Codec<string> = { ...encoding, decoder: () => ({ decode: () => "again" }) };
  const spins: Record<string, (connection: Connection) => unknown> = {
    "framedService": (connection) => serve(connection, framedService(endless, { onMessage() {} })),
    "framedService, async": (connection) =>
      serve(connection, framedService(endless, { onMessage: async () => {} })),
    "framedService of endless replies": (connection) =>
      serve(
        connection,
        framedService({ decoder: () => lines.decoder(), encode() {} } as Codec<string>, {
          *onMessage() {
            for (;;) yield "";
          },
        }),
      ),
    "framedService of endless async replies": (connection) =>
      serve(
        connection,
        framedService({ decoder: () => lines.decoder(), encode() {} } as Codec<string>, {
          async *onMessage() {
            for (;;) yield "";
          },
        }),
      ),
    "framed": async (connection) => {
      for await (const _ of framed(connection, endless));
    },
  };
  for (const [name, spin] of Object.entries(spins)) {
    const [transport, peer] = connectedTransports();
    const connection = new Connection(transport, { network: denoNetwork });
    const spinning = spin(connection);
    await peer.write(new TextEncoder().encode("one\n"));
    // The event loop goes on.
    for (let i = 0; i < 3; i++) await microtasksDrained();
    connection.abort();
    peer.close();
    await connection.closed;
    if (spinning instanceof Promise) {
      assertEquals(await spinning.catch(({ code }) => code), "aborted", name);
    }
  }
});

Deno.test("A message that cannot be encoded: send and sendAll reject, and the connection goes on", async () => {
  for (const thrown of awkwardThings()) {
    const [transport, peer] = connectedTransports();
    await using connection = new Connection(transport);
    const codec: Codec<string> = {
      decoder: () => lines.decoder(),
      encode(message, frames) {
        frames.write("part of it");
        if (message === "bad") throw thrown;
      },
    };
    const messages = framed(connection, codec);
    const printed = await printedDuring(async () => {
      for (const send of [() => messages.send("bad"), () => messages.sendAll(["good", "bad"])]) {
        assertEquals(await send().then(() => "sent", (reason) => reason === thrown), true);
      }
    });
    assertEquals(printed, []);
    assertEquals(await messages.send("good"), 10);
    peer.close();
  }
});

Deno.test("A message that cannot be encoded is printed once where nobody looks at the promise", async () => {
  for (const thrown of awkwardThings()) {
    const [transport, peer] = connectedTransports();
    await using connection = new Connection(transport);
    const messages: Framed<string> = framed(connection, {
      decoder: () => lines.decoder(),
      encode() {
        throw thrown;
      },
    });
    const printed = await printedDuring(async () => {
      for (let i = 0; i < 3; i++) void messages.send("bad");
      await microtasksDrained();
    });
    assertEquals(printed.length, 1);
    peer.close();
  }
});

Deno.test("framed() checks its codec and its decoder at the door", async () => {
  const [transport, peer] = connectedTransports();
  await using connection = new Connection(transport);
  assertThrows(() => framed(connection, { ...encoding, decoder: () => ({}) as never }), TypeError);
  assertThrows(() => framed(connection, {} as never), TypeError);
  peer.close();
});

Deno.test("A codec whose decoder() or decode is async is refused by name, and its rejections end no program", async () => {
  for (const fate of [() => Promise.reject(new Error("late")), () => new Promise(() => {})]) {
    let messages = 0;
    const count: MessageService<string> = { onMessage: () => void messages++ };
    const decoder = await outcomeOf({ ...encoding, decoder: fate as never }, count);
    assertEquals([decoder.ended?.code, decoder.printed.length], ["handler", 0]);
    const decode = await outcomeOf(
      { ...encoding, decoder: () => ({ decode: fate as never }) },
      count,
    );
    assertEquals([decode.ended?.code, decode.told, decode.printed], ["handler", 1, []]);
    for (const { ended } of [decoder, decode]) {
      assert(ended!.cause instanceof TypeError);
      assertStringIncludes(ended!.message, "must not be async");
    }
    assertEquals(messages, 0);
  }
});

Deno.test("An async encode is refused in send and in sendAll alike", async () => {
  const [transport, peer] = connectedTransports();
  await using connection = new Connection(transport);
  const messages = framed<string, string>(connection, {
    decoder: () => lines.decoder(),
    encode: () => Promise.reject(new Error("late")) as unknown as void,
  });
  for (const send of [() => messages.send("a"), () => messages.sendAll(["a", "b"])]) {
    const refused = await send().catch((error) => error);
    assert(refused instanceof TypeError);
    assertStringIncludes(refused.message, "encode must not be async");
  }
  peer.close();
});

Deno.test("framedService ends the connection of an async iterable that gives no results", async () => {
  for (const result of [undefined, null, 5, "x"]) {
    const { ended, told } = await outcomeOf(lines, {
      onMessage: () => ({
        [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve(result) as never }),
      }),
    });
    assertEquals([ended?.code, told], ["handler", 1]);
    assertStringIncludes(ended!.message, "next() must give an object");
  }
});

Deno.test("An encoder that sends is refused: no message is sent in part, and none twice", async () => {
  let caller: Framed<string> | undefined;
  const refusals: unknown[] = [];
  const codec: Codec<string> = {
    decoder: () => lines.decoder(),
    encode(message, frames) {
      frames.write("<");
      if (message === "two") {
        for (const sent of [caller!.send("x"), caller!.sendAll(["y"])]) {
          sent.catch((error) => refusals.push(error));
        }
        throw new Error("so that what was written is taken back");
      }
      frames.write(`${message}>\n`);
    },
  };
  const { sent, ended, told } = await outcomeOf(codec, {
    onConnect: (made) => void (caller = made),
    onMessage: (_, line) => line,
  });
  assertEquals([sent, ended?.code, told], ["<one>\n", "handler", 1]);
  assert(refusals.length === 2 && refusals.every((error) => error instanceof TypeError));
});

Deno.test("An encoder that closes or receives sends no message in part", async () => {
  for (const way of ["close", "receive"]) {
    let caller: Framed<string> | undefined;
    const codec: Codec<string> = {
      decoder: () => lines.decoder(),
      encode(message, frames) {
        frames.write("<");
        if (message === "two") {
          if (way === "close") void caller!.close();
          else caller!.receive().catch(() => {});
        }
        frames.write(`${message}>\n`);
      },
    };
    const { sent } = await outcomeOf(codec, {
      onConnect: (made) => void (caller = made),
      onMessage: (_, line) => line,
    });
    assert(/^(<\w+>\n)*$/.test(sent), `${way}: ${sent}`);
  }
});

Deno.test("Messages given to sendAll by a generator that sends go out whole, or not at all", async () => {
  const [transport, peer] = connectedTransports();
  await using connection = new Connection(transport);
  const messages = framed(connection, lines);
  const within: unknown[] = [];
  const sent = messages.sendAll(function* () {
    yield "a";
    messages.send("b").catch((error) => within.push(error));
    yield "c";
  }());
  assertEquals(await sent, 4);
  const buffer = new Uint8Array(100);
  assertEquals(text(buffer.subarray(0, (await peer.read(buffer))!)), "a\nc\n");
  assert(within.length === 1 && within[0] instanceof TypeError);
  peer.close();
});

Deno.test("The bytes of a message that are taken away before they are sent leave no hole", async () => {
  const prefixed = new LengthPrefixCodec();
  const codec: Codec<string, Uint8Array> = {
    decoder: () => lines.decoder(),
    encode: (bytes, frames) => prefixed.encode(bytes, frames),
  };
  // Gathered, until the answer to the next line transfers it away.
  const big = new Uint8Array(20_000);
  const { ended, sent, told } = await outcomeOf(codec, {
    onMessage(_, line) {
      if (line !== "one" && !big.buffer.detached) big.buffer.transfer();
      return line === "one" ? big : new Uint8Array(3);
    },
  });
  assertEquals([ended?.code, told, ended?.cause instanceof TypeError], ["broken", 1, true]);
  assert(sent.length <= 4, `${sent.length} bytes`);

  const [transport, peer] = connectedTransports();
  await using connection = new Connection(transport);
  const messages = framed(connection, codec);
  const another = new Uint8Array(20_000);
  const refused = await messages.sendAll(function* () {
    yield another;
    another.buffer.transfer();
    yield new Uint8Array(1);
  }()).catch((error) => error);
  assert(refused instanceof TypeError, `${refused}`);
  assertEquals(await messages.send(new Uint8Array(2)), 6);
  assertEquals(connection.bytesWritten, 6);
  peer.close();
});

Deno.test("A codec that misbehaves makes receive and iteration reject with what it threw", async () => {
  for (const thrown of awkwardThings()) {
    const [transport, peer] = connectedTransports();
    await using connection = new Connection(transport);
    const messages = framed(connection, {
      ...encoding,
      decoder: () => ({
        decode(bytes) {
          if (bytes.length > 0) throw thrown;
          return undefined;
        },
      }),
    });
    const fate = (promise: Promise<unknown>) => promise.then(() => "gave", (error) => [error]);
    const waiting = fate(messages.receive());
    await peer.write(new TextEncoder().encode("x"));
    // Boxed: a revoked proxy cannot be what a promise resolves with.
    assert(Object.is((await waiting)[0], thrown));
    const iterator = messages[Symbol.asyncIterator]();
    assert(Object.is((await fate(iterator.next()))[0], thrown));
    assert(Object.is((await fate(messages.receive({ timeoutInMillis: 9 })))[0], thrown));
    peer.close();
  }
});

Deno.test("A client's callbackService whose codec misbehaves ends its connection and nothing else", async () => {
  await using listener = await listening({ onConnect: (caller) => void caller.write("one\n") });
  const misbehave: Record<string, (thrown: unknown) => Codec<string>> = {
    decoder: (thrown) => ({
      ...encoding,
      decoder() {
        throw thrown;
      },
    }),
    decode: (thrown) => ({
      ...encoding,
      decoder: () => ({
        decode() {
          throw thrown;
        },
      }),
    }),
    encode: (thrown) => ({
      decoder: () => lines.decoder(),
      encode() {
        throw thrown;
      },
    }),
    "async decode": (thrown) => ({
      ...encoding,
      decoder: () => ({ decode: () => Promise.reject(thrown) as never }),
    }),
  };
  for (const [name, make] of Object.entries(misbehave)) {
    for (const thrown of awkwardThings()) {
      const printed = await printedDuring(async () => {
        const client = await Client.connect({
          host: "127.0.0.1",
          port: listener.port,
          callbackService: framedService(make(thrown), echo),
        });
        assertEquals((await client.closed)?.code, "handler", name);
      });
      assertEquals(printed.length, 1, name);
    }
  }
});

Deno.test("No codec and no reply holds a graceful stop beyond its deadline", async () => {
  const never = new Promise<never>(() => {});
  const services: Record<string, () => Service> = {
    "endless decoder": () =>
      framedService({ ...encoding, decoder: () => ({ decode: () => "again" }) }, {
        onMessage() {},
      }),
    "endless replies": () =>
      framedService({ decoder: () => lines.decoder(), encode() {} }, {
        *onMessage() {
          for (;;) yield "";
        },
      }),
    "a reply that never settles": () => framedService(lines, { onMessage: () => never }),
    "an iterable that never settles": () =>
      framedService(lines, {
        onMessage: () => ({
          [Symbol.asyncIterator]: () => ({ next: () => never, return: () => never }),
        }),
      }),
    "a decoder that waits for more, for ever": () =>
      framedService({ ...encoding, decoder: () => ({ decode: () => undefined }) }, {
        onMessage() {},
      }),
  };
  for (const [name, make] of Object.entries(services)) {
    const listener = await listening(make());
    const client = await dial(listener);
    await client.write("one\n");
    await denoNetwork.turns!.looked!();
    const begun = performance.now();
    const { completed, aborted } = await listener.gracefulStop({ deadlineInMillis: 20 });
    const took = performance.now() - begun;
    assertEquals([completed + aborted, took < 1_000], [1, true], `${name}: ${took} ms`);
    client.abort();
    await client.closed;
  }
});
