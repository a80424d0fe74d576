import { assert, assertEquals, assertRejects } from "@std/assert";
import { type ClientState, ReconnectingClient, type Setback } from "../../clients.ts";
import { type Caller, type Client, type GenericError, Listener } from "../../mod.ts";
import { Authority } from "../support/certificates.ts";
import { assertCode } from "../support/assert_code.ts";
import { calmly, echo, listen, served } from "../support/simulated_server.ts";

/** A rest of a hundredth of a millisecond. */
const NOW = { redialDelayInMillis: 1, maxRedialDelayInMillis: 1, random: () => 0.01 };

Deno.test("ReconnectingClient comes back after a reset, an end and a restart", () =>
  served(listen, async ({ net, listener, place, callers }) => {
    const states: ClientState["kind"][] = [];
    const client = new ReconnectingClient({
      ...place,
      ...NOW,
      onState: ({ kind }) => states.push(kind),
    });
    assertEquals(client.state.kind, "dialling");
    const [first, same] = await Promise.all([client.ready(), client.ready()]);
    assert(first === same && first === client.connection);
    assertEquals(client.state, { kind: "up", connection: first });
    callers[0]!.abort();
    await first.closed;
    const second = await client.ready();
    assert(second !== first);
    // Nobody reads, and the end is noticed all the same.
    await callers[1]!.close();
    await net.delay(10);
    const third = await client.ready();
    assert(third !== second);
    await listener.gracefulStop();
    await net.delay(10);
    await listener.start();
    assert(await client.ready() !== third);
    await client.close();
    assertEquals([client.state, await client.closed], [{ kind: "closed" }, undefined]);
    assertEquals(states.slice(0, 5), ["dialling", "up", "waiting", "dialling", "up"]);
    assertEquals(states.at(-1), "closed");
    await assertCode("closed", client.ready());
  }));

Deno.test("ReconnectingClient notices an end or a reset behind what nobody reads", () =>
  served(async (caller) => {
    await caller.write("220 hi\r\n");
    await listen(caller);
  }, async ({ net, place, callers }) => {
    const client = new ReconnectingClient({ ...place, ...NOW });
    const first = await client.ready();
    await net.delay(100);
    void callers[0]!.write("421 bye\r\n");
    await callers[0]!.close();
    await net.delay(10);
    const second = await client.ready();
    assert(second !== first);
    // What is unread of the old one can still be read.
    assertEquals([await first.readLine(), await first.readLine()], ["220 hi", "421 bye"]);
    await net.delay(100);
    callers[1]!.abort();
    await net.delay(10);
    assert(await client.ready() !== second);
    assertEquals(await second.readLine(), "220 hi");
    await client.close();
  }));

for (const isSecure of [false, true]) {
  const kind = isSecure ? "TLS" : "TCP";
  Deno.test(`ReconnectingClient notices the end of a real server that has greeted, over ${kind}`, async () => {
    const authority = await Authority.make("Root");
    const certificate = await authority.sign({ hosts: ["localhost"] });
    const listener = new Listener(0, {
      interface: "127.0.0.1",
      ...(isSecure ? { secureSocket: certificate } : {}),
    });
    listener.attach({
      onConnect: async (caller) => void await caller.write("220 hi\r\n"),
      onBytes() {},
      onStop: async (caller: Caller) => void await caller.write("421 bye\r\n"),
    });
    await listener.start();
    const down = Promise.withResolvers<void>();
    const secureSocket = { caCerts: [authority.cert], serverName: "localhost" };
    await using client = new ReconnectingClient({
      host: "127.0.0.1",
      port: listener.port,
      ...(isSecure ? { secureSocket } : {}),
      onDown: () => down.resolve(),
    });
    const first = await client.ready();
    // It has arrived, and nobody takes it.
    await first.peek(8);
    await listener.gracefulStop();
    await down.promise;
    assertEquals([await first.readLine(), await first.readLine()], ["220 hi", "421 bye"]);
  });
}

Deno.test("ReconnectingClient rests longer after each failure, and says so", () =>
  calmly(async (net) => {
    const setbacks: Setback[] = [];
    const client = new ReconnectingClient({
      host: "nobody.invalid",
      port: 80,
      network: net.host("client"),
      redialDelayInMillis: 10,
      maxRedialDelayInMillis: 50,
      maxAttempts: 6,
      random: () => 0.5,
      onDown: (setback) => setbacks.push(setback),
    });
    const error = await assertCode("unreachable", client.ready());
    assertEquals(await client.closed, error);
    assertEquals(client.state, { kind: "closed", error });
    assertEquals(setbacks.map(({ attempt, nextInMillis }) => [attempt, nextInMillis]), [
      [2, 5],
      [3, 10],
      [4, 20],
      [5, 25],
      [6, 25],
    ]);
    assertEquals(net.clock.now(), 85);
  }));

