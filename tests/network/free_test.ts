import { assertEquals } from "@std/assert";
import type { Transport, TransportListener } from "../../src/network/transport.ts";
import { cut, free, freeListener } from "../../src/network/free.ts";

function recorder(members: readonly string[]): [transport: Transport, called: string[]] {
  const called: string[] = [];
  const member = (name: string) => () => {
    if (called.push(name) > 1) throw new Deno.errors.BadResource("Bad resource ID");
  };
  const transport = Object.fromEntries(members.map((name) => [name, member(name)]));
  return [transport as unknown as Transport, called];
}

Deno.test("free() closes a stream, and does not mind that it was freed already", () => {
  const [transport, called] = recorder(["close", "reset"]);
  free(transport);
  free(transport);
  assertEquals(called, ["close", "close"]);
});

Deno.test("free() and cut() leave alone what a stream makes of it", async () => {
  const rejects = () => Promise.reject(new Error("freed already"));
  free({ close: rejects } as unknown as Transport);
  cut({ close: rejects } as unknown as Transport);
  cut({ close() {}, reset: rejects } as unknown as Transport);
  freeListener({ close: rejects } as unknown as TransportListener);
  // A rejection that nobody handles would fail this test.
  await new Promise((resolve) => setTimeout(resolve, 0));
});

Deno.test("cut() resets a stream where it can, and does not mind that it was freed already", () => {
  for (const [members, name] of [[["close", "reset"], "reset"], [["close"], "close"]] as const) {
    const [transport, called] = recorder(members);
    cut(transport);
    cut(transport);
    assertEquals(called, [name, name]);
  }
});

Deno.test("freeListener() closes it, and does not mind that it was closed already", () => {
  const [listener, called] = recorder(["close"]);
  freeListener(listener as unknown as TransportListener);
  freeListener(listener as unknown as TransportListener);
  assertEquals(called, ["close", "close"]);
});
