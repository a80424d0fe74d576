// What people who deploy need of a stop: it is announced before it begins, says goodbye, and can be hurried; accepting
// can be suspended. On every kind of listener.

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type Caller,
  Client,
  type ClientConfig,
  framedService,
  type HandlerCallbacks,
  LineCodec,
  Listener,
  type ListenerConfig,
  type LocalClientConfig,
  type Service,
  type SocketError,
  UdpClient,
  UdpListener,
} from "../../mod.ts";
import { Authority } from "../support/certificates.ts";
import type { Network } from "../../network.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { acceptingBy } from "../support/accepting_by.ts";
import { dial } from "../support/dial.ts";
import { printedDuring } from "../support/printed_during.ts";

const LOOPBACK = { interface: "127.0.0.1" };
const LONG = 100_000;

const folder = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const authority = await Authority.make("Draining Test CA");
const { cert, key } = await authority.sign({ hosts: ["localhost"] });

/** Each carrier: how to listen, and how to get there. */
const CARRIERS: Record<
  string,
  { config(): ListenerConfig; target(listener: Listener): ClientConfig | LocalClientConfig }
> = {
  TCP: {
    config: () => LOOPBACK,
    target: ({ port }) => ({ host: "127.0.0.1", port }),
  },
  Unix: {
    config: () => ({ path: `${folder}/${crypto.randomUUID()}` }),
    target: ({ address }) => ({ path: address }),
  },
  TLS: {
    config: () => ({ ...LOOPBACK, secureSocket: { cert, key } }),
    target: ({ port }) => ({
      host: "127.0.0.1",
      port,
      secureSocket: { caCerts: [authority.cert], serverName: "localhost" },
    }),
  },
};

/** When the runtime has looked at its sockets often enough for what was sent before to be there. */
async function looked(): Promise<void> {
  for (let i = 0; i < 3; i++) await denoNetwork.turns!.looked!();
}

/** All lines up to the peer's end. */
async function rest(client: Client): Promise<string[]> {
  const lines: string[] = [];
  for (let line; (line = await client.readLine()) !== undefined;) lines.push(line);
  return lines;
}

/** Each way to serve an echo of lines that can say goodbye. */
const POLITE: Record<string, (onStop: NonNullable<Service["onStop"]>) => (l: Listener) => void> = {
  "a service that reads": (onStop) => (listener) =>
    listener.attach({
      async onReadReady(caller) {
        const [bytes, length] = await caller.read();
        if (length > 0) await caller.write(bytes);
      },
      onStop,
    }),
  "a service that is lent bytes": (onStop) => (listener) =>
    listener.attach({ onBytes: (_caller, bytes) => bytes, onStop }),
  "a handler": (onStop) => (listener) =>
    void listener.serve(async (caller) => {
      for await (const bytes of caller) await caller.write(bytes);
    }, { onStop }),
  "messages": (onStop) => (listener) =>
    listener.attach(framedService(new LineCodec(), {
      onMessage: (_caller, line) => line,
      onStop: ({ connection }) => onStop(connection),
    })),
};

