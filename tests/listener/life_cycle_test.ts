// The life cycle of both kinds of listeners: every order of starts and stops, awaited or not.

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Client,
  GenericError,
  Listener,
  type SocketError,
  UdpClient,
  UdpListener,
} from "../../mod.ts";
import {
  cutOff,
  LifeCycle,
  type Openable,
  type StopReport,
  stopReport,
} from "../../src/listener/life_cycle.ts";
import { VirtualClock } from "../../testing/mod.ts";
import { isPending } from "../support/scripted_connection.ts";

/** Something to open that notes what is done with it. */
function scripted(signal?: AbortSignal) {
  const clock = new VirtualClock();
  const log: string[] = [];
  let failure: Error | undefined;
  let shutting: Promise<void> = Promise.resolve();
  let opening: Promise<void> = Promise.resolve();
  let isOpen = false;
  const openable: Openable = {
    async open() {
      log.push("open");
      await opening;
      if (failure !== undefined) throw failure;
      assert(!isOpen, "opened twice");
      isOpen = true;
    },
    async shut(patience): Promise<StopReport> {
      log.push("shut");
      await patience.for(shutting);
      isOpen = false;
      return stopReport(patience.isOver ? 0 : 1, []);
    },
  };
  return {
    clock,
    log,
    life: new LifeCycle(openable, { clock, signal, stopDeadlineInMillis: 15_000 }),
    isOpen: () => isOpen,
    fail: (error: Error | undefined) => failure = error,
    holdShut: (until: Promise<void>) => shutting = until,
    holdOpen: (until: Promise<void>) => opening = until,
  };
}

/** All rows of that many things. */
function* rows<T>(things: readonly T[], length: number): Generator<T[]> {
  if (length === 0) return yield [];
  for (const row of rows(things, length - 1)) for (const thing of things) yield [...row, thing];
}

Deno.test("LifeCycle does starts and stops in the order in which they were asked for", async () => {
  for (const row of rows(["start", "graceful", "immediate"] as const, 5)) {
    const { life, isOpen } = scripted();
    const calls: Promise<unknown>[] = row.map((what) =>
      what === "start"
        ? life.start()
        : what === "graceful"
        ? life.gracefulStop()
        : life.immediateStop()
    );
    await Promise.all(calls);
    assertEquals(isOpen(), row.at(-1) === "start", row.join());
    assertEquals(life.isStopping, false);
    if (isOpen()) await life.immediateStop();
    assertEquals(await life.closed, undefined);
  }
});

for (
  const [name, make] of [
    ["Listener", () => new Listener(0, { interface: "127.0.0.1" })],
    ["UdpListener", () => new UdpListener(0, { interface: "127.0.0.1" })],
  ] as const
) {
  /** Whether its port is taken. */
  const isBound = async (listener: Listener | UdpListener, port: number) => {
    const other = listener instanceof Listener
      ? new Listener(port, { interface: "127.0.0.1" })
      : new UdpListener(port, { interface: "127.0.0.1" });
    const started = await other.start().then(() => true, () => false);
    await other.immediateStop();
    return !started;
  };

  Deno.test(`${name} does starts and stops in the order in which they were asked for`, async () => {
    for (const row of rows(["start", "graceful", "immediate"] as const, 4)) {
      const listener = make();
      await listener.start();
      const { port } = listener;
      const calls = row.map((what): Promise<unknown> =>
        what === "start"
          ? listener.start()
          : what === "graceful"
          ? listener.gracefulStop()
          : listener.immediateStop()
      );
      await Promise.all(calls);
      assertEquals(await isBound(listener, port), row.at(-1) === "start", row.join());
      await listener.immediateStop();
      assertEquals(await listener.closed, undefined);
    }
  });

  Deno.test(`${name}.closed resolves after a start with a signal that was aborted before`, async () => {
    const signal = AbortSignal.abort(new Error("never mind"));
    const listener = name === "Listener"
      ? new Listener(0, { interface: "127.0.0.1", signal })
      : new UdpListener(0, { interface: "127.0.0.1", signal });
    await assertRejects(() => listener.start(), Error, "never mind");
    assertEquals(await listener.closed, undefined);
  });

  Deno.test(`${name}.closed tells why a start failed, and is new after the next`, async () => {
    const first = make();
    await first.start();
    const listener = name === "Listener"
      ? new Listener(first.port, { interface: "127.0.0.1" })
      : new UdpListener(first.port, { interface: "127.0.0.1" });
    const { closed } = listener;
    await assertRejects(() => listener.start(), GenericError);
    assertEquals((await closed)?.code, "in-use");
    await first.immediateStop();
    await listener.start();
    assert(listener.closed !== closed);
    await listener.immediateStop();
    assertEquals(await listener.closed, undefined);
  });
}

