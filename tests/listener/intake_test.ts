import { assert, assertEquals, assertRejects } from "@std/assert";
import { Acceptor } from "../../src/listener/acceptor.ts";
import { SocketError } from "../../src/base/errors.ts";
import { type Admission, Guard } from "../../src/listener/guard/guard.ts";
import { headerStage } from "../../src/listener/header_stage.ts";
import { type GuardConfig, resolveGuardConfig } from "../../src/listener/guard/guard_config.ts";
import { ProxyHeader } from "../../src/proxy/proxy_header.ts";
import { writeProxyHeader } from "../../src/proxy/proxy_protocol.ts";
import type { RejectReason } from "../../src/listener/guard/rejection.ts";
import { Intake } from "../../src/listener/intake.ts";
import { Patience } from "../../src/listener/patience.ts";
import type { Transport } from "../../src/network/network.ts";
import { hostOf } from "../../src/base/address.ts";
import { Stage } from "../../src/listener/stage.ts";
import { look, plainTurns } from "../../src/network/turns.ts";
import {
  fail,
  pause,
  scriptedListener,
  scriptedTransport,
  silence,
  type Step,
  VirtualClock,
} from "../../testing/mod.ts";
import { isPending } from "../support/scripted_connection.ts";
import { tcp } from "../support/tcp.ts";

const CLIENT = tcp("192.0.2.1");
const HEADER = new ProxyHeader({ source: CLIENT, destination: tcp("192.0.2.2") });
const HEADER_BYTES = writeProxyHeader(HEADER);
const PROXIED: GuardConfig = { proxyProtocol: { trusted: ["10.0.0.1"] } };

function peer(hostname: string, ...script: (string | Uint8Array | Step)[]) {
  return scriptedTransport(script, { remoteAddr: tcp(hostname) });
}

/** An intake in front of a script. */
function intakeOf(script: (Transport | Step)[], config: GuardConfig = {}, places = 1_024) {
  const clock = new VirtualClock();
  const socket = scriptedListener(script, { clock });
  const told: { reason: RejectReason; remoteAddress: string; problem: string }[] = [];
  const guard = new Guard(resolveGuardConfig(config), () => clock.now(), (reason, peer, error) => {
    told.push({ reason, remoteAddress: hostOf(peer), problem: error?.problem ?? "" });
  });
  const wanted = { isWanted: true, isSuspended: false };
  const stages = [new Stage({ ...headerStage(guard, clock), limit: places }, clock)];
  const inner = new Intake({
    acceptor: new Acceptor(socket, clock),
    guard,
    stages,
    clock,
    isWanted: () => wanted.isWanted,
    isSuspended: () => wanted.isSuspended,
  });
  const intake = {
    /** Gets the next one, which has to be taken or put back. */
    hold: () => inner.accept(),
    onTaken: () => inner.onTaken(),
    async accept() {
      const admission = await inner.accept();
      if (admission !== undefined) inner.onTaken();
      return admission;
    },
    /** Takes the next one, as an entrance does. */
    async take() {
      const admission = await inner.accept();
      if (admission !== undefined) {
        guard.open(admission.pass);
        inner.onTaken();
      }
      return admission;
    },
    putBack(admission: Admission) {
      inner.putBack(admission);
    },
    onUnwanted: () => inner.onUnwanted(),
    onResumed: () => inner.onResumed(),
    /** Ends it, at once where there is no patience. */
    finish(
      patience = new Patience(clock, Infinity),
      backlog = 10,
      looked = () => look(plainTurns),
      newForInMillis = 0,
    ) {
      return inner.finish(patience, { looked, backlog, newForInMillis });
    },
    async close() {
      const patience = new Patience(clock, Infinity);
      patience.end();
      return (await this.finish(patience)).length;
    },
  };
  return { clock, socket, told, guard, intake, wanted, open: () => guard.stats([]).open };
}

Deno.test("Intake.accept() hands out one connection at a time, and accepts no more than are asked for", async () => {
  const peers = [peer("192.0.2.1"), peer("192.0.2.2")];
  const { clock, socket, intake, open } = intakeOf(peers);
  await clock.settle();
  assertEquals(socket.accepts, 0);
  const first = await intake.take();
  await clock.settle();
  assertEquals([first?.transport === peers[0], socket.accepts, open()], [true, 1, 1]);
  assertEquals((await intake.accept())?.transport === peers[1], true);
  assertEquals(await intake.close(), 0);
});