for (const [carrier, { config, target }] of Object.entries(CARRIERS)) {
  for (const [way, serve] of Object.entries(POLITE)) {
    Deno.test(`onStop says goodbye on idle connections before they close, by ${way}, over ${carrier}`, async () => {
      const listener = new Listener(0, config());
      let calls = 0;
      serve(async (caller) => {
        calls++;
        await looked();
        void caller.write("421 bye\n");
      })(listener);
      await listener.start();
      const clients = await Promise.all([1, 2, 3].map(() => Client.connect(target(listener))));
      for (const client of clients) {
        await client.write("hello\n");
        assertEquals(await client.readLine(), "hello");
      }
      // What has arrived is answered first.
      await clients[0]!.write("last\n");
      const stopping = listener.gracefulStop({ deadlineInMillis: LONG });
      const said = await Promise.all(clients.map(rest));
      assertEquals(said, [["last", "421 bye"], ["421 bye"], ["421 bye"]]);
      assertEquals([await stopping, calls], [{ completed: 3, aborted: 0, cut: [] }, 3]);
      await Promise.all(clients.map((client) => client.close()));
    });
  }

  Deno.test(`Listener.gracefulStop({ acceptForInMillis }) goes on for a while, and closes nothing, over ${carrier}`, async () => {
    const listener = new Listener(0, config());
    listener.attach({ onBytes: (_caller, bytes) => bytes });
    await listener.start();
    const idle = await Client.connect(target(listener));
    const { stopping } = listener;
    const options = { acceptForInMillis: LONG, deadlineInMillis: LONG };
    const stopped = listener.gracefulStop(options);
    assertEquals(stopping.aborted, true);
    await looked();
    const late = await Client.connect(target(listener));
    for (const client of [idle, late]) {
      await client.write("still here\n");
      assertEquals(await client.readLine(), "still here");
    }
    // A further call ends that time.
    const again = listener.gracefulStop();
    for (const client of [idle, late]) assertEquals(await rest(client), []);
    assertEquals(await stopped, await again);
    assertEquals((await stopped).completed, 2);
    await Promise.all([idle.close(), late.close()]);
  });

  Deno.test(`Listener.suspend() leaves new connections in the backlog, over ${carrier}`, async () => {
    const listener = new Listener(0, config());
    const joined: Caller[] = [];
    listener.attach({
      onConnect: (caller) => void joined.push(caller),
      onBytes: (_, bytes) => bytes,
    });
    await listener.start();
    const before = await Client.connect(target(listener));
    await before.write("one\n");
    assertEquals(await before.readLine(), "one");
    listener.suspend();
    listener.suspend();
    assertEquals(listener.isSuspended, true);
    const dialling = [1, 2, 3].map(() => Client.connect(target(listener)));
    await looked();
    await before.write("two\n");
    assertEquals(await before.readLine(), "two");
    assertEquals(joined.length, 1);
    listener.resume();
    const clients = await Promise.all(dialling);
    for (const client of clients) {
      await client.write("three\n");
      assertEquals(await client.readLine(), "three");
    }
    assertEquals([joined.length, listener.isSuspended], [4, false]);
    await Promise.all([...clients, before].map((client) => client.close()));
    await listener.gracefulStop();
  });

  Deno.test(`A stop handles those that wait because accepting is suspended, over ${carrier}`, async () => {
    const listener = new Listener(0, config());
    listener.attach({ onBytes: (_caller, bytes) => bytes });
    listener.suspend();
    await listener.start();
    const connecting = [1, 2, 3].map(() => Promise.withResolvers<void>());
    const dialling = connecting.map(async ({ resolve }) => {
      const network: Network = {
        ...denoNetwork,
        async connect(...options) {
          const transport = await denoNetwork.connect(...options);
          resolve();
          return transport;
        },
      };
      const client = await Client.connect({ ...target(listener), network });
      await client.write("hello\n");
      return client;
    });
    // In the clear they have spoken already; the handshakes of the others begin with the stop.
    await Promise.all(carrier === "TLS" ? connecting.map(({ promise }) => promise) : dialling);
    const stopping = listener.gracefulStop({ deadlineInMillis: LONG });
    const clients = await Promise.all(dialling);
    for (const client of clients) {
      const lines = await rest(client);
      if (carrier !== "TLS") assertEquals(lines, ["hello"]);
    }
    assertEquals((await stopping).completed, 3);
    await Promise.all(clients.map((client) => client.close()));
    // Still suspended after the next start.
    assertEquals(listener.isSuspended, true);
  });
}

Deno.test("Listener.suspend() holds whoever has not been handed out, in any microtask", async () => {
  for (let ticks = 0; ticks < 30; ticks++) {
    const suspended = Promise.withResolvers<void>();
    const network = acceptingBy(async (accept) => {
      const transport = await accept();
      void (async () => {
        for (let i = 0; i < ticks; i++) await undefined;
        listener.suspend();
        suspended.resolve();
      })();
      return transport;
    });
    const listener = new Listener(0, { ...LOOPBACK, network });
    const joined = Promise.withResolvers<boolean>();
    listener.attach({ onConnect: () => joined.resolve(listener.isSuspended) });
    await listener.start();
    const client = await dial(listener);
    await suspended.promise;
    await looked();
    listener.resume();
    assertEquals(await joined.promise, false, `after ${ticks} microtasks`);
    await listener.immediateStop();
    client.abort();
  }
});

Deno.test("Listener.suspend() holds an iteration, which can be left and which goes on", async () => {
  await using listener = new Listener(0, LOOPBACK);
  await listener.start();
  const callers = listener.iterate();
  const first = callers.next();
  listener.suspend();
  const client = await dial(listener);
  await looked();
  let isTaken = false;
  void first.then(() => isTaken = true);
  await looked();
  assertEquals(isTaken, false);
  listener.resume();
  const { value: caller } = await first;
  assertEquals(caller!.remotePort, client.localPort);
  listener.suspend();
  const second = callers.next();
  await callers.return!();
  assertEquals((await second).done, true);
  await client.close();
  await caller!.close();
});