Deno.test("LifeCycle.start() waits for the stop before it, and closed is new then", async () => {
  const { life, log, clock, holdShut } = scripted();
  await life.start();
  const { closed } = life;
  const held = Promise.withResolvers<void>();
  holdShut(held.promise);
  const stopping = life.gracefulStop();
  const starting = life.start();
  await clock.settle();
  assertEquals(log, ["open", "shut"]);
  held.resolve();
  assertEquals([await stopping, await closed], [stopReport(1, []), undefined]);
  await starting;
  assert(life.closed !== closed);
  assertEquals([log, await isPending(clock, life.closed)], [["open", "shut", "open"], true]);
});

Deno.test("LifeCycle.immediateStop() hurries every stop that was asked for before it", async () => {
  const { life, clock, holdShut, isOpen } = scripted();
  holdShut(new Promise(() => {}));
  await life.start();
  const first = life.gracefulStop({ deadlineInMillis: 1_000_000 });
  const starting = life.start();
  await life.immediateStop();
  await Promise.all([first, starting]);
  assertEquals([isOpen(), clock.now(), clock.pending], [false, 0, 0]);
});

Deno.test("LifeCycle ends a stop at its deadline", async () => {
  const { life, clock, holdShut } = scripted();
  holdShut(new Promise(() => {}));
  await life.start();
  const stopping = life.gracefulStop({ deadlineInMillis: 100 });
  await clock.advance(99);
  assertEquals(await isPending(clock, stopping), true);
  await clock.advance(1);
  assertEquals([await stopping, clock.pending], [stopReport(0, []), 0]);
  await assertRejects(() => life.gracefulStop({ deadlineInMillis: 0 }), RangeError);
});

Deno.test("LifeCycle stops when its signal is aborted, also while it is being opened", async () => {
  const later = new AbortController();
  const one = scripted(later.signal);
  await one.life.start();
  later.abort();
  assertEquals([await one.life.closed, one.isOpen()], [undefined, false]);

  const meanwhile = new AbortController();
  const other = scripted(meanwhile.signal);
  const starting = other.life.start();
  while (other.log.length === 0) await Promise.resolve();
  meanwhile.abort();
  await starting;
  assertEquals([await other.life.closed, other.isOpen()], [undefined, false]);
});

Deno.test("LifeCycle.end() tells what broke, once, and not during a stop", async () => {
  const { life, clock, holdShut } = scripted();
  await life.start();
  const broken = new GenericError("broken", "Cannot accept: gone");
  life.end(broken);
  life.end(undefined);
  const told: SocketError | undefined = await life.closed;
  assertEquals([told, life.isOver], [broken, true]);
  await life.gracefulStop();
  const held = Promise.withResolvers<void>();
  holdShut(held.promise);
  await life.start();
  const stopping = life.gracefulStop();
  await clock.settle();
  life.end(broken);
  held.resolve();
  await stopping;
  assertEquals(await life.closed, undefined);
});

Deno.test("LifeCycle.start() that fails can be tried again", async () => {
  const { life, fail, isOpen } = scripted();
  fail(new GenericError("in-use", "taken"));
  await assertRejects(() => life.start(), GenericError, "taken");
  await assertRejects(() => Promise.all([life.start(), life.start()]), GenericError, "taken");
  fail(undefined);
  await life.start();
  assertEquals(isOpen(), true);
  await life.immediateStop();
});

Deno.test("LifeCycle.gracefulStop() lets everything go on for as long as the most impatient call says", async () => {
  for (const later of [undefined, {}, { acceptForInMillis: 50 }, { acceptForInMillis: 5_000 }]) {
    const { life, clock, log } = scripted();
    await life.start();
    const { stopping } = life;
    const stopped = life.gracefulStop({ acceptForInMillis: 1_000, deadlineInMillis: 10 });
    assertEquals([stopping.aborted, life.isStopping], [true, true]);
    await clock.advance(100);
    assertEquals(log, ["open"]);
    const again = later === undefined ? stopped : life.gracefulStop(later);
    const left = later === undefined ? 900 : Math.min(later.acceptForInMillis ?? 0, 900);
    if (left > 0) {
      await clock.advance(left - 1);
      assertEquals(log, ["open"]);
    }
    await clock.advance(1);
    assertEquals(log, ["open", "shut"]);
    assertEquals([await stopped, await again], [stopReport(1, []), stopReport(1, [])]);
    assertEquals(clock.pending, 0);
  }
});

