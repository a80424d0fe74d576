import { assert, assertEquals } from "@std/assert";
import { CaptureQueue, type CaptureQueueSettings } from "../../src/debug/capture_queue.ts";
import type { CaptureTarget } from "../../src/debug/capture_file.ts";
import { microtasksDrained, VirtualClock } from "../../testing/mod.ts";
import { awkwardThings } from "../support/awkward.ts";
import { printedDuring } from "../support/printed_during.ts";

const HEAD = new Uint8Array([1, 2, 3, 4]);

/** A target whose writes end when the test says so. */
function heldTarget() {
  const written: number[][] = [];
  const waits: PromiseWithResolvers<void>[] = [];
  const state = { isHeld: false, closes: 0, failure: undefined as unknown };
  const target: CaptureTarget = {
    givesBack: true,
    write: async (bytes) => {
      if (state.failure !== undefined) throw state.failure;
      if (state.isHeld) {
        const wait = Promise.withResolvers<void>();
        waits.push(wait);
        await wait.promise;
      }
      written.push([...bytes]);
    },
    close: () => {
      state.closes++;
      return state.failure === undefined ? Promise.resolve() : Promise.reject(state.failure);
    },
  };
  return { written, waits, state, target };
}

function queueOn(target: CaptureTarget, others: Partial<CaptureQueueSettings> = {}) {
  const clock = new VirtualClock();
  const queue = new CaptureQueue({
    clock,
    open: () => Promise.resolve(target),
    head: HEAD,
    maxBytes: Infinity,
    maxQueuedBytes: Infinity,
    onError: undefined,
    ...others,
  });
  const add = (value: number, length = 4) => {
    const place = queue.reserve(length);
    place?.page.bytes.fill(value, place.at, place.at + length);
    return place !== undefined;
  };
  return { clock, queue, add };
}

Deno.test("CaptureQueue begins the file at once, and gathers blocks for 20 ms", async () => {
  const { written, target, state } = heldTarget();
  const { clock, queue, add } = queueOn(target);
  await microtasksDrained();
  assertEquals(written, [[...HEAD]]);
  assert(add(5));
  await clock.advance(19);
  assert(add(6));
  assertEquals([written.length, queue.queuedBytes], [1, 8]);
  await clock.advance(1);
  assertEquals(written[1], [5, 5, 5, 5, 6, 6, 6, 6]);
  assertEquals([queue.bytes, queue.queuedBytes], [12, 0]);
  assert(add(7));
  await queue.close();
  assertEquals(written[2], [7, 7, 7, 7]);
  assertEquals([state.closes, add(8), queue.isClosed], [1, false, true]);
});

Deno.test("CaptureQueue keeps the order of blocks that come while it writes", async () => {
  const { written, waits, state, target } = heldTarget();
  const { clock, queue, add } = queueOn(target);
  await microtasksDrained();
  state.isHeld = true;
  let count = 0;
  for (; count < 5; count++) assert(add(count, 100_000));
  await clock.advance(20);
  for (; count < 10; count++) assert(add(count, 100_000));
  const closing = queue.close();
  while (queue.queuedBytes > 0) {
    await microtasksDrained();
    waits.shift()?.resolve();
  }
  await closing;
  const all = written.flat();
  assertEquals(all.length, 4 + 1_000_000);
  for (let i = 0; i < 10; i++) assertEquals(all[4 + i * 100_000], i);
});

Deno.test("CaptureQueue drops what does not fit, and takes more when there is room", async () => {
  const { waits, state, target } = heldTarget();
  const { clock, queue, add } = queueOn(target, { maxQueuedBytes: 12 });
  await microtasksDrained();
  state.isHeld = true;
  assertEquals([1, 2, 3, 4].map((value) => add(value)), [true, true, true, false]);
  await clock.advance(20);
  assertEquals(add(5), false);
  waits[0]!.resolve();
  await microtasksDrained();
  assertEquals([add(6), queue.isFull], [true, false]);
  state.isHeld = false;
  await queue.close();
});

Deno.test("CaptureQueue writes no more than it may, and nothing small behind something large", async () => {
  const { written, target } = heldTarget();
  const { queue, add } = queueOn(target, { maxBytes: 20 });
  assertEquals([add(1, 12), queue.isFull], [true, false]);
  assertEquals([add(2, 8), queue.isFull], [false, true]);
  assertEquals(add(3, 4), false);
  await queue.close();
  assertEquals(written.flat().length, 16);
});

Deno.test("CaptureQueue tells once that it cannot write, and keeps nothing", async () => {
  for (const isEarly of [true, false]) {
    const { state, target } = heldTarget();
    const told: string[] = [];
    const { clock, queue, add } = queueOn(target, {
      onError: ({ code, message }) => void told.push(`${code} ${message}`),
    });
    if (isEarly) state.failure = new Error("no space");
    await microtasksDrained();
    state.failure = new Error("no space");
    assertEquals(add(1), !isEarly);
    await clock.advance(20);
    assertEquals([add(2), queue.queuedBytes, state.closes], [false, 0, 1]);
    await queue.close();
    assertEquals(told, ["broken Cannot write the capture: no space"]);
  }
});

Deno.test("CaptureQueue tells and ends whatever a stream throws", async () => {
  for (const thrown of awkwardThings().slice(1)) {
    const { state, target } = heldTarget();
    const told: (string | undefined)[] = [];
    const { clock, queue, add } = queueOn(target, { onError: ({ code }) => told.push(code) });
    await microtasksDrained();
    state.failure = thrown;
    assert(add(5));
    await clock.advance(20);
    await queue.close();
    assertEquals(told, ["broken"]);
  }
});

Deno.test("CaptureQueue prints what it cannot tell", async () => {
  const printed = await printedDuring(async () => {
    const { queue } = queueOn(heldTarget().target, {
      open: () => Promise.reject(new Error("no such folder")),
    });
    await queue.close();
  });
  assertEquals(printed.map(String), [
    "GenericError: Cannot write the capture: no such folder",
  ]);
});
