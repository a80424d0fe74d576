import { assertEquals, assertThrows } from "@std/assert";
import type { Caller, Service } from "../../mod.ts";
import { serviceOf } from "../../src/connection/handler.ts";
import { readService } from "../../src/connection/service.ts";
import { serve } from "../../src/connection/service_loop.ts";
import { end } from "../../testing/mod.ts";
import { scriptedConnection } from "../support/scripted_connection.ts";

async function handled(handler: (caller: Caller) => Promise<void>, callbacks = {}) {
  const { connection, peer } = scriptedConnection(["a", "b", end()]);
  serve(connection, readService(serviceOf(handler, callbacks)));
  const error = await connection.closed;
  return { error, written: new TextDecoder().decode(peer.written) };
}

Deno.test("serviceOf() closes a connection when its handler returns", async () => {
  const echo = async (caller: Caller) => {
    for await (const bytes of caller) await caller.write(bytes);
  };
  assertEquals(await handled(echo), { error: undefined, written: "ab" });
  const greeting = async (caller: Caller) => void await caller.write("hello");
  assertEquals(await handled(greeting), { error: undefined, written: "hello" });
});

Deno.test("serviceOf() reports what a handler throws, and how each connection has ended", async () => {
  const told: unknown[] = [];
  const callbacks: Partial<Service> = {
    onError: (_caller, error) => void told.push(error.message),
    onClose: (_caller, { by }) => void told.push(by),
  };
  const { error } = await handled(() => Promise.reject(new Error("no")), callbacks);
  assertEquals([error?.code, told], ["handler", ["no", "error"]]);
});

Deno.test("serviceOf() names what is wrong", () => {
  const make = (...given: unknown[]) => () =>
    (serviceOf as (...given: unknown[]) => unknown)(...given);
  assertThrows(make({}, {}), TypeError, "handler must be a function");
  assertThrows(make(() => {}, null), TypeError, "callbacks must be an object");
  assertThrows(make(() => {}, { onError: 1 }), TypeError, "callbacks.onError must be a function");
  assertThrows(make(() => {}, { onConnect() {} }), TypeError, 'no option "onConnect"');
});
