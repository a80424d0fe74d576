import { assert, assertEquals, assertRejects } from "@std/assert";
import { GenericError } from "../../src/base/errors.ts";
import {
  scriptedDatagrams,
  ScriptedDatagramSocket,
  settled,
} from "../support/scripted_datagrams.ts";
import { text } from "../support/text.ts";
import { testOnEngines } from "../support/udp_engines.ts";
import type { StopReport } from "../../mod.ts";
import { droppedBy, localListener, serving } from "../support/udp_listeners.ts";
import { counted } from "../support/counted.ts";
import type { Clock, Network } from "../../src/network/network.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import type { UdpListener } from "../../src/udp/udp_listener.ts";
import type { UdpListenerConfig } from "../../src/udp/udp_listener_config.ts";
import type { UdpSession } from "../../src/udp/udp_session.ts";

Deno.test("UdpListener.gracefulStop() finishes what came and is under way", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  const go = Promise.withResolvers<void>();
  listener.attach({
    async onDatagram(_, { data }) {
      await go.promise;
      return data;
    },
  });
  await listener.start();
  const socket = network.sockets[0]!;
  for (const word of ["1", "2", "3"]) {
    socket.deliver(word);
    await settled();
  }
  const stop = listener.gracefulStop();
  const again = listener.gracefulStop();
  await settled();
  socket.deliver("too late");
  await settled();
  assertEquals([socket.isReceiving, socket.isClosed], [false, false]);
  go.resolve();
  assertEquals(await stop, { completed: 3, aborted: 0, cut: [] });
  assertEquals(await again, { completed: 3, aborted: 0, cut: [] });
  assertEquals(await listener.closed, undefined);
  assertEquals(socket.sent, ["1", "2", "3"].map((word) => `${word} > 127.0.0.1:9`));
  assertEquals([socket.isClosed, droppedBy(listener)], [true, 1]);
});

for (const end of ["close", "abort"] as const) {
  for (const method of ["onDatagram", "onSession", "onStop"] as const) {
    Deno.test(`UdpListener.gracefulStop() waits for ${method} after ${end}(), or names it`, async () => {
      for (const isInTime of [true, false]) {
        const clock = new VirtualClock();
        const network = scriptedDatagrams(clock);
        const listener = localListener(network);
        const go = Promise.withResolvers<void>();
        let id: number | undefined;
        listener.attach((session) => ({
          ...(method === "onStop" ? { onDatagram() {} } : {}),
          [method]: async () => {
            id = session.id;
            session[end]();
            await go.promise;
          },
        }));
        await listener.start();
        network.sockets[0]!.deliver("x");
        await settled();
        const first = method === "onStop" ? listener.gracefulStop() : undefined;
        await settled();
        assertEquals(listener.sessions.size, 0);
        const stop = listener.gracefulStop({ deadlineInMillis: 1_000 });
        await settled();
        if (isInTime) go.resolve();
        else await clock.advance(1_000);
        const { completed, cut } = await stop;
        assertEquals([completed, cut.map((each) => each.id)], isInTime ? [1, []] : [0, [id]]);
        await first;
        await listener.start();
        go.resolve();
        await settled();
        assertEquals(await listener.gracefulStop(), { completed: 0, aborted: 0, cut: [] });
      }
    });
  }
}

Deno.test("UdpListener.gracefulStop() waits for a factory whose session was closed", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  const go = Promise.withResolvers<void>();
  listener.attach(async (session) => {
    session.close();
    await go.promise;
    return { onDatagram() {} };
  });
  await listener.start();
  network.sockets[0]!.deliver("x");
  await settled();
  const stop = listener.gracefulStop();
  await settled();
  go.resolve();
  assertEquals(await stop, { completed: 1, aborted: 0, cut: [] });
});

/** A listener two of whose answers the system has no room for, in virtual time. */
async function unsent() {
  const clock = new VirtualClock();
  const network = scriptedDatagrams(clock);
  const listener = localListener(network, { closeTimeoutInMillis: 10 });
  listener.attach({ onDatagram: (_, { data }) => data });
  await listener.start();
  const socket = network.sockets[0]!;
  socket.sendsAtOnce = false;
  for (const port of [7, 8, 8]) {
    socket.deliver("x", port);
    await settled();
  }
  return { listener, socket, clock };
}

