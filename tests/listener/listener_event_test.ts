import { assertEquals } from "@std/assert";
import { GenericError } from "../../mod.ts";
import { type ListenerEvent, ListenerEvents } from "../../src/listener/listener_event.ts";
import { printedDuring } from "../support/printed_during.ts";
import { tcp } from "../support/tcp.ts";

const peer = tcp("192.0.2.1");
const refused = {
  kind: "refused",
  reason: "denied",
  remoteAddress: "192.0.2.1",
  remotePort: 7,
} as const;

Deno.test("ListenerEvents tells what has happened, in a turn of its own", async () => {
  const told: ListenerEvent[] = [];
  const events = new ListenerEvents((event) => void told.push(event));
  const error = new GenericError("handshake", "Cannot");
  events.refused("denied", peer);
  events.refused("handshake", { transport: "unix", path: "/a" }, error);
  events.reloaded();
  events.reloaded(error);
  assertEquals(told, []);
  await Promise.resolve();
  assertEquals(told, [
    refused,
    { kind: "refused", reason: "handshake", remoteAddress: "/a", remotePort: 0, error },
    { kind: "reloaded" },
    { kind: "reloaded", error },
  ]);
});

Deno.test("ListenerEvents outlives an onEvent that throws, at once or later", async () => {
  const printed = await printedDuring(async () => {
    const throwing = () => {
      throw new Error("at once");
    };
    const rejecting = () => Promise.reject(new Error("later")) as unknown as void;
    for (const onEvent of [throwing, rejecting]) {
      new ListenerEvents(onEvent).refused("denied", peer);
    }
    for (let i = 0; i < 5; i++) await Promise.resolve();
  });
  assertEquals(printed.map((error) => (error as Error).message), ["at once", "later"]);
});

Deno.test("ListenerEvents makes nothing where nobody listens", async () => {
  const events = new ListenerEvents(undefined);
  const untouchable = new Proxy(peer, {
    get() {
      throw new Error("somebody has looked");
    },
  });
  events.refused("denied", untouchable);
  events.reloaded();
  await Promise.resolve();
});
