import { assert, assertEquals, assertRejects } from "@std/assert";
import { Acceptor } from "../../src/acceptor.ts";
import { SocketError } from "../../src/errors.ts";
import { type Admission, Door } from "../../src/guard/door.ts";
import { Guard } from "../../src/guard/guard.ts";
import type { GuardConfig } from "../../src/guard/guard_config.ts";
import { ProxyHeader } from "../../src/guard/proxy_header.ts";
import { writeProxyHeader } from "../../src/guard/proxy_protocol.ts";
import type { RejectInfo } from "../../src/guard/rejection.ts";
import type { NetworkAddress, Transport } from "../../src/network.ts";
import {
  fail,
  scriptedListener,
  scriptedTransport,
  silence,
  type Step,
  VirtualClock,
} from "../../testing/mod.ts";
import { isPending } from "../support/scripted_connection.ts";

function tcp(hostname: string): NetworkAddress {
  return { transport: "tcp", hostname, port: 7 };
}

const CLIENT = tcp("192.0.2.1");
const HEADER = new ProxyHeader({ source: CLIENT, destination: tcp("192.0.2.2") });
const HEADER_BYTES = writeProxyHeader(HEADER);
const PROXIED: GuardConfig = { proxyProtocol: { trusted: ["10.0.0.1"] } };

function peer(hostname: string, ...script: (string | Uint8Array | Step)[]) {
  return scriptedTransport(script, { remoteAddr: tcp(hostname) });
}

/** A door in front of a script. */
function doorTo(script: (Transport | Step)[], config: GuardConfig = {}) {
  const clock = new VirtualClock();
  const socket = scriptedListener(script, { clock });
  const told: RejectInfo[] = [];
  const guard = new Guard(
    { onReject: (info) => void told.push(info), ...config },
    () => clock.now(),
  );
  const door = new Door(new Acceptor(socket, clock), guard, clock);
  return { clock, socket, told, guard, door, open: () => guard.stats([]).open };
}

Deno.test("Door.accept() hands out one connection at a time, and accepts no more than are asked for", async () => {
  const peers = [peer("192.0.2.1"), peer("192.0.2.2")];
  const { clock, socket, door, open } = doorTo(peers);
  await clock.settle();
  assertEquals(socket.accepts, 0);
  const first = await door.accept();
  await clock.settle();
  assertEquals([first?.transport === peers[0], socket.accepts, open()], [true, 1, 1]);
  assertEquals((await door.accept())?.transport === peers[1], true);
  assertEquals(await door.close(), 0);
});

Deno.test("Door.accept() passes over those who are refused, and frees them", async () => {
  const wanted = peer("192.0.2.1");
  const refused = [peer("192.0.2.9"), peer("192.0.2.9")];
  const { told, door, open } = doorTo([...refused, wanted], { deny: ["192.0.2.9"] });
  assertEquals((await door.accept())?.transport === wanted, true);
  assertEquals(refused.map(({ calls }) => calls), [["reset"], ["reset"]]);
  assertEquals(told.map(({ reason }) => reason), ["denied", "denied"]);
  assertEquals(open(), 1);
  await door.close();
});

Deno.test("Door.accept() leaves the backlog alone until somebody has left", async () => {
  const { clock, socket, guard, door } = doorTo([peer("192.0.2.1"), peer("192.0.2.2")], {
    maxConnections: 1,
  });
  const first = (await door.accept())!;
  const second = door.accept();
  await clock.advance(1_000_000);
  assertEquals([await isPending(clock, second), socket.accepts, clock.pending], [true, 1, 0]);
  guard.leave(first.pass);
  assertEquals((await second)?.pass.peer, tcp("192.0.2.2"));
  await door.close();
});

Deno.test("Door.accept() waits as long as the rate asks for, and no longer", async () => {
  const { clock, door } = doorTo(Array.from({ length: 10 }, () => peer("192.0.2.1")), {
    maxConnectionsPerSecond: 3,
  });
  const times: number[] = [];
  const all = (async () => {
    for (let i = 0; i < 10; i++) {
      await door.accept();
      times.push(clock.now());
    }
  })();
  await clock.advance(10_000);
  await all;
  // The third of a second is rounded up to what a timer can do.
  assertEquals(times, [0, 0, 0, 334, 667, 1_000, 1_334, 1_667, 2_000, 2_334]);
  assertEquals(clock.pending, 0);
  await door.close();
});

Deno.test("Door.accept() waits for the rate although there is room", async () => {
  const { clock, socket, guard, door } = doorTo([peer("192.0.2.1"), peer("192.0.2.2")], {
    maxConnections: 1,
    maxConnectionsPerSecond: 1,
  });
  const first = (await door.accept())!;
  const second = door.accept();
  await clock.advance(300);
  guard.leave(first.pass);
  await clock.advance(699);
  assertEquals([await isPending(clock, second), socket.accepts], [true, 1]);
  await clock.advance(1);
  assertEquals((await second)?.pass.peer, tcp("192.0.2.2"));
  await door.close();
});

Deno.test("Door.accept() gives the client that the proxy names, and what comes behind the header", async () => {
  const { door, guard } = doorTo([peer("10.0.0.1", HEADER_BYTES, "hello")], PROXIED);
  const { transport, pass } = (await door.accept())!;
  assertEquals([transport.remoteAddr, pass.peer, pass.header], [CLIENT, CLIENT, HEADER]);
  const buffer = new Uint8Array(10);
  assertEquals(await transport.read(buffer), 5);
  assertEquals(guard.stats([]).accepted, 1);
  await door.close();
});

