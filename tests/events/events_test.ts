import { assert, assertEquals } from "@std/assert";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Events } from "../../src/events/events.ts";
import type { SocketEvent } from "../../src/events/socket_event.ts";
import { printedDuring } from "../support/printed_during.ts";

const NOBODY = { onEvent: undefined, telemetry: false };

function stopping(): SocketEvent {
  return { kind: "stopping", localAddress: "127.0.0.1", localPort: 1 };
}

function refused(): SocketEvent {
  return {
    kind: "refused",
    reason: "denied",
    side: "listener",
    transport: "tcp",
    id: 1,
    remoteAddress: "192.0.2.1",
    remotePort: 2,
    localAddress: "127.0.0.1",
    localPort: 1,
  };
}

Deno.test("Events hears nothing where nobody listens, and what a channel has a subscriber for", () => {
  const streams = new Events("connection", "listener", NOBODY);
  const datagrams = new Events("datagram", "listener", NOBODY);
  const kinds = ["opened", "secured", "refused", "ended", "rested", "stopping"] as const;
  const heard = (events: Events) => kinds.filter((kind) => events.hears(kind));
  assertEquals([heard(streams), heard(datagrams)], [[], []]);
  const hear = () => {};
  subscribe("socket.connection.ended", hear);
  subscribe("socket.listener.stopping", hear);
  assertEquals([heard(streams), heard(datagrams)], [["ended", "stopping"], ["stopping"]]);
  unsubscribe("socket.connection.ended", hear);
  unsubscribe("socket.listener.stopping", hear);
  assertEquals(heard(streams), []);
  for (const watch of [{ onEvent() {}, telemetry: false }, { ...NOBODY, telemetry: true }]) {
    assertEquals(heard(new Events("connection", "client", watch)), [...kinds]);
  }
});

Deno.test("Events gives the same frozen event to onEvent and to the channel, in a turn of its own", async () => {
  const told: unknown[] = [];
  const hear = (event: unknown) => void told.push(event);
  subscribe("socket.connection.refused", hear);
  const onEvent = (event: SocketEvent) => void told.push(event);
  const events = new Events("connection", "listener", { onEvent, telemetry: false });
  const event = refused();
  events.emit(event);
  assertEquals(told, []);
  await Promise.resolve();
  unsubscribe("socket.connection.refused", hear);
  assertEquals(told.length, 2);
  assert(told[0] === event && told[1] === event && Object.isFrozen(event));
});

Deno.test("Events outlives listeners that throw, reject or never settle, and calls each once", async () => {
  let calls = 0;
  const hear = () => {
    calls++;
    throw new Error("subscriber");
  };
  subscribe("socket.listener.stopping", hear);
  const hooks = [
    () => {
      throw new Error("hook");
    },
    () => Promise.reject(new Error("late hook")),
    () => new Promise(() => {}),
  ];
  const printed = await printedDuring(async () => {
    for (const onEvent of hooks) {
      new Events("connection", "listener", { onEvent, telemetry: false }).emit(stopping());
    }
    for (let i = 0; i < 5; i++) await Promise.resolve();
  });
  unsubscribe("socket.listener.stopping", hear);
  assertEquals(calls, 3);
  const messages = printed.map((error) => (error as Error).message);
  assertEquals(messages.filter((message) => message.includes("hook")), ["hook", "late hook"]);
});

Deno.test("Events is no recursion where a hook causes the next event", async () => {
  let left = 20_000;
  let depth = 0;
  const onEvent = () => {
    depth++;
    if (left-- > 0) events.emit(stopping());
    assertEquals(depth, 1);
    depth--;
  };
  const events: Events = new Events("connection", "listener", { onEvent, telemetry: false });
  events.emit(stopping());
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(left, -1);
});
