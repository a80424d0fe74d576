import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { DatagramMailbox, type DropPolicy } from "../../src/udp/datagram_mailbox.ts";
import type { Datagram } from "../../src/udp/datagram.ts";
import { GenericError, ReadTimedOutError } from "../../src/base/errors.ts";
import { UnreadBudget } from "../../src/udp/unread_budget.ts";
import { HandOut } from "../../src/bytes/hand_out.ts";
import { DATAGRAMS_PER_TURN } from "../../src/udp/datagram_share.ts";
import { plainTurns } from "../../src/network/turns.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";

const from = { transport: "udp", hostname: "127.0.0.1", port: 9 } as const;
const forever = { timeoutInMillis: Infinity, signal: undefined };
const first = ({ data }: Datagram) => data[0];
const mailbox = (limit: number, drop: DropPolicy = "newest", clock = new VirtualClock()) =>
  new DatagramMailbox(clock, limit, drop);
const closed = new GenericError("closed", "over");

Deno.test("DatagramMailbox is what one array and two rules are", async () => {
  const content = fc.integer({ min: 0, max: 600 });
  await fc.assert(fc.asyncProperty(
    fc.array(fc.oneof(content, fc.constant("take" as const))),
    fc.integer({ min: 0, max: 3_000 }),
    fc.constantFrom("newest" as const, "oldest" as const),
    async (steps, limit, drop) => {
      const box = mailbox(limit, drop);
      const model: number[] = [];
      let dropped = 0;
      const weight = () => model.reduce((sum, length) => sum + length + 256, 0);
      for (const step of steps) {
        if (step === "take") {
          if (model.length === 0) continue;
          assertEquals(await box.take(({ data }) => data.length, forever), model.shift());
          continue;
        }
        box.put(new Uint8Array(step), from);
        let isDropped = false;
        while (!isDropped && model.length > 0 && weight() + step + 256 > limit) {
          dropped++;
          if (drop === "newest") isDropped = true;
          else model.shift();
        }
        if (!isDropped) model.push(step);
      }
      assertEquals([box.length, box.droppedDatagrams], [model.length, dropped]);
      while (model.length > 0) assertEquals(box.shift()!.datagram.data.length, model.shift());
      assertEquals(box.shift(), undefined);
    },
  ));
});

Deno.test("DatagramMailbox.put() takes a copy", async () => {
  const box = mailbox(1_000);
  const bytes = new Uint8Array([1]);
  const waiting = box.take(first, forever);
  box.put(bytes, from);
  bytes[0] = 2;
  box.put(bytes, from);
  bytes[0] = 3;
  assertEquals([await waiting, await box.take(first, forever)], [1, 2]);
});

Deno.test("DatagramMailbox.take() times out exactly then, and in any order", async () => {
  const clock = new VirtualClock();
  const box = mailbox(1_000, "newest", clock);
  const ends: string[] = [];
  for (const timeoutInMillis of [300, 100, 200]) {
    box.take(first, { timeoutInMillis, signal: undefined }).catch((error) => {
      ends.push(`${clock.now()} ${error.name} ${error.message}`);
    });
  }
  const last = box.take(first, { timeoutInMillis: 1_000, signal: undefined });
  await clock.advance(99);
  assertEquals(ends, []);
  await clock.advance(501);
  assertEquals(ends, [
    "100 ReadTimedOutError Cannot receive: no datagram came within 100 ms",
    "200 ReadTimedOutError Cannot receive: no datagram came within 200 ms",
    "300 ReadTimedOutError Cannot receive: no datagram came within 300 ms",
  ]);
  box.put(new Uint8Array([7]), from);
  assertEquals(await last, 7);
});

Deno.test("DatagramMailbox.take() of a busy socket is never early, nor much late", async () => {
  const clock = new VirtualClock();
  const box = mailbox(1_000, "newest", clock);
  const limits = { timeoutInMillis: 1_000, signal: undefined };
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 300; i++) {
      const taken = box.take(first, limits);
      box.put(new Uint8Array([i]), from);
      assertEquals(await taken, i & 255);
      if (i % 10 === 0) await clock.advance(1);
    }
    const began = clock.now();
    let ended = 0;
    // Also one that began to wait while the socket was quiet again, or whose time is short.
    const last = box.take(first, limits).catch(() => ended = clock.now());
    const short = box.take(first, { timeoutInMillis: 5, signal: undefined }).catch(() =>
      clock.now()
    );
    await clock.advance(999);
    assertEquals([ended, await short], [0, began + 5]);
    await clock.advance(21);
    await last;
    assert(ended >= began + 1_000 && ended <= began + 1_020, `after ${ended - began} ms`);
  }
});

