import { assert, assertEquals } from "@std/assert";
import { GenericError } from "../../mod.ts";
import { type ClientEvent, ClientEvents } from "../../src/connection/client_event.ts";
import { scriptedTransport, VirtualClock } from "../../testing/mod.ts";

const to = { transport: "tcp", address: "a.example", port: 7 } as const;

Deno.test("ClientEvents says where to, why not, and how long it took", async () => {
  const told: ClientEvent[] = [];
  const clock = new VirtualClock();
  const watch = { onEvent: (event: ClientEvent) => void told.push(event), telemetry: false };
  const events = new ClientEvents(to, watch, clock);
  await clock.advance(30);
  const error = new GenericError("timed-out", "Cannot");
  events.refused(error);
  await Promise.resolve();
  const subject = {
    kind: "refused",
    side: "client",
    transport: "tcp",
    id: events.id,
    remoteAddress: "a.example",
    remotePort: 7,
    localAddress: "",
    localPort: 0,
    durationInMillis: 30,
  } as const;
  assertEquals(told, [{ ...subject, reason: "timed-out", error }]);
});

Deno.test("ClientEvents makes no event where nobody listens, and all such clients share one point", () => {
  const nobody = { onEvent: undefined, telemetry: false };
  const clock = new VirtualClock();
  const [one, two] = [new ClientEvents(to, nobody, clock), new ClientEvents(to, nobody, clock)];
  assert(one.point === two.point && one.id !== two.id);
  const numbers = { bytesRead: 0, bytesWritten: 0, queuedBytes: 0 };
  one.shaking();
  assertEquals(one.secured(scriptedTransport([])).secure, undefined);
  one.opened(scriptedTransport([]), numbers);
  one.refused(new GenericError("timed-out", "Cannot"));
  one.left();
});
