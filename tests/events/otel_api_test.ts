import { assertEquals } from "@std/assert";
import { contextWith, registeredOtel } from "../../src/events/otel_api.ts";
import { registerFakeOtel } from "../support/fake_otel.ts";

Deno.test("registeredOtel() finds what is registered at the time", () => {
  const before = registeredOtel();
  {
    using _otel = registerFakeOtel("trace");
    assertEquals(Object.keys(registeredOtel()!), ["metrics", "context"]);
  }
  assertEquals(registeredOtel(), undefined);
  assertEquals(before, undefined);
});

Deno.test("contextWith() makes a span the parent, where the API has contexts", () => {
  using _otel = registerFakeOtel();
  const span = { setStatus() {}, end() {} };
  const context = contextWith(span, registeredOtel()!)!;
  assertEquals(context.getValue(Symbol.for("OpenTelemetry Context Key SPAN")), span);
  assertEquals(contextWith(span, {}), undefined);
});
