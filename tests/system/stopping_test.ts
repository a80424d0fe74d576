// What has arrived before a stop is handled, over real sockets, by every kind of service on every kind of transport.

import { assert, assertEquals } from "@std/assert";
import {
  Client,
  type ClientConfig,
  framed,
  framedService,
  LineCodec,
  Listener,
  type ListenerConfig,
  type LocalClientConfig,
  UdpClient,
  UdpListener,
} from "../../mod.ts";
import { Authority } from "../support/certificates.ts";
import { waysToServe } from "../support/ways_to_serve.ts";
import { dial } from "../support/dial.ts";
import { listening } from "../support/listening.ts";
import { droppedBy } from "../support/udp_listeners.ts";

const CLIENTS = 50;
const PATIENCE_IN_MILLIS = 10_000;

const decoder = new TextDecoder();

/** Each carrier: how to listen, and how to get there. */
async function carriers() {
  const authority = await Authority.make("Stopping Test CA");
  const { cert, key } = await authority.sign({ hosts: ["localhost"] });
  const caCerts = [authority.cert];
  const folder = await Deno.makeTempDir();
  const tcp = { interface: "127.0.0.1" };
  const plain = ({ port }: Listener): ClientConfig => ({ host: "127.0.0.1", port });
  return {
    folder,
    all: [
      ["TCP", tcp, plain],
      ["TLS", { ...tcp, secureSocket: { cert, key } }, (listener: Listener) => ({
        ...plain(listener),
        secureSocket: { caCerts, serverName: "localhost" },
      })],
      ["Unix", { path: `${folder}/socket` }, () => ({ path: `${folder}/socket` })],
    ] as [string, ListenerConfig, (listener: Listener) => ClientConfig | LocalClientConfig][],
  };
}

async function answer(client: Client): Promise<string | undefined> {
  return await client.readLine().catch((error) => String(error));
}

for (const [way, serve] of Object.entries(waysToServe)) {
  Deno.test(`Listener.gracefulStop() answers what came before it, on fresh and warm connections, by ${way}`, async () => {
    const { folder, all } = await carriers();
    for (const [carrier, config, target] of all) {
      const listener = new Listener(0, config);
      await listener.start();
      serve(listener);
      const warm: Client[] = [];
      for (let i = 0; i < CLIENTS; i++) {
        const client = await Client.connect(target(listener));
        await client.write("warm\n");
        assertEquals(await answer(client), "warm");
        warm.push(client);
      }
      const fresh = await Promise.all(
        Array.from({ length: CLIENTS }, () => Client.connect(target(listener))),
      );
      const clients = [...warm, ...fresh];
      await Promise.all(clients.map((client, i) => client.write(`last ${i}\n`)));
      const began = performance.now();
      const stopping = listener.gracefulStop({ deadlineInMillis: PATIENCE_IN_MILLIS });
      const answers = await Promise.all(clients.map(answer));
      assertEquals(answers, clients.map((_, i) => `last ${i}`), carrier);
      const { completed, cut } = await stopping;
      assertEquals([completed, cut], [clients.length, []], carrier);
      // Nobody was held until the deadline.
      assert(performance.now() - began < PATIENCE_IN_MILLIS, carrier);
      await Promise.all(clients.map((client) => client.close()));
    }
    await Deno.remove(folder, { recursive: true });
  });
}

Deno.test("Listener.gracefulStop() handles all that a client has sent and closed behind", async () => {
  const lines = 100_000;
  let handled = 0;
  const listener = await listening(framedService(new LineCodec(), {
    onMessage: () => void handled++,
  }));
  const client = await dial(listener);
  await client.write("a line of some length, as in a log\n".repeat(lines));
  const closing = client.close();
  const { completed, aborted } = await listener.gracefulStop();
  assertEquals([handled, completed, aborted], [lines, 1, 0]);
  await closing;
});

