import { assertEquals } from "@std/assert";
import { linuxNetwork } from "../../../linux/mod.ts";
import * as abi from "../../../src/network/linux/abi.ts";
import { type Libc, libc } from "../../../src/network/linux/libc.ts";
import {
  type EventHandler,
  EventLoop,
  eventLoop,
  madeLoop,
} from "../../../src/network/linux/loop.ts";
import { closeDescriptor } from "../../../src/network/linux/socket.ts";
import { hasLinuxEngine, linuxTest } from "../../support/linux_engine.ts";

/** Two ends, one of them with a handler that collects what it is told. */
class Ends implements EventHandler, Disposable {
  readonly told: number[] = [];
  readonly near: number;
  readonly far: number;
  #onTold = Promise.withResolvers<void>();

  constructor(readonly loop: EventLoop = eventLoop()) {
    const ends = new Int32Array(2);
    const kind = abi.SOCK_STREAM | abi.SOCK_NONBLOCK | abi.SOCK_CLOEXEC;
    libc().socketpair(abi.AF_UNIX, kind, 0, new Uint8Array(ends.buffer));
    [this.near, this.far] = ends as unknown as [number, number];
    this.loop.register(this.near, this);
  }

  onEvents(events: number): void {
    this.told.push(events);
    this.#onTold.resolve();
  }

  /** Waits for an event, as a read does. */
  async wait(): Promise<void> {
    this.#onTold = Promise.withResolvers();
    this.loop.hold();
    await this.#onTold.promise;
    this.loop.release();
  }

  send(): void {
    libc().send(this.far, new Uint8Array(1), 1, abi.MSG_NOSIGNAL);
  }

  [Symbol.dispose](): void {
    this.loop.unregister(this.near);
    closeDescriptor(this.near);
    closeDescriptor(this.far);
  }
}

linuxTest("EventLoop.register() tells at once what can be done already", async () => {
  using ends = new Ends();
  await ends.wait();
  assertEquals(ends.told, [abi.EPOLLOUT]);
});

linuxTest("EventLoop tells of each change once, after any pause", async () => {
  using ends = new Ends();
  await ends.wait();
  for (let i = 0; i < 20; i++) {
    const waiting = ends.wait();
    // In the odd rounds a thread waits by now.
    for (let turn = 0; turn < i % 2 * 40; turn++) await new Promise((go) => setImmediate(go));
    ends.send();
    await waiting;
  }
  assertEquals(ends.told.slice(1), new Array(20).fill(abi.EPOLLIN | abi.EPOLLOUT));
});

linuxTest("EventLoop.looked() resolves when what was ready has been told", async () => {
  using ends = new Ends();
  ends.send();
  await eventLoop().looked();
  assertEquals(ends.told, [abi.EPOLLIN | abi.EPOLLOUT]);
});

linuxTest("EventLoop does not tell of a descriptor whose number has been used again", async () => {
  const first = new Ends();
  const second = new Ends();
  await eventLoop().looked();
  first.send();
  second.send();
  first.onEvents = second.onEvents = function () {
    // Both are ready in one look. The first that is told closes the other, whose number a third one gets.
    const other = this === first ? second : first;
    other[Symbol.dispose]();
    third = new Ends();
    reused = third.near === other.near || third.far === other.near;
    this.onEvents = () => {};
  };
  let third: Ends | undefined;
  let reused = false;
  await eventLoop().looked();
  assertEquals(reused, true);
  // It was told of itself only: that it can be written to.
  await eventLoop().looked();
  assertEquals(third!.told, [abi.EPOLLOUT]);
  third![Symbol.dispose]();
  for (const { near, far } of [first, second]) {
    if (near === third!.near || near === third!.far) continue;
    closeDescriptor(near);
    closeDescriptor(far);
  }
});

linuxTest("EventLoop.soon() calls back behind what is queued, never at once", async () => {
  const order: string[] = [];
  eventLoop().soon({ onSoon: () => order.push("soon") });
  eventLoop().soon({ onSoon: () => order.push("too") });
  order.push("before");
  await undefined;
  assertEquals(order, ["before", "soon", "too"]);
});

/** A loop of its own, and what it has open. */
function countedLoop(): { readonly loop: EventLoop; readonly open: ReadonlySet<number> } {
  const open = new Set<number>();
  const opened = (descriptor: number): number => {
    open.add(descriptor);
    return descriptor;
  };
  const functions: Libc = {
    ...libc(),
    epoll_create1: (flags) => opened(libc().epoll_create1(flags)),
    eventfd: (value, flags) => opened(libc().eventfd(value, flags)),
    close: (descriptor) => {
      open.delete(descriptor);
      return libc().close(descriptor);
    },
  };
  return { loop: new EventLoop(functions), open };
}

