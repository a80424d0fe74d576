// The events of listeners, clients and UDP sockets, compared with what they are about.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import {
  Client,
  type ClientEvent,
  type EndedEvent,
  type EventKind,
  GenericError,
  Listener,
  type ListenerEvent,
  type SocketEvent,
  UdpClient,
  type UdpClientEvent,
  UdpListener,
  type UdpListenerEvent,
} from "../../mod.ts";
import { outOfDescriptors, scriptedListener, scriptedNetwork } from "../../testing/mod.ts";
import { Authority } from "../support/certificates.ts";
import { echo } from "../support/echo.ts";
import { listening } from "../support/listening.ts";
import { printedDuring } from "../support/printed_during.ts";

/** Keeps events, and can be waited for. */
class Log<E extends SocketEvent> {
  readonly events: E[] = [];
  #waiters: (() => void)[] = [];

  readonly add = (event: E): void => {
    this.events.push(event);
    for (const wake of this.#waiters.splice(0)) wake();
  };

  /** Waits until there are so many of a kind, and gives the last one. */
  async next<K extends E["kind"]>(kind: K, count = 1): Promise<Extract<E, { kind: K }>> {
    for (;;) {
      const all = this.events.filter((event) => event.kind === kind);
      if (all.length >= count) return all[count - 1] as Extract<E, { kind: K }>;
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  get kinds(): EventKind[] {
    return this.events.map(({ kind }) => kind);
  }
}

const authority = await Authority.make("Tests");
const { cert, key } = await authority.sign();
const caCerts = [authority.cert];

Deno.test("Listener and Client report a connection from its beginning to its end, and the numbers agree", async () => {
  const [there, here] = [new Log<ListenerEvent>(), new Log<ClientEvent>()];
  const listener = await listening(echo, { onEvent: there.add });
  const client = await Client.connect({
    host: "127.0.0.1",
    port: listener.port,
    onEvent: here.add,
  });
  await client.write("hello");
  await client.read(5);
  const [caller] = listener.connections;
  const { localPort, id } = client;
  await client.close();
  const ended = await there.next("ended");
  const end = await here.next("ended");
  await listener.gracefulStop();
  assertEquals(there.kinds, ["opened", "ended", "stopping", "stopped"]);
  assertEquals(here.kinds, ["opened", "ended"]);
  const far = { remoteAddress: "127.0.0.1", remotePort: localPort };
  const near = { localAddress: "127.0.0.1", localPort: listener.port };
  const { openingInMillis: _, ...opened } = there.events[0] as Extract<ListenerEvent, {
    kind: "opened";
  }>;
  const subject = { side: "listener", transport: "tcp", id: caller!.id, ...far, ...near } as const;
  assertEquals(opened, { kind: "opened", ...subject });
  const { durationInMillis, ...rest } = ended;
  assertEquals(rest, { kind: "ended", ...subject, by: "peer", bytesRead: 5, bytesWritten: 5 });
  assert(durationInMillis >= 0 && durationInMillis < 10_000);
  assertEquals(
    [end.id, end.side, end.by, end.remotePort, end.localPort, end.bytesRead, end.bytesWritten],
    [id, "client", "local", listener.port, localPort, 5, 5],
  );
  assertEquals(there.events.slice(2), [
    { kind: "stopping", ...near },
    { kind: "stopped", ...near },
  ]);
  for (const event of [...there.events, ...here.events]) assert(Object.isFrozen(event));
});

Deno.test("Listener and Client report handshakes, one at the beginning and one in the middle", async () => {
  for (const mode of ["immediate", "upgrade"] as const) {
    const [there, here] = [new Log<ListenerEvent>(), new Log<ClientEvent>()];
    const listener = await listening(
      mode === "immediate"
        ? echo
        : { onConnect: (caller) => caller.upgradeToTls(), onBytes: (_, bytes) => bytes },
      { onEvent: there.add, secureSocket: { cert, key, mode } },
    );
    const secureSocket = { caCerts, serverName: "localhost" };
    const client = await Client.connect({
      host: "127.0.0.1",
      port: listener.port,
      ...(mode === "immediate" ? { secureSocket } : {}),
      onEvent: here.add,
    });
    if (mode === "upgrade") await client.upgradeToTls(secureSocket);
    await there.next("secured");
    await client.close();
    const ends = [await there.next("ended"), await here.next("ended")];
    await listener.gracefulStop();
    const order = mode === "immediate" ? ["secured", "opened"] : ["opened", "secured"];
    assertEquals(there.kinds.slice(0, 2), order as EventKind[]);
    assertEquals(here.kinds, [...order, "ended"] as EventKind[]);
    for (const { events } of [there, here]) {
      const ids = new Set(events.flatMap((event) => "id" in event ? [event.id] : []));
      assertEquals(ids.size, 1);
    }
    const secured = await there.next("secured");
    assertEquals(secured.secure.serverName, "localhost");
    for (const { transport } of [secured, ...ends]) assertEquals(transport, "tcp");
    for (const { secure, handshakeInMillis } of ends) {
      assert(secure !== undefined && handshakeInMillis! >= 0);
    }
    assertEquals(ends[0]!.secure, secured.secure);
  }
});

Deno.test("Listener reports whom it refuses, with the client's own address behind a proxy", async () => {
  const there = new Log<ListenerEvent>();
  const listener = await listening(echo, {
    onEvent: there.add,
    deny: ["203.0.113.7"],
    proxyProtocol: { trusted: ["127.0.0.1"] },
  });
  const dialFrom = (hostname: string) =>
    Client.connect({
      host: "127.0.0.1",
      port: listener.port,
      sendProxyHeader: {
        source: { transport: "tcp", hostname, port: 51_234 },
        destination: { transport: "tcp", hostname: "198.51.100.1", port: 443 },
      },
    });
  await using denied = await dialFrom("203.0.113.7");
  const refused = await there.next("refused");
  assertEquals([refused.reason, refused.remoteAddress, refused.remotePort], [
    "denied",
    "203.0.113.7",
    51_234,
  ]);
  assert(refused.id > 0);
  const fine = await dialFrom("203.0.113.8");
  await fine.close();
  const ended = await there.next("ended");
  assertEquals([ended.remoteAddress, ended.remotePort], ["203.0.113.8", 51_234]);
  denied.abort();
  await listener.gracefulStop();
});

Deno.test("Listener reports a handshake that failed once, and a client why it could not connect", async () => {
  const [there, here] = [new Log<ListenerEvent>(), new Log<ClientEvent>()];
  const listener = await listening(echo, { onEvent: there.add, secureSocket: { cert, key } });
  const { port } = listener;
  await assertRejects(
    () => Client.connect({ host: "127.0.0.1", port, secureSocket: {}, onEvent: here.add }),
    GenericError,
    "secure",
  );
  const refused = await there.next("refused");
  assertEquals([refused.reason, refused.error?.code], ["handshake", "handshake"]);
  assert(refused.durationInMillis! >= 0);
  await listener.gracefulStop();
  await assertRejects(
    () => Client.connect({ host: "127.0.0.1", port, onEvent: here.add }),
    GenericError,
  );
  const controller = new AbortController();
  controller.abort(new Error("mine"));
  await assertRejects(
    () => Client.connect({ host: "127.0.0.1", port, signal: controller.signal, onEvent: here.add }),
    Error,
    "mine",
  );
  await here.next("refused", 3);
  assertEquals(
    here.events.map((event) => event.kind === "refused" ? event.reason : event.kind),
    ["handshake", "unreachable", "aborted"],
  );
  const first = here.events[0] as Extract<ClientEvent, { kind: "refused" }>;
  assertEquals([first.remoteAddress, first.remotePort, first.localPort], ["127.0.0.1", port, 0]);
});

Deno.test("Listener reports rests without descriptors, and counts them", async () => {
  const there = new Log<ListenerEvent>();
  const listener = new Listener(0, {
    network: scriptedNetwork({ listens: [scriptedListener([outOfDescriptors()])] }),
    onEvent: there.add,
  });
  listener.attach(echo);
  await listener.start();
  const rested = await there.next("rested");
  assertEquals([rested.restInMillis, (rested.error as { code?: string }).code], [5, "EMFILE"]);
  assertEquals(listener.stats().rests, 1);
  await listener.immediateStop();
  await there.next("stopped");
});

Deno.test("Listener reports certificates that were replaced, or not", async () => {
  const there = new Log<ListenerEvent>();
  const listener = await listening(echo, { onEvent: there.add, secureSocket: { cert, key } });
  await listener.replaceCertificate({ cert, key });
  await assertRejects(() => listener.replaceCertificate({ cert, key: "nonsense" }), GenericError);
  await there.next("reloaded", 2);
  await listener.gracefulStop();
  const reloads = there.events.filter((event) => event.kind === "reloaded");
  assertEquals(reloads.map(({ error }) => error?.code), [undefined, "handshake"]);
});

Deno.test("UdpListener and UdpClient report sessions and sockets, and the numbers agree", async () => {
  const [there, here] = [new Log<UdpListenerEvent>(), new Log<UdpClientEvent>()];
  const listener = new UdpListener(0, {
    interface: "127.0.0.1",
    maxSessions: 1,
    onEvent: there.add,
  });
  listener.attach(() => ({ onBytes: (_, bytes) => bytes }));
  await listener.start();
  const to = { remoteHost: "127.0.0.1", remotePort: listener.port };
  const client = new UdpClient({ host: "127.0.0.1", port: 0 }, { ...to, onEvent: here.add });
  await client.write("hello");
  await client.read();
  const [session] = listener.sessions;
  await using other = new UdpClient({ host: "127.0.0.1", port: 0 }, to);
  await other.write("one too many");
  const refused = await there.next("refused");
  assertEquals([refused.reason, refused.remotePort], ["session-limit", other.localPort]);
  const { id, remotePort } = session!;
  await session!.close();
  const ended = await there.next("ended");
  assertEquals(
    [ended.id, ended.remotePort, ended.by, ended.bytesRead, ended.bytesWritten],
    [id, remotePort, "local", 5, 5],
  );
  const { received, sent, queuedBytes } = client.stats();
  assertEquals([received, sent, queuedBytes], [
    { datagrams: 1, bytes: 5 },
    { datagrams: 1, bytes: 5 },
    0,
  ]);
  await client.close();
  const end = await here.next("ended");
  assertEquals([end.bytesRead, end.bytesWritten, end.by, end.remotePort], [
    5,
    5,
    "local",
    listener.port,
  ]);
  await listener.gracefulStop();
  assertEquals(here.kinds, ["opened", "ended"]);
  assertEquals(there.kinds, ["opened", "refused", "ended", "stopping", "stopped"]);
});

Deno.test("the diagnostics channels hear of sockets whose config says nothing", async () => {
  const told: string[] = [];
  const over = Promise.withResolvers<EndedEvent>();
  const hear = (event: unknown, name: string | symbol) => {
    told.push(`${String(name)} ${(event as EndedEvent).side ?? ""}`);
    if (told.filter((line) => line.startsWith("socket.connection.ended")).length === 2) {
      over.resolve(event as EndedEvent);
    }
  };
  const names = ["connection.opened", "connection.ended", "listener.stopped"];
  for (const name of names) subscribe(`socket.${name}`, hear);
  const listener = await listening(echo);
  const client = await Client.connect({ host: "127.0.0.1", port: listener.port });
  await client.close();
  await over.promise;
  await listener.gracefulStop();
  await Promise.resolve();
  for (const name of names) unsubscribe(`socket.${name}`, hear);
  assertEquals(told.toSorted(), [
    "socket.connection.ended client",
    "socket.connection.ended listener",
    "socket.connection.opened client",
    "socket.connection.opened listener",
    "socket.listener.stopped ",
  ]);
});

Deno.test("a hook that throws, rejects, never settles or writes to its connection ends nothing", async () => {
  const deeds: ((listener: Listener) => unknown)[] = [
    () => {
      throw new Error("hook");
    },
    () => Promise.reject(new Error("hook")),
    () => new Promise(() => {}),
    (listener) => {
      for (const caller of listener.connections) void caller.write("!");
    },
  ];
  await printedDuring(async () => {
    for (const deed of deeds) {
      const listener: Listener = await listening(echo, {
        onEvent: () => deed(listener) as void,
      });
      const config = { host: "127.0.0.1", port: listener.port };
      const clients = await Promise.all([
        Client.connect({ ...config, onEvent: () => deed(listener) as void }),
        Client.connect(config),
      ]);
      for (const client of clients) {
        await client.write("hello");
        let text = "";
        while (!text.includes("hello")) text += new TextDecoder().decode((await client.read())[0]);
      }
      for (const client of clients) await client.close();
      const { aborted } = await listener.gracefulStop({ deadlineInMillis: 5_000 });
      assertEquals([aborted, listener.stats().ended.error], [0, 0]);
    }
  });
});