Deno.test("LifeCycle counts the deadline of a stop from the end of accepting", async () => {
  const { life, clock, holdShut } = scripted();
  holdShut(new Promise(() => {}));
  await life.start();
  const stopping = life.gracefulStop({ acceptForInMillis: 100, deadlineInMillis: 50 });
  await clock.advance(100);
  await clock.advance(49);
  assertEquals(await isPending(clock, stopping), true);
  await clock.advance(1);
  assertEquals([await stopping, clock.pending], [stopReport(0, []), 0]);
});

Deno.test("LifeCycle.gracefulStop() takes no longer than the earliest deadline that any call asks for", async () => {
  const calls: Record<string, [call: (life: LifeCycle, config: AbortController) => void, number]> =
    {
      "an earlier one": [(life) => void life.gracefulStop({ deadlineInMillis: 100 }), 100],
      "a later one": [(life) => void life.gracefulStop({ deadlineInMillis: 30_000 }), 19_000],
      "the one of the config": [(life) => void life.gracefulStop(), 15_000],
      "that by the signal of the config": [(_, config) => config.abort(), 15_000],
    };
  for (const [name, [call, left]] of Object.entries(calls)) {
    const config = new AbortController();
    const { life, clock, holdShut } = scripted(config.signal);
    holdShut(new Promise(() => {}));
    await life.start();
    const stopping = life.gracefulStop({ deadlineInMillis: 20_000 });
    await clock.advance(1_000);
    call(life, config);
    await clock.advance(left - 1);
    assertEquals(await isPending(clock, stopping), true, name);
    await clock.advance(1);
    assertEquals([await stopping, clock.pending], [stopReport(0, []), 0], name);
  }
});

Deno.test("LifeCycle counts an earlier deadline, too, from the end of accepting", async () => {
  const { life, clock, holdShut } = scripted();
  holdShut(new Promise(() => {}));
  await life.start();
  const first = life.gracefulStop({ acceptForInMillis: 100, deadlineInMillis: Infinity });
  await clock.advance(50);
  const second = life.gracefulStop({ acceptForInMillis: 1_000, deadlineInMillis: 10 });
  await clock.advance(50);
  await clock.advance(9);
  assertEquals(await isPending(clock, first), true);
  await clock.advance(1);
  assertEquals([await first, await second], [stopReport(0, []), stopReport(0, [])]);
});

Deno.test("LifeCycle.gracefulStop() brings the deadline of a start forward, too", async () => {
  const { life, clock, isOpen, holdOpen } = scripted();
  const looked = Promise.withResolvers<void>();
  holdOpen(looked.promise);
  const starting = assertRejects(() => life.start(), GenericError, "stopped meanwhile");
  await clock.settle();
  const first = life.gracefulStop({ deadlineInMillis: Infinity });
  await clock.advance(60_000);
  const second = life.gracefulStop({ deadlineInMillis: 10 });
  await clock.advance(10);
  await Promise.all([starting, first, second]);
  looked.resolve();
  await clock.settle();
  assertEquals([isOpen(), clock.pending], [false, 0]);
});

/** A listener that gives a stop a millisecond, with a call that never ends, and the client that it is for. */
async function stuckCall(kind: "Listener" | "UdpListener") {
  const begun = Promise.withResolvers<void>();
  const call = () => {
    begun.resolve();
    return new Promise<undefined>(() => {});
  };
  const config = { interface: "127.0.0.1", stopDeadlineInMillis: 1 };
  const listener = kind === "Listener" ? new Listener(0, config) : new UdpListener(0, config);
  if (listener instanceof Listener) listener.attach({ onBytes: call });
  else listener.attach({ onDatagram: call });
  await listener.start();
  const { port } = listener;
  const client = kind === "Listener"
    ? await Client.connect({ host: "127.0.0.1", port })
    : new UdpClient(undefined, { remoteHost: "127.0.0.1", remotePort: port });
  await client.write("x");
  await begun.promise;
  return { listener, client };
}

