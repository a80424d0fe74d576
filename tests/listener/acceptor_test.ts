import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { SocketError } from "../../mod.ts";
import { Acceptor } from "../../src/listener/acceptor.ts";
import {
  fail,
  outOfDescriptors,
  scriptedListener,
  scriptedTransport,
  type Step,
  VirtualClock,
} from "../../testing/mod.ts";
import type { Transport } from "../../src/network/network.ts";
import { isPending } from "../support/scripted_connection.ts";

function acceptor(script: (Transport | Step)[]) {
  const clock = new VirtualClock();
  const listener = scriptedListener(script, { clock });
  return { clock, listener, acceptor: new Acceptor(listener, clock) };
}

Deno.test("Acceptor goes on at once after clients who have gone, or cannot be named", async () => {
  const client = scriptedTransport([]);
  const gone = [
    Deno.errors.NotConnected,
    Deno.errors.ConnectionAborted,
    Deno.errors.ConnectionReset,
    Deno.errors.InvalidData,
  ];
  const made = acceptor([
    ...Array(300).fill(0).map((_, i) => fail(new gone[i % 4]!("gone"))),
    client,
  ]);
  assertStrictEquals(await made.acceptor.accept(), client);
  assertEquals(made.clock.now(), 0);
  await made.acceptor.close();
});

Deno.test("Acceptor rests 5 to 1000 ms when the system is full, and starts small again after a success", async () => {
  const [first, second] = [scriptedTransport([]), scriptedTransport([])];
  const made = acceptor([
    ...Array(10).fill(0).map(outOfDescriptors),
    first,
    outOfDescriptors(),
    second,
  ]);
  const accepting = made.acceptor.accept();
  const times: number[] = [];
  while (await isPending(made.clock, accepting)) {
    await made.clock.step();
    times.push(made.clock.now());
  }
  assertStrictEquals(await accepting, first);
  assertEquals(times.map((time, i) => time - (times[i - 1] ?? 0)), [
    5,
    10,
    20,
    40,
    80,
    160,
    320,
    640,
    1000,
    1000,
  ]);
  const next = made.acceptor.accept();
  await made.clock.advance(5);
  assertStrictEquals(await next, second);
  await made.acceptor.close();
});

Deno.test("Acceptor rests after an error it does not know, and goes on", async () => {
  const client = scriptedTransport([]);
  const made = acceptor([fail(new Error("Network is down (os error 100)")), client]);
  const accepting = made.acceptor.accept();
  assert(await isPending(made.clock, accepting));
  await made.clock.advance(5);
  assertStrictEquals(await accepting, client);
  await made.acceptor.close();
});

Deno.test("Acceptor ends for good when its listener is gone", async () => {
  for (const kind of [Deno.errors.BadResource, Deno.errors.Interrupted]) {
    const made = acceptor([fail(new kind("gone"))]);
    const error = await assertRejects(() => made.acceptor.accept(), SocketError, "Cannot accept");
    assertEquals(error.code, "broken");
    await made.acceptor.close();
  }
});

Deno.test("Acceptor.close() ends a pending accept, also one that rests, and frees the listener", async () => {
  const waiting = acceptor([]);
  const accepting = waiting.acceptor.accept();
  await waiting.clock.settle();
  await waiting.acceptor.close();
  assertEquals([await accepting, waiting.listener.isClosed, waiting.listener.isAccepting], [
    undefined,
    true,
    false,
  ]);

  const resting = acceptor([outOfDescriptors()]);
  const rest = resting.acceptor.accept();
  await resting.clock.settle();
  await resting.acceptor.close();
  assertEquals([await rest, resting.clock.pending, resting.clock.now()], [undefined, 0, 0]);
  await resting.acceptor.close();
  assertEquals(await resting.acceptor.accept(), undefined);
});

Deno.test("Acceptor.tryAccept() takes who waits; what hinders it is dealt with by the next accept", async () => {
  const clock = new VirtualClock();
  const client = (): Transport => scriptedTransport([]);
  const [first, second, third, fourth] = [client(), client(), client(), client()];
  const script: (Transport | Error | undefined)[] = [
    first,
    undefined,
    new Deno.errors.ConnectionAborted("gone"),
    second,
    outOfSockets(),
    third,
    fourth,
  ];
  const next = (): Transport | undefined => {
    const step = script.shift();
    if (step instanceof Error) throw step;
    return step;
  };
  const tried = new Acceptor({
    addr: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
    tryAccept: next,
    // deno-lint-ignore require-await -- what it throws becomes a rejection
    accept: async () => next()!,
    close: () => {},
  }, clock);
  assertStrictEquals(tried.tryAccept(), first);
  assertEquals(tried.tryAccept(), undefined);
  // Gone before it was accepted: nobody is asked again until an accept has dealt with that, at once.
  assertEquals([tried.tryAccept(), tried.tryAccept(), script.length], [undefined, undefined, 4]);
  assertStrictEquals(await tried.accept(), second);
  assertEquals([tried.tryAccept(), tried.rests], [undefined, 0]);
  const accepting = tried.accept();
  assertEquals(await isPending(clock, accepting), true);
  assertEquals(tried.rests, 1);
  await clock.advance(5);
  assertStrictEquals(await accepting, third);
  await tried.close();
  assertEquals([tried.tryAccept(), await tried.accept(), script.length], [undefined, undefined, 1]);
});

function outOfSockets(): Error {
  return new Error("Too many open files (os error 24)");
}

for (const [how, made] of [["nothing", undefined], ["an empty object", {}]] as const) {
  Deno.test(`Acceptor rests, and goes on, where a network gives ${how} as a client`, async () => {
    const client = scriptedTransport([]);
    const gives: unknown[] = [made, client];
    const clock = new VirtualClock();
    const listener = { ...scriptedListener([], { clock }) };
    listener.accept = () => Promise.resolve(gives.shift() as Transport);
    listener.tryAccept = () => made as unknown as Transport;
    const errors: unknown[] = [];
    const acceptor = new Acceptor(listener, clock, (error) => errors.push(error));
    assertEquals(acceptor.tryAccept(), undefined);
    const accepting = acceptor.accept();
    while (await isPending(clock, accepting)) await clock.step();
    assertStrictEquals(await accepting, client);
    // Without a promise, nothing is what there is while nobody waits.
    assertEquals(errors.length, made === undefined ? 1 : 2);
    for (const error of errors) {
      assert(`${error}`.includes("the network must give a Transport with read()"), `${error}`);
    }
    await acceptor.close();
  });
}
