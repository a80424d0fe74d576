import { assert, assertEquals } from "@std/assert";
import type { SocketError } from "../../src/base/errors.ts";
import type { UdpListenerConfig } from "../../src/udp/udp_listener_config.ts";
import type { UdpReply, UdpService, UdpServiceOrFactory } from "../../src/udp/udp_service.ts";
import { connectedPair } from "../../testing/mod.ts";
import { awkwardThings } from "../support/awkward.ts";
import { printedDuring } from "../support/printed_during.ts";
import { scriptedDatagrams, settled } from "../support/scripted_datagrams.ts";
import { text } from "../support/text.ts";
import { linuxNetwork } from "../../linux/mod.ts";
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

/** A service on a scripted socket, which datagrams are delivered to. */
async function scripted(service: UdpServiceOrFactory, config: UdpListenerConfig = {}) {
  const network = scriptedDatagrams();
  const listener = localListener(network, config);
  listener.attach(service);
  await listener.start();
  const socket = network.sockets[0]!;
  return {
    listener,
    socket,
    async deliver(...words: string[]) {
      for (const word of words) {
        socket.deliver(word);
        await settled();
      }
    },
  };
}

testOnEngines("UdpService.onBytes: what it returns goes back", async (network) => {
  const replies: (() => ReturnType<NonNullable<UdpService["onBytes"]>>)[] = [];
  await using sockets = await serving(network, {
    onBytes: (_, bytes) => replies.length === 0 ? bytes : replies.shift()!(),
  });
  const { client } = sockets;
  assertEquals(await sockets.ask("itself"), "itself");
  replies.push(() => Promise.resolve("text"));
  assertEquals(await sockets.ask("later"), "text");
  replies.push(() => ["a", new Uint8Array([98]), ""], () => Promise.resolve(["c"]));
  await client.write("several");
  await client.write("several later");
  const got: string[] = [];
  while (got.length < 4) got.push(text((await client.read())[0]));
  assertEquals(got, ["a", "b", "", "c"]);
  replies.push(() => undefined, () => [], () => Promise.resolve());
  for (let i = 0; i < 3; i++) await client.write("nothing");
  assertEquals(await sockets.ask(""), "");
});

Deno.test("UdpService.onBytes: calls do not overlap, and what came meanwhile is handled in order", async () => {
  const seen: string[] = [];
  const free: (() => void)[] = [];
  const { deliver, socket, listener } = await scripted({
    async onBytes(_, bytes) {
      const before = text(bytes);
      await new Promise<void>((resolve) => free.push(resolve));
      seen.push(`${before} ${text(bytes)}`);
      return bytes;
    },
  });
  await deliver("a", "b", "c");
  assertEquals(free.length, 1);
  for (let i = 0; i < 3; i++) {
    free.shift()!();
    await settled();
  }
  await deliver("d");
  free.shift()!();
  await settled();
  assertEquals(seen, ["a a", "b b", "c c", "d d"]);
  assertEquals(socket.sent.map((sent) => sent[0]).join(""), "abcd");
  await listener.gracefulStop();
});

Deno.test("UdpService.onBytes gets each datagram where it was received, in two buffers at most", async () => {
  for (const isAsync of [false, true]) {
    const buffers = new Set<ArrayBuffer>();
    const { deliver, listener } = await scripted({
      onBytes(_, bytes) {
        buffers.add(bytes.buffer);
        return isAsync ? Promise.resolve() : undefined;
      },
    });
    await deliver(..."abcdefgh");
    assertEquals(buffers.size, isAsync ? 2 : 1);
    await listener.gracefulStop();
  }
});

Deno.test("UdpService.onBytes: lent bytes are overwritten when the loan ends, where that is asked for", async () => {
  for (const overwriteLentBytes of [false, true]) {
    const whenOver = overwriteLentBytes ? "dbdb" : "6162";
    for (const isOwn of [false, true]) {
      const kept: Uint8Array[] = [];
      const hex = () => kept.map((bytes) => bytes.toHex());
      const service: UdpService = {
        onBytes(_, bytes) {
          kept.push(bytes);
          if (kept.length === 1) return undefined;
          if (kept.length === 3) throw new Error("on purpose");
          return Promise.resolve().then(() => {
            assertEquals(text(bytes), "ab");
          });
        },
        onError: () => {},
      };
      const { deliver, listener } = await scripted(isOwn ? () => service : service, {
        overwriteLentBytes,
      });
      await deliver("ab");
      assertEquals(hex(), [whenOver]);
      await deliver("ab");
      assertEquals(hex()[1], whenOver);
      await deliver("ab");
      assertEquals(hex()[2], whenOver);
      await listener.gracefulStop();
    }
  }
});

