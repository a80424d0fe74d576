import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { Connection, ReadTimedOutError, SocketError } from "../../mod.ts";
import {
  connectedTransports,
  end,
  pause,
  reset,
  scriptedTransport,
  silence,
  type Transport,
} from "../../testing/mod.ts";
import { asText, isPending, scriptedConnection } from "../support/scripted_connection.ts";

const decoder = new TextDecoder();

Deno.test("Connection tells both addresses, its id and what went through", async () => {
  using transport = scriptedTransport(["abc", end()], {
    localAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1000 },
    remoteAddr: { transport: "unix", path: "/run/peer" },
  });
  const connection = new Connection(transport);
  const other = new Connection(scriptedTransport([]));
  assertNotEquals(connection.id, other.id);
  assertEquals([connection.localAddress, connection.localPort], ["127.0.0.1", 1000]);
  assertEquals([connection.remoteAddress, connection.remotePort], ["/run/peer", 0]);
  await connection.read();
  await connection.write("12345");
  assertEquals([connection.bytesRead, connection.bytesWritten, connection.queuedBytes], [3, 5, 0]);
  connection.abort();
  other.abort();
});

Deno.test("Connection switches the delay of small writes off, and survives a transport that is gone", () => {
  const { connection, peer } = scriptedConnection();
  assertEquals(peer.calls[0], "setNoDelay true");
  connection.abort();
  const transport = scriptedTransport([]);
  transport.setNoDelay = () => {
    throw new Error("Invalid argument (os error 22)");
  };
  new Connection(transport).abort();
});

Deno.test("Connection iterates over the bytes as they come, to the end", async () => {
  const { connection, peer } = scriptedConnection(["ab", "c", "def", end()]);
  const chunks: string[] = [];
  for await (const chunk of connection) chunks.push(decoder.decode(chunk));
  assertEquals(chunks, ["ab", "c", "def"]);
  for await (const _ of connection) throw new Error("must not come");
  connection.abort();
  assertEquals(peer.violations, []);
});

Deno.test("Connection stays open when a loop is left, and the next one goes on", async () => {
  const { connection } = scriptedConnection(["ab", "cd", "ef", end()]);
  const chunks: string[] = [];
  for await (const chunk of connection) {
    chunks.push(decoder.decode(chunk));
    break;
  }
  assertEquals(asText(await connection.read(1)), ["c", 1]);
  for await (const chunk of connection) chunks.push(decoder.decode(chunk));
  assertEquals(chunks.join(""), "abdef");
  connection.abort();
});

Deno.test("Connection's loop throws ReadTimedOutError, stays open, and a new loop loses nothing", async () => {
  const { connection, clock } = scriptedConnection(["ab", pause(150), "cd", end()], {
    readTimeoutInMillis: 100,
  });
  const chunks: string[] = [];
  const loop = async () => {
    for await (const chunk of connection) chunks.push(decoder.decode(chunk));
  };
  const first = assertRejects(loop, ReadTimedOutError);
  await clock.advance(100);
  await first;
  const second = loop();
  await clock.advance(100);
  await second;
  assertEquals(chunks, ["ab", "cd"]);
  connection.abort();
});

Deno.test("Connection's loop throws what ended the connection, after the bytes before it", async () => {
  const { connection } = scriptedConnection(["ab", reset()]);
  const chunks: string[] = [];
  const error = await assertRejects(async () => {
    for await (const chunk of connection) chunks.push(decoder.decode(chunk));
  }, SocketError);
  assertEquals([chunks, error.code], [["ab"], "broken"]);
});

Deno.test("Connection has one consumer: a second loop at the same time is refused as busy", async () => {
  const { connection, peer } = scriptedConnection();
  const first = connection[Symbol.asyncIterator]().next();
  const error = await assertRejects(() => connection[Symbol.asyncIterator]().next(), SocketError);
  assertEquals(error.code, "busy");
  peer.say("x", silence());
  assertEquals((await first).done, false);
  connection.abort();
});

Deno.test("Connection.write() takes text as UTF-8", async () => {
  const { connection, peer } = scriptedConnection();
  assertEquals(await connection.write("Grüße"), 7);
  assertEquals(peer.writtenText, "Grüße");
  connection.abort();
});

Deno.test("Connection is closed at the end of its await using block", async () => {
  const { connection, peer, clock } = scriptedConnection(["x", end()]);
  {
    await using disposed = connection;
    await disposed.read(2);
    assert(await isPending(clock, connection.closed));
  }
  assertEquals([peer.isClosed, await connection.closed], [true, undefined]);
});

Deno.test("Connection refuses a wrong config at once", () => {
  using transport = scriptedTransport([]);
  assertThrows(
    () => new Connection(transport, { readTimeoutInMillis: 0 }),
    RangeError,
    "readTimeoutInMillis",
  );
  assertEquals(transport.calls, []);
  transport.close();
});

Deno.test("Connection.read() takes its options alone, as readLine() does", async () => {
  const { connection, clock } = scriptedConnection([pause(150), "abc", end()]);
  const read = connection.read({ timeoutInMillis: 100 });
  read.catch(() => {});
  await clock.advance(100);
  await assertRejects(() => read, ReadTimedOutError, "nothing came for 100 ms");
  const next = connection.read({ timeoutInMillis: 100 });
  await clock.advance(100);
  assertEquals(asText(await next), ["abc", 3]);
  const reason = new Error("enough");
  assertEquals(
    await connection.read({ signal: AbortSignal.abort(reason) }).catch((e) => e),
    reason,
  );
  const misspelled = { timeout: 3 } as Record<string, number>;
  await assertRejects(() => connection.read(misspelled), TypeError, "use timeoutInMillis");
  // What is an object and no options is no reason to read everything.
  for (const odd of [new ArrayBuffer(8), [5], Promise.resolve(5), AbortSignal.abort()]) {
    await assertRejects(() => connection.read(odd as never), TypeError, "must be a number");
  }
  connection.abort();
});

Deno.test("new Connection() refuses a transport that has no addresses", () => {
  for (const missing of ["localAddr", "remoteAddr"]) {
    const { read, write, closeWrite, close, localAddr, remoteAddr } = connectedTransports()[0];
    const made = { read, write, closeWrite, close, localAddr, remoteAddr, [missing]: undefined };
    assertThrows(() => new Connection(made as Transport), TypeError, `transport.${missing}`);
  }
});
