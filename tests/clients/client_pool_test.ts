import { assert, assertEquals, assertRejects } from "@std/assert";
import { ClientPool, type Lease } from "../../clients.ts";
import { assertCode } from "../support/assert_code.ts";
import { printedDuring } from "../support/printed_during.ts";
import { calmly, echo, listen, served } from "../support/simulated_server.ts";

const REASON = new Error("no more");

Deno.test("ClientPool makes no more connections than allowed, and serves those who wait in order", () =>
  served(echo, async ({ net, place, callers }) => {
    await using pool = new ClientPool(place, { maxClients: 2 });
    const order: number[] = [];
    await Promise.all(Array.from({ length: 10 }, (_, i) =>
      pool.use(async (client) => {
        order.push(i);
        await client.write(`${i}`);
        assertEquals(new TextDecoder().decode((await client.read(1))[0]), `${i}`);
        await net.delay(10 - i);
      })));
    assertEquals([order, callers.length], [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 2]);
    assertEquals(pool.stats(), {
      idle: 2,
      leased: 0,
      preparing: 0,
      waiting: 0,
      made: 2,
      discarded: 0,
      lost: 0,
    });
  }));

Deno.test("ClientPool hands out the connection that was used last", () =>
  served(echo, async ({ place, callers }) => {
    await using pool = new ClientPool(place);
    const leases = await Promise.all([pool.acquire(), pool.acquire(), pool.acquire()]);
    const clients = leases.map(({ connection }) => connection);
    for (const lease of leases) await lease.release();
    await using again = await pool.acquire();
    assertEquals([again.connection === clients[2], callers.length], [true, 3]);
  }));

Deno.test("ClientPool closes idle connections after a time, with one timer for all", () =>
  served(listen, async ({ net, place }) => {
    await using pool = new ClientPool(place, { maxClients: 100, idleTimeoutInMillis: 1_000 });
    const timers = () => net.leftBehind.filter((line) => /timeout/.test(line)).join();
    const leases = await Promise.all(Array.from({ length: 100 }, () => pool.acquire()));
    for (const lease of leases.splice(50)) await lease.release();
    await net.delay(500);
    for (const lease of leases) await lease.release();
    assertEquals([pool.stats().idle, timers()], [100, "1 timeout is still set"]);
    await net.delay(501);
    assertEquals(pool.stats().idle, 50);
    await net.delay(500);
    assertEquals([pool.stats().idle, pool.stats().lost], [0, 0]);
  }));

Deno.test("ClientPool notices at once that the server ends an idle connection", () =>
  served(echo, async ({ net, place, callers }) => {
    await using pool = new ClientPool(place);
    for (const lease of await Promise.all([1, 2, 3, 4].map(() => pool.acquire()))) {
      await lease.release();
    }
    await callers[0]!.close();
    callers[1]!.abort();
    await callers[2]!.write("surprise");
    await net.delay(1);
    assertEquals([pool.stats().idle, pool.stats().lost], [1, 3]);
    await using lease = await pool.acquire();
    await lease.connection.write("x");
    assertEquals((await lease.connection.read(1))[1], 1);
  }));

Deno.test("ClientPool lets nobody have what is left of another one's conversation", () =>
  served(echo, async ({ net, place }) => {
    await using pool = new ClientPool(place, {
      isReusable: (client) => client.bytesRead === client.bytesWritten,
    });
    const leave: Record<string, (lease: Lease<undefined>) => unknown> = {
      "an unread answer": async ({ connection }) => {
        await connection.write("two");
        await connection.read(1);
        await net.delay(1);
      },
      "a pending read": ({ connection }) => void connection.read().catch(() => {}),
      "an answer that is under way": ({ connection }) => connection.write("x"),
      "an end": ({ connection }) => connection.shutdownWrite(),
      "a locked readable": ({ connection }) => void connection.readable.getReader(),
      "a locked writable": ({ connection }) => void connection.writable.getWriter(),
      "nothing, but it is closed": ({ connection }) => connection.close(),
      "nothing, but it is aborted": ({ connection }) => connection.abort(),
      "nothing, but it is discarded": (lease) => lease.discard(),
    };
    for (const [index, [name, deed]] of Object.entries(leave).entries()) {
      const lease = await pool.acquire();
      await deed(lease);
      await lease.release();
      assertEquals([pool.stats().discarded, pool.stats().idle], [index + 1, 0], name);
    }
    await assertRejects(() => pool.use(() => Promise.reject(REASON)), Error, "no more");
    assertEquals(pool.stats().discarded, 10);
    assertEquals(await pool.use(() => 7), 7);
    assertEquals(pool.stats().idle, 1);
  }));

