import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type ConnectionConfig, ReadTimedOutError } from "../../mod.ts";
import { coreOf } from "../../src/connection/connection.ts";
import { Pace, Paces } from "../../src/connection/pace.ts";
import { serve } from "../../src/connection/service_loop.ts";
import { end, silence, until, VirtualClock } from "../../testing/mod.ts";
import { isPending, readsOf, scriptedConnection } from "../support/scripted_connection.ts";

/** Moves as many bytes as it may, as soon as it may. */
function mover(bytesPerSecond: number) {
  const clock = new VirtualClock();
  const due: number[] = [];
  const pace = new Pace(bytesPerSecond, { clock, lookBy: (at) => void due.push(at) });
  let moved = 0;
  const move = () => {
    while (pace.mayGo(move)) {
      pace.took(pace.most);
      moved += pace.most;
    }
  };
  return { clock, pace, due, move, moved: () => moved };
}

Deno.test("Pace lets as many bytes move per second as it shall, in small pieces", async () => {
  for (const rate of [1, 7, 100, 12_345, 10_000_000]) {
    const { clock, pace, move, moved } = mover(rate);
    move();
    const atOnce = moved();
    assert(atOnce <= Math.max(2, rate * 0.2), `${atOnce} at once of ${rate}`);
    for (let i = 0; i < 5_000; i++) {
      await clock.advance(2);
      pace.look(clock.now());
      const allowed = Math.max(2, rate * 0.2) + rate * clock.now() / 1_000;
      assert(moved() <= allowed, `${moved()} of ${rate} after ${clock.now()} ms`);
    }
    assert(moved() >= rate * 9.9, `only ${moved()} of ${rate} in ten seconds`);
  }
});

Deno.test("Pace asks to be looked at when it is time, and lets go once", async () => {
  const { clock, pace, due, move } = mover(100);
  move();
  assertEquals([due, pace.due, pace.isHolding], [[100], 100, true]);
  pace.look(99);
  assertEquals(due.length, 1);
  await clock.advance(100);
  pace.look(100);
  assertEquals([due, pace.due], [[100, 200], 200]);
  // Who does not ask does not wait.
  const quiet = mover(100);
  assertEquals([quiet.pace.due, quiet.pace.isHolding, quiet.pace.mayGo(() => {})], [
    Infinity,
    false,
    true,
  ]);
});

Deno.test("Pace that is released holds nothing back, and lets go who waits", () => {
  const { pace, clock } = mover(1);
  pace.took(100);
  let went = 0;
  assertEquals(pace.mayGo(() => went++), false);
  pace.release();
  pace.release();
  assertEquals([went, pace.mayGo(() => went++), pace.due, clock.pending], [1, true, Infinity, 0]);
});

Deno.test("Paces.of() makes nothing where nothing is limited", () => {
  const host = { clock: new VirtualClock(), lookBy() {} };
  const none = { maxBytesReadPerSecond: Infinity, maxBytesWrittenPerSecond: Infinity };
  assertEquals(Paces.of(none, host), undefined);
  const reading = Paces.of({ ...none, maxBytesReadPerSecond: 5 }, host)!;
  assertEquals([reading.read?.most, reading.write, reading.due], [1, undefined, Infinity]);
});

Deno.test("Paces.heldAt() tells until when something was held back", async () => {
  const clock = new VirtualClock();
  const limits = { maxBytesReadPerSecond: 10, maxBytesWrittenPerSecond: Infinity };
  const paces = Paces.of(limits, { clock, lookBy() {} })!;
  assertEquals(paces.heldAt(0), -Infinity);
  paces.read!.took(2);
  assertEquals([paces.read!.mayGo(() => {}), paces.heldAt(50)], [false, 50]);
  await clock.advance(100);
  paces.look(100);
  assertEquals([paces.isHolding, paces.heldAt(150)], [false, 100]);
});

const text = Array.from({ length: 1_000 }, (_, i) => String(i)).join(" ").slice(0, 3_000);

Deno.test("ConnectionConfig.maxBytesReadPerSecond delays reads, and loses nothing", async () => {
  for (const canTry of [false, true]) {
    const config = {
      maxBytesReadPerSecond: 1_000,
      readTimeoutInMillis: 50,
      idleTimeoutInMillis: 60,
    };
    const { connection, clock } = scriptedConnection([text, end()], config, { canTry });
    let received = "";
    void (async () => {
      for await (const bytes of connection) received += new TextDecoder().decode(bytes);
    })();
    for (let second = 0; second < 2; second++) {
      await clock.advance(1_000);
      const most = (second + 1) * 1_000 + 200;
      assert(received.length <= most && received.length >= most - 300, `${received.length}`);
    }
    await clock.advance(1_000);
    assertEquals(received, text);
    connection.abort();
    assertEquals(clock.pending, 0);
  }
});

Deno.test("ConnectionConfig.maxBytesWrittenPerSecond delays writes, and loses nothing", async () => {
  for (const canTry of [false, true]) {
    for (const writes of [[], [3, 70, 1, 20]]) {
      const config: ConnectionConfig = {
        maxBytesWrittenPerSecond: 1_000,
        writeTimeoutInMillis: 50,
        idleTimeoutInMillis: 60,
      };
      const { connection, peer, clock } = scriptedConnection([], config, { canTry, writes });
      const written = connection.write(text.slice(0, 2_000));
      void connection.write(text.slice(2_000));
      for (let second = 0; second < 2; second++) {
        await clock.advance(1_000);
        const most = (second + 1) * 1_000 + 200;
        const { length } = peer.writtenText;
        assert(length <= most && length >= most - 300, `${length} of ${writes}`);
      }
      await clock.advance(1_000);
      assertEquals(await written, 2_000);
      assertEquals([peer.writtenText, connection.queuedBytes], [text, 0]);
      assertEquals(peer.violations, []);
      await clock.advance(60);
      assertEquals((await connection.closed)!.code, "timed-out");
    }
  }
});