linuxTest(
  "EventLoop keeps no descriptor when nothing is registered, and goes on for the next",
  async () => {
    const { loop, open } = countedLoop();
    for (let round = 0; round < 60; round++) {
      const first = new Ends(loop);
      const second = new Ends(loop);
      assertEquals(open.size, 2);
      const waiting = [first.wait(), second.wait()];
      // A thread waits in some rounds.
      for (let turn = 0; turn < round % 30 * 2; turn++) await new Promise((go) => setImmediate(go));
      first.send();
      await waiting[0];
      first[Symbol.dispose]();
      await undefined;
      assertEquals(open.size, 2);
      second.send();
      await waiting[1];
      if (round % 3 === 0) loop.hold();
      second[Symbol.dispose]();
      if (round % 3 === 0) {
        if (round % 2 === 0) await new Promise((go) => setTimeout(go, 0));
        assertEquals(open.size, 2);
        loop.release();
      }
      await undefined;
      assertEquals(open.size, 0);
    }
  },
);

Deno.test("eventLoop() is made by the first call", () => {
  if (hasLinuxEngine) assertEquals(eventLoop(), madeLoop());
  else assertEquals(madeLoop(), undefined);
});

// The sanitizers look right after each of these: nothing of a thread that waited may be left.
for (let round = 0; round < 100; round++) {
  linuxTest(`EventLoop leaves nothing when nobody waits any more, round ${round}`, async () => {
    eventLoop().hold();
    for (let turn = 0; turn < round % 50; turn++) await new Promise((go) => setImmediate(go));
    eventLoop().release();
  });
}

/** Keeps this thread at work for about half a millisecond, as a handler does. */
function work(): void {
  const until = performance.now() + 0.5;
  while (performance.now() < until);
}

const ASKED = [
  ["at once", (go: () => void) => go(), true],
  ["soon", queueMicrotask, true],
  ["soon, and nobody waits for an event", queueMicrotask, false],
] as const;

for (const [when, then, isAwaited] of ASKED) {
  linuxTest(
    `EventLoop lets the runtime look at its sockets while turns are asked for ${when}`,
    async () => {
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = listener.addr;
      const [near, far] = await Promise.all([
        Deno.connect({ hostname: "127.0.0.1", port }),
        listener.accept(),
      ]);
      let turns = 0;
      let isOver = false;
      const loop = eventLoop();
      if (isAwaited) loop.hold();
      const turn = () => {
        turns++;
        // Soon: the loop has nothing to do by then, and lets a thread wait.
        then(() => {
          work();
          if (!isOver) loop.afterTurn(turn);
        });
      };
      loop.afterTurn(turn);
      const byte = new Uint8Array(1);
      const taken: number[] = [];
      for (let i = 0; i < 15; i++) {
        const before = turns;
        const hearing = far.read(byte);
        await near.write(byte);
        await hearing;
        taken.push(turns - before);
      }
      isOver = true;
      if (isAwaited) loop.release();
      await loop.looked();
      near.close();
      far.close();
      // Left alone it takes the runtime 61 turns.
      const [median] = taken.sort((a, b) => a - b).slice(7);
      assertEquals(median! < 20, true, taken.join(" "));
    },
  );
}

linuxTest(
  "EventLoop in two workers: neither disturbs the other, nor outlives a terminated one",
  async () => {
    const door = new URL("../../../linux/mod.ts", import.meta.url).href;
    const code = `import { linuxNetwork } from ${JSON.stringify(door)};
    const listener = await linuxNetwork.listen({ hostname: "127.0.0.1", port: 0, backlog: 8 });
    postMessage(listener.addr.port);
    const stream = await listener.accept();
    const buffer = new Uint8Array(8);
    for (;;) await stream.write(buffer.subarray(0, await stream.read(buffer)));`;
    const url = URL.createObjectURL(new Blob([code], { type: "application/javascript" }));
    const workers = [0, 1].map(() => new Worker(url, { type: "module" }));
    const streams = await Promise.all(workers.map(async (worker) => {
      const { promise, resolve } = Promise.withResolvers<number>();
      worker.onmessage = ({ data }) => resolve(data);
      return await linuxNetwork.connect({ hostname: "127.0.0.1", port: await promise });
    }));
    const buffer = new Uint8Array(8);
    for (let round = 0; round < 50; round++) {
      for (const [i, stream] of streams.entries()) {
        await stream.write(new Uint8Array([i, round]));
        assertEquals([await stream.read(buffer), ...buffer.subarray(0, 2)], [2, i, round]);
      }
      if (round === 25) workers[0]!.terminate();
      if (round >= 25) streams.splice(0, streams.length - 1)[0]?.close();
    }
    workers[1]!.terminate();
    streams.at(-1)!.close();
    URL.revokeObjectURL(url);
  },
);