Deno.test("Listener.gracefulStop() serves whom the system keeps in its backlog", async () => {
  const { folder, all } = await carriers();
  for (const [carrier, config, target] of all) {
    if (carrier === "TLS") continue;
    // One place, which is taken: the others wait in the backlog.
    const listener = new Listener(0, { ...config, maxConnections: 1 });
    waysToServe["a service"]!(listener);
    await listener.start();
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => Client.connect(target(listener))),
    );
    await Promise.all(clients.map((client, i) => client.write(`${i}\n`)));
    const stopping = listener.gracefulStop({ deadlineInMillis: PATIENCE_IN_MILLIS });
    const answers = await Promise.all(clients.map(answer));
    assertEquals(answers, clients.map((_, i) => `${i}`), carrier);
    assertEquals((await stopping).completed, 20);
    await Promise.all(clients.map((client) => client.close()));
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("Listener.gracefulStop() serves those behind clients who wait for a place to shake hands", async () => {
  const authority = await Authority.make("Stopping Test CA");
  const { cert, key } = await authority.sign({ hosts: ["localhost"] });
  const listener = new Listener(0, {
    interface: "127.0.0.1",
    secureSocket: { cert, key, maxHandshakes: 1 },
  });
  waysToServe["a service"]!(listener);
  await listener.start();
  listener.suspend();
  const clients = await Promise.all(
    Array.from({ length: 30 }, () => Client.connect({ host: "127.0.0.1", port: listener.port })),
  );
  for (const client of clients) {
    void client.upgradeToTls({ caCerts: [authority.cert], serverName: "localhost" });
  }
  const writes = clients.map((client, i) => client.write(`${i}\n`));
  const stopping = listener.gracefulStop({ deadlineInMillis: PATIENCE_IN_MILLIS });
  await Promise.allSettled(writes);
  assertEquals(await Promise.all(clients.map(answer)), clients.map((_, i) => `${i}`));
  assertEquals(await stopping, { completed: 30, aborted: 0, cut: [] });
  await Promise.all(clients.map((client) => client.close()));
});

Deno.test("Listener.gracefulStop() handles what came behind bytes that came with the handshake", async () => {
  const authority = await Authority.make("Stopping Test CA");
  const secureSocket = await authority.sign({ hosts: ["localhost"] });
  const isGreeted = Promise.withResolvers<void>();
  const mayGo = Promise.withResolvers<void>();
  const listener = await listening({
    async onConnect() {
      isGreeted.resolve();
      await mayGo.promise;
    },
    onBytes: (_caller, bytes) => bytes,
  }, { secureSocket });
  const client = await Client.connect({ host: "127.0.0.1", port: listener.port });
  // What is written meanwhile leaves right behind the client's part of the handshake.
  void client.upgradeToTls({ caCerts: [authority.cert], serverName: "localhost" });
  await client.write("first\n");
  await isGreeted.promise;
  await client.write("last\n");
  const stopping = listener.gracefulStop({ deadlineInMillis: PATIENCE_IN_MILLIS });
  mayGo.resolve();
  assertEquals([await answer(client), await answer(client)], ["first", "last"]);
  assertEquals(await stopping, { completed: 1, aborted: 0, cut: [] });
  await client.close();
});

Deno.test("Listener.gracefulStop() counts and names whom nobody takes", async () => {
  const listener = new Listener(0, { interface: "127.0.0.1" });
  await listener.start();
  const target = { host: "127.0.0.1", port: listener.port };
  const clients = await Promise.all(Array.from({ length: 20 }, () => Client.connect(target)));
  const { completed, aborted, cut } = await listener.gracefulStop();
  assertEquals([completed, aborted], [0, 20]);
  // The report is the only book that has them.
  const { accepted, open, ended, handshakes } = listener.stats();
  const over = Object.values(ended).reduce((sum, count) => sum + count, handshakes.failed);
  assertEquals([accepted - over - cut.length, open], [0, 0]);
  assertEquals(
    cut.map(({ remotePort, reason, id }) => [remotePort, reason, id]).toSorted(),
    clients.map(({ localPort }) => [localPort, "not-taken", undefined]).toSorted(),
  );
  await Promise.all(clients.map((client) => client.close()));
});

Deno.test("Listener.gracefulStop() gives a loop over it those who had come, then ends it", async () => {
  const listener = new Listener(0, { interface: "127.0.0.1" });
  await listener.start();
  const target = { host: "127.0.0.1", port: listener.port };
  const clients = await Promise.all(Array.from({ length: 10 }, () => Client.connect(target)));
  let stopping: ReturnType<Listener["gracefulStop"]> | undefined;
  let taken = 0;
  for await (const caller of listener) {
    taken++;
    stopping ??= listener.gracefulStop({ deadlineInMillis: PATIENCE_IN_MILLIS });
    await caller.write("hello\n");
    await caller.close();
  }
  assertEquals(taken, 10);
  assertEquals(await stopping, { completed: 10, aborted: 0, cut: [] });
  for (const client of clients) {
    assertEquals(await answer(client), "hello");
    await client.close();
  }
});

for (const carrierName of ["TCP", "TLS"]) {
  Deno.test(`Listener.gracefulStop() is not held by clients that never stop asking, over ${carrierName}`, async () => {
    const { folder, all } = await carriers();
    const [, config, target] = all.find(([name]) => name === carrierName)!;
    const listener = new Listener(0, config);
    waysToServe["a service"]!(listener);
    await listener.start();
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => Client.connect(target(listener))),
    );
    let rounds = 0;
    const many = Promise.withResolvers<void>();
    const asking = clients.map(async (client) => {
      try {
        for (;;) {
          await client.write("ping\n");
          if (await client.readLine() === undefined) return;
          if (++rounds === 200) many.resolve();
        }
      } catch { /* the end of the connection */ }
    });
    await many.promise;
    const { completed, cut } = await listener.gracefulStop({
      deadlineInMillis: PATIENCE_IN_MILLIS,
    });
    assertEquals([completed, cut], [20, []]);
    await Promise.all(asking);
    await Promise.all(clients.map((client) => client.close()));
    await Deno.remove(folder, { recursive: true });
  });
}

