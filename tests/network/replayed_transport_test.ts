import { assertEquals } from "@std/assert";
import { ReplayedTransport } from "../../src/network/replayed_transport.ts";
import { checkTransport, connectedTransports } from "../../testing/mod.ts";

checkTransport(() => {
  const [near, far] = connectedTransports();
  return { near: new ReplayedTransport(near, new Uint8Array(0)), far };
}, { name: "ReplayedTransport: ", reset: true });

checkTransport(() => {
  const [near, far] = connectedTransports({ canTry: true });
  return { near: new ReplayedTransport(near, new Uint8Array(0)), far };
}, { name: "ReplayedTransport without promises: ", reset: true, canTry: true });

Deno.test("ReplayedTransport gives without a promise what was read before, then what comes", async () => {
  const [near, far] = connectedTransports({ canTry: true });
  const transport = new ReplayedTransport(near, new Uint8Array([1, 2, 3]));
  const buffer = new Uint8Array(2);
  const got: unknown[][] = [];
  const readable = () => new Promise<void>((resolve) => transport.whenReadable!(resolve));
  for (let i = 0; i < 2; i++) {
    await readable();
    got.push([transport.tryRead!(buffer), transport.mayHaveMore, ...buffer]);
  }
  assertEquals(transport.tryRead!(buffer), undefined);
  await Promise.all([readable(), far.write(new Uint8Array([4]))]);
  got.push([transport.tryRead!(buffer), transport.mayHaveMore, ...buffer]);
  assertEquals(got, [[2, true, 1, 2], [1, true, 3, 2], [1, undefined, 4, 2]]);
  assertEquals(transport.tryWrite!(new Uint8Array(3)), 3);
  const plain = new ReplayedTransport(connectedTransports()[0], buffer);
  assertEquals([plain.tryRead, plain.whenReadable, plain.tryWrite], [
    undefined,
    undefined,
    undefined,
  ]);
});

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

Deno.test("ReplayedTransport passes on that TLS begins, where the stream wants to know", () => {
  const [near, other] = connectedTransports();
  const begun: unknown[] = [];
  const asked = Object.assign(near, { beginTls: () => (secure: unknown) => begun.push(secure) });
  const transport = new ReplayedTransport(asked as never, new Uint8Array(0));
  transport.beginTls!()(other);
  assertEquals(begun, [other]);
  assertEquals(new ReplayedTransport(other, new Uint8Array(0)).beginTls, undefined);
});

Deno.test("ReplayedTransport passes on what is arriving", () => {
  const [near, other] = connectedTransports();
  const arriving = { length: 1 };
  const transport = new ReplayedTransport(Object.assign(near, { arriving }), new Uint8Array(0));
  assertEquals(transport.arriving === arriving, true);
  assertEquals(new ReplayedTransport(other, new Uint8Array(0)).arriving, undefined);
});
