import { assertEquals } from "@std/assert";
import { ReplayedTransport } from "../../src/network/replayed_transport.ts";
import { checkTransport, connectedTransports } from "../../testing/mod.ts";

checkTransport(() => {
  const [near, far] = connectedTransports();
  return { near: new ReplayedTransport(near, new Uint8Array(0)), far };
}, { name: "ReplayedTransport: ", reset: true });

Deno.test("ReplayedTransport gives what was read before, then what comes", async () => {
  const [near, far] = connectedTransports();
  const first = new Uint8Array([1, 2, 3]);
  const transport = new ReplayedTransport(near, first);
  await far.write(new Uint8Array([4]));
  const buffer = new Uint8Array(2);
  const got: (number | null)[][] = [];
  for (let i = 0; i < 3; i++) got.push([await transport.read(buffer), ...buffer]);
  assertEquals(got, [[2, 1, 2], [1, 3, 2], [1, 4, 2]]);
  assertEquals(transport.secure, undefined);
  assertEquals(transport.localAddr, near.localAddr);
  assertEquals(transport.remoteAddr, near.remoteAddr);
});
