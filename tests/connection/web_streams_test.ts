import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Connection, SocketError } from "../../mod.ts";
import {
  broken,
  connectedTransports,
  end,
  microtasksDrained,
  reset,
  scriptedTransport,
  silence,
  type VirtualClock,
} from "../../testing/mod.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { plainTurns } from "../../src/network/turns.ts";
import { WorkClock } from "../support/share_host.ts";
import { isPending, scriptedConnection } from "../support/scripted_connection.ts";

Deno.test("Connection.readable gives the bytes to the end, decoded on the way", async () => {
  const { connection } = scriptedConnection(["Gr\u00fc", "\u00dfe", end()]);
  let text = "";
  for await (const part of connection.readable.pipeThrough(new TextDecoderStream())) text += part;
  assertEquals(text, "Grüße");
  assertEquals(await connection.write("still open"), 10);
  connection.abort();
});

Deno.test("Connection.readable reads only when it is asked", async () => {
  const { connection, peer, clock } = scriptedConnection(["abc"]);
  const reader = connection.readable.getReader();
  await clock.settle();
  assertEquals(peer.calls.filter((call) => call.startsWith("read")), []);
  assertEquals((await reader.read()).value, new Uint8Array([97, 98, 99]));
  connection.abort();
});

Deno.test("Connection.readable fills the buffers that are brought, and gives them back at the end", async () => {
  const { connection } = scriptedConnection(["abcde", end()]);
  const reader = connection.readable.getReader({ mode: "byob" });
  const parts: string[] = [];
  for (;;) {
    const { value, done } = await reader.read(new Uint8Array(3));
    if (done) {
      assertEquals(value!.byteLength, 0);
      break;
    }
    parts.push(new TextDecoder().decode(value));
  }
  assertEquals(parts, ["abc", "de"]);
  connection.abort();
});

/** A reader of `readable`, with a buffer of that size or without one, waits in vain and is released. */
async function waitAndRelease(connection: Connection, clock: VirtualClock, size?: number) {
  const { readable } = connection;
  const reader = size === undefined ? readable.getReader() : readable.getReader({ mode: "byob" });
  const read = reader instanceof ReadableStreamBYOBReader
    ? reader.read(new Uint8Array(size!))
    : reader.read();
  await clock.settle();
  reader.releaseLock();
  await assertRejects(() => read, TypeError);
}

Deno.test("Connection.readable gives whoever reads next what a released reader waited for", async () => {
  const text = (bytes?: Uint8Array) => new TextDecoder().decode(bytes);
  const ways: { [name: string]: (readable: ReadableStream<Uint8Array>) => Promise<unknown> } = {
    "another default reader": async (readable) => text((await readable.getReader().read()).value),
    "another byob reader": async (readable) =>
      text((await readable.getReader({ mode: "byob" }).read(new Uint8Array(9))).value),
    "a byob reader that wants it all": async (readable) =>
      text((await readable.getReader({ mode: "byob" }).read(new Uint8Array(9), { min: 6 })).value),
    "a loop": async (readable) => {
      for await (const bytes of readable) return text(bytes);
      return undefined;
    },
    "both branches of a tee": async (readable) => {
      const branches = readable.tee().map(async (branch) =>
        text((await branch.getReader().read()).value)
      );
      const [one, two] = await Promise.all(branches);
      assertEquals(one, two);
      return one;
    },
  };
  for (const [name, readBy] of Object.entries(ways)) {
    for (const released of [[9], [9, 9], [2, 9], [undefined], [undefined, 9]]) {
      const { connection, peer, clock } = scriptedConnection([]);
      for (const size of released) await waitAndRelease(connection, clock, size);
      const next = readBy(connection.readable);
      await clock.settle();
      peer.say("abcdef", silence());
      assert(!await isPending(clock, next), `${name} after ${released}`);
      const first = await next as string;
      assert("abcdef".startsWith(first) && first !== "", `${name} after ${released}: ${first}`);
      connection.abort();
    }
  }
});

Deno.test("Connection.readable whose reader was released while it waited is in nobody's way", async () => {
  const text = ([bytes]: [Uint8Array, number]) => new TextDecoder().decode(bytes);
  const reads: { [name: string]: (connection: Connection) => Promise<string | undefined> } = {
    "read()": async (connection) => text(await connection.read()),
    "read(3)": async (connection) => text(await connection.read(3)),
    "read(into)": async (connection) => text(await connection.read(new Uint8Array(3))),
    "readLine()": async (connection) => await connection.readLine(),
    "an iteration": async (connection) => {
      for await (const bytes of connection) return text([bytes, 0]);
      return undefined;
    },
    "readable": async ({ readable }) => text([(await readable.getReader().read()).value!, 0]),
  };
  for (const [name, read] of Object.entries(reads)) {
    for (const comesFirst of [true, false]) {
      const { connection, peer, clock } = scriptedConnection([]);
      await waitAndRelease(connection, clock);
      if (comesFirst) peer.say("one", silence());
      await clock.settle();
      const next = read(connection);
      await clock.settle();
      if (!comesFirst) peer.say("one", silence());
      await clock.settle();
      peer.say("\n", silence());
      assert(!await isPending(clock, next), name);
      assertEquals(await next, "one", name);
      peer.say("two", end());
      let rest = "";
      if (!connection.readable.locked) {
        for await (const bytes of connection.readable) rest += text([bytes, 0]);
        assertEquals(rest.trim(), "two", name);
      }
      connection.abort();
    }
  }
});