Deno.test("Intake.accept() takes who waits already without a promise of the network, and no more than are asked for", async () => {
  const clock = new VirtualClock();
  const guard = new Guard(resolveGuardConfig({ deny: ["192.0.2.9"] }), () => clock.now());
  const waiting = ["192.0.2.1", "192.0.2.9", "192.0.2.2", "192.0.2.3"].map((host) => peer(host));
  const clients = [...waiting];
  const asked = { accept: 0 };
  const coming = Promise.withResolvers<Transport>();
  const inner = new Intake({
    acceptor: new Acceptor({
      addr: tcp("127.0.0.1") as Deno.NetAddr,
      tryAccept: () => waiting.shift(),
      accept: () => {
        asked.accept++;
        return coming.promise;
      },
      close: () => coming.reject(new Deno.errors.BadResource("closed")),
    }, clock),
    guard,
    stages: [],
    clock,
    isWanted: () => true,
    isSuspended: () => false,
  });
  const taken: (string | undefined)[] = [];
  for (let i = 0; i < 3; i++) {
    const admission = await inner.accept();
    taken.push(admission && hostOf(admission.transport.remoteAddr));
    inner.onTaken();
    if (i === 0) assertEquals([waiting.length, clients[1]!.isClosed], [3, false]);
  }
  assertEquals([taken, asked.accept], [["192.0.2.1", "192.0.2.2", "192.0.2.3"], 0]);
  assertEquals(clients.map(({ isClosed }) => isClosed), [false, true, false, false]);
  const last = inner.accept();
  assertEquals([await isPending(clock, last), asked.accept], [true, 1]);
  assertEquals(
    await inner.finish(new Patience(clock, 0), { looked: () => Promise.resolve(), backlog: 0 }),
    [],
  );
  assertEquals(await last, undefined);
});

Deno.test("Intake.accept() passes over those who are refused, and frees them", async () => {
  const wanted = peer("192.0.2.1");
  const refused = [peer("192.0.2.9"), peer("192.0.2.9")];
  const { told, intake, open } = intakeOf([...refused, wanted], { deny: ["192.0.2.9"] });
  assertEquals((await intake.take())?.transport === wanted, true);
  assertEquals(refused.map(({ calls }) => calls), [["reset"], ["reset"]]);
  assertEquals(told.map(({ reason }) => reason), ["denied", "denied"]);
  assertEquals(open(), 1);
  await intake.close();
});

Deno.test("Intake.accept() leaves the backlog alone until somebody has left", async () => {
  const { clock, socket, guard, intake } = intakeOf([peer("192.0.2.1"), peer("192.0.2.2")], {
    maxConnections: 1,
  });
  const first = (await intake.take())!;
  const second = intake.take();
  await clock.advance(1_000_000);
  assertEquals([await isPending(clock, second), socket.accepts, clock.pending], [true, 1, 0]);
  guard.leave(first.pass);
  assertEquals((await second)?.pass.peer, tcp("192.0.2.2"));
  await intake.close();
});

Deno.test("Intake.accept() waits as long as the rate asks for, and no longer", async () => {
  const { clock, intake } = intakeOf(Array.from({ length: 10 }, () => peer("192.0.2.1")), {
    maxConnectionsPerSecond: 3,
  });
  const times: number[] = [];
  const all = (async () => {
    for (let i = 0; i < 10; i++) {
      await intake.take();
      times.push(clock.now());
    }
  })();
  await clock.advance(10_000);
  await all;
  // The third of a second is rounded up to what a timer can do.
  assertEquals(times, [0, 0, 0, 334, 667, 1_000, 1_334, 1_667, 2_000, 2_334]);
  assertEquals(clock.pending, 0);
  await intake.close();
});

Deno.test("Intake.accept() waits for the rate although there is room", async () => {
  const { clock, socket, guard, intake } = intakeOf([peer("192.0.2.1"), peer("192.0.2.2")], {
    maxConnections: 1,
    maxConnectionsPerSecond: 1,
  });
  const first = (await intake.take())!;
  const second = intake.accept();
  await clock.advance(300);
  guard.leave(first.pass);
  await clock.advance(699);
  assertEquals([await isPending(clock, second), socket.accepts], [true, 1]);
  await clock.advance(1);
  assertEquals((await second)?.pass.peer, tcp("192.0.2.2"));
  await intake.close();
});