Deno.test("ReconnectingClient that ends while it draws a number stays ended", () =>
  calmly(async (net) => {
    for (const end of ["close", "abort"] as const) {
      // An order of two targets takes one number, and each pause: order, pause, pause, order.
      for (const last of [2, 3]) {
        const told: string[] = [];
        let drawn = 0;
        const client: ReconnectingClient = new ReconnectingClient({
          targets: [{ host: "nobody.invalid", port: 1 }, { host: "nobody.invalid", port: 2 }],
          shuffleTargets: true,
          network: net.host("client"),
          random: () => {
            if (drawn++ === last) void client[end]();
            return 0.5;
          },
          onState: ({ kind }) => told.push(kind),
          onDown: () => told.push("down"),
        });
        const error = await client.closed;
        await net.delay(1_000);
        assertEquals([client.state.kind, error?.code], [
          "closed",
          end === "abort" ? "aborted" : undefined,
        ]);
        const paused = last === 2 ? [] : ["waiting", "down"];
        assertEquals(told, ["dialling", "waiting", "down", "dialling", ...paused, "closed"]);
        assertEquals(client.stats().dials, 2);
      }
    }
  }));

Deno.test("ReconnectingClient does not storm a server that accepts and closes", () =>
  served((caller) => caller.close(), async ({ net, place, callers }) => {
    const client = new ReconnectingClient({ ...place, random: () => 0.999 });
    await net.delay(60_000);
    // Rests of 0.1, 0.2, 0.4 ... 25.6, 30 seconds.
    assertEquals(callers.length, 10);
    await client.close();
  }));

Deno.test("ReconnectingClient lets onUp log in before anybody gets the connection", () =>
  served(echo, async ({ net, place }) => {
    const order: string[] = [];
    const client = new ReconnectingClient({
      ...place,
      async onUp(connection) {
        await connection.write("login");
        await connection.read(5);
        await net.delay(100);
        order.push("login");
      },
    });
    await client.ready();
    assertEquals([...order, net.clock.now()], ["login", 100]);
    await client.close();
  }));

Deno.test("ReconnectingClient gives up a connection whose onUp throws, hangs, or is cut off", () =>
  served(listen, async ({ net, place, callers }) => {
    const setbacks: Setback[] = [];
    const deeds = [
      () => Promise.reject(new Error("wrong password")),
      () => new Promise(() => {}),
      (client: Client) => client.read(1),
      (client: Client) => client.abort("mine"),
      (client: Client) => {
        void client.signal;
        callers.at(-1)!.abort();
        return new Promise(() => {});
      },
      () => {},
    ];
    const client = new ReconnectingClient({
      ...place,
      ...NOW,
      readTimeoutInMillis: 50,
      prepareTimeoutInMillis: 1_000,
      onUp: (client) => deeds.shift()!(client),
      onDown: (setback) => setbacks.push(setback),
    });
    await client.ready();
    const said = setbacks.map(({ error }) => [(error as GenericError).code, error.message]);
    assertEquals(said, [
      ["handler", "onUp threw: wrong password"],
      ["timed-out", "onUp has not settled within 1000 ms"],
      ["timed-out", "Cannot read: nothing came for 50 ms (nothing is lost, read again)"],
      ["aborted", "Aborted by this side"],
      ["broken", said[4]![1]],
    ]);
    await client.close();
    assertEquals(Math.floor(net.clock.now()), 1_050);
    assertEquals(callers.length, 6);
  }));

Deno.test("ReconnectingClient tries its targets in order, and the first one first again", () =>
  served(listen, async ({ net, place: { network }, callers }) => {
    const targets = ["a.invalid", "server", "b.invalid"].map((host) => ({ host, port: 80 }));
    const dialled: string[] = [];
    const onState = (state: ClientState) => {
      if (state.kind === "dialling") dialled.push(`${state.target} ${state.attempt}`);
    };
    const client = new ReconnectingClient({
      targets,
      network,
      ...NOW,
      stableAfterInMillis: 1,
      onState,
    });
    await client.ready();
    await net.delay(5);
    callers[0]!.abort();
    await net.delay(5);
    await client.ready();
    assertEquals(dialled, ["a.invalid:80 1", "server:80 2", "a.invalid:80 1", "server:80 2"]);
    await client.close();
  }));

