import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { Datagram } from "../../src/udp/datagram.ts";
import { GenericError, type SocketError } from "../../src/base/errors.ts";
import type { UdpService } from "../../src/udp/udp_service.ts";
import type { UdpSession } from "../../src/udp/udp_session.ts";
import { simulate } from "../../testing/mod.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { awkwardThings } from "../support/awkward.ts";
import { printedDuring } from "../support/printed_during.ts";
import { scriptedDatagrams, settled } from "../support/scripted_datagrams.ts";
import { text } from "../support/text.ts";
import { localClient } from "../support/udp_engines.ts";
import { localListener } from "../support/udp_listeners.ts";

Deno.test("UdpListener goes on with other sessions whatever onSession throws", async () => {
  for (const throwing of [true, false]) {
    const things = awkwardThings();
    const network = scriptedDatagrams();
    const listener = localListener(network);
    listener.attach({
      onSession(session) {
        if (session.remotePort === 9) return session.write("good").then(() => {});
        const thing = things.shift();
        if (throwing) throw thing;
        return Promise.reject(thing);
      },
      onError() {
        throw things[0];
      },
    });
    await listener.start();
    const socket = network.sockets[0]!;
    await printedDuring(async () => {
      for (let port = 100; things.length > 0; port++) {
        socket.deliver("x", port);
        await settled();
      }
    });
    socket.deliver("x");
    await settled();
    assertEquals([socket.sent, listener.sessions.size], [["good > 127.0.0.1:9"], 1]);
    await listener.immediateStop();
  }
});

Deno.test("UdpListener reads a service once, when it is attached", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  let reads = 0;
  class Greeter {
    greeting = "Hello ";
    get onDatagram() {
      if (++reads > 1) throw new Error("read again");
      return function (this: Greeter, _: unknown, { data }: Datagram): string {
        if (text(data) === "throw") throw new Error("on purpose");
        return this.greeting + text(data);
      };
    }
  }
  let isAttached = false;
  const service = new Proxy(new Greeter(), {
    get(target, name, receiver) {
      // `this` is the service itself, whose own members its methods use.
      if (isAttached && String(name).startsWith("on")) throw new Error("a trap");
      return Reflect.get(target, name, receiver);
    },
  });
  listener.attach(service);
  isAttached = true;
  await listener.start();
  const printed = await printedDuring(async () => {
    for (const word of ["a", "throw", "b"]) {
      network.sockets[0]!.deliver(word);
      await settled();
    }
  });
  assertEquals(network.sockets[0]!.sent, ["Hello a > 127.0.0.1:9", "Hello b > 127.0.0.1:9"]);
  assertEquals(printed.map((error) => (error as Error).message), ["on purpose"]);
  listener.detach(service);
  listener.attach({ onDatagram: (_, { data }) => data });
  await listener.gracefulStop();
});

Deno.test("UdpListener.attach() of what cannot be read attaches nothing", async () => {
  const listener = localListener(scriptedDatagrams());
  const trap = () => {
    throw new Error("a trap");
  };
  for (const name of ["get", "ownKeys", "getPrototypeOf"] as const) {
    const service = new Proxy({ onDatagram() {} }, { [name]: trap });
    assertThrows(() => listener.attach(service), Error, "a trap");
  }
  listener.attach({ onDatagram() {} });
  await listener.immediateStop();
});

/** Delivers words, each from a port, one after the other. */
async function deliver(
  socket: { deliver(word: string, port?: number): void },
  ...datagrams: (readonly [word: string, port: number])[]
): Promise<void> {
  for (const [word, port] of datagrams) {
    socket.deliver(word, port);
    await settled();
  }
}

Deno.test("UdpListener takes a function that makes a service for each session", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  const make = (session: UdpSession): UdpService | Promise<UdpService> => {
    let count = 0;
    const service: UdpService = {
      onDatagram(caller, { data }) {
        assertStrictEquals(caller, session);
        return `${text(data)} ${++count}`;
      },
    };
    return session.remotePort === 1 ? service : Promise.resolve(service);
  };
  listener.attach(make);
  assertThrows(() => listener.attach(make), GenericError, "attached already");
  await listener.start();
  const socket = network.sockets[0]!;
  await deliver(socket, ["a", 1], ["b", 2], ["c", 2], ["d", 1]);
  assertEquals(socket.sent, [
    "a 1 > 127.0.0.1:1",
    "b 1 > 127.0.0.1:2",
    "c 2 > 127.0.0.1:2",
    "d 2 > 127.0.0.1:1",
  ]);
  listener.detach(make);
  // Sessions keep the service that they have, and nobody gets a new one: what a new peer sends waits.
  await deliver(socket, ["e", 1], ["f", 3]);
  assertEquals([socket.sent.at(-1), socket.sent.length], ["e 3 > 127.0.0.1:1", 5]);
  const { completed, cut } = await listener.gracefulStop();
  assertEquals([completed, cut.map(({ remotePort }) => remotePort)], [2, [3]]);
});