for (const kind of ["Listener", "UdpListener"] as const) {
  Deno.test(`${kind} keeps the deadline of await using during a stop that has none`, async () => {
    const { listener, client } = await stuckCall(kind);
    const stopping = listener.gracefulStop({ deadlineInMillis: Infinity });
    await listener[Symbol.asyncDispose]();
    assertEquals((await stopping).cut.map(({ reason }) => reason), ["deadline"]);
    await client.close();
  });
}

Deno.test("LifeCycle.gracefulStop() does not wait where nothing is open", async () => {
  const { life, clock, fail } = scripted();
  await life.gracefulStop({ acceptForInMillis: 1_000 });
  fail(new GenericError("in-use", "taken"));
  const starting = life.start();
  const stopping = life.gracefulStop({ acceptForInMillis: 1_000 });
  await assertRejects(() => starting, GenericError, "taken");
  await stopping;
  fail(undefined);
  await life.start();
  const broken = life.gracefulStop({ acceptForInMillis: 1_000 });
  life.end(new GenericError("broken", "gone"));
  await broken;
  assertEquals([clock.now(), clock.pending], [0, 0]);
});

Deno.test("LifeCycle.gracefulStop() is hurried by its signal at every moment, and by immediateStop()", async () => {
  for (const at of [0, 50, 150]) {
    for (const isSignal of [true, false]) {
      const { life, clock, holdShut } = scripted();
      holdShut(new Promise(() => {}));
      await life.start();
      const hurry = new AbortController();
      if (isSignal && at === 0) hurry.abort();
      const options = { acceptForInMillis: 100, deadlineInMillis: 1_000 };
      const stopping = life.gracefulStop({ ...options, signal: hurry.signal });
      await clock.advance(at);
      if (at > 0) assertEquals(await isPending(clock, stopping), true);
      if (isSignal) hurry.abort();
      else void life.immediateStop();
      assertEquals([await stopping, clock.now(), clock.pending], [stopReport(0, []), at, 0]);
    }
  }
});

Deno.test("LifeCycle.stopping is aborted by every end, and new after the next start", async () => {
  const { life } = scripted();
  const first = life.stopping;
  await life.start();
  assertEquals([life.stopping === first, first.aborted], [true, false]);
  const stopping = life.gracefulStop();
  assertEquals((first.reason as SocketError).code, "closed");
  await stopping;
  await life.start();
  const second = life.stopping;
  assertEquals([second === first, second.aborted], [false, false]);
  const broken = new GenericError("broken", "gone");
  life.end(broken);
  assertEquals(second.reason, broken);
  // A start that is stopped before it has begun.
  const other = scripted().life;
  await other.start();
  const slow = other.gracefulStop();
  const starting = other.start();
  const next = other.gracefulStop();
  await starting;
  assertEquals(other.stopping.aborted, true);
  await Promise.all([slow, next]);
});

Deno.test("LifeCycle takes the deadline of its config where a stop names none", async () => {
  const clock = new VirtualClock();
  const controller = new AbortController();
  const openable: Openable = {
    open: () => Promise.resolve(),
    async shut(patience) {
      await patience.for(new Promise(() => {}));
      return stopReport(0, []);
    },
  };
  const life = new LifeCycle(openable, {
    clock,
    signal: controller.signal,
    stopDeadlineInMillis: 70,
  });
  await life.start();
  controller.abort();
  await clock.advance(69);
  assertEquals(await isPending(clock, life.closed), true);
  await clock.advance(1);
  assertEquals([await life.closed, clock.pending], [undefined, 0]);
});

Deno.test("cutOff() says who was cut, and why", () => {
  const peer = { transport: "tcp", hostname: "192.0.2.1", port: 7 } as const;
  assertEquals(cutOff(3, peer, "deadline"), {
    id: 3,
    remoteAddress: "192.0.2.1",
    remotePort: 7,
    reason: "deadline",
  });
});

const STOPS: Record<string, (life: LifeCycle, config: AbortController) => Promise<unknown>> = {
  "a deadline": (life) => life.gracefulStop({ deadlineInMillis: 500 }),
  "immediateStop()": (life) => life.immediateStop(),
  "its signal": (life) => life.gracefulStop({ signal: AbortSignal.abort() }),
  "the signal of the config": (life, config) => (config.abort(), life.closed),
};

