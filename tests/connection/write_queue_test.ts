import { assertEquals, assertStrictEquals } from "@std/assert";
import { GenericError } from "../../src/base/errors.ts";
import { LARGEST_GATHERING, QueuedWrite, WriteQueue } from "../../src/connection/write_queue.ts";

function queueOf(...lengths: number[]): [WriteQueue, QueuedWrite[]] {
  const queue = new WriteQueue();
  const writes = lengths.map((length, i) => new QueuedWrite(new Uint8Array(length).fill(i + 1)));
  for (const write of writes) {
    write.promised();
    queue.append(write);
  }
  return [queue, writes];
}

/** What is gathered until nothing is left: how many writes, and how many bytes. */
function gathered(queue: WriteQueue): [writes: number, bytes: number][] {
  const all: [number, number][] = [];
  while (queue.count > 0) {
    const { length } = queue.gather()!;
    all.push([queue.underWay, length]);
    queue.settle();
  }
  return all;
}

Deno.test("WriteQueue.gather() gathers small writes, and gives a big one as it is", async () => {
  const [queue, writes] = queueOf(2, 0, 3, 16_384, 1);
  assertEquals([...queue.gather()!], [1, 1, 3, 3, 3]);
  assertEquals([queue.count, queue.underWay], [5, 3]);
  queue.settle();
  assertEquals(await Promise.all(writes.slice(0, 3).map(({ promise }) => promise)), [2, 0, 3]);
  assertStrictEquals(queue.gather(), writes[3]!.bytes);
  queue.settle();
  assertStrictEquals(queue.gather(), writes[4]!.bytes);
  assertEquals(gathered(queueOf(...Array(10).fill(16_000))[0]), [
    [4, 64_000],
    [4, 64_000],
    [2, 32_000],
  ]);
  assertEquals(LARGEST_GATHERING, 65_536);
});

Deno.test("WriteQueue.gather() stops before bytes that were transferred, and gives nothing from there", () => {
  const [queue, writes] = queueOf(2, 3);
  (writes[1]!.bytes as Uint8Array<ArrayBuffer>).buffer.transfer();
  assertEquals([...queue.gather()!], [1, 1]);
  queue.settle();
  assertEquals(queue.gather(), undefined);
});

Deno.test("WriteQueue.join() puts all of another one behind", () => {
  const [queue] = queueOf(1, 2);
  queue.join(queueOf(3, 4)[0]);
  queue.join(new WriteQueue());
  assertEquals([...queue.gather()!], [1, 2, 2, 1, 1, 1, 2, 2, 2, 2]);
  queue.settle();
  queue.join(queueOf(5)[0]);
  assertEquals(gathered(queue), [[1, 5]]);
});

Deno.test("WriteQueue.refuse() rejects all of them, and nobody has to look", async () => {
  const [queue, writes] = queueOf(1, 2);
  const error = new GenericError("broken", "no", { cause: "why" });
  queue.refuse(error, 0);
  assertEquals(queue.count, 0);
  const [one, two] = await Promise.all(writes.map(({ promise }) => promise!.catch((e) => e)));
  assertEquals([one.code, one.bytesTaken, one.cause, one], ["broken", 0, "why", two]);
  assertEquals(one.message, "no; of this write the system had taken nothing");
});

Deno.test("WriteQueue.refuse() counts what may have gone out, and settles nothing by it", async () => {
  const [queue, writes] = queueOf(2, 3, 4, 5);
  queue.gather();
  queue.refuse(new GenericError("broken", "no"), 11, 6);
  const fates = await Promise.all(
    writes.map(({ promise }) => promise!.catch(({ bytesTaken, message }) => [bytesTaken, message])),
  );
  const told = "no; of this write the system had taken";
  assertEquals(fates, [
    2,
    [3, `${told} at most 3 of 3 bytes`],
    [4, `${told} at most 4 of 4 bytes`],
    [0, `${told} nothing`],
  ]);
});

Deno.test("WriteQueue.refuse() tells each write how much of it had gone out", async () => {
  const [queue, writes] = queueOf(2, 3, 4);
  queue.gather();
  queue.refuse(new GenericError("broken", "no"), 6);
  const fates = await Promise.allSettled(writes.map(({ promise }) => promise!));
  assertEquals(
    fates.map((fate) => fate.status === "fulfilled" ? fate.value : fate.reason.message),
    [
      2,
      "no; of this write the system had taken 1 of 3 bytes",
      "no; of this write the system had taken nothing",
    ],
  );
});

Deno.test("QueuedWrite.copy() makes waiting bytes its own, but none that are big or being sent", () => {
  const [queue, [first, small, big]] = queueOf(16_384, 2, 16_384) as [WriteQueue, QueuedWrite[]];
  queue.gather();
  assertEquals([first!, small!, big!].map((write) => write.copy()), [false, true, false]);
  queue.settle();
  assertEquals([first!, small!, big!].map((write) => write.needsBytes), [false, true, true]);
  const [others, [one, two]] = queueOf(1, 1) as [WriteQueue, QueuedWrite[]];
  others.gather();
  assertEquals([one!, two!].map((write) => write.needsBytes), [false, false]);
});