Deno.test("Listener.iterate() ends with the reason of its signal, and loses no connection", async () => {
  await using listener = new Listener(0, LOOPBACK);
  await listener.start();
  const reason = new Error("enough");
  await assertRejects(
    async () => {
      for await (const _ of listener.iterate({ signal: AbortSignal.abort(reason) })) assert(false);
    },
    Error,
    "enough",
  );
  const controller = new AbortController();
  const callers = listener.iterate({ signal: controller.signal });
  const next = callers.next();
  await looked();
  controller.abort(reason);
  assertEquals(await next.catch((error) => error), reason);
  assertEquals((await callers.next()).done, true);
  await using client = await dial(listener);
  for await (const caller of listener) {
    assertEquals(caller.remotePort, client.localPort);
    void caller.close();
    break;
  }
  const later = new AbortController();
  const left = listener.iterate({ signal: later.signal });
  await left.return!();
  later.abort(reason);
  assertEquals((await left.next()).done, true);
});

Deno.test("A handler is told to stop while it waits, and its loop goes on with what arrives meanwhile", async () => {
  await using listener = new Listener(0, LOOPBACK);
  const parting = Promise.withResolvers<void>();
  const isParting = Promise.withResolvers<void>();
  await listener.serve(async (caller) => {
    for await (const bytes of caller) await caller.write(bytes);
  }, {
    async onStop(caller) {
      isParting.resolve();
      await parting.promise;
      await caller.write("bye\n");
    },
  });
  const client = await dial(listener);
  await client.write("one\n");
  assertEquals(await client.readLine(), "one");
  const stopping = listener.gracefulStop({ deadlineInMillis: LONG });
  await isParting.promise;
  await client.write("two\n");
  assertEquals(await client.readLine(), "two");
  parting.resolve();
  assertEquals(await rest(client), ["bye"]);
  assertEquals((await stopping).completed, 1);
  await client.close();
});

Deno.test("StopReport.completed counts those that were there when accepting ended, not those that left before", async () => {
  const listener = new Listener(0, LOOPBACK);
  const ended = Promise.withResolvers<void>();
  listener.attach({
    onBytes: (_caller, bytes) => bytes,
    onClose: (_caller, { by }) => by === "peer" ? ended.resolve() : undefined,
  });
  await listener.start();
  const [leaving, idle] = [await dial(listener), await dial(listener)];
  for (const client of [leaving, idle]) {
    await client.write("hello\n");
    await client.readLine();
  }
  const stopping = listener.gracefulStop({ acceptForInMillis: LONG, deadlineInMillis: LONG });
  await leaving.close();
  await ended.promise;
  const late = await dial(listener);
  await late.write("hello\n");
  await late.readLine();
  void listener.gracefulStop();
  assertEquals([await rest(idle), await rest(late)], [[], []]);
  assertEquals(await stopping, { completed: 2, aborted: 0, cut: [] });
  const { accepted, ended: { peer, stop } } = listener.stats();
  assertEquals([accepted, peer, stop], [3, 1, 2]);
  await Promise.all([idle.close(), late.close()]);
});

for (const how of ["immediateStop()", "its signal"]) {
  Deno.test(`A graceful stop that ${how} hurries says so of those it has cut`, async () => {
    const stream = new Listener(0, LOOPBACK);
    const datagrams = new UdpListener(0, LOOPBACK);
    const [called, known] = [1, 2].map(() => Promise.withResolvers<void>());
    const forEver = (called: PromiseWithResolvers<void>) => () => {
      called.resolve();
      return new Promise<void>(() => {});
    };
    stream.attach({ onBytes: forEver(called!) });
    datagrams.attach(() => ({ onBytes: forEver(known!) }));
    await Promise.all([stream.start(), datagrams.start()]);
    const [client, peer] = [await dial(stream), datagramClient(datagrams)];
    await client.write("hello\n");
    await peer.write("hello");
    await Promise.all([called!.promise, known!.promise]);
    for (const listener of [stream, datagrams]) {
      const hurry = new AbortController();
      const stopping = listener.gracefulStop({ deadlineInMillis: LONG, signal: hurry.signal });
      await looked();
      if (how === "its signal") hurry.abort();
      else await listener.immediateStop();
      assertEquals((await stopping).cut.map(({ reason }) => reason), ["hurried"]);
    }
    await Promise.all([client.close(), peer.close()]);
  });
}

