import { assertEquals, assertThrows } from "@std/assert";
import { LineCodec } from "../../mod.ts";
import { resolveGroupConfig } from "../../src/framing/group_config.ts";

Deno.test("resolveGroupConfig() fills in the defaults", () => {
  assertEquals(resolveGroupConfig({ slow: "skip" }), {
    codec: undefined,
    maxQueuedBytes: 65_536,
    slow: "skip",
    waitInMillis: 5_000,
  });
  const codec = new LineCodec();
  const given = { codec, maxQueuedBytes: 0, slow: "wait", waitInMillis: 1 } as const;
  assertEquals(resolveGroupConfig<string>(given), given);
});

Deno.test("resolveGroupConfig() refuses what is missing, wrong, unknown, or of no use", () => {
  const wrong: [config: unknown, says: string][] = [
    [{}, 'slow must be "skip" or "close" or "wait": got undefined'],
    [{ slow: "drop" }, 'got "drop"'],
    [{ slow: "wait", waitInMillis: null }, "waitInMillis must be a number: got null"],
    [{ slow: "skip", waitInMillis: 1 }, 'waitInMillis goes with slow: "wait": got 1'],
    [{ slow: "skip", maxQueuedByte: 1 }, "use maxQueuedBytes"],
    [{ slow: "skip", codec: {} }, "codec must have the methods"],
  ];
  for (const [config, says] of wrong) {
    assertThrows(() => resolveGroupConfig(config as never), TypeError, says);
  }
  assertThrows(() => resolveGroupConfig({ slow: "skip", maxQueuedBytes: -1 }), RangeError);
  assertThrows(() => resolveGroupConfig({ slow: "wait", waitInMillis: Infinity }), RangeError);
});