Deno.test("UdpListener.gracefulStop() sends what was answered, until its deadline", async () => {
  const { listener, socket, clock } = await unsent();
  const stop = listener.gracefulStop({ deadlineInMillis: 60_000 });
  await settled();
  await clock.advance(59_999);
  assertEquals(socket.isClosed, false);
  for (let i = 0; i < 3; i++) {
    socket.sending[0]!.settle();
    await settled();
  }
  assertEquals((await stop).cut, []);
  assertEquals(socket.sent, ["x > 127.0.0.1:7", "x > 127.0.0.1:8", "x > 127.0.0.1:8"]);
});

const cutShort: Record<
  string,
  (listener: UdpListener, clock: VirtualClock) => Promise<StopReport>
> = {
  "a deadline": async (listener, clock) => {
    const stop = listener.gracefulStop({ deadlineInMillis: 20 });
    await settled();
    await clock.advance(20);
    return await stop;
  },
  "a signal": async (listener) => {
    const controller = new AbortController();
    const stop = listener.gracefulStop({ signal: controller.signal });
    await settled();
    controller.abort();
    return await stop;
  },
  "immediateStop()": async (listener) => {
    const stop = listener.gracefulStop();
    await settled();
    await listener.immediateStop();
    return await stop;
  },
};
for (const [how, cutsShort] of Object.entries(cutShort)) {
  Deno.test(`UdpListener drops what waits to be sent at ${how}, and names its peers`, async () => {
    const { listener, socket, clock } = await unsent();
    const before = clock.now();
    const { aborted, cut } = await cutsShort(listener, clock);
    assertEquals([clock.now() - before <= 20, socket.isClosed], [true, true]);
    const reason = how === "a deadline" ? "deadline" : "hurried";
    const peer = { id: undefined, remoteAddress: "127.0.0.1", reason };
    assertEquals([aborted, cut], [2, [
      { ...peer, remotePort: 7 },
      { ...peer, remotePort: 8 },
    ]]);
  });
}

Deno.test("UdpListener counts a session once whose datagrams wait to be sent at the deadline", async () => {
  const clock = new VirtualClock();
  const network = scriptedDatagrams(clock);
  const listener = localListener(network);
  const ids: number[] = [];
  listener.attach((session) => {
    ids.push(session.id);
    return { onDatagram: (_, { data }) => data };
  });
  await listener.start();
  const socket = network.sockets[0]!;
  socket.sendsAtOnce = false;
  socket.deliver("x", 7);
  await settled();
  const stop = listener.gracefulStop({ deadlineInMillis: 20 });
  await settled();
  await clock.advance(20);
  const { completed, cut } = await stop;
  assertEquals([completed, cut.map(({ id }) => id)], [0, ids]);
});

/** A listener and a client, with a datagram whose handler never ends. */
async function stuck(network: Network) {
  const began = Promise.withResolvers<void>();
  const sockets = await serving(network, {
    onDatagram() {
      began.resolve();
      return new Promise<never>(() => {});
    },
  });
  await sockets.client.write("1");
  await began.promise;
  return sockets;
}

testOnEngines("UdpListener.gracefulStop() aborts what is left at the deadline", async (network) => {
  await using sockets = await stuck(network);
  assertEquals(counted(await sockets.listener.gracefulStop({ deadlineInMillis: 5 })), {
    completed: 0,
    aborted: 1,
  });
});

Deno.test("UdpListener.gracefulStop() says of what nobody got that it was not taken", async () => {
  const ways: Record<string, (listener: UdpListener) => void> = {
    "a service": (listener) => listener.attach({ onDatagram: () => new Promise(() => {}) }),
    "a loop": (listener) => void listener[Symbol.asyncIterator]().next(),
  };
  for (const [way, serve] of Object.entries(ways)) {
    const network = scriptedDatagrams();
    const listener = localListener(network);
    await listener.start();
    serve(listener);
    for (const port of [1, 2, 3]) {
      network.sockets[0]!.deliver("x", port);
      await settled();
    }
    const { completed, cut } = await listener.gracefulStop({ deadlineInMillis: 5 });
    assertEquals(completed, 0, way);
    const told = cut.map(({ remotePort, reason }) => `${remotePort} ${reason}`);
    assertEquals(told, ["1 deadline", "2 not-taken", "3 not-taken"], way);
  }
});

