import { assertEquals, assertThrows } from "@std/assert";
import type { TrafficEnds } from "../../src/debug/tap.ts";
import { resolveFilter, type TrafficFilter } from "../../src/debug/traffic_filter.ts";
import { printedDuring } from "../support/printed_during.ts";

const ends: TrafficEnds = {
  protocol: "tcp",
  localAddress: "192.0.2.1",
  localPort: 80,
  remoteAddress: "192.0.2.2",
  remotePort: 5_000,
};

Deno.test("resolveFilter() takes ports and addresses of either end", () => {
  const cases: [TrafficFilter | undefined, boolean][] = [
    [undefined, true],
    [{}, true],
    [{ ports: [80] }, true],
    [{ ports: [1, 5_000] }, true],
    [{ ports: [81] }, false],
    [{ ports: [] }, false],
    [{ addresses: ["192.0.2.2"] }, true],
    [{ addresses: ["192.0.2.3"] }, false],
    [{ addresses: ["192.0.2.1"], ports: [80] }, true],
    [{ addresses: ["192.0.2.1"], ports: [81] }, false],
    [{ addresses: ["192.0.2.3"], ports: [80] }, false],
    [({ remotePort }) => remotePort === 5_000, true],
    [() => false, false],
    [(() => Promise.resolve(true)) as never, false],
  ];
  for (const [only, wanted] of cases) assertEquals(resolveFilter(only)(ends), wanted);
});

Deno.test("resolveFilter() takes any spelling of an address, a name and a path", () => {
  const meets = (address: string, localAddress: string) =>
    resolveFilter({ addresses: [address] })({ ...ends, localAddress });
  for (
    const [address, met] of [
      ["::ffff:192.0.2.7", "192.0.2.7"],
      ["2", "2"],
      ["2001:DB8:0:0::1", "2001:db8::1"],
      ["[2001:db8::1]", "2001:db8::1"],
      ["fe80::1%eth0", "fe80::1%eth0"],
      ["a.example", "a.example"],
      ["/run/10.0.0.1/8", "/run/10.0.0.1/8"],
      ["run/a:1.sock", "run/a:1.sock"],
      ["\0abstract", "\0abstract"],
    ] as const
  ) assertEquals([address, meets(address, met)], [address, true]);
});

Deno.test("resolveFilter() prints what a function throws, once, and takes it for no", async () => {
  const filter = resolveFilter(() => {
    throw new Error("odd");
  });
  const printed = await printedDuring(() => {
    assertEquals([filter(ends), filter(ends)], [false, false]);
  });
  assertEquals(printed.map(String), ["Error: odd"]);
});

Deno.test("resolveFilter() takes a promise for no, whatever becomes of it", async () => {
  const filter = resolveFilter((() => Promise.reject(new Error("odd"))) as () => never);
  const printed = await printedDuring(() => {
    assertEquals([filter(ends), filter(ends)], [false, false]);
  });
  assertEquals(printed.map(String), [
    "TypeError: only must not be async: it has to be done when it returns",
  ]);
});

Deno.test("resolveFilter() refuses what is no filter", () => {
  for (
    const [wrong, says] of [
      [42, "only must be a function or an object: got 42"],
      [{ port: [1] }, "use ports"],
      [{ ports: 1 }, "only.ports must be an array"],
      [{ ports: ["80"] }, 'only.ports must be a number: got "80"'],
      [{ addresses: ["10.0.0.0/8"] }, 'host names and paths: got "10.0.0.0/8"'],
      [{ addresses: ["fe80::/10"] }, "host names and paths"],
      [{ addresses: ["127.1"] }, "host names and paths"],
      [{ addresses: ["::g"] }, "host names and paths"],
      [{ addresses: [""] }, "host names and paths"],
      [Promise.resolve({}), "only must be an object: got a promise"],
      [{ addresses: [1] }, "only.addresses must be a list of strings: got 1"],
    ] as const
  ) assertThrows(() => resolveFilter(wrong as never), TypeError, says);
  assertThrows(() => resolveFilter({ ports: [65_536] }), RangeError, "only.ports");
});