Deno.test("DatagramMailbox.take() keeps its place when others give up", async () => {
  const clock = new VirtualClock();
  const box = mailbox(1_000, "newest", clock);
  const controller = new AbortController();
  const waits = [
    box.take(first, { timeoutInMillis: 10, signal: undefined }),
    box.take(first, forever),
    box.take(first, { timeoutInMillis: Infinity, signal: controller.signal }),
    box.take(first, { timeoutInMillis: 500, signal: new AbortController().signal }),
  ];
  const given = waits.map((wait) => wait.catch((error) => error));
  await clock.advance(10);
  controller.abort("mine");
  box.put(new Uint8Array([1]), from);
  box.put(new Uint8Array([2]), from);
  const [timedOut, one, aborted, two] = await Promise.all(given);
  assertEquals([timedOut instanceof ReadTimedOutError, one, aborted, two], [true, 1, "mine", 2]);
});

Deno.test("DatagramMailbox.finish() lets what is there be taken, then ends", async () => {
  const box = mailbox(1_000);
  box.put(new Uint8Array([1]), from);
  box.finish(closed, true);
  box.put(new Uint8Array([2]), from);
  assertEquals(await box.take(first, forever), 1);
  assertEquals(await assertRejects(() => box.take(first, forever), GenericError), closed);
  assertEquals(await box.take(first, forever, 99), 99);
});

Deno.test("DatagramMailbox.finish() that is not quiet ends iterations with its error", async () => {
  const box = mailbox(1_000);
  const waits = [box.take(first, forever), box.take(first, forever, 99)]
    .map((wait) => wait.catch((error) => error));
  const broken = new GenericError("broken", "Cannot receive");
  box.finish(broken, false);
  box.finish(closed, true);
  assertEquals(await Promise.all(waits), [broken, broken]);
  assertEquals(await box.take(first, forever, 99).catch((error) => error), broken);
});

Deno.test("DatagramMailbox.clear() counts what it drops", () => {
  const box = mailbox(10_000);
  for (let i = 0; i < 5; i++) box.put(new Uint8Array(i), from);
  box.clear();
  assertEquals([box.length, box.droppedDatagrams], [0, 5]);
});

Deno.test("DatagramMailbox keeps within what it shares with others, and gives it back", () => {
  for (const drop of ["newest", "oldest"] as const) {
    const budget = new UnreadBudget(3 * (256 + 10));
    const boxes = Array.from(
      { length: 3 },
      () => new DatagramMailbox(new VirtualClock(), 1_000_000, drop, undefined, budget),
    );
    const [one, other, third] = boxes as [DatagramMailbox, DatagramMailbox, DatagramMailbox];
    const put = (box: DatagramMailbox, byte: number) =>
      box.put(new Uint8Array(10).fill(byte), from);
    for (let i = 0; i < 5; i++) put(one, i);
    assertEquals(boxes.map(({ length }) => length), [3, 0, 0]);
    for (const box of [other, third]) put(box, 9);
    assertEquals(boxes.map(({ length }) => length), [1, 1, 1]);
    assertEquals(boxes.map(({ droppedDatagrams }) => droppedDatagrams), [4, 0, 0]);
    assertEquals(one.shift()!.datagram.data[0], drop === "newest" ? 0 : 4);
    other.clear();
    assertEquals([budget.unreadBytes, budget.droppedDatagrams], [266, 5]);
    third.finish(closed, true);
    put(third, 1);
    // What has ended makes room first.
    for (let i = 0; i < 3; i++) put(one, i);
    assertEquals([third.length, one.length, budget.droppedDatagrams], [0, 3, 7]);
    assertEquals(budget.unreadBytes, 3 * 266);
  }
});

/** A mailbox from which so many were taken in a row that the next take lets others go first. */
async function usedUp(left: number) {
  const clock = new VirtualClock();
  const others = Promise.withResolvers<void>();
  const turns = { ...plainTurns, stepBack: () => others.promise.then(() => false) };
  const box = new DatagramMailbox(clock, 1_000_000, "newest", new HandOut(), undefined, turns);
  for (let i = -DATAGRAMS_PER_TURN; i < left; i++) box.put(new Uint8Array([i]), from);
  for (let i = 0; i < DATAGRAMS_PER_TURN; i++) await box.take(first, forever);
  return { box, clock, others };
}

