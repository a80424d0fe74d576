import { assertEquals, assertRejects } from "@std/assert";
import { checkedLookup, type Lookup } from "../../src/connection/lookup.ts";
import { assertCode } from "../support/assert_code.ts";

const { signal } = new AbortController();
const ask = (lookup: unknown, family: 0 | 4 | 6 = 0) =>
  checkedLookup(lookup as Lookup)("a.example", family, signal);

Deno.test("checkedLookup() asks for a family, and keeps only what is of use", async () => {
  const asked: unknown[] = [];
  const lookup: Lookup = (host, options) => {
    asked.push([host, options.family, options.signal === signal]);
    return Promise.resolve(["[2001:DB8::0:1]", "192.0.2.1"]);
  };
  assertEquals((await ask(lookup)).addresses, ["2001:db8::1", "192.0.2.1"]);
  assertEquals((await ask(lookup, 4)).addresses, ["192.0.2.1"]);
  assertEquals(await ask(lookup, 6), { addresses: ["2001:db8::1"], isDirect: true });
  assertEquals(asked, [0, 4, 6].map((family) => ["a.example", family, true]));
  assertEquals((await ask(() => [])).addresses, []);
});

Deno.test("checkedLookup() says what went wrong in the user's function", async () => {
  const reason = new Error("out of office");
  for (
    const lookup of [() => Promise.reject(reason), () => {
      throw reason;
    }]
  ) {
    const error = await assertCode("unreachable", ask(lookup));
    assertEquals([error.message, error.cause], [
      "Cannot look up a.example: out of office",
      reason,
    ]);
  }
  for (
    const [given, told] of [
      [undefined, "What lookup gives for a.example must be an array: got undefined"],
      ["192.0.2.1", "must be an array"],
      [["b.example"], 'lookup must give IP addresses: got "b.example"'],
      [[7], "An address that lookup gives for a.example must be a string: got 7"],
    ] as const
  ) {
    await assertRejects(() => ask(() => given), TypeError, told);
  }
});