Deno.test("UdpListener's function may make a service of sessions", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  listener.attach((session) => ({
    async onSession(same) {
      assertStrictEquals(same, session);
      for await (const { data } of session) await session.write(data);
    },
  }));
  await listener.start();
  await deliver(network.sockets[0]!, ["a", 1], ["b", 2], ["c", 1]);
  assertEquals(network.sockets[0]!.sent, [
    "a > 127.0.0.1:1",
    "b > 127.0.0.1:2",
    "c > 127.0.0.1:1",
  ]);
  assertEquals(await listener.gracefulStop(), { completed: 2, aborted: 0, cut: [] });
});

Deno.test("UdpListener's function that throws, or makes no service, ends its session only", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  const ends: Promise<SocketError | undefined>[] = [];
  listener.attach((session) => {
    ends.push(session.closed);
    if (session.remotePort === 1) throw new Error("mine");
    return session.remotePort === 2 ? {} : { onDatagram: (_, { data }) => data };
  });
  await listener.start();
  const socket = network.sockets[0]!;
  const printed = await printedDuring(() => deliver(socket, ["a", 1], ["b", 2], ["c", 3]));
  assertEquals(printed.map((error) => (error as Error).constructor.name), ["Error", "TypeError"]);
  assertEquals((await Promise.all(ends.slice(0, 2))).map((error) => error?.code), [
    "handler",
    "handler",
  ]);
  assertEquals([socket.sent, listener.sessions.size], [["c > 127.0.0.1:3"], 1]);
  await listener.immediateStop();
});

Deno.test("UdpService of one session waits for nobody else's, and its errors end nothing", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  const slow = Promise.withResolvers<void>();
  const told: string[] = [];
  listener.attach(({ remotePort }) => ({
    async onDatagram(_, { data }) {
      if (text(data) === "slow") await slow.promise;
      if (text(data) === "throw") throw new Error("on purpose");
      return data;
    },
    async onError(caller, error) {
      told.push(`${caller.remotePort} ${remotePort} ${error.message}`);
      await slow.promise;
    },
  }));
  await listener.start();
  const socket = network.sockets[0]!;
  await deliver(socket, ["slow", 1], ["b", 1], ["throw", 2], ["c", 2]);
  assertEquals([socket.sent, told], [["c > 127.0.0.1:2"], ["2 2 on purpose"]]);
  // A stop waits for what came, and for what is told.
  const stop = listener.gracefulStop();
  await settled();
  assertEquals([...listener.sessions].map(({ remotePort }) => remotePort), [1, 2]);
  slow.resolve();
  assertEquals(await stop, { completed: 2, aborted: 0, cut: [] });
  assertEquals(socket.sent.slice(1), ["slow > 127.0.0.1:1", "b > 127.0.0.1:1"]);
});

Deno.test("UdpListener.gracefulStop() cuts a session whose service is not made in time", async () => {
  const clock = new VirtualClock();
  const network = scriptedDatagrams(clock);
  const listener = localListener(network);
  listener.attach(() => new Promise<UdpService>(() => {}));
  await listener.start();
  await deliver(network.sockets[0]!, ["a", 7]);
  const stop = listener.gracefulStop({ deadlineInMillis: 100 });
  await settled();
  await clock.advance(100);
  const { completed, cut } = await stop;
  assertEquals([completed, cut.map(({ remotePort, reason }) => [remotePort, reason])], [0, [[
    7,
    "deadline",
  ]]]);
});

Deno.test("UdpService gets datagrams in one way", () => {
  const listener = localListener(scriptedDatagrams());
  const nothing = () => {};
  assertThrows(
    () => listener.attach({ onBytes: nothing, onDatagram: nothing }),
    TypeError,
    "service must have onBytes or onDatagram, not both",
  );
  for (
    const service of [
      { onBytes: nothing, onSession: nothing },
      { onDatagram: nothing, onSession: nothing },
      { onError: nothing },
    ]
  ) {
    assertThrows(
      () => listener.attach(service),
      TypeError,
      "service must have either onBytes, onDatagram or onSession",
    );
  }
});

Deno.test("UdpService.onBytes: the testing networks overwrite what was lent", async () => {
  for (const config of [{}, { overwriteLentBytes: false }]) {
    const kept: Uint8Array[] = [];
    await simulate(1, async (network) => {
      await using listener = localListener(network, config);
      listener.attach({
        onBytes(_, bytes) {
          kept.push(bytes);
          return bytes;
        },
      });
      await listener.start();
      await using client = localClient(network);
      void client.sendTo("ab", { host: "127.0.0.1", port: listener.port });
      assertEquals(text((await client.receiveFrom())[0]), "ab");
    }, { faults: "calm" });
    const isOff = "overwriteLentBytes" in config;
    assertEquals(kept.map((bytes) => bytes.toHex()), [isOff ? "6162" : "dbdb"]);
  }
});
