import { assertEquals } from "@std/assert";
import {
  hearsHandshake,
  noteFailedUpgrade,
  noteUpgrade,
  tellEnded,
  tellOpened,
  tellSecured,
} from "../../src/events/connection_events.ts";
import { GenericError } from "../../src/base/errors.ts";
import { Events } from "../../src/events/events.ts";
import type { SocketEvent } from "../../src/events/socket_event.ts";
import { scriptedTransport } from "../../testing/mod.ts";
import { registerFakeOtel } from "../support/fake_otel.ts";

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

Deno.test("the end of a connection has the upgrade that it did not survive, unless that was given up", () => {
  using otel = registerFakeOtel();
  const events = new Events("connection", "client", { onEvent: undefined, telemetry: true });
  const end = (code: "handshake" | "timed-out" | "aborted" | undefined, failedAt?: number) => {
    const transport = scriptedTransport([]);
    noteUpgrade(transport, 110);
    if (failedAt !== undefined) noteFailedUpgrade(transport, failedAt);
    const error = code === undefined ? undefined : new GenericError(code, "Cannot");
    const by = code === undefined || code === "aborted" ? "local" : "error";
    const outcome = { by, error, durationInMillis: 30, bytesRead: 0, bytesWritten: 0 } as const;
    tellEnded(events, { id: 1, begunAt: 100 }, transport, outcome, 130);
  };
  const shakes = () =>
    otel.recorded.filter(([name]) => name === "socket.client.tls_handshake.duration")
      .map(([, seconds, about]) => [seconds, about["error.type"]]);
  // By a stop, and by an abort.
  end(undefined);
  end("aborted");
  assertEquals(shakes(), []);
  assertEquals(otel.spans.map(({ name }) => name), Array(2).fill("socket.client.connection"));
  // It failed before its service let it go, and a limit has ended it under way.
  end("handshake", 115);
  end("timed-out");
  assertEquals(shakes(), [[0.005, "handshake"], [0.02, "handshake"]]);
  const children = otel.spans.filter(({ name }) => name === "socket.tls_handshake");
  assertEquals(children.map(({ status }) => status?.code), [2, 2]);
  assertEquals(otel.spans.length, 6);
});
