import { assert, assertEquals } from "@std/assert";
import { relay, type RelayReport, type SocketError } from "../../mod.ts";
import { coreOf } from "../../src/connection/connection.ts";
import { broken, end, pause, reset, silence } from "../../testing/mod.ts";
import { plainTurns } from "../../src/network/turns.ts";
import { relayedPeers, relayedScripts } from "../support/relayed.ts";

/** How it ended, in one line. */
async function endOf(report: Promise<RelayReport>): Promise<string> {
  const { there, back, end: { by, error, durationInMillis } } = await report;
  return `${there} ${back} ${by} ${(error as SocketError | undefined)?.code} ${durationInMillis}`;
}

for (const canTry of [false, true]) {
  const how = canTry ? "without promises" : "with promises";

  Deno.test(`Relaying carries a reset over, and what came before it, ${how}`, async () => {
    const relayed = relayedScripts(["before", reset()], ["back"], { canTry });
    const { a, b, caller, target, report, clock } = relayed;
    assertEquals(await endOf(report), "6 4 error broken 0");
    assertEquals([caller.writtenText, target.writtenText], ["back", "before"]);
    assertEquals(target.calls.at(-1), "reset");
    assertEquals([(await a.closed)?.code, (await b.closed)?.code], ["broken", "aborted"]);
    assertEquals((await b.closed)?.cause, await a.closed);
    assertEquals([caller.isClosed, target.isClosed, clock.pending], [true, true, 0]);
    assertEquals([...caller.violations, ...target.violations], []);
  });

  Deno.test(`Relaying ends both where a peer takes nothing any more, ${how}`, async () => {
    // The target's last words had come before it was gone.
    const relayed = relayedScripts(["much"], [pause(5), "too much", reset()], {
      canTry,
      writes: [pause(5), broken()],
    });
    const { caller, report, clock } = relayed;
    await clock.runUntilIdle();
    assertEquals(await endOf(report), "0 8 error broken 5");
    assertEquals([caller.writtenText, caller.calls.at(-1)], ["too much", "reset"]);
  });
}

Deno.test("Relaying waits for a slow peer with what a broken one has said", async () => {
  const { report, target, clock } = relayedScripts(["said", reset()], [], {
    writes: [pause(1_000), 2, pause(1_000)],
  });
  await clock.advance(1_000);
  assertEquals([target.writtenText, target.isClosed], ["sa", false]);
  await clock.advance(1_000);
  assertEquals(await endOf(report), "4 0 error broken 2000");
  assertEquals(target.writtenText, "said");
});

Deno.test("Relaying passes on what was read ahead of a reset, whatever the peer is slow to take", async () => {
  const { a, report, target, clock } = relayedScripts(
    ["one", pause(10), "two", pause(10), reset()],
    [],
    { writes: [pause(1_000)] },
  );
  assertEquals(a.signal.aborted, false);
  await clock.advance(20);
  assertEquals([a.signal.aborted, target.writtenText], [true, ""]);
  await clock.advance(1_000);
  assertEquals(await endOf(report), "6 0 error broken 1000");
  assertEquals(target.writtenText, "onetwo");
});

Deno.test("Relaying passes on what only lets others go first when its peer is gone", async () => {
  const others = Promise.withResolvers<boolean>();
  const { a, report, target, clock } = relayedScripts(
    ["one", pause(10), "two", pause(10), reset()],
    [],
    { writes: [pause(15)], turns: { ...plainTurns, stepBack: () => others.promise } },
  );
  const { share } = coreOf(a).reader.inflow;
  assertEquals(a.signal.aborted, false);
  await clock.advance(12);
  share.lookBeforeRead(0);
  await clock.advance(1);
  share.lookBeforeRead(0);
  assertEquals(share.isUsedUp, true);
  await clock.advance(7);
  // Nothing is being written, and what is left waits for others.
  assertEquals([a.signal.aborted, target.writtenText, target.isClosed], [true, "one", false]);
  others.resolve(false);
  assertEquals(await endOf(report), "6 0 error broken 20");
  assertEquals(target.writtenText, "onetwo");
});

Deno.test("Relaying waits no longer for that than a polite end takes", async () => {
  const { a, report, target, clock } = relayedScripts(["said"], [], { writes: [silence()] });
  await clock.advance(100);
  a.abort();
  await clock.advance(4_999);
  assertEquals(target.isClosed, false);
  await clock.advance(1);
  assertEquals(await endOf(report), "0 0 local aborted 5100");
});

Deno.test("Relaying ends when no byte has passed for idleTimeoutInMillis", async () => {
  const { caller, target, report, clock } = relayedPeers({ idleTimeoutInMillis: 100 });
  await caller.write("a");
  await clock.advance(90);
  await target.write("b");
  await clock.advance(99);
  assertEquals(coreOf(caller).isOpen, true);
  await clock.advance(1);
  assertEquals(await endOf(report), "1 1 error timed-out 190");
  assertEquals((await report).end.error?.message, "Relay ended: no byte passed for 100 ms");
  await Promise.all([caller.close(), target.close()]);
});

