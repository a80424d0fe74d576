import { assertEquals } from "@std/assert";
import { coreOf } from "../../src/connection/connection.ts";
import { Stopping } from "../../src/connection/stopping.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import type { Step } from "../../testing/mod.ts";
import { arrivingConnection, scriptedConnection } from "../support/scripted_connection.ts";

/** A stop of a connection whose peer has said something, and what a service is busy with. */
function stopping(script: (string | Step)[] = []) {
  const { connection, clock } = scriptedConnection(script);
  const { reader, writer } = coreOf(connection);
  const attendant = {
    isCalling: false,
    isConnecting: false,
    isReading: true,
    isParting: false,
    part: () => false,
    onFreed: () => {},
  };
  let closes = 0;
  const ends = { ofReading: 0 };
  const stoppable = {
    reader,
    writer,
    attendant: attendant as typeof attendant | undefined,
    isOpen: true,
    isPaused: false,
    close: () => void closes++,
    endReading: () => void ends.ofReading++,
    lookBy: () => {},
  };
  const it = new Stopping(stoppable);
  const isClosed = () => {
    closes = 0;
    it.closeIfIdle();
    return closes > 0;
  };
  return { connection, clock, stoppable, attendant, ends, isClosed };
}

Deno.test("Stopping closes a connection that has nothing to do", () => {
  const { connection, stoppable, attendant, isClosed } = stopping();
  assertEquals(isClosed(), true);
  attendant.isCalling = true;
  assertEquals(isClosed(), false);
  stoppable.attendant = undefined;
  assertEquals(isClosed(), false);
  stoppable.attendant = { ...attendant, isCalling: false, isReading: false };
  assertEquals(isClosed(), true);
  stoppable.isPaused = true;
  assertEquals(isClosed(), false);
  Object.assign(stoppable, { isPaused: false, isOpen: false });
  assertEquals(isClosed(), false);
  stoppable.isOpen = true;
  void connection.write("queued").catch(() => {});
  assertEquals(isClosed(), false);
  connection.abort();
});

Deno.test("Stopping leaves what had come to be read first, and looks before it says that nothing had", async () => {
  const { connection, clock, stoppable, isClosed } = stopping(["unread"]);
  void connection.read(1);
  await clock.settle();
  assertEquals(isClosed(), false);
  await connection.read(5);
  assertEquals(isClosed(), true);
  // Who has read and does not wait for more may be busy with that.
  stoppable.attendant = undefined;
  assertEquals(isClosed(), false);
  void connection.read().catch(() => {});
  // The peer's end may lie right behind what was read.
  assertEquals(isClosed(), false);
  for (let i = 0; i < 3; i++) await denoNetwork.turns!.looked!();
  await clock.settle();
  assertEquals(isClosed(), true);
  connection.abort();

  const fresh = stopping();
  let closes = 0;
  fresh.stoppable.close = () => void closes++;
  void fresh.connection.read().catch(() => {});
  fresh.isClosed();
  assertEquals(closes, 0);
  for (let i = 0; i < 3; i++) await denoNetwork.turns!.looked!();
  await fresh.clock.settle();
  assertEquals(closes, 1);
  fresh.connection.abort();
});

Deno.test("Stopping ends only reading while a call waits that may work besides, and closes at its end", async () => {
  const { connection, clock, stoppable, attendant, ends, isClosed } = stopping();
  Object.assign(attendant, { isCalling: true, isConnecting: true });
  const looks = async () => {
    for (let i = 0; i < 3; i++) await denoNetwork.turns!.looked!();
    await clock.settle();
  };
  void connection.read().catch(() => {});
  let closes = 0;
  stoppable.close = () => void closes++;
  isClosed();
  await looks();
  assertEquals([closes, ends.ofReading], [0, 1]);
  isClosed();
  assertEquals([closes, ends.ofReading], [0, 1]);
  attendant.isCalling = false;
  isClosed();
  assertEquals([closes, ends.ofReading], [1, 1]);
  connection.abort();
});

Deno.test("A stop waits for what cannot be read yet, and goes on when there was nothing in it", async () => {
  const { connection, clock, arrive } = arrivingConnection();
  const looks = async () => {
    for (let i = 0; i < 3; i++) await denoNetwork.turns!.looked!();
    await clock.settle();
  };
  void connection.read().catch(() => {});
  await clock.settle();
  arrive(1);
  const core = coreOf(connection);
  core.stop();
  await looks();
  assertEquals(core.isOpen, true);
  arrive(0);
  await looks();
  assertEquals([core.isOpen, core.endedBy], [false, "stop"]);
  connection.abort();
});

Deno.test("A stop takes for begun what cannot be read yet, where nobody waits or a new peer may say something", async () => {
  const attendant = { isReading: false, isCalling: false, isConnecting: false, isParting: false };
  const attend = { ...attendant, part: () => false, onFreed: () => {} };
  // Nobody has ever read.
  const untouched = arrivingConnection();
  coreOf(untouched.connection).attend(attend);
  untouched.arrive(1);
  coreOf(untouched.connection).stop();
  assertEquals(coreOf(untouched.connection).isOpen, false);
  untouched.connection.abort();

  // A read was given up.
  const given = arrivingConnection();
  coreOf(given.connection).attend(attend);
  const giving = new AbortController();
  const reading = given.connection.read(1, { signal: giving.signal }).catch(() => {});
  await given.clock.settle();
  given.arrive(1);
  giving.abort();
  await reading;
  coreOf(given.connection).stop();
  await given.clock.settle();
  assertEquals(coreOf(given.connection).isOpen, true);
  given.connection.abort();

  const fresh = arrivingConnection();
  void fresh.connection.read().catch(() => {});
  coreOf(fresh.connection).stop(100);
  await fresh.clock.advance(50);
  fresh.arrive(1);
  for (let i = 0; i < 3; i++) await denoNetwork.turns!.looked!();
  await fresh.clock.advance(100);
  assertEquals(coreOf(fresh.connection).isOpen, true);
  fresh.connection.abort();
});