testOnEngines("UdpListener.immediateStop() hurries a graceful one", async (network) => {
  await using sockets = await stuck(network);
  const stop = sockets.listener.gracefulStop();
  await sockets.listener.immediateStop();
  assertEquals(counted(await stop), { completed: 0, aborted: 1 });
});

Deno.test("UdpListener.gracefulStop() aborts sessions that nobody has taken", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  await listener.start();
  const sessions = listener.acceptSessions();
  const first = sessions.next();
  for (const port of [1, 2, 3]) {
    network.sockets[0]!.deliver("x", port);
    await settled();
  }
  const { value } = await first;
  assertEquals([...listener.sessions].map(({ remotePort }) => remotePort), [1, 2, 3]);
  await value!.close();
  await sessions.return!();
  assertEquals(counted(await listener.gracefulStop()), { completed: 0, aborted: 2 });
  assertEquals([(await sessions.next()).done, droppedBy(listener)], [true, 3]);
});

/** Three sessions that have begun, of which a loop has taken the first. */
async function begunSessions(config: UdpListenerConfig = {}, clock?: Clock) {
  const network = scriptedDatagrams(clock);
  const listener = localListener(network, config);
  await listener.start();
  const sessions = listener.acceptSessions();
  const first = sessions.next();
  const socket = network.sockets[0]!;
  for (const port of [1, 2, 3]) {
    socket.deliver("x", port);
    await settled();
  }
  return { listener, sessions, first: (await first).value!, socket };
}

async function echoOnce(session: UdpSession): Promise<void> {
  await session.write((await session.read())[0]);
  await session.close();
}

Deno.test("UdpListener.gracefulStop() gives a loop of sessions those that had begun", async () => {
  const { listener, sessions, first, socket } = await begunSessions();
  const stop = listener.gracefulStop();
  await settled();
  await echoOnce(first);
  for await (const session of sessions) await echoOnce(session);
  assertEquals(await stop, { completed: 3, aborted: 0, cut: [] });
  assertEquals(socket.sent, [1, 2, 3].map((port) => `x > 127.0.0.1:${port}`));
  assertEquals(droppedBy(listener), 0);
});

Deno.test("UdpListener.gracefulStop() names the sessions that a loop does not take", async () => {
  // Left while the stop waits for it.
  const left = await begunSessions();
  const stop = left.listener.gracefulStop();
  await settled();
  await echoOnce(left.first);
  await echoOnce((await left.sessions.next()).value!);
  await left.sessions.return!();
  const { completed, cut } = await stop;
  assertEquals(completed, 2);
  assertEquals(cut.map(({ remotePort, reason }) => [remotePort, reason]), [[3, "not-taken"]]);
  // Never asks again.
  const stuck = await begunSessions();
  const late = await stuck.listener.gracefulStop({ deadlineInMillis: 5 });
  assertEquals(late.completed, 0);
  assertEquals(
    late.cut.map(({ remotePort, reason }) => `${remotePort} ${reason}`).toSorted(),
    ["1 deadline", "2 not-taken", "3 not-taken"],
  );
  assertEquals([stuck.listener.sessions.size, (await stuck.sessions.next()).done], [0, true]);
});

Deno.test("UdpListener.gracefulStop() names sessions that end before a loop has taken them", async () => {
  const clock = new VirtualClock();
  const { listener } = await begunSessions({ sessionIdleTimeoutInMillis: 1_000 }, clock);
  const stop = listener.gracefulStop();
  await clock.advance(1_000);
  const { completed, cut } = await stop;
  assertEquals([completed, cut.map(({ reason }) => reason)], [1, ["not-taken", "not-taken"]]);
});

Deno.test("UdpListener.gracefulStop() waits until the answers have left", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  listener.attach({ onDatagram: (_, { data }) => data });
  await listener.start();
  const socket = network.sockets[0]!;
  socket.sendsAtOnce = false;
  socket.deliver("x");
  await settled();
  let isOver = false;
  const stop = listener.gracefulStop().finally(() => isOver = true);
  await settled();
  assertEquals([isOver, socket.isClosed], [false, false]);
  socket.sending[0]!.settle();
  assertEquals(await stop, { completed: 0, aborted: 0, cut: [] });
  assertEquals(socket.sent, ["x > 127.0.0.1:9"]);
});

