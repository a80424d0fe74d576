import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ByteQueue } from "../../src/bytes/byte_queue.ts";
import { DelimiterSearch } from "../../src/bytes/delimiter_search.ts";
import { CountingQueue } from "../support/counting_queue.ts";
import { cutAt, cutPlaces } from "../support/framing.ts";
import { bytesOf } from "../support/text.ts";

Deno.test("DelimiterSearch finds what a search from the start finds, however the bytes are cut", () => {
  const letters = (minLength: number, maxLength: number) =>
    fc.array(fc.constantFrom("a", "b"), { minLength, maxLength, size: "max" })
      .map((characters) => characters.join(""));
  fc.assert(
    fc.property(letters(1, 7), letters(0, 60), cutPlaces, (delimiter, text, cuts) => {
      const search = new DelimiterSearch(bytesOf(delimiter));
      const queue = new ByteQueue();
      let there = 0;
      for (const piece of cutAt(bytesOf(text), cuts)) {
        queue.push(piece);
        there += piece.length;
        for (;;) {
          const unread = text.slice(queue.offset, there);
          const index = unread.indexOf(delimiter);
          const end = index < 0 ? -1 : index + delimiter.length;
          assertEquals(search.findEnd(queue), end);
          assertEquals(search.findEnd(queue), end);
          if (end < 0) break;
          queue.skip(end);
        }
      }
    }),
    { seed: 3, numRuns: 1000 },
  );
});

Deno.test("DelimiterSearch begins anew when bytes were taken in between", () => {
  const search = new DelimiterSearch(bytesOf("aab"));
  const queue = new ByteQueue();
  queue.push(bytesOf("xxaa"));
  assertEquals(search.findEnd(queue), -1);
  queue.skip(3);
  queue.push(bytesOf("b"));
  assertEquals(search.findEnd(queue), -1);
});

for (
  const [delimiter, piece, name] of [
    ["\n", "x", "a byte that does not come"],
    ["\r\n", "\r", "a delimiter that begins with every byte"],
    ["\r\n", "\rx", "a delimiter that begins with every other byte"],
    ["a".repeat(100) + "b", "a", "a long delimiter that is nearly matched at every byte"],
  ] as const
) {
  Deno.test(`DelimiterSearch looks at each byte once for ${name}`, () => {
    const search = new DelimiterSearch(bytesOf(delimiter));
    const queue = new CountingQueue();
    const bytes = bytesOf(piece.repeat(64));
    for (let i = 0; i < 500; i++) {
      queue.push(bytes.slice());
      assertEquals(search.findEnd(queue), -1);
    }
    assertEquals(queue.looks, queue.length);
  });
}