Deno.test("DatagramMailbox.take() lets others go first after so many, and keeps the order", async () => {
  const { box, others } = await usedUp(2);
  const taken: unknown[] = [];
  const takes = [0, 1, 2, 3].map(() => box.take(first, forever).then((got) => taken.push(got)));
  assertEquals(box.isWaitedFor, true);
  box.put(new Uint8Array([2]), from);
  await Promise.resolve();
  assertEquals([taken, box.length], [[], 3]);
  others.resolve();
  await Promise.all(takes.slice(0, 3));
  box.put(new Uint8Array([3]), from);
  await takes[3];
  assertEquals(taken, [0, 1, 2, 3]);
});

Deno.test("DatagramMailbox.take() that lets others go first may be given up, and takes nothing", async () => {
  const { box, others } = await usedUp(1);
  const controller = new AbortController();
  const given = box.take(first, { ...forever, signal: controller.signal });
  const next = box.take(first, forever);
  controller.abort("enough");
  assertEquals(await given.catch((reason) => reason), "enough");
  others.resolve();
  assertEquals(await next, 0);
});

Deno.test("DatagramMailbox.take() never says that nothing came while others go first", async () => {
  const { box, clock } = await usedUp(1);
  const [one, other] = [1, 1].map((timeoutInMillis) =>
    box.take(first, { timeoutInMillis, signal: undefined })
  );
  other!.catch(() => {});
  await clock.advance(5);
  assertEquals(await one, 0);
  await assertRejects(() => other!, ReadTimedOutError);
});

Deno.test("DatagramMailbox.finish() gives what is there to those who let others go first", async () => {
  const { box } = await usedUp(1);
  const takes = [box.take(first, forever), box.take(first, forever)];
  takes[1]!.catch(() => {});
  box.finish(closed, false);
  assertEquals(await takes[0], 0);
  await assertRejects(() => takes[1]!, GenericError, "over");
});

Deno.test("DatagramMailbox.clear() leaves nobody waiting who let others go first after the end", async () => {
  const { box, others } = await usedUp(1);
  box.finish(closed, false);
  const late = box.take(first, forever);
  box.clear();
  others.resolve();
  await assertRejects(() => late, GenericError, "over");
});

Deno.test("DatagramMailbox.refuse() ends the waits, or the next one, and goes on", async () => {
  const box = mailbox(1_000);
  const refused = new GenericError("unreachable", "refused");
  const waits = [box.take(first, forever), box.take(first, forever, 99)];
  box.refuse(refused);
  assertEquals(await Promise.all(waits.map((wait) => wait.catch((error) => error))), [
    refused,
    refused,
  ]);
  box.refuse(refused);
  assertEquals(await box.take(first, forever).catch((error) => error), refused);
  // What has arrived shows that the peer is there.
  box.put(new Uint8Array([1]), from);
  box.refuse(refused);
  assertEquals(await box.take(first, forever), 1);
  const last = box.take(first, forever, 99);
  box.finish(closed, true);
  box.refuse(refused);
  assertEquals([await last, await box.take(first, forever, 98)], [99, 98]);
});

Deno.test("DatagramMailbox.keepOnly() drops what others have sent, and counts it", async () => {
  for (const drop of ["newest", "oldest"] as const) {
    const box = mailbox(10_000, drop);
    const other = { ...from, port: 8 };
    for (let i = 0; i < 6; i++) box.put(new Uint8Array([i]), i % 2 === 0 ? other : from);
    box.keepOnly(({ port }) => port === from.port);
    assertEquals([box.length, box.unreadBytes, box.droppedDatagrams], [3, 3 * 257, 3]);
    const taken = [1, 2, 3].map(() => box.take(first, forever));
    assertEquals([await Promise.all(taken), box.unreadBytes], [[1, 3, 5], 0]);
    // A refusal that was not told yet is about the peer before.
    box.refuse(new GenericError("unreachable", "refused"));
    box.keepOnly(() => true);
    const next = box.take(first, forever);
    box.put(new Uint8Array([7]), from);
    assertEquals(await next, 7);
  }
});