Deno.test("Relaying is not idle as long as a slow peer takes something", async () => {
  const { report, target, clock } = relayedScripts(["abcdef"], [], {
    options: { idleTimeoutInMillis: 100 },
    writes: [pause(60), 1, pause(60), 1, pause(60), 1, silence()],
  });
  await clock.advance(200);
  assertEquals([target.writtenText, target.isClosed], ["abc", false]);
  await clock.runUntilIdle();
  assertEquals((await report).end.error?.message, "Relay ended: no byte passed for 100 ms");
  const { durationInMillis } = (await report).end;
  assert(durationInMillis >= 280 && durationInMillis <= 400, `${durationInMillis}`);
});

for (const pace of ["maxBytesReadPerSecond", "maxBytesWrittenPerSecond"]) {
  Deno.test(`Relaying is not idle while ${pace} holds bytes back, and idle after it`, async () => {
    const { report, target, clock } = relayedScripts(["x".repeat(50)], [], {
      options: { idleTimeoutInMillis: 30 },
      config: { [pace]: 100 },
    });
    await clock.runUntilIdle();
    const { there, end: { error, durationInMillis } } = await report;
    assertEquals([there, target.writtenText.length], [50, 50]);
    assertEquals(error?.message, "Relay ended: no byte passed for 30 ms");
    assert(durationInMillis >= 330 && durationInMillis <= 530, `${durationInMillis}`);
  });
}

Deno.test("Relaying lets the other direction rest for halfOpenTimeoutInMillis", async () => {
  const options = { idleTimeoutInMillis: 1_000, halfOpenTimeoutInMillis: 100 };
  const { caller, target, report, clock } = relayedPeers(options);
  await clock.advance(500);
  await caller.shutdownWrite();
  await clock.advance(99);
  await target.write("still there");
  await clock.advance(99);
  assertEquals(coreOf(target).isOpen, true);
  await clock.advance(1);
  assertEquals(await endOf(report), "0 11 error timed-out 699");
  await Promise.all([caller.close(), target.close()]);
});

Deno.test("Relaying lasts for maxDurationInMillis", async () => {
  const { caller, target, report, clock } = relayedPeers({ maxDurationInMillis: 100 });
  await clock.advance(99);
  await caller.write("a");
  await clock.advance(1);
  assertEquals(await endOf(report), "1 0 error timed-out 100");
  assertEquals((await report).end.error?.message, "Relay ended: it lasted for 100 ms");
  await Promise.all([caller.close(), target.close()]);
});

Deno.test("Relaying passes maxBytes on, both directions together, and not one more", async () => {
  const all = relayedScripts(["four", end()], [pause(1), "back", end()], {
    options: { maxBytes: 8 },
  });
  await all.clock.runUntilIdle();
  assertEquals(await endOf(all.report), "4 4 peer undefined 1");
  const more = relayedScripts(["four", end()], [pause(1), "back!", end()], {
    options: { maxBytes: 8 },
  });
  await more.clock.runUntilIdle();
  assertEquals(await endOf(more.report), "4 0 error limit 1");
  assertEquals([more.caller.writtenText, more.caller.calls.at(-1)], ["", "reset"]);
});

Deno.test("Relaying ends with its signal, also one that was aborted before", async () => {
  const controller = new AbortController();
  const { caller, target, a, report, clock } = relayedPeers({ signal: controller.signal });
  await caller.write("a");
  assertEquals((await target.read())[1], 1);
  controller.abort("enough");
  assertEquals(await endOf(report), "1 0 local aborted 0");
  assertEquals((await report).end.error?.cause, "enough");
  assertEquals((await a.closed)?.code, "aborted");
  const late = relayedPeers({ signal: controller.signal });
  assertEquals(await endOf(late.report), "0 0 local aborted 0");
  await Promise.all([caller, target, late.caller, late.target].map((peer) => peer.close()));
  assertEquals(clock.pending + late.clock.pending, 0);
});

Deno.test("Relaying closes one politely where the other one was closed", async () => {
  for (const which of ["a", "b"] as const) {
    const { caller, target, [which]: closed, report, clock } = relayedPeers();
    await caller.write("there");
    await target.write("back");
    await clock.settle();
    void closed.close();
    await clock.runUntilIdle();
    assertEquals((await report).end.by, "local");
    for (const [peer, length] of [[caller, 4], [target, 5]] as const) {
      assertEquals([(await peer.read())[1], (await peer.read())[1]], [length, -1]);
      await peer.close();
    }
  }
});

