import { assertEquals } from "@std/assert";
import { TlsRecords } from "../../src/tls/tls_records.ts";

/** Records of these lengths and types, one after the other. */
function stream(...records: readonly (readonly [length: number, type?: number])[]): Uint8Array {
  return new Uint8Array(
    records.flatMap(([length, type = 23]) => [
      type,
      3,
      3,
      length >> 8,
      length & 0xff,
      ...new Array<number>(length).fill(23),
    ]),
  );
}

/** The lengths of the parts of one read. */
function parts(records: TlsRecords, bytes: Uint8Array): number[] {
  const lengths: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = records.next(bytes, at);
    lengths.push(end - at);
    at = end;
  }
  return lengths;
}

Deno.test("TlsRecords has each record of a small read alone", () => {
  const records = new TlsRecords();
  assertEquals(parts(records, stream([40])), [45]);
  assertEquals(parts(records, stream([40], [19], [0], [2, 21], [30])), [45, 24, 5, 7, 35]);
  assertEquals(parts(records, new Uint8Array()), []);
});

Deno.test("TlsRecords has the middle of a large read in one go, and alone what may be bad", () => {
  const records = new TlsRecords();
  assertEquals(parts(records, stream([3_000], [40], [3_000], [50])), [3_005 + 45 + 3_005, 55]);
  const odd = stream([3_000], [40], [19], [40], [40], [2, 21], [3_000], [9, 22]);
  assertEquals(parts(records, odd), [3_050, 24, 90, 7, 3_005, 14]);
  assertEquals(parts(records, stream([5_000])), [5_005]);
});

Deno.test("TlsRecords goes on where a read has ended, wherever that was", () => {
  const bytes = stream([40], [19], [70], [0], [33]);
  for (let first = 1; first < bytes.length; first++) {
    for (let second = first; second < Math.min(bytes.length, first + 7); second++) {
      const records = new TlsRecords();
      const reads = [[0, first], [first, second], [second, bytes.length]] as const;
      const ends = new Set<number>();
      for (const [from, to] of reads) {
        let at = from;
        for (const length of parts(records, bytes.subarray(from, to))) ends.add(at += length);
      }
      // Each record ends a part; besides, only what was read does.
      const expected = [45, 69, 144, 149, 187, first, second];
      assertEquals([...ends].sort((a, b) => a - b), [...new Set(expected)].sort((a, b) => a - b));
    }
  }
});

Deno.test("TlsRecords goes on in a large read with what was begun before, and ends with what is begun", () => {
  const bytes = stream([3_000], [3_000], [3_000], [3_000]);
  for (
    const [from, to, expected] of [
      [0, 9_100, [9_015, 85]],
      [9_100, 12_020, [2_920]],
    ] as const
  ) {
    const records = new TlsRecords();
    if (from > 0) parts(records, bytes.subarray(0, from));
    assertEquals(parts(records, bytes.subarray(from, to)), [...expected]);
  }
  const records = new TlsRecords();
  assertEquals(parts(records, bytes.subarray(0, 2)), [2]);
  assertEquals(parts(records, bytes.subarray(2, 9_018)), [9_013, 3]);
  assertEquals(parts(records, bytes.subarray(9_018)), [3_002]);
});

Deno.test("TlsRecords knows how much content a part of a record has, at least", () => {
  const bytes = stream([100], [20], [0]);
  const records = new TlsRecords();
  const known: number[] = [];
  for (const at of bytes.keys()) {
    parts(records, bytes.subarray(at, at + 1));
    known.push(records.partLength);
  }
  // A header, then a body of which 24 bytes may be no content.
  const first = [...Array(29).fill(1), ...Array.from({ length: 75 }, (_, i) => i + 1), 0];
  assertEquals(known, [...first, ...Array(24).fill(1), 0, ...Array(4).fill(1), 0]);
});
