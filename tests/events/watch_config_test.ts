import { assertEquals, assertThrows } from "@std/assert";
import { resolveWatchConfig } from "../../src/events/watch_config.ts";

Deno.test("resolveWatchConfig() listens to nothing by default, and names what is wrong", () => {
  assertEquals(resolveWatchConfig({}), { onEvent: undefined, telemetry: false });
  assertThrows(
    () => resolveWatchConfig({ onEvent: 1 as never }),
    TypeError,
    "onEvent must be a function: got 1",
  );
  assertThrows(
    () => resolveWatchConfig({ telemetry: "yes" as never }),
    TypeError,
    'telemetry must be true or false: got "yes"',
  );
});
