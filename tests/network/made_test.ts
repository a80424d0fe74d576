// What a network of one's own gives in the place of what it has to give.

import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Client, denoNetwork, GenericError, Listener, UdpClient, UdpListener } from "../../mod.ts";
import type { Network } from "../../network.ts";
import { checkMade, checkResolved } from "../../src/network/made.ts";
import { scriptedListener, scriptedTransport, VirtualClock } from "../../testing/mod.ts";

const nothing: unknown[] = [undefined, null, 5, "", {}];

Deno.test("checkMade() gives back what has all it needs", () => {
  const transport = scriptedTransport([]);
  assertStrictEquals(checkMade("Transport", transport), transport);
  const listener = scriptedListener([], { clock: new VirtualClock() });
  assertStrictEquals(checkMade("TransportListener", listener), listener);
});

Deno.test("checkMade() says what is missing, and frees the rest", () => {
  let freed = 0;
  const close = () => void freed++;
  for (const made of nothing) {
    assertThrows(
      () => checkMade("DatagramSocket", made as never),
      TypeError,
      "the network must give a DatagramSocket with receive(): got ",
    );
  }
  const methods = { accept() {}, close };
  assertThrows(
    () => checkMade("TransportListener", { ...methods, addr: undefined } as never),
    TypeError,
    "the network must give a TransportListener with addr: got ",
  );
  assertEquals(freed, 1);
});

Deno.test("checkMade() frees what throws when it is looked at", () => {
  const errors = {
    Transport: "localAddr",
    TransportListener: "addr",
    DatagramSocket: "addr",
  } as const;
  for (const [kind, name] of Object.entries(errors)) {
    let freed = 0;
    const nothing = () => {};
    const made = {
      ...{ read: nothing, write: nothing, closeWrite: nothing, accept: nothing },
      ...{ receive: nothing, send: nothing, close: () => void freed++ },
    };
    const thrown = new Error("mine");
    Object.defineProperty(made, name, {
      get() {
        throw thrown;
      },
    });
    const error = assertThrows(() => checkMade(kind as "Transport", made as never), Error, "mine");
    assertStrictEquals(error, thrown);
    assertEquals(freed, 1);
  }
});

const config = (members: Partial<Record<keyof Network, unknown>>) => ({
  network: { ...denoNetwork, ...members } as Network,
});
for (const made of nothing) {
  const gives = (kind: string) => `: the network must give a ${kind} with `;
  const shown = JSON.stringify(made);
  Deno.test(`A network whose methods give ${shown} is told so by whoever uses it`, async () => {
    const give = () => made;
    const port = { host: "127.0.0.1", port: 1 };
    const connects = config({ connect: give, connectPath: give });
    for (
      const target of [port, { ...port, family: 4 as const }, { path: "/tmp/s" }]
    ) {
      await assertRejects(
        () => Client.connect({ ...target, ...connects }),
        GenericError,
        gives("Transport"),
      );
    }
    const listens = config({ listen: give, listenPath: give, listenDatagram: give });
    for (const where of [{ interface: "127.0.0.1" }, { path: "/tmp/s" }]) {
      const listener = new Listener(0, { ...where, ...listens });
      listener.attach({ onConnect() {} });
      await assertRejects(() => listener.start(), GenericError, gives("TransportListener"));
    }
    const datagrams = new UdpListener(0, { interface: "127.0.0.1", ...listens });
    datagrams.attach({ onDatagram() {} });
    await assertRejects(() => datagrams.start(), GenericError, gives("DatagramSocket"));
    const client = new UdpClient({ host: "127.0.0.1", port: 0 }, listens);
    await assertRejects(() => client.read(), GenericError, gives("DatagramSocket"));
    await client.close();
  });
}

Deno.test("checkMade() refuses a promise, hears it, and frees what it gives", async () => {
  let freed = 0;
  const transport = Object.assign(scriptedTransport([]), { close: () => void freed++ });
  for (const late of [Promise.resolve(transport), Promise.reject(new Error("late"))]) {
    const check = () => checkMade("Transport", late as never);
    assertThrows(check, TypeError, "the network must give a Transport, not a promise");
  }
  // A rejection that nobody handles would fail this test.
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(freed, 1);
});

Deno.test("checkResolved() takes addresses and nothing else", () => {
  const known = { addresses: ["127.0.0.1"], isDirect: true };
  assertEquals(checkResolved(known), known);
  assertEquals(checkResolved(undefined), { addresses: [], isDirect: false });
  for (const odd of [null, {}, { addresses: [null] }, { addresses: "127.0.0.1" }]) {
    const message = "the network's resolveName must give addresses, which are texts";
    assertThrows(() => checkResolved(odd as never), TypeError, message);
  }
});