Deno.test("Intake.accept() gives the client that the proxy names, and what comes behind the header", async () => {
  const { intake, guard } = intakeOf([peer("10.0.0.1", HEADER_BYTES, "hello")], PROXIED);
  const { transport, pass } = (await intake.accept())!;
  assertEquals([transport.remoteAddr, pass.peer, pass.header], [CLIENT, CLIENT, HEADER]);
  assertEquals(pass.sender, tcp("10.0.0.1"));
  const buffer = new Uint8Array(10);
  assertEquals(await transport.read(buffer), 5);
  assertEquals(guard.stats([]).accepted, 1);
  await intake.close();
});

Deno.test("Intake.accept() lets a slow header keep nobody waiting", async () => {
  const slow = peer("10.0.0.1", HEADER_BYTES.subarray(0, 5), silence());
  const quick = peer("10.0.0.1", HEADER_BYTES);
  const { clock, socket, intake } = intakeOf([slow, quick], PROXIED);
  const first = (await intake.accept())!;
  assertEquals(first.transport.remoteAddr, CLIENT);
  assertEquals(quick.calls.length > 0, true);
  // The second arrives while an accept waits for a third.
  const second = intake.accept();
  await clock.settle();
  assertEquals([await isPending(clock, second), socket.isAccepting], [true, true]);
  slow.say(HEADER_BYTES.subarray(5));
  assertEquals((await second)?.pass.header, HEADER);
  // A third that nobody waits for any more is not lost.
  const third = peer("10.0.0.1", HEADER_BYTES);
  socket.say(third);
  await clock.settle();
  assertEquals([third.calls.length, socket.isAccepting], [1, false]);
  assertEquals((await intake.accept())?.pass.header, HEADER);
  await intake.close();
});

Deno.test("Intake.accept() ends streams without a header in time, cut off, wrong or untrusted", async () => {
  const peers = [
    peer("10.0.0.1", HEADER_BYTES.subarray(0, 20), silence()),
    peer("10.0.0.1", HEADER_BYTES.subarray(0, 20)),
    peer("10.0.0.1", "GET / HTTP/1.1\r\n\r\n", silence()),
    peer("10.0.0.1", fail(new Deno.errors.ConnectionReset("gone"))),
    peer("192.0.2.1", HEADER_BYTES),
  ];
  const { clock, told, guard, intake, open } = intakeOf(peers, PROXIED);
  const accepted = intake.accept();
  await clock.settle();
  assertEquals([peers[0]!.isClosed, open()], [false, 0]);
  await clock.advance(3_000);
  assertEquals(await isPending(clock, accepted), true);
  assert(peers.every(({ isClosed }) => isClosed));
  // Nothing was read from the one that is not trusted.
  assertEquals(peers[4]!.calls, ["reset"]);
  const reasons = told.map(({ reason, problem }) => `${reason} ${problem}`.trim());
  assertEquals(reasons.toSorted(), [
    "proxy-header signature",
    "proxy-header truncated",
    "proxy-header truncated",
    "proxy-timeout",
    "untrusted-proxy",
  ]);
  assertEquals(guard.stats([]).accepted, 0);
  await intake.close();
  assertEquals([await accepted, clock.pending], [undefined, 0]);
});

Deno.test("Intake.accept() refuses clients behind a proxy as it does others", async () => {
  const proxied = peer("10.0.0.1", HEADER_BYTES);
  const { clock, told, intake, open } = intakeOf([proxied], { ...PROXIED, deny: ["192.0.2.0/24"] });
  void intake.accept();
  await clock.settle();
  assertEquals([proxied.isClosed, open()], [true, 0]);
  assertEquals(told.map(({ reason, remoteAddress }) => [reason, remoteAddress]), [[
    "denied",
    "192.0.2.1",
  ]]);
  await intake.close();
});