const withoutEnd: Record<string, (listener: Listener) => void> = {
  "bytes": (listener) =>
    listener.attach({
      async onReadReady(caller) {
        await caller.read();
      },
    }),
  "messages": (listener) =>
    listener.attach(framedService(new LineCodec(), { onMessage: () => undefined })),
  "a loop of messages": (listener) =>
    listener.attach({
      async onConnect(caller) {
        for await (const _ of framed(caller, new LineCodec()));
      },
    }),
};

for (const [way, serve] of Object.entries(withoutEnd)) {
  Deno.test(`Listener.gracefulStop() is not held by a client that sends ${way} without end`, async () => {
    const listener = new Listener(0, { interface: "127.0.0.1" });
    serve(listener);
    await listener.start();
    const client = await dial(listener);
    // Never at the end of a message.
    const chunk = new TextEncoder().encode(
      `${"a line of some length, as in a log\n".repeat(2_000)}ha`,
    );
    const sending = (async () => {
      try {
        for (;;) await client.write(chunk);
      } catch { /* the end of the connection */ }
    })();
    while (client.bytesWritten < 1024 * 1024) await client.write(chunk);
    const { completed, cut } = await listener.gracefulStop({
      deadlineInMillis: PATIENCE_IN_MILLIS,
    });
    assertEquals([completed, cut], [1, []]);
    await sending;
    await client.close();
  });
}

Deno.test("UdpListener.gracefulStop() names those whom nobody has heard", async () => {
  const listener = new UdpListener(0, { interface: "127.0.0.1" });
  await listener.start();
  const peer = { remoteHost: "127.0.0.1", remotePort: listener.port };
  const client = new UdpClient({ host: "127.0.0.1", port: 0 }, peer);
  for (let i = 0; i < 3; i++) await client.write(`${i}`);
  const { completed, aborted, cut } = await listener.gracefulStop();
  const one = {
    id: undefined,
    remoteAddress: "127.0.0.1",
    remotePort: client.localPort,
    reason: "not-taken" as const,
  };
  assertEquals([completed, aborted, cut], [0, 3, [one, one, one]]);
  assertEquals(droppedBy(listener), 3);
  await client.close();
});

Deno.test("UdpListener.gracefulStop() answers what came before it", async () => {
  const consumers: Record<string, (listener: UdpListener) => void> = {
    "a service": (listener) => listener.attach({ onDatagram: (_, { data }) => data }),
    "sessions": (listener) =>
      listener.attach({
        async onSession(session) {
          for await (const { data } of session) await session.write(data);
        },
      }),
    "a loop": (listener) =>
      void (async () => {
        for await (const [caller, { data }] of listener) await caller.sendBytes(data);
      })(),
    "a loop of sessions": (listener) =>
      void (async () => {
        for await (const session of listener.acceptSessions()) {
          void (async () => {
            for await (const { data } of session) await session.write(data);
          })();
        }
      })(),
  };
  for (const [way, serve] of Object.entries(consumers)) {
    const listener = new UdpListener(0, { interface: "127.0.0.1" });
    await listener.start();
    serve(listener);
    const clients = Array.from(
      { length: CLIENTS },
      () =>
        new UdpClient({ host: "127.0.0.1", port: 0 }, {
          remoteHost: "127.0.0.1",
          remotePort: listener.port,
        }),
    );
    await Promise.all(clients.map((client) => client.bound));
    await Promise.all(clients.map((client, i) => client.write(`${i}`)));
    const stopping = listener.gracefulStop({ deadlineInMillis: PATIENCE_IN_MILLIS });
    const answers = await Promise.all(
      clients.map(async (client) => {
        const [bytes] = await client.read(undefined, { timeoutInMillis: 2_000 });
        return decoder.decode(bytes);
      }),
    );
    assertEquals(answers, clients.map((_, i) => `${i}`), way);
    assertEquals((await stopping).aborted, 0, way);
    await Promise.all(clients.map((client) => client.close()));
  }
});