Deno.test("ReconnectingClient shuffles its targets anew for each round", () =>
  calmly(async (net) => {
    const dialled: string[] = [];
    const client = new ReconnectingClient({
      targets: ["a", "b", "c"].map((name) => ({ host: `${name}.invalid`, port: 80 })),
      network: net.host("client"),
      shuffleTargets: true,
      maxAttempts: 60,
      random: () => net.random.next(),
      onState: (state) => state.kind === "dialling" && dialled.push(state.target[0]!),
    });
    await assertCode("unreachable", client.ready());
    const rounds = Array.from({ length: 20 }, (_, i) => dialled.slice(i * 3, i * 3 + 3).join(""));
    assertEquals(new Set(rounds).size, 6);
  }));

Deno.test("ReconnectingClient.ready() ends with its time or its signal, and says why there is none", () =>
  calmly(async (net) => {
    const client = new ReconnectingClient({
      host: "nobody.invalid",
      port: 80,
      network: net.host("client"),
    });
    const error = await assertCode("timed-out", client.ready({ timeoutInMillis: 1_000 }));
    assert((error.cause as GenericError).code === "unreachable");
    assert(error.message.includes("the last failure: Cannot connect to nobody.invalid:80"));
    const controller = new AbortController();
    const waiting = client.ready({ signal: controller.signal });
    const reason = new Error("no more");
    controller.abort(reason);
    assertEquals(await assertRejects(() => waiting, Error), reason);
    assertEquals(
      await assertRejects(() => client.ready({ signal: controller.signal }), Error),
      reason,
    );
    await assertRejects(() => client.ready({ timeoutInMilli: 1 } as never), TypeError);
    await assertRejects(() => client.ready({ timeoutInMillis: 0 }), RangeError);
    const last = client.ready();
    client.abort("enough");
    assertEquals((await assertCode("aborted", last)).cause, "enough");
    assertEquals((await client.closed)?.code, "aborted");
    await client.close();
  }));

for (const reason of [new Error("no more"), "no more", null]) {
  Deno.test(`ReconnectingClient ends with its signal as with abort() (${reason})`, () =>
    served(listen, async ({ net, place, callers }) => {
      const controller = new AbortController();
      const { signal } = controller;
      const ended = async (waiting: Promise<unknown>) => {
        const error = await assertCode("aborted", waiting);
        assertEquals(error.cause, reason);
      };
      const client = new ReconnectingClient({ ...place, signal });
      const connection = await client.ready();
      const dialling = new ReconnectingClient({ ...place, port: 81, signal });
      const waiting = [ended(dialling.ready()), ended(dialling[Symbol.asyncIterator]().next())];
      await net.delay(1);
      controller.abort(reason);
      await Promise.all(waiting);
      assertEquals((await connection.closed)?.cause, reason);
      const late = new ReconnectingClient({ ...place, signal });
      for (const over of [client, dialling, late]) {
        await ended(over.ready());
        await ended(over[Symbol.asyncIterator]().next());
        assertEquals((await over.closed)?.cause, reason);
      }
      assertEquals(callers.length, 1);
    }));
}

Deno.test("ReconnectingClient.redial() replaces the connection, and lets the old one be read", () =>
  served(echo, async ({ net, place }) => {
    const client = new ReconnectingClient({ ...place, ...NOW, closeTimeoutInMillis: 1_000 });
    const first = await client.ready();
    await first.write("old");
    client.redial();
    await net.delay(10);
    const second = await client.ready();
    assert(second !== first);
    assertEquals(await first.read(3), [new TextEncoder().encode("old"), 3]);
    // Nobody closes it: that is done after a while.
    assertEquals(await first.closed, undefined);
    assertEquals(net.clock.now() >= 1_000, true);
    await client.close();
  }));

