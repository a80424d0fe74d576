import { Client, GenericError, Listener, UdpClient } from "../../mod.ts";
import type { DatagramSocket } from "../../network.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import {
  type Faults,
  Random,
  simulate,
  SimulatedNetwork,
  type SimulateOptions,
  SimulationError,
  type Transport,
} from "../../testing/mod.ts";
import { awkwardThings } from "../support/awkward.ts";
import { readAll, writeAll } from "../support/read_all.ts";
import { text } from "../support/text.ts";

const LISTEN = { hostname: "0.0.0.0", port: 80, backlog: 16 };

/** Two transports that the network has connected. */
async function dialled(
  net: SimulatedNetwork,
): Promise<[near: Transport, far: Transport, end: () => void]> {
  const listener = await net.host("server").listen(LISTEN);
  const [near, far] = await Promise.all([
    net.host("client").connect({ hostname: "server", port: 80 }),
    acceptOne(listener),
  ]);
  return [near, far, () => listener.close()];
}

async function acceptOne(listener: { accept(): Promise<Transport> }): Promise<Transport> {
  for (;;) {
    try {
      return await listener.accept();
    } catch (error) {
      if ((error as { code?: string }).code !== "EMFILE") throw error;
    }
  }
}

function closeAll(...resources: { close(): void }[]): void {
  for (const resource of resources) resource.close();
}

Deno.test("Random gives the same numbers for the same seed and others for another", () => {
  const numbers = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 20 }, () => random.integer(0, 999_999));
  };
  assertEquals(numbers(5), numbers(5));
  const firsts = new Set<number>();
  for (let seed = 0; seed < 1000; seed++) firsts.add(numbers(seed)[0]!);
  assert(firsts.size > 990, `${firsts.size} different first numbers of 1000 seeds`);
  assertNotEquals(numbers(1), numbers(1 + 2 ** 32));
  assertThrows(() => new Random(1.5), RangeError, "1.5");
  assertThrows(() => new Random(-1), RangeError, "-1");
});

Deno.test("Random spreads evenly and keeps to its bounds", () => {
  const random = new Random(1);
  const counts = new Array<number>(6).fill(0);
  for (let i = 0; i < 60_000; i++) counts[random.integer(1, 6) - 1]!++;
  for (const count of counts) assert(Math.abs(count - 10_000) < 500, String(counts));
  assertEquals([random.chance(0), random.chance(1)], [false, true]);
  const bits = random.bytes(10_001);
  assertEquals(bits.length, 10_001);
  assertEquals(new Set(bits).size, 256);
});

Deno.test("SimulatedNetwork carries every byte once, in order, under every gentle fault", async () => {
  for (let seed = 0; seed < 100; seed++) {
    await simulate(seed, async (net) => {
      const [near, far, end] = await dialled(net);
      const content = net.random.bytes(net.random.integer(1, 3000));
      const sent = writeAll(near, content).then(() => near.closeWrite());
      assertEquals(await readAll(far, Infinity, net.random.integer(1, 5000)), content);
      await sent;
      await far.closeWrite();
      assertEquals(await readAll(near), new Uint8Array());
      closeAll(near, far);
      end();
    });
  }
});

Deno.test("simulate() replays a run exactly, and another seed is another run", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(1_000_000), async (seed) => {
      const run = async (seed: number) => {
        const { traceHash } = await simulate(seed, async (net) => {
          const [near, far, end] = await dialled(net);
          const sent = writeAll(near, net.random.bytes(500)).then(() => near.closeWrite());
          // Where both ends have lost each other, the one that only reads never notices.
          await Promise.race([
            Promise.allSettled([readAll(far, Infinity, 512), sent]),
            net.delay(2_000_000),
          ]);
          closeAll(near, far);
          end();
        }, { faults: "hostile" }).catch((error: SimulationError) => error);
        return traceHash;
      };
      const first = await run(seed);
      assertEquals(await run(seed), first);
      assertNotEquals(await run(seed + 1), first);
    }),
    { numRuns: 30 },
  );
});