Deno.test("UdpService.onBytes: what is transferred away costs no more than the datagram it was for", async () => {
  const kept: Uint8Array<ArrayBuffer>[] = [];
  const seen: string[] = [];
  const { deliver, listener, socket } = await scripted({
    onBytes(_, bytes) {
      seen.push(text(bytes));
      if (seen.length === 1) structuredClone(bytes, { transfer: [bytes.buffer] });
      else kept.push(bytes);
      return seen.length === 2 ? Promise.resolve() : "good";
    },
  });
  // Within its call, behind its call, and while the next datagram is received.
  await deliver("a", "b");
  structuredClone(kept[0], { transfer: [kept[0]!.buffer] });
  await deliver("c", "d");
  structuredClone(kept[2], { transfer: [kept[2]!.buffer] });
  socket.fail(new TypeError("Cannot perform Construct on a detached ArrayBuffer"));
  await settled();
  await deliver("e");
  assertEquals(seen, ["a", "b", "c", "d", "e"]);
  assertEquals(socket.sent.length, 4);
  await listener.gracefulStop();
});

testOnEngines(
  "UdpListener lives on when lent bytes are kept and transferred away",
  async (network) => {
    const kept: Uint8Array<ArrayBuffer>[] = [];
    await using sockets = await serving(network, {
      onBytes(_, bytes) {
        kept.push(bytes);
        return bytes;
      },
    });
    assertEquals(await sockets.ask("a"), "a");
    // The next receive has begun.
    structuredClone(kept[0], { transfer: [kept[0]!.buffer] });
    // Where nothing is received into lent memory, nothing is lost.
    if (network === linuxNetwork) assertEquals(await sockets.ask("not lost"), "not lost");
    else await sockets.client.write("lost");
    assertEquals(await sockets.ask("b"), "b");
  },
);

testOnEngines(
  "UdpService.onBytes: lent bytes may be sent anywhere, not awaited",
  async (network) => {
    for (const isAsync of [false, true]) {
      await using other = localClient(network, { maxUnreadBytes: 1_000_000 });
      const address = await other.bound;
      // A peer that reads nothing until everything was sent.
      const [slow, near] = connectedPair({ capacity: 4_096 });
      await using sockets = await serving(network, {
        onBytes(caller, bytes) {
          void near.write(bytes);
          void near.write(bytes.subarray(0, 100));
          void other.sendTo(bytes.subarray(0, 10), address);
          void caller.sendBytes(bytes.subarray(0, 20));
          return isAsync ? Promise.resolve("done") : "done";
        },
      }, { overwriteLentBytes: true });
      const lengths = [60_000, 50, 20_000, 1_000];
      const sent: number[] = [];
      for (let i = 0; i < 12; i++) {
        const length = lengths[i % 4]!;
        sent.push(...new Array(length + Math.min(length, 100)).fill(i));
        const to = { host: "127.0.0.1", port: sockets.listener.port };
        await sockets.client.sendTo(new Uint8Array(length).fill(i), to);
        assertEquals([...(await sockets.client.read())[0]], new Array(20).fill(i));
        assertEquals(text((await sockets.client.read())[0]), "done");
        assertEquals([...(await other.receiveFrom())[0]], new Array(10).fill(i));
      }
      assert(near.queuedBytes > 100_000);
      for (let at = 0; at < sent.length;) {
        const [bytes, length] = await slow.read();
        assertEquals(bytes.findIndex((byte, i) => byte !== sent[at + i]), -1);
        at += length;
      }
      await Promise.all([slow.close(), near.close()]);
    }
  },
);

Deno.test("UdpService.onBytes: bytes that were lent stay as they are when the listener ends meanwhile", async () => {
  const kept = Promise.withResolvers<Uint8Array>();
  const goOn = Promise.withResolvers<void>();
  const { deliver, listener } = await scripted({
    async onBytes(_, bytes) {
      kept.resolve(bytes);
      await goOn.promise;
    },
  }, { overwriteLentBytes: true });
  await deliver("as it was");
  await listener.immediateStop();
  assertEquals(text(await kept.promise), "as it was");
  goOn.resolve();
  await settled();
  assertEquals(text(await kept.promise), "as it was");
});
