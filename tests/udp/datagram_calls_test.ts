import { assertEquals } from "@std/assert";
import type { SocketError } from "../../src/base/errors.ts";
import type { UdpReply } from "../../src/udp/udp_service.ts";
import { awkwardThings } from "../support/awkward.ts";
import { printedDuring } from "../support/printed_during.ts";
import { scriptedDatagrams, settled } from "../support/scripted_datagrams.ts";
import { text } from "../support/text.ts";
import { localClient, testOnEngines } from "../support/udp_engines.ts";
import { localListener, serving } from "../support/udp_listeners.ts";

testOnEngines("UdpListener sends back what onDatagram returns", async (network) => {
  await using other = localClient(network);
  const { port } = await other.bound;
  await using sockets = await serving(network, {
    onDatagram(_, { data }) {
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
    async onDatagram(_, { data }) {
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
    onDatagram(_, { data }) {
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
  const printed = await printedDuring(async () => {
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
      onDatagram(_, { data }) {
        if (text(data) === "throw") throw new Error("on purpose");
        return data;
      },
    });
    const printed = await printedDuring(async () => {
      sockets.client.write("throw");
      assertEquals(await sockets.ask("good"), "good");
    });
    assertEquals(printed.map((error) => (error as Error).message), ["on purpose"]);
  },
);

testOnEngines("UdpListener tells onError of an answer that cannot be sent", async (network) => {
  const failed = Promise.withResolvers<Error>();
  await using sockets = await serving(network, {
    onDatagram(_, { data }) {
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

Deno.test("UdpService.onError comes before the next datagram, which does not wait for it", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  const calls: string[] = [];
  const told = Promise.withResolvers<void>();
  listener.attach({
    onDatagram(_, { data }) {
      calls.push(text(data));
      return text(data) === "good" ? undefined : Promise.reject(new Error(text(data)));
    },
    async onError(caller, error) {
      calls.push(`error ${error.message}`);
      await told.promise;
      await caller.sendBytes("it was bad");
      calls.push("told");
    },
  });
  await listener.start();
  const socket = network.sockets[0]!;
  for (const word of ["bad 1", "good", "bad 2", "good"]) {
    socket.deliver(word);
    await settled();
  }
  assertEquals(calls, ["bad 1", "error bad 1", "good", "bad 2", "error bad 2", "good"]);
  // A stop waits for it, as for every call.
  const stopping = listener.gracefulStop();
  await settled();
  assertEquals(socket.isClosed, false);
  told.resolve();
  assertEquals((await stopping).cut, []);
  assertEquals(calls.slice(6), ["told", "told"]);
  assertEquals(socket.sent.length, 2);
});

Deno.test("UdpService.onError that never settles is waited for by a stop, until its deadline", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  listener.attach({
    onDatagram() {
      throw new Error("on purpose");
    },
    onError: () => new Promise(() => {}),
  });
  await listener.start();
  network.sockets[0]!.deliver("x");
  await settled();
  const report = await listener.gracefulStop({ deadlineInMillis: 20 });
  // The stop names a peer whose error is still being reported.
  assertEquals([report.completed, report.aborted, report.cut[0]?.reason], [0, 1, "deadline"]);
  assertEquals(network.sockets[0]!.isClosed, true);
});

Deno.test("UdpService whose answer could not be sent is counted once by a stop", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  const answer = Promise.withResolvers<string>();
  const told = Promise.withResolvers<void>();
  listener.attach({
    onDatagram: ({ remotePort }) => remotePort === 1 ? answer.promise : new Promise(() => {}),
    onError() {
      told.resolve();
      return new Promise(() => {});
    },
  });
  await listener.start();
  const socket = network.sockets[0]!;
  socket.sendsAtOnce = false;
  for (const port of [1, 2]) {
    socket.deliver("x", port);
    await settled();
  }
  const stopping = listener.gracefulStop({ deadlineInMillis: 20 });
  await settled();
  answer.resolve("answer");
  await settled();
  socket.sending[0]!.settle(new Error("refused"));
  await told.promise;
  // The first call is over, whoever is still told of its answer.
  const { completed, cut } = await stopping;
  assertEquals([completed, cut.map(({ remotePort }) => remotePort)], [1, [2]]);
});

Deno.test("UdpListener handles the next datagram whatever a service throws or gives", async () => {
  const refuse = () => {
    throw new Error("do not look");
  };
  const odd: (() => unknown)[] = [
    ...awkwardThings().flatMap((thing) => [
      () => {
        throw thing;
      },
      () => Promise.reject(thing),
    ]),
    () => ({
      get then() {
        return refuse();
      },
    }),
    () => ({ then: refuse }),
    () => ({
      get remoteHost() {
        return refuse();
      },
    }),
    () => ({
      remoteHost: "127.0.0.1",
      remotePort: 9,
      get data() {
        return refuse();
      },
    }),
    () => new Proxy({}, { get: refuse, getPrototypeOf: refuse }),
    () => new Proxy(new Uint8Array(1), { getPrototypeOf: refuse }),
    () =>
      Promise.resolve(new Proxy({}, { get: (_, name) => name === "then" ? undefined : refuse() })),
    () => Proxy.revocable({}, {}).proxy,
    () => Symbol("odd"),
    () => () => {},
  ];
  for (const hasOnError of [true, false]) {
    for (const onErrorThrows of hasOnError ? odd : [() => undefined]) {
      const network = scriptedDatagrams();
      const listener = localListener(network);
      const steps = [...odd];
      listener.attach({
        onDatagram: (_, { data }) => (text(data) === "odd" ? steps.shift()!() : data) as UdpReply,
        ...(hasOnError ? { onError: () => onErrorThrows() as void } : {}),
      });
      await listener.start();
      const socket = network.sockets[0]!;
      await printedDuring(async () => {
        while (steps.length > 0) {
          socket.deliver("odd");
          await settled();
          socket.deliver("good");
          await settled();
        }
      });
      assertEquals(socket.sent, odd.map(() => "good > 127.0.0.1:9"));
      await listener.gracefulStop();
    }
  }
});
