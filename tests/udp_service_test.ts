import { assertEquals } from "@std/assert";
import type { SocketError } from "../src/errors.ts";
import { scriptedDatagrams, settled } from "./support/scripted_datagrams.ts";
import { localClient, testOnEngines, text } from "./support/udp_engines.ts";
import { localListener, printedBy, serving } from "./support/udp_listeners.ts";

testOnEngines("UdpListener sends back what onDatagram returns", async (network) => {
  await using other = localClient(network);
  const { port } = await other.bound;
  await using sockets = await serving(network, {
    onDatagram({ data }) {
      switch (text(data)) {
        case "bytes":
          return new Uint8Array([104, 105]);
        case "later":
          return Promise.resolve("text");
        case "elsewhere":
          return { remoteHost: "127.0.0.1", remotePort: port, data: new Uint8Array([33]) };
        case "empty":
          return "";
        default:
          return undefined;
      }
    },
  });
  assertEquals(await sockets.ask("bytes"), "hi");
  assertEquals(await sockets.ask("later"), "text");
  await sockets.client.write("nothing");
  await sockets.client.write("elsewhere");
  const [bytes, , from] = await other.receiveFrom();
  assertEquals([text(bytes), from.port], ["!", sockets.listener.port]);
  assertEquals(await sockets.ask("empty"), "");
});

testOnEngines("UdpListener handles datagrams in order, one call at a time", async (network) => {
  const seen: string[] = [];
  let calls = 0;
  const done = Promise.withResolvers<void>();
  await using sockets = await serving(network, {
    async onDatagram({ data }) {
      assertEquals(++calls, 1);
      // The earlier ones take longer.
      for (let turns = 20 - seen.length; turns > 0; turns--) await Promise.resolve();
      calls--;
      seen.push(text(data));
      if (seen.length === 20) done.resolve();
    },
  });
  for (let i = 0; i < 20; i++) sockets.client.write(`${i}`);
  await done.promise;
  assertEquals(seen, Array.from({ length: 20 }, (_, i) => `${i}`));
});

testOnEngines("UdpListener goes on after a handler that throws", async (network) => {
  const errors: [string, number][] = [];
  await using sockets = await serving(network, {
    onDatagram({ data }) {
      switch (text(data)) {
        case "throw":
          throw new Error("on purpose");
        case "reject":
          return Promise.reject("a string");
        case "too long":
          return new Uint8Array(65_508);
        case "nonsense":
          return 7 as unknown as string;
      }
      return "fine";
    },
    onError(caller, error) {
      errors.push([error.message, caller.remotePort]);
      if (errors.length === 1) throw new Error("printed");
    },
  });
  const printed = await printedBy(async () => {
    for (const word of ["throw", "reject", "too long", "nonsense"]) sockets.client.write(word);
    assertEquals(await sockets.ask("good"), "fine");
  });
  assertEquals(errors.map(([message]) => message), [
    "on purpose",
    'A method of the service threw: "a string"',
    "Content must be at most 65507 bytes for one datagram: got 65508",
    "What onDatagram returned must be an object: got 7",
  ]);
  for (const [, port] of errors) assertEquals(port, sockets.client.localPort);
  assertEquals(printed.map((error) => (error as Error).message), ["printed"]);
});

testOnEngines(
  "UdpListener prints what a handler throws when there is no onError",
  async (network) => {
    await using sockets = await serving(network, {
      onDatagram({ data }) {
        if (text(data) === "throw") throw new Error("on purpose");
        return data;
      },
    });
    const printed = await printedBy(async () => {
      sockets.client.write("throw");
      assertEquals(await sockets.ask("good"), "good");
    });
    assertEquals(printed.map((error) => (error as Error).message), ["on purpose"]);
  },
);

testOnEngines("UdpListener tells onError of an answer that cannot be sent", async (network) => {
  const failed = Promise.withResolvers<Error>();
  await using sockets = await serving(network, {
    onDatagram({ data }) {
      if (text(data) !== "nowhere") return data;
      return { remoteHost: "::1", remotePort: 9, data };
    },
    onError: (_, error) => failed.resolve(error),
  });
  sockets.client.write("nowhere");
  assertEquals((await failed.promise as SocketError).code, "unreachable");
  assertEquals(await sockets.ask("still here"), "still here");
});

Deno.test("UdpService is not told of an answer that comes after the stop", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  const go = Promise.withResolvers<void>();
  const errors: unknown[] = [];
  listener.attach({
    async onDatagram() {
      await go.promise;
      return "too late";
    },
    onError: (_, error) => void errors.push(error),
  });
  await listener.start();
  network.sockets[0]!.deliver("x");
  await settled();
  await listener.immediateStop();
  go.resolve();
  await settled();
  assertEquals([errors, network.sockets[0]!.sent], [[], []]);
});
