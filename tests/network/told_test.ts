import { assertEquals } from "@std/assert";
import {
  arrivingLengthOf,
  arrivingOf,
  hearMore,
  mustSayEnd,
  secureOf,
} from "../../src/network/told.ts";
import type { Arriving, Transport } from "../../src/network/network.ts";
import { scriptedTransport } from "../../testing/mod.ts";

/** A stream with these properties, getters included. */
function having(members: PropertyDescriptorMap): Transport {
  return Object.defineProperties(scriptedTransport([]), members);
}

const throws = {
  get: () => {
    throw new Error("gone");
  },
};

Deno.test("What a stream tells about itself is what it says", () => {
  const secure = { protocol: "TLSv1.3" };
  const arriving = { length: 5 };
  const plain = scriptedTransport([]);
  assertEquals([secureOf(plain), mustSayEnd(plain), arrivingOf(plain)], [
    undefined,
    false,
    undefined,
  ]);
  const told = having({ secure: { value: secure }, arriving: { value: arriving } });
  assertEquals([secureOf(told) as unknown, mustSayEnd(told)], [secure, true]);
  assertEquals(mustSayEnd(having({ mustSayEnd: { value: true } })), true);
  const heard = arrivingOf(told)!;
  const onMore = () => {};
  hearMore(heard, onMore);
  assertEquals([arrivingLengthOf(heard), (arriving as Arriving).onMore], [5, onMore]);
});

Deno.test("A stream that throws, or gives anything, tells nothing about itself", () => {
  for (const member of [throws, { value: null }]) {
    const stream = having({ secure: member, mustSayEnd: member, arriving: member });
    assertEquals([secureOf(stream), mustSayEnd(stream), arrivingOf(stream)], [
      undefined,
      false,
      undefined,
    ]);
  }
  hearMore(Object.freeze({ length: 1 }), () => {});
  for (const length of [throws, { value: NaN }, { value: "x" }, { value: -1 }]) {
    assertEquals(arrivingLengthOf(Object.defineProperty({}, "length", length) as Arriving), 0);
  }
});