for (const [name, stop] of Object.entries(STOPS)) {
  Deno.test(`A stop by ${name} gives up a start that takes too long, and what that opens late is shut`, async () => {
    const config = new AbortController();
    const { life, log, clock, isOpen, holdOpen } = scripted(config.signal);
    const looked = Promise.withResolvers<void>();
    holdOpen(looked.promise);
    const starting = assertRejects(() => life.start(), GenericError, "stopped meanwhile");
    await clock.settle();
    const stopping = stop(life, config);
    // Asked for meanwhile: it waits for what the first one may still open, and is given up likewise.
    const isOnce = name === "the signal of the config";
    const again = isOnce
      ? undefined
      : assertRejects(() => life.start(), GenericError, "stopped meanwhile");
    const last = isOnce ? undefined : stop(life, config);
    await clock.advance(isOnce ? 15_000 : 2_000);
    await Promise.all([starting, stopping, again, last]);
    assertEquals([await life.closed, isOpen()], [undefined, false]);
    looked.resolve();
    await clock.settle();
    assertEquals([isOpen(), log.filter((what) => what === "open").length], [false, 1]);
    if (isOnce) return;
    await life.start();
    assertEquals(isOpen(), true);
    await life.gracefulStop();
  });
}

Deno.test("A stop behind a start brings its times to the stop before that, and waits for the start", async () => {
  for (const first of [{}, { deadlineInMillis: Infinity }, { acceptForInMillis: 100 }]) {
    const { life, log, clock, isOpen, holdShut } = scripted();
    await life.start();
    holdShut(new Promise(() => {}));
    const stops = [life.gracefulStop(first)];
    const starting = life.start();
    stops.push(life.gracefulStop({ deadlineInMillis: 30 }));
    const { closed } = life;
    await clock.advance(29);
    assertEquals([log.join(" "), await isPending(clock, stops[0]!)], ["open shut", true]);
    await clock.advance(1);
    await Promise.all([...stops, starting, closed]);
    assertEquals([log.join(" "), isOpen(), clock.pending], ["open shut open shut", false, 0]);
    await life.start();
    assertEquals(isOpen(), true);
    await life.immediateStop();
  }
});

Deno.test("A stop brings its times to all stops before it, and nothing puts them off", async () => {
  const { life, log, clock, holdShut } = scripted();
  await life.start();
  holdShut(new Promise(() => {}));
  const forever = { acceptForInMillis: 100_000, deadlineInMillis: Infinity };
  const all: Promise<unknown>[] = [life.gracefulStop(forever), life.start()];
  all.push(life.gracefulStop(forever), life.start(), life.gracefulStop(forever));
  await clock.advance(10);
  // That one and the last one are one stop.
  all.push(life.gracefulStop({ acceptForInMillis: 20, deadlineInMillis: 30 }));
  all.push(life.gracefulStop(forever));
  await clock.advance(49);
  assertEquals([log.join(" "), await isPending(clock, all[0]!)], ["open shut", true]);
  await clock.advance(1);
  await Promise.all(all);
  assertEquals([log.join(" "), clock.pending], ["open shut open shut open shut", 0]);
});

Deno.test("A stop that has waited for a start has the rest of its time for what that opened", async () => {
  const { life, log, clock, holdShut, holdOpen } = scripted();
  const opened = Promise.withResolvers<void>();
  holdOpen(opened.promise);
  holdShut(new Promise(() => {}));
  const starting = life.start();
  await clock.settle();
  const stopping = life.gracefulStop({ deadlineInMillis: 100 });
  await clock.advance(60);
  opened.resolve();
  await clock.advance(39);
  assertEquals([log.join(" "), await isPending(clock, stopping)], ["open shut", true]);
  await clock.advance(1);
  await Promise.all([starting, stopping]);
  assertEquals(clock.pending, 0);
});

for (const kind of ["Listener", "UdpListener"] as const) {
  Deno.test(`${kind} keeps the deadline of a stop during a restart`, async () => {
    const { listener, client } = await stuckCall(kind);
    const stopping = listener.gracefulStop({ deadlineInMillis: Infinity });
    const starting = listener.start();
    await listener[Symbol.asyncDispose]();
    assertEquals((await stopping).cut.map(({ reason }) => reason), ["deadline"]);
    await starting;
    await client.close();
  });
}
