import { assert, assertEquals } from "@std/assert";
import { GenericError } from "../../mod.ts";
import {
  type EventfulListener,
  type ListenerEvent,
  ListenerEvents,
} from "../../src/listener/listener_event.ts";
import { printedDuring } from "../support/printed_during.ts";
import { tcp } from "../support/tcp.ts";

const peer = tcp("192.0.2.1");
const listener: EventfulListener = {
  port: 80,
  address: "192.0.2.9",
  stats() {
    throw new Error("nobody has asked");
  },
};
const local = { localAddress: "192.0.2.9", localPort: 80 };

function eventsTo(onEvent: ((event: ListenerEvent) => void) | undefined): ListenerEvents {
  return new ListenerEvents(listener, { onEvent, telemetry: false }, () => 1_000);
}

Deno.test("ListenerEvents tells what has happened, in a turn of its own", async () => {
  const told: ListenerEvent[] = [];
  const events = eventsTo((event) => void told.push(event));
  const error = new GenericError("handshake", "Cannot");
  events.bound(tcp("192.0.2.9"));
  events.refused("denied", peer, undefined, 4);
  const ends = { remoteAddr: { transport: "unix", path: "/a" }, localAddr: peer } as const;
  events.insecure({ id: 5, begunAt: 900 }, ends, error, 950);
  events.reloaded();
  events.reloaded(error);
  events.rested(error, 5);
  events.stopping();
  events.stopped();
  assertEquals(told, []);
  await Promise.resolve();
  assertEquals(told, [
    {
      kind: "refused",
      reason: "denied",
      side: "listener",
      transport: "tcp",
      id: 4,
      remoteAddress: "192.0.2.1",
      remotePort: 7,
      ...local,
    },
    {
      kind: "refused",
      reason: "handshake",
      side: "listener",
      transport: "unix",
      id: 5,
      remoteAddress: "/a",
      remotePort: 0,
      localAddress: "192.0.2.1",
      localPort: 7,
      error,
      durationInMillis: 50,
    },
    { kind: "reloaded", ...local },
    { kind: "reloaded", ...local, error },
    { kind: "rested", ...local, restInMillis: 5, error },
    { kind: "stopping", ...local },
    { kind: "stopped", ...local },
  ]);
  assert(told.every((event) => Object.isFrozen(event)));
});

Deno.test("ListenerEvents tells of a stop only where there was a start", async () => {
  const told: ListenerEvent[] = [];
  const events = eventsTo((event) => void told.push(event));
  events.stopping();
  events.stopped();
  events.bound(tcp("192.0.2.9"));
  events.stopped();
  events.stopped();
  await Promise.resolve();
  assertEquals(told.map(({ kind }) => kind), ["stopped"]);
});

Deno.test("ListenerEvents outlives an onEvent that throws, at once or later", async () => {
  const printed = await printedDuring(async () => {
    const throwing = () => {
      throw new Error("at once");
    };
    const rejecting = () => Promise.reject(new Error("later")) as unknown as void;
    for (const onEvent of [throwing, rejecting]) eventsTo(onEvent).refused("denied", peer);
    for (let i = 0; i < 5; i++) await Promise.resolve();
  });
  assertEquals(printed.map((error) => (error as Error).message), ["at once", "later"]);
});

Deno.test("ListenerEvents makes nothing where nobody listens", async () => {
  const events = eventsTo(undefined);
  const untouchable = new Proxy(peer, {
    get() {
      throw new Error("somebody has looked");
    },
  });
  events.bound(tcp("192.0.2.9"));
  events.refused("denied", untouchable);
  const ends = { remoteAddr: untouchable };
  events.insecure({ id: 1, begunAt: 0 }, ends, new GenericError("handshake", "Cannot"));
  assertEquals(events.shaking(), NaN);
  events.reloaded();
  events.stopping();
  events.stopped();
  await Promise.resolve();
});
