import { assertEquals, assertStrictEquals } from "@std/assert";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import type { Network, TransportListener } from "../../src/network/network.ts";
import type { Tap, TappedStream } from "../../src/debug/tap.ts";
import { TappedDatagrams } from "../../src/debug/tapped_datagrams.ts";
import { tappedNetwork } from "../../src/debug/tapped_network.ts";
import { TappedTransport } from "../../src/debug/tapped_transport.ts";
import { connectedTransports, scriptedNetwork } from "../../testing/mod.ts";
import { notedTap } from "../support/noted_tap.ts";

function notedNetwork(isWanted = true) {
  const streams: TappedStream[] = [];
  const tap: Tap = {
    stream: (stream) => {
      streams.push(stream);
      return isWanted ? notedTap() : undefined;
    },
    datagrams: () => ({ sent() {}, received() {}, freed() {} }),
  };
  return { streams, tap };
}

Deno.test("tappedNetwork() passes on what the network has, and nothing else", async () => {
  const { tap } = notedNetwork();
  const tapped = tappedNetwork(denoNetwork, tap);
  assertEquals(Object.keys(tapped).sort(), Object.keys(denoNetwork).sort());
  assertStrictEquals(tapped.clock, denoNetwork.clock);
  assertStrictEquals(tapped.turns, denoNetwork.turns);
  assertEquals(tapped.isOwnAddress!("127.0.0.1"), true);
  const { addresses } = await tapped.resolveName!("127.0.0.1", 1, 0);
  assertEquals(addresses, ["127.0.0.1"]);
  const poor = tappedNetwork(scriptedNetwork({ connects: [] }), tap);
  const { startTls, connectPath, resolveName, resolveService } = poor;
  assertEquals({ startTls, connectPath, resolveName, resolveService }, {
    startTls: undefined,
    connectPath: undefined,
    resolveName: undefined,
    resolveService: undefined,
  });
  const services: Network = {
    ...denoNetwork,
    resolveService: (host) => Promise.resolve([{ host, port: 1, priority: 0, weight: 0 }]),
  };
  const { signal } = new AbortController();
  const [record] = await tappedNetwork(services, tap).resolveService!("_a._b.c", signal);
  assertEquals(record?.host, "_a._b.c");
  const lending: Network = { ...denoNetwork, overwritesLentBytes: true };
  assertEquals(tappedNetwork(lending, tap).overwritesLentBytes, true);
});

Deno.test("tappedNetwork() tells of each stream, and who has connected", async () => {
  const { streams, tap } = notedNetwork();
  const network = tappedNetwork(denoNetwork, tap);
  const listener = await network.listen({ hostname: "127.0.0.1", port: 0, backlog: 1 });
  const { port } = listener.addr as Deno.NetAddr;
  const [client, server] = await Promise.all([
    network.connect({ hostname: "127.0.0.1", port }),
    listener.accept(),
  ]);
  assertEquals([client, server].map((end) => end instanceof TappedTransport), [true, true]);
  const own = (client.localAddr as Deno.NetAddr).port;
  const shared = {
    protocol: "tcp",
    localAddress: "127.0.0.1",
    remoteAddress: "127.0.0.1",
  } as const;
  const byAccepted = streams.sort((a, b) => Number(a.isAccepted) - Number(b.isAccepted));
  assertEquals(byAccepted, [
    { isAccepted: false, ends: { ...shared, localPort: own, remotePort: port } },
    { isAccepted: true, ends: { ...shared, localPort: port, remotePort: own } },
  ]);
  for (const each of [client, server, listener]) each.close();
});

Deno.test("tappedNetwork() leaves a stream alone of which nothing shall be told", async () => {
  const [stream] = connectedTransports();
  const { tap } = notedNetwork(false);
  const network = tappedNetwork(scriptedNetwork({ connects: [stream] }), tap);
  assertStrictEquals(await network.connect({ hostname: "a", port: 1 }), stream);
});

Deno.test("tappedNetwork() passes on what a listener says of itself", async () => {
  const addr: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  const inner: Required<TransportListener> = {
    addr,
    isShared: true,
    letGo: () => 7,
    accept: () => Promise.resolve(connectedTransports()[0]),
    tryAccept: () => waiting.pop(),
    close: () => {},
  };
  const waiting = [connectedTransports()[0]];
  const network = tappedNetwork({ ...denoNetwork, listen: () => inner }, notedNetwork().tap);
  const listener = network.listen({ hostname: "127.0.0.1", port: 1, backlog: 1 });
  // At once, as the network does.
  const { isShared, letGo, tryAccept, ...others } = listener as TransportListener;
  assertEquals([isShared, letGo!(), others.addr], [true, 7, addr]);
  assertEquals(tryAccept!() instanceof TappedTransport, true);
  assertEquals(tryAccept!(), undefined);
  assertEquals(await others.accept() instanceof TappedTransport, true);
  others.close();
});

Deno.test("tappedNetwork() gives its engine of TLS the stream that it knows", () => {
  const [stream] = connectedTransports();
  let given: unknown;
  const network: Network = {
    ...denoNetwork,
    startTls: (transport) => {
      given = transport;
      return undefined;
    },
  };
  const tapped = tappedNetwork(network, notedNetwork().tap);
  const result = tapped.startTls!(
    new TappedTransport(stream, notedTap()),
    {} as never,
    new AbortController().signal,
  );
  assertEquals([given === stream, result], [true, undefined]);
});

Deno.test("tappedNetwork() has what was handed over go through it, too", async () => {
  const calls: unknown[] = [];
  const addr: Deno.NetAddr = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  const udp = { transport: "udp", hostname: "127.0.0.1", port: 2 } as const;
  const { tap, streams } = notedNetwork();
  const network = tappedNetwork({
    ...denoNetwork,
    adopt: (target) => {
      calls.push(target);
      return { addr, accept: () => Promise.resolve(connectedTransports()[0]), close: () => {} };
    },
    adoptDatagram: (target) => {
      calls.push(target);
      return Promise.resolve({ addr: udp, receive() {}, send() {}, close() {} } as never);
    },
    sendToPath: (path, bytes, signal) => Promise.resolve(void calls.push([path, ...bytes, signal])),
  }, tap);
  const listener = await network.adopt!({ descriptor: 3, backlog: 1 });
  assertEquals([await listener.accept() instanceof TappedTransport, streams.length], [true, 1]);
  const socket = await network.adoptDatagram!({ descriptor: 4 });
  assertEquals([socket instanceof TappedDatagrams, socket.addr], [true, udp]);
  const { signal } = new AbortController();
  await network.sendToPath!("/run/notify", Uint8Array.of(1, 2), signal);
  assertEquals(calls, [{ descriptor: 3, backlog: 1 }, { descriptor: 4 }, [
    "/run/notify",
    1,
    2,
    signal,
  ]]);
});