Deno.test("Intake lets those on their way hold no place of maxConnections", async () => {
  const silent = Array.from({ length: 60 }, () => peer("10.0.0.1", silence()));
  const [first, second] = [peer("10.0.0.1", HEADER_BYTES), peer("10.0.0.1", HEADER_BYTES)];
  const { clock, guard, intake, open } = intakeOf([...silent, first, second], {
    ...PROXIED,
    maxConnections: 1,
  });
  const taken = (await intake.take())!;
  assertEquals([taken.pass.header, open(), clock.now()], [HEADER, 1, 0]);
  // There is one place, and the ready one waits for it.
  const next = intake.take();
  assertEquals(await isPending(clock, next), true);
  guard.leave(taken.pass);
  assertEquals((await next)?.pass.header, HEADER);
  await intake.close();
});

Deno.test("Intake.putBack() keeps a connection for the next accept", async () => {
  const { intake, guard } = intakeOf([peer("192.0.2.1"), peer("192.0.2.2")]);
  const first = (await intake.hold())!;
  intake.putBack(first);
  assertEquals((await intake.hold()) === first, true);
  const second = (await intake.hold())!;
  // In the order they came in.
  intake.putBack(second);
  intake.putBack(first);
  assertEquals([await intake.hold() === first, await intake.hold() === second], [true, true]);
  intake.putBack(first);
  const closed = intake.close();
  intake.putBack(second);
  assertEquals(await closed, 2);
  for (const { transport } of [first, second]) {
    assertEquals((transport as ReturnType<typeof peer>).isClosed, true);
  }
  assertEquals(guard.stats([]).open, 0);
});

Deno.test("Intake.finish() waits for whom it has handed out, with or without patience", async () => {
  for (const isTaken of [true, false]) {
    const { clock, intake } = intakeOf([peer("192.0.2.1"), peer("192.0.2.2")]);
    const admission = (await intake.hold())!;
    const closed = intake.close();
    assertEquals(await isPending(clock, closed), true);
    if (isTaken) intake.onTaken();
    else intake.putBack(admission);
    assertEquals(await closed, isTaken ? 0 : 1);
    assertEquals((admission.transport as ReturnType<typeof peer>).isClosed, !isTaken);
  }
});

Deno.test("Intake.finish() takes what the system has kept, wanted or not, and counts whom nobody takes", async () => {
  for (const isWanted of [true, false]) {
    const peers = [peer("192.0.2.1"), peer("192.0.2.2"), peer("192.0.2.3")];
    const { clock, socket, intake, wanted } = intakeOf(peers);
    wanted.isWanted = isWanted;
    const patience = new Patience(clock, 1_000);
    const finished = intake.finish(patience);
    await clock.settle();
    assertEquals([socket.accepts, socket.isClosed], [4, true]);
    if (isWanted) {
      assertEquals((await intake.take())?.transport === peers[0], true);
      assertEquals(await isPending(clock, finished), true);
      await clock.advance(1_000);
    }
    const neverTaken = await finished;
    assertEquals(neverTaken.length, isWanted ? 2 : 3);
    assert(neverTaken.every(({ transport }) => (transport as typeof peers[0])?.isClosed));
    assertEquals(await intake.take(), undefined);
    patience.end();
  }
});

Deno.test("Intake.finish() ends who waits as soon as the last one was taken", async () => {
  const { clock, intake } = intakeOf([peer("192.0.2.1")]);
  const waits = [intake.take(), intake.take()];
  assertEquals(await intake.finish(), []);
  const [first, second] = await Promise.all(waits);
  assertEquals([first?.pass.peer, second], [tcp("192.0.2.1"), undefined]);
  assertEquals(clock.pending, 0);
});

Deno.test("Intake.finish() takes no more than the backlog, however many come", async () => {
  const { clock, socket, intake, wanted } = intakeOf(
    Array.from({ length: 1_000 }, () => peer("192.0.2.1")),
  );
  wanted.isWanted = false;
  const neverTaken = await intake.finish(new Patience(clock, Infinity), 5);
  // One was being accepted.
  assertEquals(neverTaken.length, 6);
  assert(socket.isClosed);
});

