import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { GenericError } from "../../src/base/errors.ts";
import type { ConnectionEnd } from "../../src/connection/connection_end.ts";
import type { UdpListenerConfig } from "../../src/udp/udp_listener_config.ts";
import type { SessionHandler, SessionHandlerCallbacks } from "../../src/udp/session_handler.ts";
import type { UdpSession } from "../../src/udp/udp_session.ts";
import { VirtualClock } from "../../testing/virtual_clock.ts";
import { awkwardThings } from "../support/awkward.ts";
import { printedDuring } from "../support/printed_during.ts";
import { text } from "../support/text.ts";
import { scriptedDatagrams, settled } from "../support/scripted_datagrams.ts";
import { localClient, testOnEngines } from "../support/udp_engines.ts";
import { localListener } from "../support/udp_listeners.ts";

/** A handler on a scripted socket, and what was called. */
async function scripted(
  handler: SessionHandler,
  callbacks: SessionHandlerCallbacks = {},
  config: UdpListenerConfig = {},
) {
  const clock = new VirtualClock();
  const network = scriptedDatagrams(clock);
  const listener = localListener(network, config);
  await listener.serve(handler, callbacks);
  const socket = network.sockets[0]!;
  return {
    clock,
    listener,
    socket,
    async deliver(...words: string[]) {
      for (const word of words) {
        socket.deliver(word, word.length);
        await settled();
      }
    },
  };
}

testOnEngines("UdpListener.serve() gives each peer a loop of its own", async (network) => {
  const listener = localListener(network);
  await listener.serve(async (session) => {
    let count = 0;
    for await (const { data } of session) await session.write(`${++count} ${text(data)}`);
  });
  const peer = { remoteHost: "127.0.0.1", remotePort: listener.port };
  await using a = localClient(network, peer);
  await using b = localClient(network, peer);
  for (
    const [client, word, answer] of [[a, "a", "1 a"], [b, "b", "1 b"], [a, "c", "2 c"]] as const
  ) {
    await client.write(word);
    assertEquals(text((await client.read())[0]), answer);
  }
  // Loops that only wait end at a stop.
  const { completed, aborted } = await listener.gracefulStop();
  assertEquals([completed, aborted, listener.stats().sessions.ended.stop], [2, 0, 2]);
});

Deno.test("UdpListener.serve() closes a session when its handler returns", async () => {
  const sessions: UdpSession[] = [];
  const { deliver, listener, socket } = await scripted(async (session) => {
    sessions.push(session);
    const [bytes] = await session.read();
    void session.write(bytes);
  });
  await deliver("a", "a", "bb");
  assertEquals([sessions.length, listener.sessions.size], [3, 0]);
  for (const session of sessions) assertEquals(await session.closed, undefined);
  assertEquals(listener.stats().sessions.ended, { local: 3, idle: 0, stop: 0, error: 0 });
  assertEquals(socket.sent.length, 3);
  await listener.gracefulStop();
});

Deno.test("UdpListener.serve() ends the session whose handler throws, and no other", async () => {
  for (const isTold of [true, false]) {
    const things = awkwardThings();
    const told: unknown[] = [];
    const { deliver, listener, socket } = await scripted(async (session) => {
      for await (const { data } of session) {
        if (session.remotePort === 1) await session.write(data);
        else if (session.remotePort % 2 === 0) throw things[0];
        else await Promise.reject(things[0]);
      }
    }, isTold ? { onError: (session, error) => void told.push([session, error]) } : {});
    const printed = await printedDuring(async () => {
      await deliver("a");
      for (let length = 2; length < 8; length++) {
        await deliver("x".repeat(length));
        things.shift();
      }
      await deliver("b");
    });
    assertEquals(socket.sent.map((sent) => sent[0]), ["a", "b"]);
    assertEquals([told.length, printed.length > 0], isTold ? [6, false] : [0, true]);
    assertEquals([listener.sessions.size, listener.stats().sessions.ended.error], [1, 6]);
    await listener.gracefulStop();
  }
});

Deno.test("UdpListener.serve() tells onClose how each session has ended, once", async () => {
  const ends: [port: number, end: ConnectionEnd][] = [];
  const calls: string[] = [];
  const { clock, deliver, listener } = await scripted(async (session) => {
    const { remotePort } = session;
    for await (const _datagram of session) {
      if (remotePort === 1) return;
      if (remotePort === 2) session.abort("enough");
      if (remotePort === 3) throw new Error("on purpose");
    }
    calls.push(`${remotePort} is over`);
  }, {
    onError: (session, error) => void calls.push(`${session.remotePort} ${error.message}`),
    onClose(session, end) {
      calls.push(`${session.remotePort} closed`);
      ends.push([session.remotePort, end]);
    },
  }, { sessionIdleTimeoutInMillis: 500 });
  await deliver("a", "bb", "ccc", "dddd");
  await clock.advance(500);
  await deliver("eeeee");
  await clock.advance(100);
  await listener.gracefulStop();
  await settled();
  assertEquals(
    ends.map((
      [port, { by, error, durationInMillis }],
    ) => [port, by, error?.code, durationInMillis]),
    [
      [1, "local", undefined, 0],
      [2, "local", "aborted", 0],
      [3, "error", "handler", 0],
      [4, "error", "timed-out", 500],
      [5, "stop", undefined, 100],
    ],
  );
  assert(ends.every(([, end]) => Object.isFrozen(end)));
  assertEquals(calls, [
    "1 closed",
    "2 closed",
    "3 on purpose",
    "3 closed",
    "4 is over",
    "4 closed",
    "5 is over",
    "5 closed",
  ]);
});

Deno.test("UdpListener.serve(): what onClose throws is printed, and ends nothing", async () => {
  const { deliver, listener } = await scripted(() => {}, {
    onClose: (session) => session.remotePort === 1 ? Promise.reject("printed") : undefined,
  });
  const printed = await printedDuring(async () => {
    await deliver("a", "bb");
  });
  assertEquals([printed, listener.stats().sessions.ended.local], [["printed"], 2]);
  await listener.gracefulStop();
});

Deno.test("UdpListener.serve() of what cannot be bound attaches nothing", async () => {
  const network = scriptedDatagrams();
  const listenDatagram = network.listenDatagram;
  network.listenDatagram = () => {
    throw new Deno.errors.AddrInUse("in use");
  };
  const listener = localListener(network);
  const error = await assertRejects(() => listener.serve(() => {}), GenericError);
  assertStrictEquals(error.code, "in-use");
  network.listenDatagram = listenDatagram;
  await listener.serve(() => {});
  await assertRejects(() => listener.serve(() => {}), GenericError, "attached already");
  await listener.gracefulStop();
});

Deno.test("UdpListener.serve(): a handler that does not wait for datagrams has until the deadline", async () => {
  const goOn = Promise.withResolvers<void>();
  const ids: number[] = [];
  const { clock, deliver, listener, socket } = await scripted(async (session) => {
    await session.read();
    ids.push(session.id);
    if (session.remotePort === 1) await goOn.promise;
    else await new Promise(() => {});
    await session.write("done");
  });
  await deliver("a", "bb");
  const stopping = listener.gracefulStop({ deadlineInMillis: 1_000 });
  await settled();
  goOn.resolve();
  await settled();
  assertEquals([socket.sent, listener.sessions.size], [["done > 127.0.0.1:1"], 1]);
  await clock.advance(1_000);
  const { completed, cut } = await stopping;
  const second = { id: ids[1], remoteAddress: "127.0.0.1", remotePort: 2, reason: "deadline" };
  assertEquals([completed, cut], [1, [second]]);
});