Deno.test("Door.accept() lets a slow header keep nobody waiting", async () => {
  const slow = peer("10.0.0.1", HEADER_BYTES.subarray(0, 5), silence());
  const quick = peer("10.0.0.1", HEADER_BYTES);
  const { clock, socket, door } = doorTo([slow, quick], PROXIED);
  const first = (await door.accept())!;
  assertEquals(first.transport.remoteAddr, CLIENT);
  assertEquals(quick.calls.length > 0, true);
  // The other one comes while an accept waits for a third.
  const second = door.accept();
  await clock.settle();
  assertEquals([await isPending(clock, second), socket.isAccepting], [true, true]);
  slow.say(HEADER_BYTES.subarray(5));
  assertEquals((await second)?.pass.header, HEADER);
  // A third that nobody waits for any more is not lost.
  const third = peer("10.0.0.1", HEADER_BYTES);
  socket.say(third);
  await clock.settle();
  assertEquals(third.calls, []);
  assertEquals((await door.accept())?.pass.header, HEADER);
  await door.close();
});

Deno.test("Door.accept() ends streams without a header in time, cut off, wrong or untrusted", async () => {
  const peers = [
    peer("10.0.0.1", HEADER_BYTES.subarray(0, 20), silence()),
    peer("10.0.0.1", HEADER_BYTES.subarray(0, 20)),
    peer("10.0.0.1", "GET / HTTP/1.1\r\n\r\n", silence()),
    peer("10.0.0.1", fail(new Deno.errors.ConnectionReset("gone"))),
    peer("192.0.2.1", HEADER_BYTES),
  ];
  const { clock, told, guard, door, open } = doorTo(peers, PROXIED);
  const accepted = door.accept();
  await clock.settle();
  assertEquals(open(), 1);
  await clock.advance(3_000);
  assertEquals(await isPending(clock, accepted), true);
  assertEquals(open(), 0);
  assert(peers.every(({ isClosed }) => isClosed));
  // Nothing was read from the one that is not trusted.
  assertEquals(peers[4]!.calls, ["reset"]);
  const reasons = told.map(({ reason, error }) => `${reason} ${error?.problem ?? ""}`.trim());
  assertEquals(reasons.toSorted(), [
    "proxy-header signature",
    "proxy-header truncated",
    "proxy-header truncated",
    "proxy-timeout",
    "untrusted-proxy",
  ]);
  assertEquals(guard.stats([]).accepted, 0);
  await door.close();
  assertEquals([await accepted, clock.pending], [undefined, 0]);
});

Deno.test("Door.accept() refuses clients behind a proxy as it does others", async () => {
  const proxied = peer("10.0.0.1", HEADER_BYTES);
  const { clock, told, door, open } = doorTo([proxied], { ...PROXIED, deny: ["192.0.2.0/24"] });
  void door.accept();
  await clock.settle();
  assertEquals([proxied.isClosed, open()], [true, 0]);
  assertEquals(told.map(({ reason, remoteAddress }) => [reason, remoteAddress]), [[
    "denied",
    "192.0.2.1",
  ]]);
  await door.close();
});

Deno.test("Door counts connections without a header to maxConnections", async () => {
  const silent = peer("10.0.0.1", silence());
  const { clock, socket, door } = doorTo([silent, peer("10.0.0.1", HEADER_BYTES)], {
    ...PROXIED,
    maxConnections: 1,
  });
  const accepted = door.accept();
  await clock.advance(2_999);
  assertEquals([socket.accepts, await isPending(clock, accepted)], [1, true]);
  await clock.advance(1);
  assertEquals((await accepted)?.pass.header, HEADER);
  await door.close();
});

Deno.test("Door.putBack() keeps a connection for the next accept", async () => {
  const { door, guard } = doorTo([peer("192.0.2.1"), peer("192.0.2.2")]);
  const first = (await door.accept())!;
  door.putBack(first);
  assertEquals((await door.accept()) === first, true);
  const second = (await door.accept())!;
  // In the order they came in.
  door.putBack(second);
  door.putBack(first);
  assertEquals([await door.accept() === first, await door.accept() === second], [true, true]);
  await door.close();
  door.putBack(second);
  assertEquals((second.transport as ReturnType<typeof peer>).isClosed, true);
  guard.leave(first.pass);
  assertEquals(guard.stats([]).open, 0);
});

Deno.test("Door.close() frees everything that was not taken, counts it, and blames nobody", async () => {
  const peers = [
    peer("10.0.0.1", HEADER_BYTES.subarray(0, 5), silence()),
    peer("10.0.0.1", HEADER_BYTES),
  ];
  const { clock, socket, told, door, open } = doorTo(peers, PROXIED);
  door.putBack((await door.accept()) as Admission);
  assertEquals(open(), 2);
  assertEquals(await door.close(), 2);
  await clock.settle();
  assertEquals([open(), told.length, clock.pending, socket.isClosed], [0, 0, 0, true]);
  assert(peers.every(({ isClosed }) => isClosed));
  assertEquals(await door.close(), 0);
  assertEquals(await door.accept(), undefined);
});

Deno.test("Door.close() ends an accept that waits for a connection, for room and for time", async () => {
  const configs: GuardConfig[] = [{}, { maxConnections: 1 }, { maxConnectionsPerSecond: 1 }];
  for (const config of configs) {
    const { clock, door } = doorTo([peer("192.0.2.1")], config);
    await door.accept();
    const waiting = door.accept();
    await clock.settle();
    await door.close();
    assertEquals([await waiting, clock.pending], [undefined, 0]);
  }
});

Deno.test("Door.accept() rejects with the error that ended accepting for good", async () => {
  const { door } = doorTo([peer("192.0.2.1"), fail(new Deno.errors.BadResource("gone"))]);
  await door.accept();
  const error = await assertRejects(() => door.accept(), SocketError, "Cannot accept");
  assertEquals(error.code, "broken");
  await door.close();
});