Deno.test("ClientPool hands on a connection when what was written has gone out, if ever", () => {
  const gate = Promise.withResolvers<void>();
  return served(async (caller, number) => {
    if (number > 1) return await new Promise(() => {});
    await gate.promise;
    await listen(caller);
  }, async ({ net, place, callers }) => {
    await using pool = new ClientPool({ ...place, closeTimeoutInMillis: 1_000 }, { maxClients: 1 });
    const write = async () => {
      const lease = await pool.acquire();
      void lease.connection.write(new Uint8Array(1_000_000));
      return lease;
    };
    const released = (await write()).release();
    const next = pool.acquire();
    await net.delay(100);
    assertEquals([pool.stats().leased, pool.stats().waiting], [1, 1]);
    gate.resolve();
    await released;
    const lease = await next;
    assertEquals([lease.connection.queuedBytes, callers.length], [0, 1]);
    await lease.discard();
    // Nobody reads there.
    const begin = net.clock.now();
    await (await write()).release();
    assertEquals([pool.stats().idle, pool.stats().discarded], [0, 2]);
    assertEquals(Math.round((net.clock.now() - begin) / 1_000), 2, "the wait, then the close");
    // A close does not wait for it longer than it may.
    const lazy = await write();
    const given = lazy.release();
    await pool.close({ deadlineInMillis: 100 });
    await given;
  });
});

Deno.test("ClientPool puts back the timeouts that one user has set", () =>
  served(echo, async ({ place }) => {
    await using pool = new ClientPool({
      ...place,
      readTimeoutInMillis: 70,
      idleTimeoutInMillis: 80,
    }, {
      onConnect: (client) => void (client.readTimeoutInMillis = 90),
    });
    const timeouts = () =>
      pool.use((client) => {
        const now = [client.readTimeoutInMillis, client.idleTimeoutInMillis];
        client.readTimeoutInMillis = client.idleTimeoutInMillis = 5;
        return now;
      });
    assertEquals([await timeouts(), await timeouts()], [[90, 80], [90, 80]]);
    assertEquals(pool.stats().made, 1);
  }));

Deno.test("ClientPool.acquire() ends with its time or its signal, and the next one gets the place", () =>
  served(echo, async ({ net, place }) => {
    await using pool = new ClientPool(place, { maxClients: 1, acquireTimeoutInMillis: 100 });
    const lease = await pool.acquire();
    const controller = new AbortController();
    const aborted = pool.acquire({ signal: controller.signal });
    const late = pool.acquire();
    const patient = pool.acquire({ timeoutInMillis: 1_000 });
    controller.abort(REASON);
    assertEquals(await assertRejects(() => aborted, Error), REASON);
    const error = await assertCode("timed-out", late);
    assertEquals(error.message, "No connection within 100 ms; 1 are in use, 2 wait");
    assertEquals([net.clock.now(), pool.stats().waiting], [100, 1]);
    await lease.release();
    await (await patient).release();
    assertEquals(
      await assertRejects(() => pool.acquire({ signal: controller.signal }), Error),
      REASON,
    );
    await assertRejects(() => pool.acquire({ timeoutInMillis: 0 }), RangeError);
    await assertRejects(() => pool.use(undefined as never), TypeError, "conversation must be");
    assertEquals(pool.stats().idle, 1);
  }));

Deno.test("ClientPool refuses those who would wait in too long a line", () =>
  served(echo, async ({ place }) => {
    await using pool = new ClientPool(place, { maxClients: 1, maxWaiting: 1 });
    await using _lease = await pool.acquire();
    const waiting = pool.acquire();
    await assertCode("overflow", pool.acquire());
    await _lease.release();
    await (await waiting).release();
  }));

Deno.test("ClientPool rests between failures, and serves those who wait when the server is back", () =>
  served(echo, async ({ net, place, listener, callers }) => {
    await listener.immediateStop();
    await using pool = new ClientPool(place, { redialDelayInMillis: 100, random: () => 0.5 });
    const waiting = [1, 2, 3].map(() => pool.acquire({ timeoutInMillis: 10_000 }));
    const late = await assertCode("timed-out", pool.acquire({ timeoutInMillis: 40 }));
    assert((late.cause as Error).message.includes("Cannot connect to server:80"));
    await net.delay(1_000);
    await listener.start();
    for (const lease of await Promise.all(waiting)) await lease.release();
    assertEquals(callers.length, 3);
  }));

Deno.test("ClientPool fails those who wait where no attempt is left, and tries again for others", () =>
  served(echo, async ({ place, listener }) => {
    await listener.immediateStop();
    await using pool = new ClientPool(place, { maxAttempts: 1 });
    await Promise.all([1, 2, 3].map(() => assertCode("unreachable", pool.acquire())));
    await listener.start();
    await (await pool.acquire()).release();
  }));

