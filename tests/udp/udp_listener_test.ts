import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { linuxNetwork } from "../../linux/mod.ts";
import { GenericError } from "../../src/base/errors.ts";
import { UdpListener } from "../../src/udp/udp_listener.ts";
import type { UdpService } from "../../src/udp/udp_service.ts";
import { text } from "../support/text.ts";
import { localClient, testOnEngines } from "../support/udp_engines.ts";
import { scriptedDatagrams, settled } from "../support/scripted_datagrams.ts";
import { droppedBy, localListener, serving } from "../support/udp_listeners.ts";

testOnEngines("UdpListener survives garbage of every length", async (network) => {
  let count = 0;
  await using sockets = await serving(network, {
    onDatagram(_, { data }) {
      count++;
      return text(data) === "ping" ? "pong" : undefined;
    },
  });
  const { client } = sockets;
  for (let length = 0; length < 3_000; length += 97) {
    await client.write(crypto.getRandomValues(new Uint8Array(length)));
  }
  assertEquals(await sockets.ask("ping"), "pong");
  assert(count > 1);
});

testOnEngines("UdpListener with remoteHost hears only that peer", async (network) => {
  await using friend = localClient(network);
  await using stranger = localClient(network);
  const { host, port } = await friend.bound;
  const listener = localListener(network, { remoteHost: host, remotePort: port });
  listener.attach({ onDatagram: (_, { data }) => data });
  await listener.start();
  const address = { host, port: listener.port };
  await stranger.sendTo("noise", address);
  await friend.sendTo("signal", address);
  assertEquals(text((await friend.receiveFrom())[0]), "signal");
  // The engine for Linux has the system drop it.
  assertEquals(droppedBy(listener), network === linuxNetwork ? 0 : 1);
  await listener.gracefulStop();
});

testOnEngines("UdpListener can be iterated, with a caller for each datagram", async (network) => {
  await using listener = localListener(network);
  await using client = localClient(network);
  await listener.start();
  const address = { host: "127.0.0.1", port: listener.port };
  for (const word of ["a", "b", "c"]) client.sendTo(word, address);
  for await (const [caller, datagram] of listener) {
    assertEquals(text(datagram.data), "a");
    await caller.sendBytes("A");
    break;
  }
  assertEquals(text((await client.receiveFrom())[0]), "A");
  const seen: string[] = [];
  let stopped;
  for await (const [, { data }] of listener) {
    seen.push(text(data));
    if (seen.length === 2) stopped = listener.gracefulStop();
  }
  assertEquals(seen, ["b", "c"]);
  assertEquals(await stopped, { completed: 0, aborted: 0, cut: [] });
});

testOnEngines("UdpListener has one consumer at a time", async (network) => {
  await using listener = localListener(network);
  const service = { onDatagram: () => {} };
  listener.attach(service);
  assertThrows(() => listener.attach(service), GenericError, "attached already");
  assertThrows(() => listener[Symbol.asyncIterator](), GenericError, "attached already");
  assertThrows(() => listener.acceptSessions(), GenericError, "attached already");
  listener.detach({ onDatagram: () => {} });
  assertThrows(() => listener.attach(service), GenericError, "attached already");
  listener.detach(service);
  const iterator = listener[Symbol.asyncIterator]();
  assertThrows(() => listener.attach(service), GenericError, "iteration");
  await iterator.return!();
  const sessions = listener.acceptSessions();
  assertThrows(() => listener[Symbol.asyncIterator](), GenericError, "iteration");
  await sessions.return!();
  listener.attach(service);
});

testOnEngines("UdpListener iterated before start() says so", async (network) => {
  const listener = localListener(network);
  const error = await assertRejects(
    () => listener[Symbol.asyncIterator]().next() as Promise<unknown>,
    GenericError,
  );
  assertEquals(error.message, "Cannot receive: not bound, call start() first");
  await assertRejects(() => listener.joinGroup("239.1.2.3"), GenericError, "start()");
  assertEquals(await listener.gracefulStop(), { completed: 0, aborted: 0, cut: [] });
  await listener.immediateStop();
});

testOnEngines("UdpListener.start() that cannot bind can be tried again", async (network) => {
  const taken = localClient(network);
  const { port } = await taken.bound;
  const listener = new UdpListener(port, { interface: "127.0.0.1", network });
  const error = await assertRejects(() => listener.start(), GenericError);
  assertEquals(error.code, "in-use");
  await taken.close();
  await Promise.all([listener.start(), listener.start()]);
  assertEquals([listener.port, listener.address], [port, "127.0.0.1"]);
  await listener.immediateStop();
});

testOnEngines("UdpListener starts again on the same port", async (network) => {
  await using sockets = await serving(network, { onDatagram: (_, { data }) => data });
  const { listener } = sockets;
  const { port, closed } = listener;
  for (let i = 0; i < 3; i++) {
    assertEquals(await sockets.ask(`${i}`), `${i}`);
    await listener.gracefulStop();
    assertEquals(await closed, undefined);
    await listener.start();
    assertEquals(listener.port, port);
    assert(listener.closed !== closed);
  }
  const stop = listener.immediateStop();
  await listener.start();
  await stop;
  assertEquals(await sockets.ask("after all"), "after all");
});