Deno.test("ReconnectingClient.redial() gives nobody the old connection any more, in the same turn already", () =>
  served(echo, async ({ place }) => {
    const told: string[] = [];
    const client = new ReconnectingClient({
      ...place,
      ...NOW,
      onState: ({ kind }) => told.push(kind),
    });
    const first = await client.ready();
    const loop = client[Symbol.asyncIterator]();
    client.redial();
    client.redial();
    assertEquals([client.connection, client.state.kind], [undefined, "waiting"]);
    const [second, { value: looped }] = await Promise.all([client.ready(), loop.next()]);
    assert(second !== first && looped === second && client.connection === second);
    await first.write("old");
    assertEquals((await first.read(3))[1], 3);
    assertEquals(told, ["dialling", "up", "waiting", "dialling", "up"]);
    client.redial();
    const closed = client.close();
    assertEquals([client.connection, client.state.kind], [undefined, "closed"]);
    await closed;
    assert(first.signal.aborted && second.signal.aborted);
  }));

Deno.test("ReconnectingClient gives who has read the end of a connection the next one", () =>
  served(async (caller, number) => {
    if (number === 1) await caller.write("bye");
    else await echo(caller);
  }, async ({ place }) => {
    const client = new ReconnectingClient({ ...place, ...NOW });
    const first = await client.ready();
    await first.read(3);
    assertEquals((await first.read())[1], -1);
    const second = client.ready();
    assertEquals([client.connection, client.state.kind], [undefined, "waiting"]);
    assert(await second !== first);
    await client.close();
  }));

Deno.test("ReconnectingClient.redial() is no failed attempt", () =>
  served(echo, async ({ net, place }) => {
    const client = new ReconnectingClient({ ...place, ...NOW, maxAttempts: 1 });
    for (let i = 0; i < 3; i++) {
      await client.ready();
      client.redial();
      await net.delay(10);
    }
    assertEquals([client.state.kind, client.stats().failures], ["up", 0]);
    await client.close();
  }));

Deno.test("ReconnectingClient.redial() twice leaves the first connection its answer", () => {
  const gate = Promise.withResolvers<void>();
  return served(async (caller) => {
    for await (const _ of caller) {
      await gate.promise;
      await caller.write("y");
    }
  }, async ({ net, place }) => {
    const client = new ReconnectingClient({ ...place, ...NOW, closeTimeoutInMillis: 1_000 });
    const connections: Client[] = [];
    const answers = [];
    for (let i = 0; i < 3; i++) {
      connections.push(await client.ready());
      await connections[i]!.write("x");
      answers.push(connections[i]!.read(1));
      client.redial();
      await net.delay(10);
    }
    gate.resolve();
    assertEquals((await Promise.all(answers)).map(([, length]) => length), [1, 1, 1]);
    // However many there are, `closed` waits for all.
    await client.close();
    assertEquals(connections.map(({ signal }) => signal.aborted), [true, true, true]);
  });
});

Deno.test("ReconnectingClient iterates over its connections, each closed before the next", () =>
  served(echo, async ({ place }) => {
    const client = new ReconnectingClient({ ...place, ...NOW });
    const seen: Client[] = [];
    for await (const connection of client) {
      assert(seen.every((other) => other !== connection));
      seen.push(connection);
      await connection.write("x");
      assertEquals((await connection.read())[1], 1);
      if (seen.length === 3) await client.close();
    }
    assertEquals(seen.length, 3);
    const over = new ReconnectingClient({ ...place, port: 81, maxAttempts: 1 });
    await assertCode("unreachable", over[Symbol.asyncIterator]().next());
  }));

Deno.test("ReconnectingClient.close() in the middle of anything leaves nothing open", () =>
  served(listen, async ({ net, place }) => {
    const clients = [
      new ReconnectingClient(place),
      new ReconnectingClient({ ...place, onUp: () => new Promise(() => {}) }),
      new ReconnectingClient({ ...place, host: "nobody.invalid" }),
    ];
    await clients[0]!.close();
    await net.delay(1);
    await Promise.all(clients.map((client) => client.close()));
    await using third = new ReconnectingClient(place);
    await third.ready();
  }));

Deno.test("ReconnectingClient.close() in any microtask around the moment it is up leaves nothing open", () =>
  served(listen, async ({ place, callers }) => {
    for (let hops = 0; hops < 40; hops++) {
      const client: ReconnectingClient = new ReconnectingClient({
        ...place,
        closeTimeoutInMillis: 100,
        onUp() {
          void (async () => {
            for (let i = 0; i < hops; i++) await undefined;
            await client.close();
          })();
        },
      });
      await client.closed;
      assertEquals(client.connection, undefined, `after ${hops} microtasks`);
    }
    assertEquals(callers.length, 40);
  }));
