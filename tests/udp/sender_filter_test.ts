import { assertEquals, assertThrows } from "@std/assert";
import { SenderFilter } from "../../src/udp/sender_filter.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { scriptedDatagrams } from "../support/scripted_datagrams.ts";

const everywhere = { host: "0.0.0.0", port: 7 };

function filter(
  settings: { reuseAddress?: boolean; multicastLoopback?: boolean } = {},
  hearsItself = false,
) {
  const clock = new VirtualClock();
  const looks: string[] = [];
  const network = {
    ...scriptedDatagrams(clock),
    isOwnAddress(address: string) {
      looks.push(address);
      return address === "10.0.0.9";
    },
  };
  const all = { network, reuseAddress: false, multicastLoopback: true, ...settings };
  const filter = new SenderFilter(all, hearsItself);
  return { filter, clock, looks };
}

Deno.test("SenderFilter admits the peer alone, where there is one", () => {
  const { filter: it } = filter();
  assertEquals(it.admits(everywhere, "10.0.0.1", 9), true);
  it.peer = { host: "peer.example", port: 9, ip: "10.0.0.1" };
  assertEquals(it.admits(everywhere, "10.0.0.1", 9), true);
  assertEquals(it.admits(everywhere, "10.0.0.1", 8), false);
  assertEquals(it.admits(everywhere, "10.0.0.2", 9), false);
});

Deno.test("SenderFilter does not admit port 0, where nobody can be answered", () => {
  assertEquals(filter().filter.admits(everywhere, "10.0.0.1", 0), false);
});

Deno.test("SenderFilter does not admit what seems to come from the socket itself", () => {
  const { filter: it, looks } = filter();
  assertEquals(it.admits({ host: "10.0.0.9", port: 7 }, "10.0.0.9", 7), false);
  // Other sockets of this machine have the same port at other addresses.
  assertEquals(it.admits({ host: "127.0.0.1", port: 7 }, "127.0.0.2", 7), true);
  assertEquals(looks, []);
  for (const host of ["0.0.0.0", "::"]) {
    for (const ip of ["127.0.0.1", "127.9.9.9", "::1", "10.0.0.9"]) {
      assertEquals(it.admits({ host, port: 7 }, ip, 7), false, ip);
      assertEquals(it.admits({ host, port: 7 }, ip, 8), true, ip);
    }
    assertEquals(it.admits({ host, port: 7 }, "10.0.0.1", 7), true);
  }
  assertEquals(looks, ["10.0.0.9", "10.0.0.1"]);
});

Deno.test("SenderFilter admits the socket itself where it hears itself", () => {
  const { filter: it, looks } = filter({}, true);
  for (const ip of ["127.0.0.1", "10.0.0.9"]) assertEquals(it.admits(everywhere, ip, 7), true);
  assertEquals([it.admits(everywhere, "127.0.0.1", 0), looks], [false, []]);
});

Deno.test("SenderFilter admits its own address to whom it is given as the peer", () => {
  const { filter: it } = filter();
  it.peer = { host: "127.0.0.1", port: 7, ip: "127.0.0.1" };
  assertEquals(it.admits(everywhere, "127.0.0.1", 7), true);
});

Deno.test("SenderFilter admits its own address where others have it, or a group sends it back", () => {
  const shared = filter({ reuseAddress: true }).filter;
  assertEquals(shared.admits(everywhere, "127.0.0.1", 7), true);
  for (const multicastLoopback of [true, false]) {
    const { filter: it } = filter({ multicastLoopback });
    it.hearsGroups = true;
    assertEquals(it.admits(everywhere, "127.0.0.1", 7), multicastLoopback);
    it.hearsGroups = false;
    assertEquals(it.admits(everywhere, "127.0.0.1", 7), false);
  }
});

Deno.test("SenderFilter asks for few addresses, and again after a while", async () => {
  const { filter: it, clock, looks } = filter();
  for (let i = 0; i < 1_000; i++) it.admits(everywhere, `10.1.${i >> 8}.${i & 255}`, 7);
  assertEquals(looks.length, 64);
  // Not known in this second.
  assertEquals(it.admits(everywhere, "10.0.0.9", 7), true);
  await clock.advance(1_000);
  for (let i = 0; i < 3; i++) assertEquals(it.admits(everywhere, "10.0.0.9", 7), false);
  assertEquals(looks.length, 65);
  await clock.advance(10_000);
  assertEquals(it.admits(everywhere, "10.0.0.9", 7), false);
  assertEquals(looks.length, 66);
});

Deno.test("SenderFilter does not mind a zone, which only some engines know", () => {
  const { filter: it, looks } = filter();
  assertEquals(it.admits({ host: "fe80::1", port: 7 }, "fe80::1%2", 7), false);
  assertEquals(it.admits({ host: "fe80::1%eth0", port: 7 }, "fe80::1", 7), false);
  assertEquals(looks, []);
  // An address of this machine is looked up with it: other machines have the same on other interfaces.
  assertEquals(it.admits({ host: "::", port: 7 }, "fe80::1%2", 7), true);
  assertEquals(looks, ["fe80::1%2"]);
  it.peer = { host: "fe80::1%eth0", port: 9, ip: "fe80::1" };
  assertEquals(it.admits({ host: "::", port: 7 }, "fe80::1%2", 9), true);
  assertEquals(it.admits({ host: "::", port: 7 }, "fe80::2%2", 9), false);
});

Deno.test("SenderFilter says so where its network's isOwnAddress is async", () => {
  const network = {
    ...scriptedDatagrams(new VirtualClock()),
    isOwnAddress: () => Promise.reject(new Error("late")) as never,
  };
  const it = new SenderFilter({ network, reuseAddress: false, multicastLoopback: true }, false);
  assertThrows(
    () => it.admits(everywhere, "10.0.0.1", 7),
    TypeError,
    "isOwnAddress must not be async",
  );
});
