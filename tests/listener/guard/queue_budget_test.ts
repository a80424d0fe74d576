import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { QueueBudget } from "../../../src/listener/guard/queue_budget.ts";

/** Queues bytes, as a connection does. */
class Writer {
  queuedBytes = 0;
  hasEnded = false;
  readonly #room: Room;

  constructor(room: Room) {
    this.#room = room;
  }

  write(length: number): void {
    if (this.#room.budget.add(length, this.queuedBytes)) this.queuedBytes += length;
    else this.end();
  }

  send(length: number): void {
    this.queuedBytes -= length;
    this.#room.budget.remove(length);
  }

  end(): void {
    this.hasEnded = true;
    this.#room.writers.delete(this);
    this.send(this.queuedBytes);
  }
}

class Room {
  readonly writers = new Set<Writer>();
  readonly budget: QueueBudget<Writer>;

  constructor(limit: number) {
    this.budget = new QueueBudget(limit, this.writers, (writer) => writer.end());
  }

  writer(): Writer {
    const writer = new Writer(this);
    this.writers.add(writer);
    return writer;
  }
}

Deno.test("QueueBudget ends whoever queued most, not whoever comes next", () => {
  const room = new Room(100);
  const [hog, middle, small] = [room.writer(), room.writer(), room.writer()];
  hog.write(70);
  middle.write(25);
  small.write(5);
  assertEquals(room.budget.queuedBytes, 100);
  small.write(1);
  assertEquals([hog, middle, small].map((writer) => writer.hasEnded), [true, false, false]);
  assertEquals(room.budget.queuedBytes, 31);
});

Deno.test("QueueBudget refuses the one who would have queued most", () => {
  const room = new Room(100);
  const [first, second] = [room.writer(), room.writer()];
  first.write(50);
  second.write(40);
  second.write(20);
  assertEquals([first.hasEnded, second.hasEnded], [false, true]);
  assertEquals(room.budget.queuedBytes, 50);
});

Deno.test("QueueBudget takes content of any size where nothing is queued", () => {
  const room = new Room(100);
  const writer = room.writer();
  writer.write(1_000);
  assertEquals(writer.hasEnded, false);
  writer.write(1);
  assertEquals(writer.hasEnded, true);
  assertEquals(room.budget.queuedBytes, 0);
});

Deno.test("QueueBudget ends as many as it takes", () => {
  const room = new Room(100);
  const writers = Array.from({ length: 10 }, () => room.writer());
  for (const writer of writers) writer.write(10);
  const last = room.writer();
  // No other would have more than this one.
  last.write(35);
  assertEquals(last.hasEnded, true);
  writers[0]!.send(10);
  const other = room.writer();
  other.write(9);
  other.write(0);
  assertEquals(other.hasEnded, false);
  const third = room.writer();
  third.write(5);
  assertEquals(writers.filter((writer) => writer.hasEnded).length, 1);
  assertEquals(third.hasEnded, false);
});

Deno.test("QueueBudget gives up where ending somebody frees nothing", () => {
  const stubborn = { queuedBytes: 90 };
  const budget = new QueueBudget(100, [stubborn], () => {});
  assertEquals(budget.add(90, 0), true);
  assertEquals(budget.add(20, 0), false);
});

Deno.test("QueueBudget never counts more than the limit, unless one write alone is longer", () => {
  const step = fc.tuple(
    fc.constantFrom("write", "send", "end", "new"),
    fc.nat({ max: 9 }),
    fc.integer({ min: 0, max: 60 }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const room = new Room(100);
      for (const [action, index, length] of steps) {
        const writers = [...room.writers];
        const writer = writers[index % Math.max(1, writers.length)];
        if (action === "new" || writer === undefined) room.writer();
        else if (action === "write") writer.write(length);
        else if (action === "send") writer.send(Math.min(length, writer.queuedBytes));
        else writer.end();
        const sum = [...room.writers].reduce((total, { queuedBytes }) => total + queuedBytes, 0);
        assertEquals(room.budget.queuedBytes, sum);
        assert(sum <= 100);
      }
    }),
    { seed: 23, numRuns: 500 },
  );
});
