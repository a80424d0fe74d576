import { assertEquals, assertRejects } from "@std/assert";
import { HostNames, NAME_LIFETIME_IN_MILLIS } from "../../src/udp/host_names.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { scriptedDatagrams } from "../support/scripted_datagrams.ts";

Deno.test("HostNames asks once and remembers for a short time", async () => {
  const clock = new VirtualClock();
  const network = scriptedDatagrams(clock);
  const names = new HostNames(network);
  assertEquals(names.recall("a.example", 9), undefined);
  const asked = [names.lookUp("a.example", 9, 4), names.lookUp("a.example", 9, 4)];
  assertEquals(network.lookups.map(({ name }) => name), ["a.example:9 4"]);
  const resolved = { addresses: ["10.0.0.1"], isDirect: true };
  network.lookups[0]!.answer(resolved);
  assertEquals(await Promise.all(asked), [resolved, resolved]);
  await clock.advance(NAME_LIFETIME_IN_MILLIS - 1);
  assertEquals(names.recall("a.example", 9), resolved);
  assertEquals(names.recall("a.example", 8), undefined);
  await clock.advance(1);
  assertEquals(names.recall("a.example", 9), undefined);
});

Deno.test("HostNames does not remember a failure", async () => {
  const network = scriptedDatagrams();
  const names = new HostNames(network);
  const asked = names.lookUp("a.example", 9, 0);
  const error = new Error("no such host");
  network.lookups[0]!.answer(error);
  assertEquals(await assertRejects(() => asked, Error), error);
  assertEquals(names.recall("a.example", 9), undefined);
  names.lookUp("a.example", 9, 0);
  assertEquals(network.lookups.length, 2);
});

Deno.test("HostNames remembers a bounded number of names", async () => {
  const network = scriptedDatagrams();
  const names = new HostNames(network);
  for (let port = 1; port <= 300; port++) {
    const asked = names.lookUp("a.example", port, 4);
    network.lookups.at(-1)!.answer({ addresses: ["10.0.0.1"], isDirect: true });
    await asked;
  }
  const known = (port: number) => names.recall("a.example", port) !== undefined;
  assertEquals([known(1), known(44), known(45), known(300)], [false, false, true, true]);
});

Deno.test("HostNames leaves names to a network that cannot look them up", async () => {
  const { resolveName: _, ...network } = scriptedDatagrams();
  const resolved = await new HostNames(network).lookUp("a.example", 9, 4);
  assertEquals(resolved, { addresses: [], isDirect: false });
});
