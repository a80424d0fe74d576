import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Caller,
  GenericError,
  Listener,
  type ListenerConfig,
  type ListenerEvent,
} from "../../../mod.ts";
import { coreOf } from "../../../src/connection/connection.ts";
import type { Network } from "../../../src/network/network.ts";
import { denoNetwork } from "../../../src/network/deno/deno_network.ts";
import {
  end,
  scriptedListener,
  type ScriptedTransport,
  scriptedTransport,
  silence,
  type Step,
  VirtualClock,
} from "../../../testing/mod.ts";
import { tcp } from "../../support/tcp.ts";

/** A listener that has accepted scripted peers, on virtual time. */
async function accepted(
  scripts: (string | Step)[][],
  config: ListenerConfig,
  writes: Step[] = [],
) {
  const clock = new VirtualClock();
  const peers = scripts.map((script, i) => {
    const remoteAddr = tcp(`192.0.2.${i}`);
    return scriptedTransport([...script, silence()], { clock, remoteAddr, writes });
  });
  const network: Network = {
    ...denoNetwork,
    clock,
    listen: () => scriptedListener(peers, { clock }),
  };
  const told: Extract<ListenerEvent, { kind: "refused" }>[] = [];
  const listener = new Listener(0, {
    onEvent: (event) => void (event.kind === "refused" && told.push(event)),
    ...config,
    network,
  });
  await listener.start();
  const callers: Caller[] = [];
  for (let i = 0; i < peers.length; i++) {
    for await (const caller of listener) {
      callers.push(caller);
      break;
    }
  }
  return { clock, peers, callers, told, listener };
}

async function drip(clock: VirtualClock, peer: ScriptedTransport, seconds: number): Promise<void> {
  for (let i = 0; i < seconds && !peer.isClosed; i++) {
    await clock.advance(1_000);
    peer.say("x", silence());
    await clock.settle();
  }
}

Deno.test("Listener ends a sender that is slower than minBytesPerSecond in the middle of something", async () => {
  const { clock, peers, callers, told, listener } = await accepted([["begun"]], {
    minBytesPerSecond: 10,
    minRateIntervalInMillis: 5_000,
  });
  const reading = assertRejects(() => callers[0]!.read(1_000), GenericError, "less than 10 bytes");
  await drip(clock, peers[0]!, 100);
  const error = await reading;
  assertEquals(error.code, "limit");
  assertEquals(await callers[0]!.closed, error);
  assertEquals([clock.now(), peers[0]!.isClosed], [5_000, true]);
  assertEquals(
    told.map(({ reason, remoteAddress, remotePort, id }) => ({
      reason,
      remoteAddress,
      remotePort,
      id,
    })),
    [
      { reason: "slow-sender", remoteAddress: "192.0.2.0", remotePort: 7, id: callers[0]!.id },
    ],
  );
  const { open, rejected } = listener.stats();
  assertEquals([open, rejected["slow-sender"]], [0, 1]);
  await listener.immediateStop();
});

Deno.test("Listener lets a sender be that is fast enough, or has not begun", async () => {
  const { clock, peers, callers, told, listener } = await accepted([["begun"], [], ["all"]], {
    minBytesPerSecond: 1,
    readTimeoutInMillis: Infinity,
  });
  const reads = [callers[0]!.read(105), callers[1]!.read(100)];
  // The third has sent everything it was asked for, and nobody waits for it.
  await callers[2]!.read(2);
  await drip(clock, peers[0]!, 100);
  assertEquals((await reads[0]!)[1], 105);
  assertEquals([clock.now(), told], [100_000, []]);
  peers[1]!.say("x".repeat(100), silence());
  assertEquals((await reads[1]!)[1], 100);
  assertEquals(listener.connections.size, 3);
  await listener.immediateStop();
});

Deno.test("Listener does not take a sender for slow that its own pace holds back", async () => {
  const { clock, callers, told, listener } = await accepted([["x".repeat(500)]], {
    minBytesPerSecond: 100,
    minRateIntervalInMillis: 50,
    maxBytesReadPerSecond: 100,
  });
  const reading = callers[0]!.read(500);
  await clock.advance(5_000);
  assertEquals([(await reading)[1], told], [500, []]);
  await listener.immediateStop();
});

Deno.test("Listener does not count the time in which nobody waits", async () => {
  const { clock, peers, callers, told, listener } = await accepted([["begun"]], {
    minBytesPerSecond: 10,
  });
  for (let i = 0; i < 4; i++) {
    const reading = callers[0]!.read(10);
    await clock.advance(1_200);
    peers[0]!.say("other", silence());
    assertEquals((await reading)[1], 10);
    peers[0]!.say("begun", silence());
    await clock.advance(60_000);
    // Including the earlier waits, five seconds would be over, with too few bytes.
    if (i === 3) void callers[0]!.read(10).catch(() => {});
  }
  assertEquals(told, []);
  await clock.advance(199);
  assertEquals(told, []);
  await clock.advance(1);
  assertEquals(told.map(({ reason }) => reason), ["slow-sender"]);
  await listener.immediateStop();
});

Deno.test("Listener adds up the time over waits: a byte per read begins nothing anew", async () => {
  const { clock, peers, callers, told, listener } = await accepted([["GET / HTTP/1.1\r\n"]], {
    minBytesPerSecond: 5,
  });
  const { reader } = coreOf(callers[0]!);
  let waits = 0;
  // As by a reader that searches for an end: one byte more than there is, again and again.
  const look = (): void => {
    waits++;
    const length = reader.queue.length + 1;
    reader.atLeast({ length, ready: look, fail: () => {} }, Infinity);
  };
  look();
  await drip(clock, peers[0]!, 100);
  assertEquals(told.map(({ reason }) => reason), ["slow-sender"]);
  assertEquals([clock.now(), waits], [5_000, 6]);
  await listener.immediateStop();
});