/** A network on which another datagram is always there, and time passes whenever somebody looks at the clock. */
function endlessDatagrams(tickInMillis: number): Network {
  const clock = new VirtualClock();
  let passed = 0;
  const network = scriptedDatagrams({
    now: () => passed += tickInMillis,
    setTimeout: (callback, delay) => clock.setTimeout(callback, delay),
    clearTimeout: (id) => clock.clearTimeout(id),
  });
  const from = { transport: "udp", hostname: "127.0.0.1", port: 9 } as const;
  return {
    ...network,
    listenDatagram(target) {
      const socket = new ScriptedDatagramSocket(target);
      socket.receive = (buffer) => Promise.resolve([buffer.subarray(0, 1), from]);
      return socket;
    },
  };
}

Deno.test("UdpListener.gracefulStop() is not held by somebody who never stops sending", async () => {
  const all: number[] = [];
  for (const tick of [0, 0.3, 1_000]) {
    const listener = localListener(endlessDatagrams(tick));
    let handled = 0;
    listener.attach({ onDatagram: () => void handled++ });
    const starting = listener.start();
    const stopping = listener.gracefulStop();
    await starting;
    const { completed, cut } = await stopping;
    assertEquals([completed <= handled, cut], [true, []]);
    all.push(handled);
  }
  const [without, slow, fast] = all as [number, number, number];
  // However late it is, as much as a system keeps where it was told nothing else.
  assert(fast >= 800 && fast < 1_000, `${fast}`);
  assert(slow > fast && slow < 5_000, `${slow}`);
  // Nobody's system keeps more than this.
  assert(without > 30_000 && without < 33_000, `${without}`);
});

testOnEngines("UdpListener that was flooded while busy answers again", async (network) => {
  const busy = Promise.withResolvers<void>();
  let handled = 0;
  await using sockets = await serving(network, {
    async onDatagram(_, { data }) {
      if (++handled === 1) await busy.promise;
      return text(data) === "again" ? "here" : undefined;
    },
  }, { maxUnreadBytes: 64 * 1024 });
  const { listener, client } = sockets;
  const garbage = crypto.getRandomValues(new Uint8Array(200));
  const flood = Array.from({ length: 3_000 }, () => client.write(garbage));
  assertEquals(await Promise.all(flood), flood.map(() => 200));
  while (droppedBy(listener) === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  busy.resolve();
  // The system drops some, too, without a report.
  for (let tries = 0;; tries++) {
    await client.write("again");
    const answer = await client.read(undefined, { timeoutInMillis: 200 }).catch((error) => {
      if (tries === 20) throw error;
    });
    if (answer !== undefined) {
      assertEquals(text(answer[0]), "here");
      break;
    }
  }
  assert(handled + droppedBy(listener) <= 3_021);
  // 64 KiB hold 143 of them.
  assert(handled < 3_000, `${handled} were handled`);
});

Deno.test("UdpListener whose socket breaks ends everything with that error", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network);
  await listener.start();
  const sessions = listener.acceptSessions();
  const first = sessions.next();
  const cause = new Error("the network card is on fire");
  network.sockets[0]!.deliver("x");
  await settled();
  const session = (await first).value!;
  const second = assertRejects(() => sessions.next(), GenericError, "on fire");
  network.sockets[0]!.fail(cause);
  await second;
  const error = await listener.closed;
  assertEquals([error!.code, error!.cause, await session.closed], ["broken", cause, error]);
  // A new start makes a new socket.
  const { closed } = listener;
  await listener.start();
  assert(listener.closed !== closed);
  const next = assertRejects(
    () => listener[Symbol.asyncIterator]().next(),
    GenericError,
    "on fire",
  );
  network.sockets[1]!.fail(cause);
  await next;
});

Deno.test("UdpListener gives what waited for an iteration to the sessions that follow it", async () => {
  const network = scriptedDatagrams();
  await using listener = localListener(network);
  await listener.start();
  const datagrams = listener[Symbol.asyncIterator]();
  const first = datagrams.next();
  for (const [word, port] of [["a", 1], ["b", 1], ["c", 2]] as const) {
    network.sockets[0]!.deliver(word, port);
    await settled();
  }
  assertEquals(text((await first).value![1].data), "a");
  await datagrams.return!();
  const sessions = listener.acceptSessions();
  const one = (await sessions.next()).value!;
  const other = (await sessions.next()).value!;
  assertEquals([one.remotePort, text((await one.read())[0])], [1, "b"]);
  assertEquals([other.remotePort, text((await other.read())[0])], [2, "c"]);
  await sessions.return!();
  // Without a taker for new ones, existing sessions still hear their peer.
  const more = one.read();
  for (const port of [3, 1]) {
    network.sockets[0]!.deliver("d", port);
    await settled();
  }
  assertEquals([text((await more)[0]), listener.sessions.size], ["d", 2]);
  assertEquals(droppedBy(listener), 0);
  for (const session of [one, other]) await session.close();
});