Deno.test("Intake.finish() takes those behind clients who wait for a place at a stage", async () => {
  const peers = Array.from(
    { length: 5 },
    () => peer("10.0.0.1", HEADER_BYTES.subarray(0, 5), silence()),
  );
  const { clock, intake } = intakeOf(peers, PROXIED, 1);
  const taken = peers.map(() => intake.take());
  const finished = intake.finish();
  for (const one of peers) {
    await clock.settle();
    one.say(HEADER_BYTES.subarray(5));
  }
  assertEquals(await finished, []);
  assertEquals((await Promise.all(taken)).map((one) => one?.pass.header), peers.map(() => HEADER));
  assertEquals(clock.pending, 0);
});

Deno.test("Intake.finish() names those behind clients who wait for a place when its time is over", async () => {
  const slow = peer("10.0.0.1", HEADER_BYTES.subarray(0, 5), silence());
  const peers = Array.from({ length: 4 }, () => peer("10.0.0.1", HEADER_BYTES));
  const { clock, told, intake, open } = intakeOf([slow, ...peers], PROXIED, 1);
  const finished = intake.finish(new Patience(clock, 50));
  await clock.advance(50);
  assertEquals((await finished).length, 5);
  assertEquals([slow, ...peers].map(({ isClosed }) => isClosed), Array(5).fill(true));
  assertEquals([told, open(), clock.pending], [[], 0, 0]);
});

Deno.test("Intake.finish() is not held for longer than its patience by clients that never stop coming", async () => {
  const script: (Transport | Step)[] = [];
  for (let i = 0; i < 1_000; i++) script.push(pause(10), peer("192.0.2.1"));
  const { clock, socket, intake, wanted } = intakeOf(script);
  wanted.isWanted = false;
  let neverTaken: number | undefined;
  const began = clock.now();
  let took = Infinity;
  const finished = intake.finish(
    new Patience(clock, 100),
    4_096,
    () => new Promise((resolve) => void clock.setTimeout(resolve, 15)),
  ).then(({ length }) => {
    neverTaken = length;
    took = clock.now() - began;
  });
  await clock.advance(5_000);
  assert(socket.isClosed);
  assert(took >= 100 && took <= 1_200, `${took}`);
  assert(neverTaken! >= 10 && neverTaken! <= 120, `${neverTaken}`);
  await finished;
});

Deno.test("Intake.finish() takes nothing more where the backlog is somebody else's", async () => {
  const { clock, socket, intake } = intakeOf([peer("192.0.2.1")]);
  assertEquals(await intake.finish(new Patience(clock, Infinity), 0), []);
  assertEquals([socket.accepts, socket.isClosed], [0, true]);
});

Deno.test("Intake.finish() lets who has spoken get through, and gives up who is silent", async () => {
  const silent = peer("10.0.0.1", silence());
  const slow = peer("10.0.0.1", HEADER_BYTES.subarray(0, 5), silence());
  const { clock, told, intake } = intakeOf([silent, slow], PROXIED);
  const taken = intake.take();
  await clock.settle();
  const finished = intake.finish();
  await clock.settle();
  assertEquals([silent.isClosed, slow.isClosed], [true, false]);
  slow.say(HEADER_BYTES.subarray(5));
  assertEquals((await taken)?.pass.header, HEADER);
  assertEquals((await finished).map(({ transport }) => transport === silent), [true]);
  assertEquals([await intake.take(), told, clock.pending], [undefined, [], 0]);
});

Deno.test("Intake.finish() gives those who are silent a while where it may", async () => {
  const [silent, late] = [peer("10.0.0.1", silence()), peer("10.0.0.1", silence())];
  const { clock, intake } = intakeOf([late, silent], PROXIED);
  const taken = intake.take();
  await clock.settle();
  const finished = intake.finish(undefined, undefined, undefined, 500);
  await clock.advance(499);
  late.say(HEADER_BYTES);
  assertEquals((await taken)?.pass.header, HEADER);
  assertEquals(silent.isClosed, false);
  await clock.advance(1);
  assertEquals((await finished).map(({ transport }) => transport === silent), [true]);
  assertEquals(clock.pending, 0);
});

Deno.test("Intake.onUnwanted() ends a stop that waits for somebody to take the rest", async () => {
  const { clock, intake, wanted } = intakeOf([peer("192.0.2.1")]);
  const finished = intake.finish();
  assertEquals(await isPending(clock, finished), true);
  wanted.isWanted = false;
  intake.onUnwanted();
  assertEquals((await finished).length, 1);
});