Deno.test("simulate() gives another trace for another byte, or another order", async () => {
  const traceOf = async (...contents: string[]) => {
    const { traceHash } = await simulate(1, async (net) => {
      const [near, far, end] = await dialled(net);
      for (const content of contents) await near.write(new TextEncoder().encode(content));
      await near.closeWrite();
      await readAll(far);
      closeAll(near, far);
      end();
    }, { faults: "calm" });
    return traceHash;
  };
  const hashes = await Promise.all(
    [["ab", "cd"], ["ab", "ce"], ["cd", "ab"]].map((c) => traceOf(...c)),
  );
  assertEquals(new Set(hashes).size, 3);
  assertMatch(hashes[0]!, /^[\da-f]{14}$/);
});

Deno.test("simulate() takes no real time, however much virtual time passes", async () => {
  const { setTimeout } = globalThis;
  let timeouts = 0;
  globalThis.setTimeout = new Proxy(setTimeout, {
    apply(target, self, args) {
      timeouts++;
      return Reflect.apply(target, self, args);
    },
  });
  try {
    const { virtualMillis, events } = await simulate(1, (net) => net.delay(80_000_000), {
      faults: "calm",
    });
    // Time jumps: it neither ticks nor waits for the runtime's own clock.
    assertEquals([virtualMillis, events, timeouts], [80_000_000, 1, 0]);
  } finally {
    globalThis.setTimeout = setTimeout;
  }
});

Deno.test("simulate() tells the seed, the last events and what was thrown", async () => {
  const planted = () =>
    simulate(42, async (net) => {
      const [near, far, end] = await dialled(net);
      closeAll(near, far);
      end();
      throw new TypeError("planted");
    });
  const error = await assertRejects(
    planted,
    SimulationError,
    "Seed 42 (trace ",
  );
  assertMatch(error.message, /TypeError: planted\nWhat happened last:\n {2}\d/);
  assertEquals((error.cause as Error).message, "planted");
  const again = await assertRejects(
    planted,
    SimulationError,
  );
  assertEquals(again.traceHash, error.traceHash);
});

Deno.test("simulate() tells the seed whatever was thrown", async () => {
  const nameless = Object.defineProperty(new Error("nameless"), "name", { value: Symbol("name") });
  for (const thrown of [...awkwardThings(), nameless]) {
    for (const how of ["throws", "rejects"]) {
      const error = await assertRejects(
        () =>
          simulate(42, () => {
            if (how === "throws") throw thrown;
            return Promise.reject(thrown);
          }),
        SimulationError,
        "Seed 42 (trace ",
      );
      assertEquals([error.seed, Object.is(error.cause, thrown)], [42, true]);
    }
  }
});

Deno.test("simulate() tells the seed where a callback throws that nobody called", async () => {
  const thrown = new Error("planted");
  const fail = () => {
    throw thrown;
  };
  const ways: Record<string, (net: SimulatedNetwork) => void> = {
    "a timeout": (net) => void net.clock.setTimeout(fail, 5),
    "a timeout beside another": (net) => {
      net.clock.setTimeout(() => {}, 5);
      net.clock.setTimeout(fail, 5);
    },
    "a microtask": () => queueMicrotask(fail),
  };
  for (const [way, begin] of Object.entries(ways)) {
    for (const busyTurns of [0, 1]) {
      const run = async (net: SimulatedNetwork) => {
        begin(net);
        await net.delay(10);
      };
      const error = await assertRejects(
        () => simulate(42, run, { faults: { busyTurns } }),
        SimulationError,
        "Seed 42 (trace ",
        way,
      );
      assertEquals([error.seed, error.cause], [42, thrown], way);
    }
  }
});

Deno.test("simulate() tells what was left behind, what is stuck and what never ends", async () => {
  const calm = { faults: "calm" } as const;
  await assertRejects(
    () => simulate(1, async (net) => void await dialled(net), calm),
    SimulationError,
    "client: connection client:",
  );
  await assertRejects(
    () => simulate(1, (net) => Promise.resolve(void net.clock.setTimeout(() => {}, 5)), calm),
    SimulationError,
    "1 timeout is still set",
  );
  await assertRejects(
    () =>
      simulate(1, async (net) => {
        const [, far] = await dialled(net);
        await far.read(new Uint8Array(8));
      }, calm),
    SimulationError,
    "is open, a read waits",
  );
  await assertRejects(
    () =>
      simulate(1, async (net) => {
        for (;;) await net.delay(1000);
      }, { ...calm, limitInMillis: 60_000 }),
    SimulationError,
    "Not over after 60000 ms",
  );
  await assertRejects(
    () =>
      simulate(1, async () => {
        Promise.reject(new Error("nobody cares"));
        await Promise.resolve();
      }, calm),
    SimulationError,
    "A rejection was not handled",
  );
});

