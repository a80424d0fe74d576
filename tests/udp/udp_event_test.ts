import { assertEquals } from "@std/assert";
import {
  UdpClientEvents,
  type UdpListenerEvent,
  UdpListenerEvents,
} from "../../src/udp/udp_event.ts";
import { VirtualClock } from "../../testing/mod.ts";

const peer = { transport: "udp", hostname: "192.0.2.1", port: 7 } as const;
const unasked = {
  port: 9,
  address: "192.0.2.9",
  stats() {
    throw new Error("nobody has asked");
  },
};

Deno.test("UdpListenerEvents tells of sessions, and of a stop only where there was a start", async () => {
  const told: UdpListenerEvent[] = [];
  const watch = { onEvent: (event: UdpListenerEvent) => void told.push(event), telemetry: false };
  const events = new UdpListenerEvents(unasked, watch, new VirtualClock());
  events.stopping();
  events.stopped();
  events.bound();
  events.opened(3, peer);
  const session = { peer, endedBy: "local", ageInMillis: 5.4, bytesRead: 1, bytesWritten: 2 };
  events.ended(3, { ...session, endedBy: "local" }, undefined);
  events.stopping();
  events.stopped();
  await Promise.resolve();
  const subject = {
    side: "listener",
    transport: "udp",
    id: 3,
    remoteAddress: "192.0.2.1",
    remotePort: 7,
    localAddress: "192.0.2.9",
    localPort: 9,
  } as const;
  const local = { localAddress: "192.0.2.9", localPort: 9 };
  assertEquals(told, [
    { kind: "opened", ...subject, openingInMillis: 0 },
    {
      kind: "ended",
      ...subject,
      by: "local",
      durationInMillis: 5,
      bytesRead: 1,
      bytesWritten: 2,
    },
    { kind: "stopping", ...local },
    { kind: "stopped", ...local },
  ]);
});

Deno.test("events of datagrams are not made where nobody listens", () => {
  const nobody = { onEvent: undefined, telemetry: false };
  const clock = new VirtualClock();
  const untouchable = new Proxy(peer, {
    get() {
      throw new Error("somebody has looked");
    },
  });
  const events = new UdpListenerEvents(unasked, nobody, clock);
  events.bound();
  events.opened(1, untouchable);
  events.refused(untouchable);
  events.ended(1, untouchable as never, undefined);
  events.stopped();
  const client = new UdpClientEvents(untouchable as never, nobody, clock);
  client.opened({ host: "192.0.2.9", port: 1 }, undefined);
  client.ended(undefined);
});
