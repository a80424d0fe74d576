// What is lent: the bytes of `onBytes`, until its call has settled, and those of a loop by `serve`, until its next step.
import { Buffer } from "node:buffer";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  type Caller,
  type Connection,
  FixedLengthCodec,
  framed,
  type GenericError,
  type Listener,
  type ListenerConfig,
  type Service,
  UdpClient,
} from "../../mod.ts";
import { readService } from "../../src/connection/service.ts";
import { serve } from "../../src/connection/service_loop.ts";
import { serviceOf } from "../../src/connection/handler.ts";
import { connectedPair, end, microtasksDrained } from "../../testing/mod.ts";
import { dial } from "../support/dial.ts";
import { listening } from "../support/listening.ts";
import { scriptedConnection } from "../support/scripted_connection.ts";
import { text } from "../support/text.ts";

/** Bytes of which no two neighbours are alike. */
function pattern(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).map((_, i) => (i * 31) ^ (i >> 8));
}

/** Whatever a connection gets, in one array. */
async function received(connection: Connection, length: number): Promise<Uint8Array> {
  const all = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const [bytes, count] = await connection.read();
    assert(count > 0, `the stream ended at ${at} of ${length}`);
    all.set(bytes, at);
    at += count;
  }
  return all;
}

function assertSame(actual: Uint8Array, expected: Uint8Array): void {
  assertEquals(actual.length, expected.length);
  assertEquals(actual.findIndex((byte, i) => byte !== expected[i]), -1);
}

/** A listener that overwrites what it has lent. */
function lending(service: Service, config: ListenerConfig = {}): Promise<Listener> {
  return listening(service, { overwriteLentBytes: true, ...config });
}

Deno.test("onBytes: the bytes of a call are good while it runs, and overwritten afterwards where that is asked for", async () => {
  for (const overwriteLentBytes of [false, true]) {
    const kept: Uint8Array[] = [];
    const texts: string[] = [];
    const { connection } = scriptedConnection(["first", "again", end()], { overwriteLentBytes });
    serve(
      connection,
      readService({
        async onBytes(_caller: Caller, bytes: Uint8Array) {
          await undefined;
          texts.push(text(bytes));
          kept.push(bytes);
        },
      }),
    );
    await connection.closed;
    assertEquals(texts, ["first", "again"]);
    assert(kept[0]!.buffer === kept[1]!.buffer);
    const left = overwriteLentBytes ? 0xdb : "a".charCodeAt(0);
    assertEquals(kept[0]![0], left);
  }
});

/** Ways to write lent bytes to others, none of which waits for them. */
const WAYS: Record<string, (other: Connection, bytes: Uint8Array) => void> = {
  "write": (other, bytes) => void other.write(bytes),
  "a write of a node Buffer": (other, { buffer, byteOffset, length }) =>
    void other.write(Buffer.from(buffer, byteOffset, length)),
  "a write of a part": (other, bytes) => {
    const half = bytes.length >> 1;
    void other.write(bytes.subarray(0, half));
    void other.write(bytes.subarray(half));
  },
  "a message": (other, bytes) => {
    for (const byte of bytes.subarray(0, 3)) {
      void framed(other, new FixedLengthCodec(1)).send(Uint8Array.of(byte));
    }
    if (bytes.length > 3) {
      void framed(other, new FixedLengthCodec(bytes.length - 3)).send(bytes.subarray(3));
    }
  },
  "a writable": (other, bytes) => {
    const writer = other.writable.getWriter();
    void writer.write(bytes);
    writer.releaseLock();
  },
};

for (const [way, write] of Object.entries(WAYS)) {
  for (const kind of ["onBytes", "async onBytes", "serve"]) {
    Deno.test(`${kind}: ${way} to a slow peer, unawaited, sends what was lent`, async () => {
      const sent = pattern(3 * 1024 * 1024 + 1);
      const [slow, near] = connectedPair({ capacity: 4_096 });
      const pass = (bytes: Uint8Array) => write(near, bytes);
      const service: Service = kind === "serve"
        ? serviceOf(async (caller) => {
          for await (const bytes of caller) pass(bytes);
        }, {})
        : kind === "onBytes"
        ? { onBytes: (_caller, bytes) => pass(bytes) }
        : {
          async onBytes(_caller, bytes) {
            await undefined;
            pass(bytes);
          },
        };
      await using listener = await lending(service);
      await using client = await dial(listener);
      await client.write(sent);
      void client.shutdownWrite();
      assertSame(await received(slow, sent.length), sent);
      await Promise.all([slow.close(), near.close()]);
    });
  }
}

Deno.test("onBytes: what is returned goes out as it was lent, and a peer that does not read is not read from", async () => {
  const sent = pattern(8 * 1024 * 1024);
  await using listener = await lending({ onBytes: (_caller, bytes) => bytes }, {
    maxQueuedBytes: 256 * 1024,
  });
  await using client = await dial(listener);
  const writing = client.write(sent);
  assertSame(await received(client, sent.length), sent);
  await writing;
});