Deno.test("Connection with a pace still has its timeouts, for what the peer does not do", async () => {
  const config = { maxBytesReadPerSecond: 100, maxBytesWrittenPerSecond: 100 };
  const reading = scriptedConnection(["x".repeat(15)], { ...config, readTimeoutInMillis: 500 });
  const late = reading.connection.read(20).catch((error) => error);
  await reading.clock.advance(1_000);
  assert(await late instanceof ReadTimedOutError);
  assertEquals((await reading.connection.read(15))[1], 15);
  reading.connection.abort();

  const slow = scriptedConnection(["x".repeat(50)], { ...config, readTimeoutInMillis: 50 });
  const whole = slow.connection.read(50);
  await slow.clock.advance(1_000);
  assertEquals((await whole)[1], 50);
  slow.connection.abort();

  const writing = scriptedConnection([], { ...config, writeTimeoutInMillis: 500 }, {
    writes: [10, silence()],
  });
  void writing.connection.write("x".repeat(30));
  await writing.clock.advance(2_000);
  assertStringIncludes((await writing.connection.closed)!.message, "took none of 20 bytes");
});

Deno.test("Connection with a pace that reads ahead does not blame the peer for it", async () => {
  const { connection, clock } = scriptedConnection(["x".repeat(50)], {
    maxBytesReadPerSecond: 100,
    readTimeoutInMillis: 20,
  });
  void connection.signal;
  const reading = (async () => {
    for (let i = 0; i < 5; i++) assertEquals((await connection.read(10))[1], 10);
  })();
  await clock.advance(1_000);
  await reading;
  const late = connection.read().catch((error) => error);
  await clock.advance(200);
  assert(await late instanceof ReadTimedOutError);
  connection.abort();
});

Deno.test("Connection with a pace is not deaf for it", async () => {
  const heartbeat = { deafAfterInMillis: 20 };
  const { connection, clock } = scriptedConnection(["x".repeat(50), end()], {
    maxBytesReadPerSecond: 100,
    heartbeat,
  });
  const reading = connection.read(50);
  await clock.advance(1_000);
  assertEquals((await reading)[1], 50);
  connection.abort();
});

Deno.test("Connection.close() sends at its pace, and drains at once", async () => {
  const config = { maxBytesReadPerSecond: 1, maxBytesWrittenPerSecond: 100 };
  const { connection, peer, clock } = scriptedConnection(["much of it", end()], config);
  await connection.read(1);
  void connection.write("x".repeat(60));
  void connection.close();
  await clock.advance(300);
  assert(peer.writtenText.length < 60 && await isPending(clock, connection.closed));
  await clock.advance(400);
  assertEquals([peer.writtenText.length, await connection.closed, clock.pending], [
    60,
    undefined,
    0,
  ]);
  // Everything was read until the end, so that no reset takes away what was sent.
  assert(readsOf(peer) >= 2);
});

Deno.test("Connection.close() that its pace makes too long ends at closeTimeoutInMillis", async () => {
  const config = { maxBytesWrittenPerSecond: 10, closeTimeoutInMillis: 1_000 };
  const { connection, clock } = scriptedConnection([], config);
  void connection.write("x".repeat(100));
  void connection.close();
  await clock.advance(1_000);
  assertEquals([(await connection.closed)!.code, clock.pending], ["timed-out", 0]);
});

Deno.test("Connection whose read is held back is stopped when it has read what had come", async () => {
  const { connection, clock } = scriptedConnection(["x".repeat(40)], {
    maxBytesReadPerSecond: 100,
  });
  let received = 0;
  serve(connection, { onBytes: (_, bytes) => void (received += bytes.length) });
  await clock.settle();
  coreOf(connection).stop();
  await clock.advance(150);
  assert(received > 10 && received < 40, `${received}`);
  await clock.advance(1_000);
  assertEquals([received, await connection.closed], [40, undefined]);
});

Deno.test("Bytes that are transferred while their turn is held back end the connection, and no hole is sent", async () => {
  const { connection, peer, clock } = scriptedConnection([], { maxBytesWrittenPerSecond: 100 });
  const bytes = new Uint8Array(50).fill(120);
  const written = connection.write(bytes).catch((error) => error);
  await clock.advance(50);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  await clock.advance(1_000);
  assertEquals([(await written).code, (await connection.closed)!.code], ["broken", "broken"]);
  assert(peer.writtenText.length < 50);
});

Deno.test("Connection with a pace that is ended while it is held back leaves nothing behind", async () => {
  const config = { maxBytesReadPerSecond: 10, maxBytesWrittenPerSecond: 10 };
  const open = Promise.withResolvers<void>();
  const { connection, clock } = scriptedConnection(["x".repeat(40)], config, {
    writes: [1, until(open.promise)],
  });
  const ends = [connection.read(40), connection.write("x".repeat(40))].map((each) =>
    each.catch(({ code }) => code)
  );
  await clock.advance(250);
  connection.abort();
  assertEquals(await Promise.all(ends), ["aborted", "aborted"]);
  await clock.advance(10_000);
  assertEquals(clock.pending, 0);
});