testOnEngines("UdpListener.signal stops it", async (network) => {
  const controller = new AbortController();
  const listener = localListener(network, { signal: controller.signal });
  listener.attach({ onDatagram: () => {} });
  await listener.start();
  controller.abort("enough");
  assertEquals(await listener.closed, undefined);
  assertEquals(await listener.start().catch((reason) => reason), "enough");
});

Deno.test("UdpListener() and attach() check what they get", () => {
  assertThrows(() => new UdpListener(70_000), RangeError, "70000");
  assertThrows(() => new UdpListener("1" as unknown as number), TypeError, "port");
  const listener = new UdpListener(0);
  const attach = (service: unknown) => () => listener.attach(service as UdpService);
  assertThrows(attach(null), TypeError, "service");
  assertThrows(attach({}), TypeError, "at least one of onBytes, onDatagram, onSession");
  assertThrows(attach({ onError() {} }), TypeError, "either onBytes, onDatagram or onSession");
  assertThrows(attach({ onDatagram() {}, onSession() {} }), TypeError, "either");
  assertThrows(attach({ onDatagram: 7 }), TypeError, "service.onDatagram");
  assertThrows(attach({ onDatagrams() {} }), TypeError, '"onDatagrams"');
  class Misspelled {
    onDatagram() {}
    onReadReady() {}
  }
  assertThrows(attach(new Misspelled()), TypeError, '"onReadReady"');
});

testOnEngines("UdpListener that was stopped is free of its iteration", async (network) => {
  await using listener = localListener(network);
  await listener.start();
  const iterator = listener[Symbol.asyncIterator]();
  await listener.gracefulStop();
  listener.attach({ onDatagram: () => {} });
  assertEquals((await iterator.next()).done, true);
});

testOnEngines("UdpListener does not answer itself", async (network) => {
  for (const host of ["127.0.0.1", "0.0.0.0", "::"]) {
    const listener = localListener(network, { interface: host });
    let calls = 0;
    listener.attach({
      async onDatagram(caller, { data }) {
        calls++;
        const [remoteHost, remotePort] = ["127.0.0.1", listener.port];
        if (text(data) === "forge") {
          await caller.sendDatagram({ remoteHost, remotePort, data: new Uint8Array([1]) });
          if (host === "::") {
            await caller.sendDatagram({ remoteHost: "::1", remotePort, data: new Uint8Array([2]) });
          }
        }
        return data;
      },
    });
    await listener.start();
    await using client = localClient(network, {
      remoteHost: "127.0.0.1",
      remotePort: listener.port,
    });
    for (const word of ["forge", "still here"]) {
      await client.write(word);
      assertEquals(text((await client.read())[0]), word);
    }
    while (droppedBy(listener) < (host === "::" ? 2 : 1)) {
      await client.write("more");
      await client.read();
      calls--;
    }
    assertEquals(calls, 2);
    await listener.gracefulStop();
  }
});

Deno.test("UdpListener drops and counts what comes from port 0", async () => {
  const network = scriptedDatagrams();
  await using listener = localListener(network);
  listener.attach({ onDatagram: (_, { data }) => data });
  await listener.start();
  const socket = network.sockets[0]!;
  for (const port of [0, 0, 9]) {
    socket.deliver(`from ${port}`, port);
    await settled();
  }
  assertEquals([socket.sent, droppedBy(listener)], [["from 9 > 127.0.0.1:9"], 2]);
});

for (const next of ["onDatagram", "onBytes", "a loop"] as const) {
  testOnEngines(
    `UdpListener leaves open sessions their peers when ${next} follows`,
    async (network) => {
      const log: string[] = [];
      const both = Promise.withResolvers<void>();
      const note = (line: string) => {
        log.push(line);
        if (log.length === 4) both.resolve();
      };
      const listener = localListener(network);
      const service: UdpService = {
        async onSession(session) {
          for await (const { data } of session) {
            note(`session ${text(data)}`);
            await session.write("got");
          }
        },
      };
      listener.attach(service);
      await listener.start();
      const to = { remoteHost: "127.0.0.1", remotePort: listener.port };
      await using peer = localClient(network, to);
      await using other = localClient(network, to);
      await peer.write("1");
      await peer.read();
      listener.detach(service);
      if (next === "onDatagram") {
        listener.attach({ onDatagram: (_, { data }) => note(`next ${text(data)}`) });
      } else if (next === "onBytes") {
        listener.attach({ onBytes: (_, bytes) => note(`next ${text(bytes)}`) });
      } else {
        void (async () => {
          for await (const [, { data }] of listener) note(`next ${text(data)}`);
        })();
      }
      await peer.write("2");
      await peer.read();
      await other.write("3");
      await peer.write("4");
      await both.promise;
      assertEquals(log.toSorted(), ["next 3", "session 1", "session 2", "session 4"]);
      await listener.gracefulStop();
    },
  );
}
