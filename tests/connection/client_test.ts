import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { Client, type ClientConfig, Connection, GenericError, SocketError } from "../../mod.ts";
import type { Network } from "../../src/network/network.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import {
  end,
  fail,
  scriptedNetwork,
  scriptedTransport,
  silence,
  VirtualClock,
} from "../../testing/mod.ts";
import { isPending } from "../support/scripted_connection.ts";

/** A network whose connect is up to the test. */
function hanging() {
  const clock = new VirtualClock();
  const late = Promise.withResolvers<ReturnType<typeof scriptedTransport>>();
  const signals: (AbortSignal | undefined)[] = [];
  const network: Network = {
    ...denoNetwork,
    clock,
    connect: ({ signal }) => {
      signals.push(signal);
      return late.promise;
    },
  };
  return { clock, late, signals, network };
}

Deno.test("Client.connect() gives a connection over the network's transport", async () => {
  const peer = scriptedTransport(["hello", end()]);
  const network = scriptedNetwork({ connects: [peer] });
  const client = await Client.connect({ host: "example.org", port: 80, network });
  assertInstanceOf(client, Client as never);
  assertInstanceOf(client, Connection as never);
  assertEquals((await client.read(5))[1], 5);
  assertEquals(peer.calls[0], "setNoDelay true");
  client.abort();
});

Deno.test("Client.connect() gives up after connectTimeoutInMillis, and frees what comes late", async () => {
  const { clock, late, signals, network } = hanging();
  const connecting = assertRejects(
    () => Client.connect({ host: "::1", port: 80, network, connectTimeoutInMillis: 500 }),
    GenericError,
    "Cannot connect to [::1]:80: no answer within 500 ms",
  );
  await clock.advance(500);
  assertEquals((await connecting).code, "timed-out");
  assert(signals[0]!.aborted);
  const peer = scriptedTransport([]);
  late.resolve(peer);
  await clock.settle();
  assertEquals([peer.isClosed, clock.pending], [true, 0]);
});

Deno.test("Client.connect() has a timeout of 30 seconds by default, and none with Infinity", async () => {
  const first = hanging();
  const connecting = assertRejects(
    () => Client.connect({ host: "x", port: 1, network: first.network }),
    SocketError,
  );
  await first.clock.advance(29_999);
  assert(await isPending(first.clock, connecting));
  await first.clock.advance(1);
  await connecting;
  const second = hanging();
  void Client.connect({
    host: "x",
    port: 1,
    network: second.network,
    connectTimeoutInMillis: Infinity,
  });
  await second.clock.settle();
  assertEquals(second.clock.pending, 0);
});

Deno.test("Client.connect() ends with the signal's own reason, before and while connecting", async () => {
  const { clock, signals, network } = hanging();
  const controller = new AbortController();
  const connecting = Client.connect({ host: "x", port: 1, network, signal: controller.signal });
  await clock.settle();
  const reason = new Error("mine");
  controller.abort(reason);
  assertStrictEquals(await connecting.catch((error) => error), reason);
  const again = Client.connect({ host: "x", port: 1, network, signal: controller.signal });
  assertStrictEquals(await again.catch((error) => error), reason);
  assertEquals([signals.length, clock.pending], [1, 0]);
});

Deno.test("Client.connect()'s signal does not end the connection that was made", async () => {
  const controller = new AbortController();
  const peer = scriptedTransport(["late", silence()]);
  const network = scriptedNetwork({ connects: [peer] });
  const client = await Client.connect({ host: "x", port: 1, network, signal: controller.signal });
  controller.abort();
  assertEquals((await client.read())[1], 4);
  client.abort();
});

Deno.test("Client.connect() says whose doing it is that it cannot", async () => {
  const network = scriptedNetwork({
    connects: [fail(new Deno.errors.ConnectionRefused("Connection refused (os error 111)"))],
  });
  const error = await assertRejects(
    () => Client.connect({ host: "x", port: 7, network }),
    GenericError,
  );
  assertEquals([error.code, error.message], [
    "unreachable",
    "Cannot connect to x:7: Connection refused (os error 111); is anything listening there?",
  ]);
});

Deno.test("Client.connect() calls its callback service, and does not wait for onConnect", async () => {
  const log: string[] = [];
  const gate = Promise.withResolvers<void>();
  const network = scriptedNetwork({ connects: [scriptedTransport(["abc", end()])] });
  const client = await Client.connect({
    host: "x",
    port: 1,
    network,
    callbackService: {
      onConnect: async (caller) => {
        await gate.promise;
        log.push(`connect ${caller instanceof Client}`);
      },
      onReadReady: async (caller) => void log.push(`read ${(await caller.read())[1]}`),
      onClose: () => void log.push("close"),
    },
  });
  assertEquals(log, []);
  gate.resolve();
  assertEquals(await client.closed, undefined);
  assertEquals(log, ["connect true", "read 3", "read -1", "close"]);
});

Deno.test("Client.connect() refuses a wrong config at once, and opens nothing", async () => {
  const network = scriptedNetwork({ connects: [] });
  const good = { host: "127.0.0.1", port: 80, network };
  const wrong: [
    Partial<Record<keyof ClientConfig, unknown>>,
    typeof TypeError | typeof RangeError,
    string,
  ][] = [
    [{ host: "" }, TypeError, "host"],
    [{ host: 5 }, TypeError, "host"],
    [{ port: 0 }, RangeError, "port"],
    [{ port: 70_000 }, RangeError, "70000"],
    [{ port: "80" }, TypeError, '"80"'],
    [{ connectTimeoutInMillis: 0 }, RangeError, "connectTimeoutInMillis"],
    [{ connectTimeoutInMillis: null }, TypeError, "connectTimeoutInMillis"],
    [{ network: null }, TypeError, "network"],
    [{ readTimeoutInMillis: 1.5 }, RangeError, "readTimeoutInMillis"],
    [{ signal: {} }, TypeError, "signal"],
    [{ callbackService: {} }, TypeError, "callbackService"],
    [{ callbackService: { onData() {} } }, TypeError, "onData"],
  ];
  for (const [change, kind, part] of wrong) {
    await assertRejects(() => Client.connect({ ...good, ...change } as ClientConfig), kind, part);
  }
  await assertRejects(
    () => Client.connect(undefined as unknown as ClientConfig),
    TypeError,
    "config",
  );
});

Deno.test("Client.connect() refuses a connection whose other end is this end", async () => {
  const here = { transport: "tcp", hostname: "127.0.0.1", port: 40_000 } as const;
  for (const secureSocket of [undefined, {}]) {
    const peer = scriptedTransport([silence()], { localAddr: here, remoteAddr: { ...here } });
    const network = scriptedNetwork({ connects: [peer] });
    const error = await assertRejects(
      () =>
        Client.connect({
          host: "127.0.0.1",
          port: 40_000,
          network,
          sendProxyHeader: {},
          ...(secureSocket && { secureSocket }),
        }),
      GenericError,
    );
    assertEquals([error.code, error.message], [
      "unreachable",
      "Cannot connect to 127.0.0.1:40000: nothing listens there but this end itself",
    ]);
    assertEquals([peer.isClosed, peer.written.length], [true, 0]);
  }
});
