import { assertEquals } from "@std/assert";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { channelsOf } from "../../../src/network/node/channels.ts";

Deno.test("channelsOf() gives the channels of those names, and each knows whether somebody has subscribed", () => {
  const { one, two } = channelsOf("socket.test", ["one", "two"]);
  const told: unknown[] = [];
  const hear = (message: unknown, name: string | symbol) => void told.push([name, message]);
  assertEquals([one.hasSubscribers, two.hasSubscribers], [false, false]);
  subscribe("socket.test.one", hear);
  assertEquals([one.hasSubscribers, two.hasSubscribers], [true, false]);
  one.publish({ a: 1 });
  unsubscribe("socket.test.one", hear);
  assertEquals(one.hasSubscribers, false);
  assertEquals(told, [["socket.test.one", { a: 1 }]]);
});