Deno.test("onStop never overlaps another call, and what arrives during it is handled", async () => {
  await using listener = new Listener(0, LOOPBACK);
  const log: string[] = [];
  const [parting, isParting, arrived] = [1, 2, 3].map(() => Promise.withResolvers<void>());
  let depth = 0;
  const call = async (what: string, until?: Promise<void>) => {
    assertEquals(++depth, 1, what);
    log.push(what);
    await until;
    depth--;
  };
  listener.attach({
    async onReadReady(caller) {
      const [bytes, length] = await caller.read();
      await call(length < 0 ? "end" : "read", looked());
      if (length > 0) await caller.write(bytes);
    },
    async onStop(caller) {
      await caller.write("421 bye\n");
      isParting!.resolve();
      await call("stop", parting!.promise);
    },
    onClose: (_caller, { by }) => void log.push(by),
  });
  await listener.start();
  const client = await dial(listener);
  await client.write("one\n");
  assertEquals(await client.readLine(), "one");
  const stopping = listener.gracefulStop({ deadlineInMillis: LONG });
  await isParting!.promise;
  await client.write("two\n");
  void looked().then(arrived!.resolve);
  await arrived!.promise;
  assertEquals(log, ["read", "stop"]);
  parting!.resolve();
  // What has crossed the farewell is answered after it.
  assertEquals(await rest(client), ["421 bye", "two"]);
  assertEquals([(await stopping).completed, log], [1, ["read", "stop", "read", "stop"]]);
  await client.close();
});

for (const way of ["a service", "a handler"] as const) {
  const serveWith = async (listener: Listener, callbacks: HandlerCallbacks) => {
    if (way === "a handler") {
      await listener.serve(async (caller) => {
        for await (const bytes of caller) await caller.write(bytes);
      }, callbacks);
    } else {
      listener.attach({ onBytes: (_caller, bytes) => bytes, ...callbacks });
      await listener.start();
    }
  };

  Deno.test(`onStop that never settles is cut at the deadline, by ${way}`, async () => {
    const listener = new Listener(0, LOOPBACK);
    await serveWith(listener, { onStop: () => new Promise(() => {}) });
    const client = await dial(listener);
    await client.write("hello\n");
    assertEquals(await client.readLine(), "hello");
    const { completed, cut } = await listener.gracefulStop({ deadlineInMillis: 50 });
    assertEquals([completed, cut[0]?.remotePort, cut[0]?.reason], [
      0,
      client.localPort,
      "deadline",
    ]);
    await client.close();
  });

  Deno.test(`onStop that never settles holds no connection that its peer has reset, by ${way}`, async () => {
    const listener = new Listener(0, LOOPBACK);
    const isParting = Promise.withResolvers<Caller>();
    await serveWith(listener, {
      onStop(caller) {
        isParting.resolve(caller);
        return new Promise(() => {});
      },
    });
    const client = await dial(listener);
    await client.write("hello\n");
    assertEquals(await client.readLine(), "hello");
    const stopping = listener.gracefulStop({ deadlineInMillis: 300 });
    const caller = await isParting.promise;
    const gone = new Promise((resolve) => caller.signal.addEventListener("abort", resolve));
    client.abort();
    await gone;
    const { cut } = await stopping;
    assertEquals([cut.length, listener.connections.size], [1, 0]);
  });

  for (const isAsync of [false, true]) {
    const how = isAsync ? "rejects" : "throws";
    Deno.test(`onStop that ${how} goes to onError, and ends its connection, by ${way}`, async () => {
      const listener = new Listener(0, LOOPBACK);
      const log: unknown[] = [];
      await serveWith(listener, {
        onStop(caller) {
          void caller.write("bye\n");
          if (isAsync) return Promise.reject(new Error("oops"));
          throw new Error("oops");
        },
        onError: (_caller, { message }) => void log.push(message),
        onClose: (_caller, { by, error }) => void log.push(by, error!.code),
      });
      const client = await dial(listener);
      await client.write("hello\n");
      assertEquals(await client.readLine(), "hello");
      const stopping = listener.gracefulStop({ deadlineInMillis: LONG });
      assertEquals(await rest(client), ["bye"]);
      assertEquals([(await stopping).completed, log], [1, ["oops", "error", "handler"]]);
      await client.close();
    });
  }

  Deno.test(`onStop may close or abort its connection, by ${way}`, async () => {
    for (const act of ["close", "abort"] as const) {
      const listener = new Listener(0, LOOPBACK);
      await serveWith(listener, { onStop: (caller) => void caller[act]() });
      const client = await dial(listener);
      await client.write("hello\n");
      assertEquals(await client.readLine(), "hello");
      const stopping = listener.gracefulStop({ deadlineInMillis: LONG });
      await client.readLine().catch((error: SocketError) => assertEquals(error.code, "broken"));
      assertEquals((await stopping).completed, 1);
      await client.close();
    }
  });

  Deno.test(`onStop is not called by immediateStop, nor for a peer that has gone, by ${way}`, async () => {
    const listener = new Listener(0, LOOPBACK);
    let calls = 0;
    const closed = Promise.withResolvers<void>();
    await serveWith(listener, { onStop: () => void calls++, onClose: () => closed.resolve() });
    const [gone, idle] = [await dial(listener), await dial(listener)];
    for (const client of [gone, idle]) {
      await client.write("hello\n");
      assertEquals(await client.readLine(), "hello");
    }
    await gone.close();
    await closed.promise;
    await listener.immediateStop();
    await looked();
    assertEquals(calls, 0);
    idle.abort();
  });
}