Deno.test("simulate() tells what real systems punish", async () => {
  const violates = (what: string, use: (near: Transport, far: Transport) => Promise<unknown>) =>
    assertRejects(
      () =>
        simulate(1, async (net) => {
          const [near, far, end] = await dialled(net);
          await use(near, far);
          closeAll(near, far);
          end();
        }, { faults: "calm" }),
      SimulationError,
      what,
    );
  const detach = (bytes: Uint8Array<ArrayBuffer>) =>
    void structuredClone(bytes, { transfer: [bytes.buffer] });
  await violates("two reads at once", async (near, far) => {
    const first = near.read(new Uint8Array(1));
    await near.read(new Uint8Array(1)).catch(() => {});
    await far.write(new Uint8Array(1));
    await first;
  });
  await violates("detached a buffer during a read", async (near, far) => {
    const buffer = new Uint8Array(4);
    const reading = near.read(buffer).catch(() => {});
    detach(buffer);
    await far.write(new Uint8Array(1));
    await reading;
  });
  await violates("read into a detached buffer", async (near) => {
    const buffer = new Uint8Array(4);
    detach(buffer);
    await near.read(buffer).catch(() => {});
  });
});

Deno.test("SimulatedNetwork fails to connect as Deno does", async () => {
  await simulate(3, async (net) => {
    const client = net.host("client");
    const server = net.host("server");
    const connect = (hostname: string, signal?: AbortSignal) =>
      client.connect({ hostname, port: 80, ...(signal === undefined ? {} : { signal }) });
    await assertRejects(() => connect("server"), Deno.errors.ConnectionRefused, "os error 111");
    const unknown = await assertRejects(() => connect("nowhere"), Error, "failed to lookup");
    assertEquals(Object.getPrototypeOf(unknown), Error.prototype);
    assertThrows(
      () => client.listen({ ...LISTEN, hostname: "server" }),
      Deno.errors.AddrNotAvailable,
    );
    const listener = await server.listen({ ...LISTEN, hostname: "127.0.0.1" });
    assertThrows(() => server.listen(LISTEN), Deno.errors.AddrInUse);
    await assertRejects(() => connect("server"), Deno.errors.ConnectionRefused);
    listener.close();
    server.vanish();
    const start = net.clock.now();
    await assertRejects(() => connect("server"), Deno.errors.TimedOut);
    assert(net.clock.now() - start > 120_000);
    const controller = new AbortController();
    const given = connect("server", controller.signal);
    controller.abort("enough");
    assertEquals(await given.catch((reason) => reason), "enough");
    client.descriptorLimit = 0;
    const none = await assertRejects(() => connect("server"), Error, "os error 24");
    assertEquals((none as { code?: string }).code, "EMFILE");
  });
});