Deno.test("onBytes: lent bytes that are sent as a datagram are those that were lent", async () => {
  await using to = new UdpClient({ host: "127.0.0.1", port: 0 });
  const from = new UdpClient({ host: "127.0.0.1", port: 0 });
  const address = { host: "127.0.0.1", port: (await to.bound).port };
  await using listener = await lending({
    onBytes(_caller, bytes) {
      for (let i = 0; i < 10; i++) void from.sendTo(bytes, address);
    },
  });
  await using client = await dial(listener);
  await client.write("as it was");
  for (let i = 0; i < 10; i++) assertEquals(text((await to.receiveFrom())[0]), "as it was");
  await from.close();
});

Deno.test("serve: a step of a loop lends, and leaving the loop leaves what is unread", async () => {
  const texts: string[] = [];
  const { connection } = scriptedConnection(["ab", "cd", "ef", end()]);
  const service = serviceOf(async (caller) => {
    let before: Uint8Array | undefined;
    for await (const bytes of caller) {
      texts.push(text(bytes));
      if (before !== undefined) {
        assert(before.buffer === bytes.buffer);
        break;
      }
      before = bytes;
    }
    texts.push(text((await caller.read())[0]));
  }, {});
  serve(connection, readService(service));
  await connection.closed;
  assertEquals(texts, ["ab", "cd", "ef"]);
});

Deno.test("lent bytes may be transferred while they are lent: nothing unread goes along", async () => {
  const texts: string[] = [];
  const { connection } = scriptedConnection(["ab", "cd", end()], { overwriteLentBytes: true });
  serve(
    connection,
    readService({
      onBytes(_caller: Caller, bytes: Uint8Array) {
        texts.push(text(structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] })));
      },
    }),
  );
  assertEquals([await connection.closed, texts], [undefined, ["ab", "cd"]]);
});

Deno.test("lent bytes that are kept and transferred during the next read end the connection, and it says why", async () => {
  const kept = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
  const failed = Promise.withResolvers<GenericError>();
  await using listener = await lending({
    onBytes: (_caller, bytes) => kept.resolve(bytes),
    onError: (_caller, error) => failed.resolve(error as GenericError),
  }, { overwriteLentBytes: false });
  await using client = await dial(listener);
  await client.write("ab");
  const bytes = await kept.promise;
  await microtasksDrained(); // the next read has begun
  structuredClone(bytes, { transfer: [bytes.buffer] });
  void client.write("cd");
  const error = await failed.promise;
  assertEquals(error.code, "broken");
  assertStringIncludes(error.message, "have been kept and transferred away");
});

Deno.test("bytes that were lent stay as they are while their connection closes", async () => {
  const { connection, clock } = scriptedConnection(["lent", "more", "of it", end()], {
    overwriteLentBytes: true,
  });
  const seen = Promise.withResolvers<Uint8Array>();
  const goOn = Promise.withResolvers<void>();
  serve(
    connection,
    readService({
      async onBytes(_caller: Caller, bytes: Uint8Array) {
        seen.resolve(bytes);
        await goOn.promise;
      },
    }),
  );
  const bytes = await seen.promise;
  const closing = connection.close();
  await clock.advance(5_000);
  await closing;
  assertEquals(text(bytes), "lent");
  goOn.resolve();
  await connection.closed;
});

Deno.test("read() gives bytes of your own, whatever else is lent", async () => {
  const { connection } = scriptedConnection(["first", "again", end()], {
    overwriteLentBytes: true,
  });
  const [first] = await connection.read();
  const [again] = await connection.read();
  assertEquals([text(again), text(first)], ["again", "first"]);
  connection.abort();
});

Deno.test("read(into) fills memory of yours, and nothing of a read that was given up", async () => {
  const { connection } = scriptedConnection(["abcdef", "gh", end()]);
  const into = new Uint8Array(4).fill(1);
  const [bytes, length] = await connection.read(into);
  assertEquals([text(bytes), length, bytes.buffer === into.buffer], ["abcd", 4, true]);
  assertEquals(text((await connection.read(into))[0]), "ef");
  const given = new AbortController();
  const untouched = new Uint8Array(4).fill(1);
  const waiting = connection.read(untouched, { signal: given.signal });
  given.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
  assertEquals(text((await connection.read(into))[0]), "gh");
  assertEquals([...untouched], [1, 1, 1, 1]);
  const [none, over] = await connection.read(into);
  assertEquals([none.length, over], [0, -1]);
});

Deno.test("read(into) refuses what is no memory, and loses nothing where it was transferred away meanwhile", async () => {
  const { connection } = scriptedConnection(["ab", end()]);
  await assertRejects(() => connection.read(new Uint8Array(0)), TypeError, "Memory to read into");
  for (const wrong of [[1, 2], new Uint16Array(2), null]) {
    await assertRejects(() => connection.read(wrong as never), TypeError, "must be a number");
  }
  const gone = new Uint8Array(2);
  const waiting = connection.read(gone);
  structuredClone(gone, { transfer: [gone.buffer] });
  await assertRejects(() => waiting, TypeError, "Memory to read into");
  assertEquals(text((await connection.read())[0]), "ab");
});
