// Connections made with `reuseReadBuffer`: what a read gives is lent until the next one.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  type Caller,
  Client,
  Connection,
  FixedLengthCodec,
  framed,
  GenericError,
  Listener,
} from "../../mod.ts";
import { end, microtasksDrained } from "../../testing/mod.ts";
import { Authority } from "../support/certificates.ts";
import { dial } from "../support/dial.ts";
import { listening } from "../support/listening.ts";
import { asText, scriptedConnection } from "../support/scripted_connection.ts";
import { text } from "../support/text.ts";

const LENT = { reuseReadBuffer: true } as const;

Deno.test("reuseReadBuffer: the bytes of a read are good until the next one, and lie where it puts its own", async () => {
  const { connection } = scriptedConnection(["first", "again", end()], LENT);
  const [first] = await connection.read();
  assertEquals(text(first), "first");
  const [again] = await connection.read();
  assertEquals([text(again), text(first)], ["again", "again"]);
  assert(first.buffer === again.buffer);
  connection.abort();
});

Deno.test("without reuseReadBuffer the bytes of a read stay as they are", async () => {
  const { connection } = scriptedConnection(["first", "again", end()]);
  const [first] = await connection.read();
  const [again] = await connection.read();
  assertEquals([text(again), text(first)], ["again", "first"]);
  connection.abort();
});

Deno.test("reuseReadBuffer: what is unread is never overwritten", async () => {
  const { connection } = scriptedConnection(["abcdef", "ghij", "kl", end()], LENT);
  assertEquals(asText(await connection.read(2)), ["ab", 2]);
  assertEquals(asText(await connection.read(7)), ["cdefghi", 7]);
  assertEquals(asText(await connection.read(2)), ["jk", 2]);
  assertEquals(asText(await connection.read()), ["l", 1]);
  assertEquals(asText(await connection.read()), ["", -1]);
  connection.abort();
});

Deno.test("reuseReadBuffer: a loop lends its chunks", async () => {
  const { connection } = scriptedConnection(["ab", "cd", end()], LENT);
  const chunks: Uint8Array[] = [];
  const texts: string[] = [];
  for await (const chunk of connection) {
    chunks.push(chunk);
    texts.push(text(chunk));
  }
  assertEquals([texts, chunks.map(text)], [["ab", "cd"], ["cd", "cd"]]);
});

Deno.test("reuseReadBuffer: readLine, readUntil, peek and messages own what they give", async () => {
  const { connection } = scriptedConnection(["one;", "two;", "peek", "pint", "next", end()], LENT);
  const [one] = await connection.readUntil(";");
  const [two] = await connection.readUntil(";");
  const [peeked] = await connection.peek(4);
  const messages = framed(connection, new FixedLengthCodec(4));
  const received = [await messages.receive(), await messages.receive(), await messages.receive()];
  assertEquals(
    [one, two, peeked, ...received.map((it) => it!)].map(text),
    ["one;", "two;", "peek", "peek", "pint", "next"],
  );
  connection.abort();
});

Deno.test("reuseReadBuffer: readable owns its chunks, and its buffers may be transferred", async () => {
  const { connection } = scriptedConnection(["ab", "cd", end()], LENT);
  const chunks: Uint8Array[] = [];
  for await (const chunk of connection.readable) chunks.push(chunk);
  assertEquals(chunks.map(text), ["ab", "cd"]);
});

Deno.test("reuseReadBuffer: bytes that are written back unawaited are not overwritten before they are sent", async () => {
  await using listener = await listening({
    async onReadReady(caller) {
      const [bytes, length] = await caller.read();
      if (length > 0) void caller.write(bytes);
    },
  }, LENT);
  await using client = await dial(listener, LENT);
  const sent = new Uint8Array(4 * 1024 * 1024).map((_, i) => (i * 31) ^ (i >> 8));
  const writing = client.write(sent);
  const received = new Uint8Array(sent.length);
  let at = 0;
  while (at < sent.length) {
    const [bytes, length] = await client.read();
    received.set(bytes, at);
    at += length;
  }
  await writing;
  assertEquals(received.findIndex((byte, i) => byte !== sent[i]), -1);
});