Deno.test("SimulatedNetwork keeps connections in the backlog, and drops those beyond it", async () => {
  await simulate(4, async (net) => {
    const listener = await net.host("server").listen({ ...LISTEN, backlog: 1 });
    const connect = () => net.host("client").connect({ hostname: "server", port: 80 });
    const first = await connect();
    const second = await connect();
    const start = net.clock.now();
    const third = connect();
    await net.delay(500);
    const accepted = [await listener.accept()];
    accepted.push(await listener.accept());
    const late = await third;
    assert(net.clock.now() - start >= 1000);
    accepted.push(await listener.accept());
    const fourth = await connect();
    listener.close();
    await assertRejects(() => fourth.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
    closeAll(first, second, late, fourth, ...accepted);
  }, { faults: "calm" });
});

Deno.test("SimulatedNetwork lets a listener's port go when its pending accept has ended", async () => {
  await simulate(5, async (net) => {
    const server = net.host("server");
    const listener = await server.listen(LISTEN);
    const pending = listener.accept();
    await assertRejects(() => listener.accept(), Deno.errors.Busy);
    listener.close();
    assertThrows(() => server.listen(LISTEN), Deno.errors.AddrInUse);
    await assertRejects(() => pending, Deno.errors.BadResource);
    (await server.listen(LISTEN)).close();
    assertThrows(() => listener.close(), Deno.errors.BadResource);
  }, { faults: "calm", strict: false }).catch((error) => {
    assertMatch(error.message, /two accepts at once/);
  });
});

Deno.test("SimulatedNetwork accepts with EMFILE while descriptors are short, and loses nobody", async () => {
  await simulate(6, async (net) => {
    const server = net.host("server");
    const listener = await server.listen(LISTEN);
    server.descriptorLimit = 1;
    const near = await net.host("client").connect({ hostname: "server", port: 80 });
    const error = await assertRejects(() => listener.accept(), Error, "Too many open files");
    assertEquals((error as { code?: string }).code, "EMFILE");
    server.descriptorLimit = 2;
    const far = await listener.accept();
    closeAll(near, far, listener);
  }, { faults: "calm" });
});

Deno.test("SimulatedNetwork tells NotConnected of a connection that died before it was accepted", async () => {
  await simulate(7, async (net) => {
    const listener = await net.host("server").listen(LISTEN);
    const near = await net.host("client").connect({ hostname: "server", port: 80 });
    near.reset!();
    await net.delay(1000);
    await assertRejects(() => listener.accept(), Deno.errors.NotConnected);
    listener.close();
  }, { faults: "calm" });
});

Deno.test("SimulatedNetwork ends connections as the kernel does", async () => {
  const buffer = new Uint8Array(8);
  const ends = (
    use: (near: Transport, far: Transport, net: SimulatedNetwork) => Promise<void>,
    faults: Partial<Faults> = {},
  ) =>
    simulate(8, async (net) => {
      const [near, far, end] = await dialled(net);
      await use(near, far, net);
      end();
    }, { faults: { latencyInMillis: [10, 10], ...faults } });
  // A polite end; the first write to a peer that has closed passes.
  await ends(async (near, far, net) => {
    await near.write(buffer);
    near.close();
    assertEquals((await readAll(far)).length, 8);
    assertEquals(await far.write(buffer), 8);
    await net.delay(100);
    await assertRejects(() => far.write(buffer), Deno.errors.BrokenPipe);
    assertEquals(await far.read(buffer), null);
    far.close();
    await assertRejects(() => far.read(buffer), Deno.errors.BadResource);
    assertThrows(() => far.close(), Deno.errors.BadResource);
  });
  // What happens to the other direction later does not turn an end into a failure.
  await ends(async (near, far, net) => {
    near.close();
    await net.delay(100);
    await far.write(buffer);
    await net.delay(100);
    assertEquals(await far.read(buffer), null);
    far.close();
  });
  // Unread input at the close: a reset, which destroys what was still to be sent.
  await ends(async (near, far, net) => {
    await far.write(buffer);
    await net.delay(100);
    await near.write(buffer);
    near.close();
    assertEquals(await far.read(buffer), 8);
    await assertRejects(() => far.read(buffer), Deno.errors.ConnectionReset);
    assertEquals(await far.read(buffer), null);
    far.close();
  });
  // The same, as it looks between two programs of this runtime.
  await ends(async (near, far, net) => {
    await far.write(buffer);
    await net.delay(100);
    near.close();
    assertEquals(await far.read(buffer), null);
    await net.delay(100);
    await assertRejects(() => far.write(buffer), Deno.errors.BrokenPipe);
    far.close();
  }, { unreadLooksLikeEnd: true });
  // A close interrupts what waits on it.
  await ends(async (near, far, net) => {
    const read = assertRejects(() => near.read(buffer), Deno.errors.Interrupted);
    near.close();
    await read;
    await net.delay(100);
    far.close();
  });
  // Both ends learn of a reset on the way.
  await ends(async (near, far, net) => {
    const reads = [near, far].map((end) =>
      assertRejects(() => end.read(buffer), Deno.errors.ConnectionReset)
    );
    net.host("client").resetAll();
    await Promise.all(reads);
    closeAll(near, far);
  });
});

Deno.test("SimulatedNetwork stalls in a partition and goes on when it is mended", async () => {
  await simulate(9, async (net) => {
    const [near, far, end] = await dialled(net);
    const mend = net.partition(["client"], ["server"]);
    await near.write(new Uint8Array(5));
    let hasCome = false;
    const read = far.read(new Uint8Array(8)).then(() => hasCome = true);
    await net.delay(30_000);
    assertEquals(hasCome, false);
    mend();
    await read;
    closeAll(near, far);
    end();
  }, { faults: "calm" });
});

Deno.test("SimulatedNetwork gives a vanished peer up after a quarter of an hour, if anything was sent", async () => {
  await simulate(10, async (net) => {
    const [near, far, end] = await dialled(net);
    net.host("server").vanish();
    await near.write(new Uint8Array(5));
    const start = net.clock.now();
    await assertRejects(() => near.read(new Uint8Array(8)), Deno.errors.TimedOut);
    assert(net.clock.now() - start > 900_000);
    net.host("server").restart();
    await assertRejects(() => far.read(new Uint8Array(8)), Deno.errors.ConnectionReset);
    closeAll(near, far);
    end();
  }, { faults: "calm" });
});

Deno.test("SimulatedNetwork answers with a reset where a restarted host knows nothing any more", async () => {
  await simulate(11, async (net) => {
    const [near, far, end] = await dialled(net);
    net.host("server").vanish();
    net.host("server").restart();
    await near.write(new Uint8Array(5));
    await assertRejects(() => near.read(new Uint8Array(8)), Deno.errors.ConnectionReset);
    closeAll(near, far);
    end();
  }, { faults: "calm" });
});

Deno.test("SimulatedNetwork bounds what is on its way, and lets no more through than the line carries", async () => {
  await simulate(12, async (net) => {
    const [near, far, end] = await dialled(net);
    let accepted = 0;
    const sent = (async () => {
      for (let i = 0; i < 20; i++) accepted += await near.write(new Uint8Array(50));
      await near.closeWrite();
    })();
    await net.delay(10_000);
    assert(accepted <= 300, `${accepted} bytes taken with nobody reading`);
    const start = net.clock.now();
    await readAll(far);
    await sent;
    assert(net.clock.now() - start >= 500, "faster than the line");
    closeAll(near, far);
    end();
  }, { faults: { sendBufferInBytes: 100, receiveBufferInBytes: 200, bytesPerSecond: 1000 } });
});

Deno.test("SimulatedNetwork reads the content of a write late, as the kernel does", async () => {
  await simulate(13, async (net) => {
    const [near, far, end] = await dialled(net);
    const content = new Uint8Array([1]);
    const writing = near.write(content);
    content[0] = 2;
    await writing;
    await near.closeWrite();
    assertEquals(await readAll(far), Uint8Array.of(2));
    closeAll(near, far);
    end();
  }, { faults: { slowCompletions: 1 } });
});

Deno.test("SimulatedNetwork loses, doubles and reorders datagrams, and never changes one", async () => {
  const seen = { lost: 0, doubled: 0, reordered: 0 };
  for (let seed = 0; seed < 50; seed++) {
    await simulate(seed, async (net) => {
      const target = { hostname: "0.0.0.0", port: 0 };
      const [from, to] = [
        net.host("a").listenDatagram(target),
        net.host("b").listenDatagram(target),
      ];
      const { port } = to.addr as Deno.NetAddr;
      const got: number[] = [];
      const receiving = (async () => {
        for (;;) {
          const [bytes, sender] = await to.receive(new Uint8Array(8));
          assertEquals(bytes.length, 4);
          assertEquals((sender as Deno.NetAddr).hostname, net.host("a").address);
          got.push(bytes[0]!);
        }
      })();
      for (let i = 0; i < 20; i++) {
        assertEquals(
          await from.send(new Uint8Array([i, 0, 0, 0]), { transport: "udp", hostname: "b", port }),
          4,
        );
      }
      await net.delay(1000);
      closeAll(from, to);
      await assertRejects(() => receiving, Deno.errors.Interrupted);
      const unique = new Set(got);
      if (unique.size < 20) seen.lost++;
      if (unique.size < got.length) seen.doubled++;
      if (got.some((n, i) => i > 0 && n < got[i - 1]!)) seen.reordered++;
    });
  }
  for (const [what, times] of Object.entries(seen)) {
    assert(times > 5, `${what} in ${times} of 50 runs`);
  }
});

Deno.test("SimulatedNetwork keeps the runtime's habits with datagrams", async () => {
  await simulate(1, async (net) => {
    const host = net.host("a");
    const [from, to] = [host, host].map((h) =>
      h.listenDatagram({ hostname: "127.0.0.1", port: 0 })
    );
    const address = {
      transport: "udp",
      hostname: "127.0.0.1",
      port: (to!.addr as Deno.NetAddr).port,
    } as const;
    // Sends that are begun together leave in reverse order.
    await Promise.all([1, 2, 3].map((n) => from!.send(new Uint8Array([n]), address)));
    const order = [];
    for (let i = 0; i < 3; i++) order.push((await to!.receive(new Uint8Array(1)))[0][0]);
    assertEquals(order, [3, 2, 1]);
    // A short buffer cuts; an empty datagram is one; one that is too long is refused.
    await from!.send(new Uint8Array(5), address);
    assertEquals((await to!.receive(new Uint8Array(2)))[0].length, 2);
    await from!.send(new Uint8Array(0), address);
    assertEquals((await to!.receive(new Uint8Array(2)))[0].length, 0);
    const error = await assertRejects(
      () => from!.send(new Uint8Array(65_508), address),
      Error,
      "too long",
    );
    assertEquals((error as { code?: string }).code, "EMSGSIZE");
    await assertRejects(
      () => from!.send(new Uint8Array(1), { ...address, hostname: "nowhere" }),
      Error,
      "lookup",
    );
    // Unread datagrams are dropped when the buffer is full.
    for (let i = 0; i < 10; i++) await from!.send(new Uint8Array(100), address);
    await net.delay(1);
    const rest = [];
    const last = (async () => {
      for (;;) rest.push(await to!.receive(new Uint8Array(100)));
    })();
    await net.delay(1);
    assertEquals(rest.length, 5);
    assertThrows(
      () => host.listenDatagram({ hostname: "127.0.0.1", port: address.port }),
      Deno.errors.AddrInUse,
    );
    closeAll(from!, to!);
    await assertRejects(() => last, Deno.errors.Interrupted);
    await assertRejects(() => from!.send(new Uint8Array(1), address), Deno.errors.BadResource);
  }, { faults: { datagramBufferInBytes: 500 } });
});

Deno.test("simulate() and SimulatedNetwork refuse options that are misspelled or out of range", async () => {
  const wrong: [
    options: unknown,
    ErrorClass: typeof TypeError | typeof RangeError,
    says: string,
  ][] = [
    [{ fault: "calm" }, TypeError, 'no option "fault": use faults'],
    [{ faults: "Calm" }, TypeError, 'faults must be "calm" or "gentle" or "hostile"'],
    [{ faults: { cutz: 1 } }, TypeError, 'no option "cutz": use cuts'],
    [{ faults: { cuts: NaN } }, TypeError, "faults.cuts must be a number"],
    [{ faults: { loss: 1.5 } }, RangeError, "faults.loss must be from 0 to 1"],
    [{ faults: { loss: -1 } }, RangeError, "faults.loss"],
    [{ faults: { latencyInMillis: [5, 1] } }, RangeError, "faults.latencyInMillis"],
    [{ faults: { latencyInMillis: 5 } }, TypeError, "faults.latencyInMillis must be an array"],
    [{ faults: { latencyInMillis: [0, Infinity] } }, RangeError, "faults.latencyInMillis"],
    [{ faults: { bytesPerSecond: 0 } }, RangeError, "faults.bytesPerSecond"],
    [{ faults: { receiveBufferInBytes: 0 } }, RangeError, "faults.receiveBufferInBytes"],
    [{ faults: { disturbWithinInMillis: -1 } }, RangeError, "faults.disturbWithinInMillis"],
    [{ faults: { unreadLooksLikeEnd: 1 } }, TypeError, "faults.unreadLooksLikeEnd"],
  ];
  for (const [options, ErrorClass, says] of wrong) {
    assertThrows(() => new SimulatedNetwork(1, options as SimulateOptions), ErrorClass, says);
  }
  const ofRuns: typeof wrong = [
    ...wrong,
    [{ limitInMilis: 5 }, TypeError, "use limitInMillis"],
    [{ limitInMillis: NaN }, TypeError, "limitInMillis must be a number"],
    [{ limitInEvents: -1 }, RangeError, "limitInEvents"],
    [{ strict: "no" }, TypeError, "strict must be true or false"],
  ];
  for (const [options, ErrorClass, says] of ofRuns) {
    const run = () => simulate(1, () => Promise.resolve(), options as SimulateOptions);
    await assertRejects(run, ErrorClass, says);
  }
  const { faults } = new SimulatedNetwork(1, { faults: { latencyInMillis: [1, 2], cuts: 0.5 } });
  assertEquals([faults.latencyInMillis, faults.cuts, faults.loss], [[1, 2], 0.5, 0]);
});

Deno.test("simulate() does not report a delay that is left behind", async () => {
  const { leftBehind } = await simulate(1, (net) => Promise.resolve(void net.delay(60_000)));
  assertEquals(leftBehind, []);
});

Deno.test("SimulatedNetwork with canTry has datagram sockets that need no promise", async () => {
  await simulate(1, async (net) => {
    const [a, b] = ["a", "b"].map((name) =>
      net.host(name).listenDatagram({ hostname: "0.0.0.0", port: 7 })
    ) as [DatagramSocket, DatagramSocket];
    const to = { transport: "udp", hostname: "b", port: 7 } as const;
    const buffer = new Uint8Array(8);
    assertEquals(b.tryReceive!(buffer), undefined);
    let calls = 0;
    const came = new Promise<void>((resolve) => b.whenReadable!(() => (calls++, resolve())));
    assertEquals(calls, 0);
    assertEquals(a.trySend!(Uint8Array.of(1, 2), to), 2);
    assertThrows(() => a.trySend!(new Uint8Array(65_508), to), Error, "too long");
    assertThrows(() => a.trySend!(Uint8Array.of(1), { ...to, hostname: "nobody" }), Error);
    // What waits leaves first.
    const sending = a.send(Uint8Array.of(3), to);
    assertEquals(a.trySend!(Uint8Array.of(4), to), undefined);
    await Promise.all([came, sending]);
    const [bytes, from] = b.tryReceive!(buffer)!;
    assertEquals([...bytes], [1, 2]);
    assertEquals([from.hostname, from.port], [net.host("a").address, 7]);
    await net.delay(1);
    // At once where something is there, but not before it has returned.
    const again = new Promise<void>((resolve) => b.whenReadable!(() => (calls++, resolve())));
    assertEquals(calls, 1);
    await again;
    assertEquals([...b.tryReceive!(buffer)![0]], [3]);
    assertEquals(b.tryReceive!(buffer), undefined);
    // Nobody is told of a socket that was freed.
    a.trySend!(Uint8Array.of(5), to);
    await net.delay(1);
    b.whenReadable!(() => calls++);
    a.close();
    b.close();
    await net.delay(1);
    assertEquals(calls, 2);
    assertThrows(() => b.tryReceive!(buffer), Deno.errors.BadResource);
    assertThrows(() => b.whenReadable!(() => {}), Deno.errors.BadResource);
    assertThrows(() => a.trySend!(Uint8Array.of(1), to), Deno.errors.BadResource);
  }, { faults: "calm", canTry: true });
});

Deno.test("SimulatedNetwork with canTry reports wrong use of what needs no promise", async () => {
  const wrong: Record<string, (transport: Transport) => void> = {
    "two waits for something to read": (transport) => {
      transport.whenReadable!(() => {});
      transport.whenReadable!(() => {});
    },
    "two reads at once": (transport) => {
      transport.read(new Uint8Array(1)).catch(() => {});
      transport.tryRead!(new Uint8Array(1));
    },
    "read into a detached buffer": (transport) => {
      const buffer = new Uint8Array(1);
      buffer.buffer.transfer();
      transport.tryRead!(buffer);
    },
    "two writes at once": (transport) => {
      while (transport.tryWrite!(new Uint8Array(1000)) !== undefined);
      transport.write(new Uint8Array(1)).catch(() => {});
      transport.tryWrite!(new Uint8Array(1));
    },
  };
  for (const [what, use] of Object.entries(wrong)) {
    const run = simulate(1, async (net) => {
      const [near, far, end] = await dialled(net);
      assertThrows(() => use(near), Error);
      near.close();
      far.close();
      end();
    }, { faults: { sendBufferInBytes: 5000 }, canTry: true });
    await assertRejects(() => run, SimulationError, what);
  }
});

Deno.test("SimulatedNetwork needs canTry for what needs no promise", async () => {
  for (const canTry of [false, true]) {
    await simulate(1, async (net) => {
      const [near, far, end] = await dialled(net);
      const socket = await net.listenDatagram({ hostname: "127.0.0.1", port: 0 });
      const members = [near.tryRead, near.whenReadable, far.tryWrite];
      const others = [socket.tryReceive, socket.whenReadable, socket.trySend];
      for (const member of [...members, ...others]) assertEquals(member !== undefined, canTry);
      for (const one of [near, far, socket]) one.close();
      end();
    }, { faults: "calm", canTry });
  }
  assertThrows(() => new SimulatedNetwork(1, { canTry: 1 as never }), TypeError, "canTry");
});

Deno.test("SimulatedNetwork has both families on a host, and no socket of one hears the other", async () => {
  const told: Record<string, string> = {};
  const asked = [
    ...["127.0.0.1 127.0.0.1", "127.0.0.1 ::1", "::1 ::1", "::1 127.0.0.1"],
    ...[":: ::1", ":: 127.0.0.1", "0.0.0.0 127.0.0.1", "0.0.0.0 ::1"],
  ];
  await simulate(1, async (net) => {
    const network = net.host("a");
    const config = { network, readTimeoutInMillis: 100 };
    for (const pair of asked) {
      const [from, to] = pair.split(" ") as [string, string];
      await using on4 = new UdpClient({ host: "127.0.0.1", port: 9 }, config);
      await using on6 = new UdpClient({ host: "::1", port: 9 }, config);
      await using sender = new UdpClient({ host: from, port: 0 }, config);
      await Promise.all([on4.bound, on6.bound, sender.bound]);
      const sending = sender.sendTo("x", { host: to, port: 9 });
      const code = await sending.then(() => "sent", (error) => error.code);
      const [at4, at6] = await Promise.all(
        [on4, on6].map((receiver) =>
          receiver.receiveFrom().then(([, , { host }]) => host, () => "-")
        ),
      );
      told[pair] = `${code} ${at4} ${at6}`;
    }
  }, { faults: "calm" });
  assertEquals(told, {
    "127.0.0.1 127.0.0.1": "sent 127.0.0.1 -",
    "127.0.0.1 ::1": "unreachable - -",
    "::1 ::1": "sent - ::1",
    "::1 127.0.0.1": "unreachable - -",
    ":: ::1": "sent - ::1",
    ":: 127.0.0.1": "sent 127.0.0.1 -",
    "0.0.0.0 127.0.0.1": "sent 127.0.0.1 -",
    "0.0.0.0 ::1": "unreachable - -",
  });
});

Deno.test("SimulatedNetwork connects to a listener of the same family, and to one on ::", async () => {
  const told: Record<string, string> = {};
  await simulate(1, async (net) => {
    const network = net.host("a");
    for (const on of ["::1", "127.0.0.1", "::", "0.0.0.0"]) {
      await using listener = new Listener(9, { interface: on, network });
      listener.attach({ onConnect: (caller) => void caller.write(caller.remoteAddress) });
      await listener.start();
      for (const host of ["::1", "127.0.0.1"]) {
        told[`${host} at ${on}`] = await Client.connect({ host, port: 9, network }).then(
          async (client) => {
            const bytes = await client.read();
            await client.close();
            return text(bytes[0]);
          },
          (error) => error.code,
        );
      }
    }
  }, { faults: "calm" });
  assertEquals(told, {
    "::1 at ::1": "::1",
    "127.0.0.1 at ::1": "unreachable",
    "::1 at 127.0.0.1": "unreachable",
    "127.0.0.1 at 127.0.0.1": "127.0.0.1",
    "::1 at ::": "::1",
    "127.0.0.1 at ::": "127.0.0.1",
    "::1 at 0.0.0.0": "unreachable",
    "127.0.0.1 at 0.0.0.0": "127.0.0.1",
  });
});

Deno.test("SimulatedNetwork refuses an option with the advice to leave it out", async () => {
  await simulate(1, async (net) => {
    const refused = (name: string) =>
      `Cannot set ${name}: the simulator cannot, leave it out in the simulation`;
    for (const network of [net, net.host("a")]) {
      const keeping = new Listener(9, { network, keepAliveInMillis: "system" });
      keeping.attach({ onConnect() {} });
      await assertRejects(() => keeping.start(), GenericError, refused("keepAliveInMillis"));
      const connecting = () => Client.connect({ host: "a", port: 9, localPort: 5, network });
      await assertRejects(connecting, GenericError, refused("localPort"));
      const shared = new UdpClient({ port: 0 }, { network, reuseAddress: true });
      await assertRejects(() => shared.bound, GenericError, refused("reuseAddress"));
      await shared.close();
    }
  }, { faults: "calm" });
});