Deno.test("Without onError, what onStop throws is printed", async () => {
  const listener = new Listener(0, LOOPBACK);
  listener.attach({
    onBytes: (_caller, bytes) => bytes,
    onStop() {
      throw new Error("oops");
    },
  });
  await listener.start();
  const client = await dial(listener);
  await client.write("hello\n");
  assertEquals(await client.readLine(), "hello");
  const printed = await printedDuring(async () => {
    await listener.gracefulStop({ deadlineInMillis: LONG });
  });
  assertEquals(printed.length, 1);
  await client.close();
});

/** A client of a datagram listener. */
function datagramClient({ port }: UdpListener): UdpClient {
  return new UdpClient(undefined, { remoteHost: "127.0.0.1", remotePort: port });
}

const text = ([bytes]: [Uint8Array, ...unknown[]]) => new TextDecoder().decode(bytes);

for (const way of ["a handler", "onSession", "a service for each session"]) {
  Deno.test(`UdpListener says goodbye to sessions with onStop, by ${way}`, async () => {
    const listener = new UdpListener(0, LOOPBACK);
    const log: string[] = [];
    const callbacks = {
      async onStop(session: { write(content: string): Promise<number> }) {
        await looked();
        await session.write("bye");
      },
      onClose: (_: unknown, { by }: { by: string }) => void log.push(by),
    };
    if (way === "a handler") {
      await listener.serve(async (session) => {
        for await (const { data } of session) await session.write(data);
      }, callbacks);
    } else if (way === "onSession") {
      listener.attach({
        async onSession(session) {
          const [bytes] = await session.read();
          await session.write(bytes);
        },
        ...callbacks,
      });
      await listener.start();
    } else {
      listener.attach(() => ({ onBytes: (_, bytes) => bytes, ...callbacks }));
      await listener.start();
    }
    const client = datagramClient(listener);
    await client.write("hello");
    assertEquals(text(await client.read()), "hello");
    const stopping = listener.gracefulStop({ deadlineInMillis: LONG });
    assertEquals(text(await client.read()), "bye");
    assertEquals([await stopping, log], [{ completed: 1, aborted: 0, cut: [] }, ["stop"]]);
    await client.close();
  });

  Deno.test(`UdpListener cuts a session whose onStop never settles, and reports what it throws, by ${way}`, async () => {
    for (const isThrowing of [true, false]) {
      const listener = new UdpListener(0, LOOPBACK);
      const log: string[] = [];
      const callbacks = {
        onStop() {
          if (isThrowing) throw new Error("oops");
          return new Promise<void>(() => {});
        },
        onError: (_: unknown, { message }: Error) => void log.push(message),
      };
      if (way === "a handler") {
        await listener.serve(async (session) => {
          for await (const { data } of session) await session.write(data);
        }, callbacks);
      } else {
        listener.attach(
          way === "onSession"
            ? {
              async onSession(session) {
                await session.write((await session.read())[0]);
              },
              ...callbacks,
            }
            : () => ({ onBytes: (_, bytes) => bytes, ...callbacks }),
        );
        await listener.start();
      }
      const client = datagramClient(listener);
      await client.write("hello");
      assertEquals(text(await client.read()), "hello");
      const { completed, cut } = await listener.gracefulStop({
        deadlineInMillis: isThrowing ? LONG : 50,
      });
      assertEquals([completed, cut.length, log], isThrowing ? [1, 0, ["oops"]] : [0, 1, []]);
      await client.close();
    }
  });
}