Deno.test("Relaying says that closing went wrong", async () => {
  const { b, report, clock } = relayedScripts(["stuck"], [], { writes: [silence()] });
  await clock.settle();
  void b.close();
  await clock.runUntilIdle();
  assertEquals(await endOf(report), "0 0 error timed-out 5000");
  assertEquals((await report).end.error, await b.closed);
});

Deno.test("Relaying ends where both are gone with something under way to each other", async () => {
  const { a, b, report, clock } = relayedScripts(["stuck"], ["too"], {
    writes: [silence()],
    writesBack: [silence()],
  });
  await clock.settle();
  a.abort("first");
  await clock.settle();
  assertEquals(coreOf(b).isOpen, true);
  b.abort("second");
  assertEquals(await endOf(report), "0 0 local aborted 0");
  assertEquals(clock.pending, 0);
});

Deno.test("Relaying leaves what its user has written meanwhile all its time", async () => {
  const { b, report, target, clock } = relayedScripts([pause(1), end()], [pause(1), end()], {
    writes: [pause(10_000)],
  });
  void b.write("aside");
  await clock.runUntilIdle();
  assertEquals(await endOf(report), "0 0 peer undefined 10000");
  assertEquals(target.writtenText, "aside");
});

Deno.test("Relaying counts silence from when the last bytes were taken, and leaves nothing behind", async () => {
  const { signal } = new AbortController();
  let added = 0;
  let removed = 0;
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  using all = new DisposableStack();
  all.defer(() => Object.assign(EventTarget.prototype, { addEventListener, removeEventListener }));
  // Not on the signal: one whose own methods were replaced is only followed.
  Object.assign(EventTarget.prototype, {
    addEventListener(this: EventTarget, ...args: Parameters<typeof addEventListener>) {
      if (this === signal) added++;
      addEventListener.apply(this, args);
    },
    removeEventListener(this: EventTarget, ...args: Parameters<typeof removeEventListener>) {
      if (this === signal) removed++;
      removeEventListener.apply(this, args);
    },
  });
  const { a, b, report, clock } = relayedScripts(["slow"], [], {
    options: { idleTimeoutInMillis: 100, maxDurationInMillis: 10_000, signal },
    writes: [pause(60)],
  });
  await clock.advance(160);
  assertEquals(await endOf(report), "4 0 error timed-out 160");
  assertEquals([clock.pending, added, removed], [0, 1, 1]);
  // They are nobody's now.
  assertEquals((await relay(a, b)).end.by, "local");
});

Deno.test("Relaying tells a stop whether something is known to be under way", async () => {
  const { caller, target, a, b, report, clock } = relayedPeers();
  const stop = () => {
    coreOf(a).stop();
    return clock.settle();
  };
  await caller.write("question");
  assertEquals((await target.read())[1], 8);
  await stop();
  // However long the answer takes.
  await clock.advance(100_000);
  assertEquals(coreOf(a).isOpen, true);
  await target.write("ans");
  await clock.advance(200);
  await target.write("wer");
  await clock.advance(249);
  assertEquals(coreOf(a).isOpen, true);
  await clock.runUntilIdle();
  assertEquals(coreOf(a).isFreed, true);
  const { there, back, end: { by, error } } = await report;
  assertEquals([there, back, by, error], [8, 6, "stop", undefined]);
  assertEquals([(await caller.read())[1], (await caller.read())[1]], [6, -1]);
  assertEquals((await target.read())[1], -1);
  assertEquals(await b.closed, undefined);
  await Promise.all([caller.close(), target.close()]);
  assertEquals(clock.pending, 0);
});

Deno.test("Relaying has a stop wait for an answer that its pace holds back", async () => {
  const { caller, a, report, clock } = relayedScripts(["?"], ["answer"], {
    config: { maxBytesReadPerSecond: 1 },
  });
  await clock.settle();
  coreOf(a).stop();
  await clock.runUntilIdle();
  const { there, back, end: { by, error } } = await report;
  assertEquals([there, back, by, error], [1, 6, "stop", undefined]);
  assertEquals(caller.writtenText, "answer");
});

Deno.test("Relaying has no stop wait for an answer from a peer that has ended", async () => {
  const { caller, target, a, report, clock } = relayedPeers();
  await target.shutdownWrite();
  await caller.write("into the void");
  await clock.settle();
  coreOf(a).stop();
  await clock.runUntilIdle();
  // A quarter of a second of silence, and what a polite end takes.
  assertEquals(await endOf(report), "13 0 stop undefined 300");
  await Promise.all([caller.close(), target.close()]);
});

Deno.test("Relaying has a stop wait for the other direction", async () => {
  const { caller, target, a, report, clock } = relayedPeers();
  await caller.shutdownWrite();
  coreOf(a).stop();
  await clock.advance(100_000);
  await target.write("late");
  await target.shutdownWrite();
  assertEquals(await endOf(report), "0 4 peer undefined 100000");
  await Promise.all([caller.close(), target.close()]);
});