Deno.test("ClientPool has onConnect make each connection ready", () =>
  served(echo, async ({ net, place, callers }) => {
    const deeds = [
      () => Promise.reject(REASON),
      () => new Promise<number>(() => {}),
      () => 7,
    ];
    await using pool = new ClientPool(place, {
      onConnect: () => deeds.shift()!() as Promise<number> | number,
      prepareTimeoutInMillis: 1_000,
      redialDelayInMillis: 1,
    });
    await using lease = await pool.acquire();
    assertEquals([lease.session, callers.length, pool.stats().made], [7, 3, 1]);
    assertEquals(Math.floor(net.clock.now() / 1_000), 1);
  }));

Deno.test("ClientPool asks isHealthy before it hands out an idle connection", () =>
  served(echo, async ({ place, callers }) => {
    const answers: (() => boolean | Promise<boolean>)[] = [
      () => Promise.resolve(true),
      () => false,
      () => {
        throw REASON;
      },
      () => new Promise<boolean>(() => {}),
      () => "yes" as never,
    ];
    await using pool = new ClientPool(place, {
      isHealthy: () => answers.shift()!(),
      prepareTimeoutInMillis: 50,
    });
    await (await pool.acquire()).release();
    await (await pool.acquire()).release();
    assertEquals(callers.length, 1);
    while (answers.length > 0) await (await pool.acquire()).release();
    assertEquals([callers.length, pool.stats().lost], [5, 4]);
  }));

Deno.test("ClientPool prints what isReusable throws, and closes the connection", async () => {
  const printed = await printedDuring(() =>
    served(echo, async ({ place }) => {
      await using pool = new ClientPool(place, {
        isReusable: () => {
          throw REASON;
        },
      });
      await (await pool.acquire()).release();
      assertEquals(pool.stats().discarded, 1);
    })
  );
  assertEquals(printed, [REASON]);
});

Deno.test("ClientPool.close() waits for those who have a connection, and not for ever", () =>
  served(echo, async ({ net, place }) => {
    const pool = new ClientPool(place, { maxClients: 3 });
    const [idle, quick, stuck] = await Promise.all([
      pool.acquire(),
      pool.acquire(),
      pool.acquire(),
    ]);
    const waiting = pool.acquire();
    const kept = stuck!.connection;
    await idle!.release();
    await (await waiting).release();
    const refused = assertCode(
      "closed",
      pool.acquire({ timeoutInMillis: 60_000 }).then(async (lease) => {
        await lease.release();
        return await pool.acquire();
      }),
    );
    const closing = pool.close({ deadlineInMillis: 1_000 });
    await net.delay(500);
    await quick!.release();
    await closing;
    assertEquals(Math.floor(net.clock.now() / 1_000), 1);
    assertEquals((await kept.closed)?.code, "aborted");
    await stuck!.release();
    await refused;
    await assertCode("closed", pool.acquire());
    await assertRejects(() => pool.close({ deadlineInMillis: 0 }), RangeError);
    await pool.close();
  }));

Deno.test("ClientPool.close() goes by the shortest deadline that it was given", () =>
  served(echo, async ({ net, place }) => {
    const pool = new ClientPool(place);
    const lease = await pool.acquire();
    const { connection } = lease;
    const before = net.clock.now();
    const patient = pool.close({ deadlineInMillis: Infinity });
    await net.delay(100);
    const closings = [200, 5_000].map((deadlineInMillis) => pool.close({ deadlineInMillis }));
    await Promise.all([patient, ...closings]);
    assertEquals(Math.round((net.clock.now() - before) / 100), 3);
    assertEquals((await connection.closed)?.code, "aborted");
    await lease.release();
    // What is closed needs no time any more.
    const timers = () => net.leftBehind.filter((line) => /timeout/.test(line));
    const timersBefore = timers();
    for (const first of [Infinity, 60_000]) {
      const unused = new ClientPool(place);
      await unused.close({ deadlineInMillis: first });
      await unused.close({ deadlineInMillis: 1_000 });
      assertEquals(timers(), timersBefore);
    }
  }));

Deno.test("ClientPool.close() ends a dial, a rest and a check that are under way", () =>
  calmly(async (net) => {
    const nowhere = new ClientPool({
      host: "nobody.invalid",
      port: 80,
      network: net.host("client"),
    });
    const waiting = assertCode("closed", nowhere.acquire());
    await net.delay(1);
    await nowhere.close();
    await waiting;
  }));

Deno.test("ClientPool.close() in any microtask around a new connection leaves nothing open", () =>
  served(listen, async ({ place }) => {
    for (let hops = 0; hops < 40; hops++) {
      let closing: Promise<void> | undefined;
      const pool: ClientPool<void> = new ClientPool({ ...place, closeTimeoutInMillis: 100 }, {
        onConnect() {
          closing = (async () => {
            for (let i = 0; i < hops; i++) await undefined;
            await pool.close();
          })();
        },
      });
      const lease = await pool.acquire().catch(() => undefined);
      await lease?.release();
      await closing;
      const { idle, leased, preparing } = pool.stats();
      assertEquals([idle, leased, preparing], [0, 0, 0], `after ${hops} microtasks`);
    }
  }));