const leavings: Record<string, (listener: UdpListener) => Promise<void>> = {
  "a loop": async (listener) => {
    for await (const _ of listener) break;
  },
  "a service": (listener) => {
    const over = Promise.withResolvers<void>();
    const service = {
      onDatagram() {
        listener.detach(service);
        over.resolve();
      },
    };
    listener.attach(service);
    return over.promise;
  },
  "a loop of sessions": async (listener) => {
    for await (const session of listener.acceptSessions()) {
      await session.read();
      await session.close();
      break;
    }
  },
};

Deno.test("UdpListener keeps what a receive still brings when its consumer has left, for the next one", async () => {
  const nexts: Record<string, (listener: UdpListener, got: string[]) => void> = {
    "a loop": (listener, got) => {
      void (async () => {
        for await (const [, { data }] of listener) got.push(text(data));
      })();
    },
    "a service": (listener, got) =>
      listener.attach({ onDatagram: (_, { data }) => void got.push(text(data)) }),
    "sessions": (listener, got) =>
      listener.attach({
        async onSession(session) {
          for await (const { data } of session) got.push(text(data));
        },
      }),
  };
  for (const [first, leave] of Object.entries(leavings)) {
    for (const [second, take] of Object.entries(nexts)) {
      const network = scriptedDatagrams();
      const listener = localListener(network);
      await listener.start();
      const left = leave(listener);
      await settled();
      const socket = network.sockets[0]!;
      socket.deliver("1");
      await left;
      await settled();
      if (socket.isReceiving) socket.deliver("2", 8);
      await settled();
      const got: string[] = [];
      take(listener, got);
      await settled();
      if (got.length === 0) socket.deliver("2", 8);
      await settled();
      assertEquals([got, droppedBy(listener)], [["2"], 0], `${first}, then ${second}`);
      await listener.gracefulStop();
    }
  }
});

Deno.test("UdpListener.gracefulStop() names what a receive brought when its consumer had left", async () => {
  for (const [first, leave] of Object.entries(leavings)) {
    const network = scriptedDatagrams();
    const listener = localListener(network);
    await listener.start();
    const left = leave(listener);
    await settled();
    network.sockets[0]!.deliver("1");
    await left;
    await settled();
    const { isReceiving } = network.sockets[0]!;
    if (isReceiving) network.sockets[0]!.deliver("2", 8);
    await settled();
    const { cut } = await listener.gracefulStop();
    const told = cut.map(({ remotePort, reason }) => `${remotePort} ${reason}`);
    assertEquals(told, isReceiving ? ["8 not-taken"] : [], first);
    assertEquals(listener.stats().dropped["not-taken"], told.length, first);
  }
});

Deno.test("UdpListener with open sessions and no consumer keeps what others send, up to maxUnreadBytes", async () => {
  const network = scriptedDatagrams();
  const listener = localListener(network, { maxUnreadBytes: 2 * 257 });
  await listener.start();
  const sessions = listener.acceptSessions();
  const first = sessions.next();
  const socket = network.sockets[0]!;
  socket.deliver("1", 1);
  const session = (await first).value!;
  await sessions.return!();
  await settled();
  for (const port of [2, 1, 3, 4]) {
    socket.deliver(`${port}`, port);
    await settled();
  }
  assertEquals([text((await session.read())[0]), text((await session.read())[0])], ["1", "1"]);
  assertEquals([listener.stats().dropped["queue-limit"], droppedBy(listener)], [1, 1]);
  const got: string[] = [];
  listener.attach({ onDatagram: (_, { data }) => void got.push(text(data)) });
  await settled();
  assertEquals(got, ["2", "3"]);
  // A stop would wait for whoever has it.
  await session.close();
  await listener.gracefulStop();
});