Deno.test("UdpListener refuses onStop where there are no sessions", () => {
  const listener = new UdpListener(0, LOOPBACK);
  let error: unknown;
  try {
    listener.attach({ onDatagram: () => {}, onStop: () => {} });
  } catch (thrown) {
    error = thrown;
  }
  assert(error instanceof TypeError && error.message.includes("onStop is about sessions"));
});

Deno.test("UdpListener.gracefulStop({ acceptForInMillis }) goes on for a while", async () => {
  const listener = new UdpListener(0, LOOPBACK);
  listener.attach({ onBytes: (_, bytes) => bytes });
  await listener.start();
  const { stopping } = listener;
  const stopped = listener.gracefulStop({ acceptForInMillis: LONG });
  assertEquals(stopping.aborted, true);
  const client = datagramClient(listener);
  await client.write("hello");
  assertEquals(text(await client.read()), "hello");
  await listener.gracefulStop();
  assertEquals((await stopped).cut, []);
  await client.close();
});

for (const way of ["a service", "sessions", "an iteration", "an iteration over sessions"]) {
  /** Serves an echo. */
  const serve = (listener: UdpListener) => {
    if (way === "a service") listener.attach({ onBytes: (_, bytes) => bytes });
    else if (way === "sessions") listener.attach(() => ({ onBytes: (_, bytes) => bytes }));
    else if (way === "an iteration") {
      void (async () => {
        for await (const [caller, { data }] of listener) await caller.sendBytes(data);
      })();
    } else {
      void (async () => {
        for await (const session of listener.acceptSessions()) {
          void (async () => {
            for await (const { data } of session) await session.write(data);
          })();
        }
      })();
    }
  };

  Deno.test(`UdpListener.suspend() lets datagrams wait until resume() or a stop, by ${way}`, async () => {
    for (const isResumed of [true, false]) {
      const listener = new UdpListener(0, LOOPBACK);
      await listener.start();
      serve(listener);
      const known = datagramClient(listener);
      await known.write("one");
      assertEquals(text(await known.read()), "one");
      listener.suspend();
      const stranger = datagramClient(listener);
      await stranger.write("two");
      await known.write("three");
      const hasSessions = way.endsWith("sessions");
      // A session that is open goes on.
      if (hasSessions) assertEquals(text(await known.read()), "three");
      await looked();
      const heard = stranger.read();
      let isHeard = false;
      void heard.then(() => isHeard = true);
      await looked();
      assertEquals([isHeard, listener.isSuspended], [false, true]);
      if (isResumed) listener.resume();
      const stopping = isResumed ? undefined : listener.gracefulStop({ deadlineInMillis: LONG });
      assertEquals(text(await heard), "two");
      if (!hasSessions) assertEquals(text(await known.read()), "three");
      const { cut } = await (stopping ?? listener.gracefulStop({ deadlineInMillis: LONG }));
      assertEquals(cut, []);
      await Promise.all([known.close(), stranger.close()]);
    }
  });
}

Deno.test("UdpListener names those that a stop at once finds waiting because it is suspended", async () => {
  const listener = new UdpListener(0, LOOPBACK);
  listener.attach(() => ({ onBytes: (_, bytes) => bytes }));
  await listener.start();
  const [known, stranger] = [datagramClient(listener), datagramClient(listener)];
  await known.write("one");
  await known.read();
  listener.suspend();
  await stranger.write("two");
  await known.write("three");
  await known.read();
  await looked();
  const { cut } = await listener.gracefulStop({ signal: AbortSignal.abort() });
  const { port } = await stranger.bound;
  assert(cut.some(({ remotePort, reason }) => remotePort === port && reason === "not-taken"));
  await Promise.all([known.close(), stranger.close()]);
});

Deno.test("Iterations of UdpListener end with the reason of their signal, suspended or not", async () => {
  const reason = new Error("enough");
  for (const name of ["iterate", "acceptSessions"] as const) {
    for (const isSuspended of [false, true]) {
      await using listener = new UdpListener(0, LOOPBACK);
      await listener.start();
      if (isSuspended) listener.suspend();
      const controller = new AbortController();
      const iteration = listener[name]({ signal: controller.signal });
      const next = iteration.next();
      await looked();
      controller.abort(reason);
      assertEquals(await next.catch((error) => error), reason);
      assertEquals((await iteration.next()).done, true);
    }
  }
});