Deno.test("Intake.finish() without patience frees everything that was not taken, counts it, and blames nobody", async () => {
  const peers = [
    peer("10.0.0.1", HEADER_BYTES.subarray(0, 5), silence()),
    peer("10.0.0.1", HEADER_BYTES),
  ];
  const { clock, socket, told, intake, open } = intakeOf(peers, PROXIED);
  intake.putBack((await intake.accept()) as Admission);
  assertEquals(await intake.close(), 2);
  await clock.settle();
  assertEquals([open(), told.length, clock.pending, socket.isClosed], [0, 0, 0, true]);
  assert(peers.every(({ isClosed }) => isClosed));
  assertEquals(await intake.close(), 0);
  assertEquals(await intake.accept(), undefined);
});

Deno.test("Intake.finish() without patience names whom the system has kept, where somebody gets a report", async () => {
  for (const isReported of [true, false]) {
    const peers = [peer("192.0.2.1"), peer("192.0.2.2"), peer("192.0.2.3")];
    const { clock, socket, intake } = intakeOf(peers);
    const patience = new Patience(clock, Infinity);
    patience.isReported = isReported;
    patience.end();
    const neverTaken = await intake.finish(patience);
    assertEquals(neverTaken.length, isReported ? 3 : 0);
    assertEquals([socket.isClosed, clock.pending], [true, 0]);
    assertEquals(peers.map(({ isClosed }) => isClosed), Array(3).fill(isReported));
  }
});

Deno.test("Intake.finish() without patience names for a last moment only, also where nothing looks", async () => {
  const { clock, intake } = intakeOf([peer("192.0.2.1")]);
  const patience = new Patience(clock, Infinity);
  patience.isReported = true;
  patience.end();
  const finished = intake.finish(patience, 10, () => new Promise(() => {}));
  assertEquals(await isPending(clock, finished), true);
  await clock.advance(1_000);
  assertEquals([(await finished).length, clock.pending], [1, 0]);
});

Deno.test("Intake.finish() without patience ends an accept that waits for a connection, for room and for time", async () => {
  const configs: GuardConfig[] = [{}, { maxConnections: 1 }, { maxConnectionsPerSecond: 1 }];
  for (const config of configs) {
    const { clock, intake } = intakeOf([peer("192.0.2.1")], config);
    await intake.take();
    const waiting = intake.take();
    await clock.settle();
    await intake.close();
    assertEquals([await waiting, clock.pending], [undefined, 0]);
  }
});

Deno.test("Intake.accept() rejects with the error that ended accepting for good", async () => {
  const { intake } = intakeOf([peer("192.0.2.1"), fail(new Deno.errors.BadResource("gone"))]);
  await intake.accept();
  const error = await assertRejects(() => intake.accept(), SocketError, "Cannot accept");
  assertEquals(error.code, "broken");
  await intake.close();
});

Deno.test("Intake.accept() hands nobody out while it is suspended, and leaves the backlog alone", async () => {
  const peers = [peer("192.0.2.1"), peer("192.0.2.2"), peer("192.0.2.3")];
  const { clock, socket, intake, wanted } = intakeOf(peers);
  wanted.isSuspended = true;
  const first = intake.take();
  assertEquals([await isPending(clock, first), socket.accepts], [true, 0]);
  wanted.isSuspended = false;
  intake.onResumed();
  assertEquals((await first)?.transport === peers[0], true);
  // One that was being accepted waits.
  const second = intake.take();
  wanted.isSuspended = true;
  assertEquals([await isPending(clock, second), socket.accepts], [true, 2]);
  wanted.isSuspended = false;
  intake.onResumed();
  assertEquals((await second)?.transport === peers[1], true);
  await intake.close();
});

Deno.test("Intake.finish() lets in those that wait because it is suspended", async () => {
  for (const backlog of [0, 10]) {
    const peers = [peer("192.0.2.1"), peer("192.0.2.2")];
    const { clock, intake, wanted } = intakeOf(peers);
    const taken = (async () => {
      let count = 0;
      while (await intake.take() !== undefined) count++;
      return count;
    })();
    wanted.isSuspended = true;
    await clock.settle();
    const left = await intake.finish(undefined, backlog);
    // One was being accepted; the others are taken from the backlog.
    assertEquals([await taken, left], [backlog === 0 ? 1 : 2, []]);
  }
});