Deno.test("Connection.readable loses nothing of a released reader whose bytes come before the next one", async () => {
  const { connection, peer, clock } = scriptedConnection([]);
  await waitAndRelease(connection, clock, 2);
  peer.say("abcdef", end());
  await clock.settle();
  let all = "";
  for await (const bytes of connection.readable) all += new TextDecoder().decode(bytes);
  assertEquals(all, "abcdef");
  connection.abort();
});

Deno.test("Connection.readable ends whoever reads after a released reader", async () => {
  for (const ending of [end(), reset()]) {
    const { connection, peer, clock } = scriptedConnection([]);
    await waitAndRelease(connection, clock, 2);
    const next = connection.readable.getReader().read().catch((error) => error.code);
    await clock.settle();
    peer.say(ending);
    assert(!await isPending(clock, next));
    connection.abort();
  }
});

Deno.test("Connection.readable never transfers memory that other reads lie in", async () => {
  const { connection, peer } = scriptedConnection(["abc"]);
  const [kept] = await connection.read(2);
  const reader = connection.readable.getReader();
  const { value } = await reader.read();
  assert(value!.buffer !== kept.buffer);
  structuredClone(value, { transfer: [value!.buffer] });
  assertEquals(new TextDecoder().decode(kept), "ab");
  peer.say("d", silence());
  assertEquals((await reader.read()).value, new Uint8Array([100]));
  connection.abort();
});

Deno.test("Connection.readable and writable end by themselves: cancelling one leaves the other", async () => {
  const { connection, peer, clock } = scriptedConnection(["abc"]);
  await connection.readable.cancel("enough");
  assertEquals((await connection.read())[1], -1);
  const writer = connection.writable.getWriter();
  await writer.write("text");
  await writer.write(new Uint8Array([33]));
  assertEquals(peer.writtenText, "text!");
  assert(await isPending(clock, connection.closed));
  await writer.close();
  await clock.advance(50);
  assertEquals(await connection.closed, undefined);
});

Deno.test("Connection.writable closed or aborted ends its direction, and reading goes on", async () => {
  for (const how of ["close", "abort"] as const) {
    const { connection, peer } = scriptedConnection();
    await connection.writable[how]();
    assert(peer.calls.includes("closeWrite"), how);
    peer.say("later", silence());
    assertEquals((await connection.read())[1], 5);
    connection.abort();
  }
});

Deno.test("Connection's streams end with the error that ended the connection", async () => {
  const reading = scriptedConnection(["ab", reset()]);
  const reader = reading.connection.readable.getReader();
  await reader.read();
  const error = await assertRejects(() => reader.read(), SocketError);
  assertEquals(error.code, "broken");

  const writing = scriptedConnection([], {}, { writes: [broken()] });
  const writer = writing.connection.writable.getWriter();
  const failed = await writer.write("x").catch((error) => error);
  assertEquals((failed as SocketError).code, "broken");
  await writing.clock.advance(50); // Nothing arrived before.
  assertStrictEquals((await writing.connection.closed)!.cause, (failed as SocketError).cause);
});

Deno.test("Connection.writable refuses what is neither bytes nor text", async () => {
  const { connection } = scriptedConnection();
  await assertRejects(
    () => connection.writable.getWriter().write(5 as unknown as string),
    TypeError,
    "Content must be",
  );
  connection.abort();
});

Deno.test("Connection.readable ends normally at close, also for a brought buffer", async () => {
  for (const byob of [false, true]) {
    const { connection, clock } = scriptedConnection();
    const { readable } = connection;
    const read = byob
      ? readable.getReader({ mode: "byob" }).read(new Uint8Array(4))
      : readable.getReader().read();
    await clock.settle();
    void connection.close();
    assertEquals((await read).done, true);
    connection.abort();
  }
});

Deno.test("Connection's streams are each other's match: a pipe through compression and back", async () => {
  const [left, right] = connectedTransports();
  const sender = new Connection(left);
  const receiver = new Connection(right);
  const content = new Uint8Array(300_000).map((_, i) => (i * 7) % 251);
  const sending = new Blob([content]).stream().pipeThrough(new CompressionStream("gzip")).pipeTo(
    sender.writable,
  );
  const received = new Response(receiver.readable.pipeThrough(new DecompressionStream("gzip")))
    .bytes();
  await sending;
  assertEquals(await received, content);
  await Promise.all([sender.close(), receiver.close()]);
});

Deno.test("Connection.readable goes on after a reader that was released while it let others go first", async () => {
  let hits = 0;
  // One of these is the first that lets others go first.
  for (let before = 0; before < 8; before++) {
    const clock = new WorkClock();
    const others: (() => void)[] = [];
    const turns = {
      ...plainTurns,
      stepBack: () => new Promise<boolean>((resolve) => others.push(() => resolve(false))),
    };
    const transport = scriptedTransport(["a line\nand a rest", silence()], { clock });
    const connection = new Connection(transport, { network: { ...denoNetwork, clock, turns } });
    await connection.peek(3);
    for (let i = 0; i < before && others.length === 0; i++) {
      clock.work(1);
      void connection.peek(1);
    }
    clock.work(1);
    if (others.length > 0) break;
    const released = connection.readable.getReader();
    const given = released.read().catch(() => "released");
    await microtasksDrained();
    released.releaseLock();
    if (await given !== "released") continue;
    hits++;
    const line = connection.readLine();
    const goOn = async () => {
      for (let i = 0; i < 5; i++) {
        for (const resolve of others.splice(0)) resolve();
        await microtasksDrained();
      }
    };
    await goOn();
    assertEquals(await line, "a line");
    const rest = connection.readable.getReader().read();
    await goOn();
    assertEquals(new TextDecoder().decode((await rest).value), "and a rest");
    connection.abort();
  }
  assertEquals(hits > 0, true);
});
