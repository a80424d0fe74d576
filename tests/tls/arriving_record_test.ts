import { assertEquals } from "@std/assert";
import type { Arriving } from "../../src/network/network.ts";
import { ArrivingRecord } from "../../src/tls/arriving_record.ts";
import { TlsRecords } from "../../src/tls/tls_records.ts";

Deno.test("ArrivingRecord is the part of the record that has come", () => {
  const records = new TlsRecords();
  const arriving = new ArrivingRecord(records, undefined);
  assertEquals([arriving.length, arriving.onMore], [0, undefined]);
  records.next(new Uint8Array([23, 3, 3, 1, 0, ...new Uint8Array(100)]), 0);
  assertEquals(arriving.length, 76);
});

Deno.test("ArrivingRecord knows of the stream below, where a record of that may be the beginning of one", () => {
  const below: { length: number; onMore?: Arriving["onMore"] } = { length: 0 };
  const records = new TlsRecords();
  const arriving = new ArrivingRecord(records, below);
  let more = 0;
  below.onMore!();
  arriving.onMore = () => more++;
  below.onMore!();
  assertEquals([arriving.length, more], [0, 1]);
  below.length = 500;
  assertEquals(arriving.length, 1);
  records.next(new Uint8Array([23, 3, 3, 1, 0, ...new Uint8Array(100)]), 0);
  assertEquals(arriving.length, 76);
});
