import { assertEquals } from "@std/assert";
import { BatchSize } from "../../src/network/batch_size.ts";

Deno.test("BatchSize falls at once to what takes some milliseconds, and doubles up to the most", () => {
  const batch = new BatchSize(256);
  assertEquals(batch.size, 256);
  batch.learn(256, 512);
  assertEquals(batch.size, 4);
  const sizes = Array.from({ length: 7 }, () => {
    batch.learn(batch.size, 1);
    return batch.size;
  });
  assertEquals(sizes, [8, 16, 32, 64, 128, 256, 256]);
  batch.learn(256, 0);
  assertEquals(batch.size, 256);
  batch.learn(256, 10);
  assertEquals(batch.size, 204);
  batch.learn(256, 256 * 100);
  assertEquals(batch.size, 1);
});

Deno.test("BatchSize begins with as many as it is told", () => {
  const batch = new BatchSize(100, 1);
  assertEquals(batch.size, 1);
  batch.learn(1, 0.1);
  assertEquals(batch.size, 2);
});
