import { assertEquals } from "@std/assert";
import {
  hearsHandshake,
  tellEnded,
  tellOpened,
  tellSecured,
} from "../../src/events/connection_events.ts";
import { Events } from "../../src/events/events.ts";
import type { SocketEvent } from "../../src/events/socket_event.ts";
import { scriptedTransport } from "../../testing/mod.ts";

const secure = {
  protocol: "TLSv1.3",
  alpnProtocol: undefined,
  serverName: "a.example",
  peerCertificate: undefined,
} as const;

Deno.test("the events of a connection know its times, and its handshake until the end", async () => {
  const told: SocketEvent[] = [];
  const watch = { onEvent: (event: SocketEvent) => void told.push(event), telemetry: false };
  const events = new Events("connection", "client", watch);
  const beginning = { id: 9, begunAt: 100 };
  const transport = Object.assign(scriptedTransport([]), { secure });
  assertEquals(hearsHandshake(events), true);
  tellSecured(events, 9, transport, 110.2, 120.4);
  tellOpened(events, beginning, transport, 121);
  const outcome = { by: "peer", durationInMillis: 5, bytesRead: 1, bytesWritten: 2 } as const;
  tellEnded(events, beginning, transport, { ...outcome, error: undefined }, 130);
  // One in the clear had none.
  tellSecured(events, 10, scriptedTransport([]), 1, 2);
  tellEnded(events, beginning, scriptedTransport([]), { ...outcome, error: undefined }, 130);
  await Promise.resolve();
  assertEquals(told.map(({ kind }) => kind), ["secured", "opened", "ended", "ended"]);
  const [secured, opened, ended, plain] = told as [
    Extract<SocketEvent, { kind: "secured" }>,
    Extract<SocketEvent, { kind: "opened" }>,
    Extract<SocketEvent, { kind: "ended" }>,
    Extract<SocketEvent, { kind: "ended" }>,
  ];
  assertEquals([secured.durationInMillis, opened.openingInMillis], [10, 21]);
  assertEquals([ended.handshakeInMillis, ended.secure?.serverName], [10, "a.example"]);
  assertEquals([plain.handshakeInMillis, plain.secure], [undefined, undefined]);
});

Deno.test("hearsHandshake() is false where nobody listens", () => {
  const nobody = new Events("connection", "client", { onEvent: undefined, telemetry: false });
  assertEquals(hearsHandshake(nobody), false);
});