Deno.test("reuseReadBuffer: bytes that wait in a writable are not overwritten before they are sent", async () => {
  await using listener = new Listener(0, { interface: "127.0.0.1", ...LENT });
  await listener.start();
  const serving = (async () => {
    for await (const caller of listener) {
      const writer = caller.writable.getWriter();
      for await (const bytes of caller) void writer.write(bytes);
      await writer.close();
    }
  })();
  await using client = await dial(listener);
  const sent = new Uint8Array(1024 * 1024).map((_, i) => (i * 31) ^ (i >> 8));
  void client.write(sent);
  void client.shutdownWrite();
  const received = new Uint8Array(sent.length);
  let at = 0;
  for await (const bytes of client) {
    received.set(bytes, at);
    at += bytes.length;
  }
  assertEquals([at, received.findIndex((byte, i) => byte !== sent[i])], [sent.length, -1]);
  await listener.gracefulStop();
  await serving;
});

Deno.test("reuseReadBuffer: a transfer of lent bytes takes nothing along that is unread", async () => {
  const { connection } = scriptedConnection(["abcdef", "gh", end()], LENT);
  const [bytes] = await connection.read(2);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  assertEquals(asText(await connection.read(6)), ["cdefgh", 6]);
  connection.abort();
});

Deno.test("reuseReadBuffer: closing does not overwrite what was lent", async () => {
  const { connection, clock } = scriptedConnection(["lent", "more", "of it", end()], LENT);
  const [bytes] = await connection.read();
  const closing = connection.close();
  await clock.advance(5_000);
  await closing;
  assertEquals(text(bytes), "lent");
});

Deno.test("reuseReadBuffer: a transfer of lent bytes between reads takes nothing along", async () => {
  const { connection } = scriptedConnection(["ab", "cd", end()], LENT);
  const [bytes] = await connection.read();
  structuredClone(bytes, { transfer: [bytes.buffer] });
  assertEquals(asText(await connection.read()), ["cd", 2]);
  connection.abort();
});

for (const stream of ["TCP", "TLS"]) {
  Deno.test(`reuseReadBuffer: a transfer during the next read ends the connection and says why (${stream})`, async () => {
    const authority = await Authority.make("Tests");
    const [listening, dialling] = stream === "TCP" ? [{}, {}] : [
      { secureSocket: await authority.sign() },
      // By the engine whose bytes this library itself puts into the buffer.
      { secureSocket: { caCerts: [authority.cert], exposePeerCertificate: true } },
    ];
    await using listener = new Listener(0, { interface: "127.0.0.1", ...listening });
    const accepted = Promise.withResolvers<Caller>();
    listener.attach({
      onConnect(caller) {
        accepted.resolve(caller);
        void caller.write("ab");
      },
    });
    await listener.start();
    const where = { host: "127.0.0.1", port: listener.port };
    await using client = await Client.connect({ ...where, ...dialling, ...LENT });
    const [bytes] = await client.read(2);
    const next = assertRejects(() => client.read(), GenericError);
    await microtasksDrained(); // it has begun
    structuredClone(bytes, { transfer: [bytes.buffer] });
    void (await accepted.promise).write("cd");
    const error = await next;
    assertEquals(error.code, "broken");
    assertStringIncludes(error.message, "have been transferred away");
  });
}

Deno.test("reuseReadBuffer must be true or false", () => {
  const config = { reuseReadBuffer: "yes" } as unknown as { reuseReadBuffer: boolean };
  let error: unknown;
  try {
    new Connection({} as never, config);
  } catch (thrown) {
    error = thrown;
  }
  assert(error instanceof TypeError);
  assertStringIncludes(error.message, "reuseReadBuffer must be true or false");
});