Deno.test("Listener ends who has queued most where maxTotalQueuedBytes is reached", async () => {
  const { clock, callers, told, listener } = await accepted([[], [], []], {
    maxTotalQueuedBytes: 100,
  }, [silence()]);
  const [hog, middle, small] = callers as [Caller, Caller, Caller];
  const lost = assertRejects(() => hog.write("x".repeat(70)), GenericError, "the most queued, 70");
  void middle.write("x".repeat(25));
  void small.write("x".repeat(5));
  await clock.settle();
  assertEquals(listener.stats().queuedBytes, 100);
  void small.write("y");
  // Its bytes make room at once, and it ends as soon as the write that needed it has returned.
  assertEquals([hog.queuedBytes, listener.stats().queuedBytes], [0, 31]);
  assertEquals((await lost).code, "overflow");
  assertEquals((await hog.closed)?.code, "overflow");
  assertEquals([middle.queuedBytes, small.queuedBytes], [25, 6]);
  assertEquals(told.map(({ reason, remoteAddress }) => [reason, remoteAddress]), [[
    "queue-limit",
    "192.0.2.0",
  ]]);
  await listener.immediateStop();
  assertEquals(listener.stats().queuedBytes, 0);
});

Deno.test("Listener refuses the write that would make its connection the one with most", async () => {
  const { callers, told, listener } = await accepted([[], []], { maxTotalQueuedBytes: 100 }, [
    silence(),
  ]);
  const [first, second] = callers as [Caller, Caller];
  void first.write("x".repeat(50));
  void second.write("x".repeat(40));
  const error = await assertRejects(() => second.write("x".repeat(20)), GenericError, "20 bytes");
  assertEquals([error.code, error.bytesTaken], ["overflow", 0]);
  const ended = (await second.closed)!;
  assertEquals([ended.code, error.message.startsWith(ended.message)], ["overflow", true]);
  assertEquals([first.queuedBytes, listener.stats().queuedBytes], [50, 50]);
  assertEquals(told.map(({ reason }) => reason), ["queue-limit"]);
  await listener.immediateStop();
});

Deno.test("Listener counts queued bytes until they are sent, however little a peer takes at a time", async () => {
  const { clock, peers, callers, listener } = await accepted([[], []], {
    maxTotalQueuedBytes: 1_000,
  });
  for (let i = 0; i < 50; i++) {
    for (const caller of callers) await caller.write("x".repeat(400));
    assertEquals(listener.stats().queuedBytes, 0);
  }
  await clock.settle();
  assertEquals(peers.map(({ written }) => written.length), [20_000, 20_000]);
  assert(callers.every(({ queuedBytes }) => queuedBytes === 0));
  await listener.immediateStop();
});

Deno.test("Listener calls no handler of one connection in the middle of a write of another", async () => {
  const clock = new VirtualClock();
  const peers = [0, 1].map(() =>
    scriptedTransport(["go", silence()], { clock, writes: [silence()] })
  );
  const network: Network = {
    ...denoNetwork,
    clock,
    listen: () => scriptedListener(peers, { clock }),
  };
  const listener = new Listener(0, { network, maxTotalQueuedBytes: 100 });
  const log: string[] = [];
  const callers: Caller[] = [];
  listener.attach({
    onConnect: (caller) => void callers.push(caller),
    onError: (_, error) => void log.push(`onError ${(error as GenericError).code}`),
  });
  await listener.start();
  await clock.settle();
  void callers[0]!.write("x".repeat(90));
  log.push("before");
  void callers[1]!.write("x".repeat(80));
  log.push("after");
  await clock.settle();
  assertEquals(log, ["before", "after", "onError overflow"]);
  assertEquals(callers.map(({ queuedBytes }) => queuedBytes), [0, 80]);
  await listener.immediateStop();
});

Deno.test("Listener without these limits asks nothing at writes and waits", async () => {
  const { callers, listener } = await accepted([["ab", end()]], {});
  assertEquals((await callers[0]!.read(2))[1], 2);
  assertEquals(listener.stats().bytesRead, 2);
  await listener.immediateStop();
  assertEquals([listener.stats().bytesRead, listener.stats().open], [2, 0]);
});

Deno.test("Listener with maxTotalQueuedBytes: tryWrite() says no where write() would end its connection", async () => {
  const { callers, clock, told, listener } = await accepted(
    [[], [], []],
    { maxTotalQueuedBytes: 100 },
    [silence()],
  );
  const [one, two, three] = callers as [Caller, Caller, Caller];
  assert(one.tryWrite("x".repeat(40)) && two.tryWrite("x".repeat(40)));
  // Of three with as much no one has the most.
  assertEquals([three.tryWrite("x".repeat(40)), three.queuedBytes], [false, 0]);
  // Whoever tries again and again lets the others' bytes go out.
  let tries = 0;
  const trying = (async () => {
    while (!three.tryWrite("x".repeat(40))) {
      await three.drained();
      if (++tries === 3) one.abort();
    }
  })();
  await trying;
  await clock.settle();
  assertEquals([tries, told.length, two.queuedBytes, three.queuedBytes], [3, 0, 40, 40]);
  await listener.immediateStop();
});
