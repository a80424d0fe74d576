import { assertThrows } from "@std/assert";
import type { Codec } from "../../../src/framing/codec.ts";
import { fuzz, targets } from "./framing.ts";

for (const target of targets) {
  Deno.test(`${target.name} gives, waits or throws "frame", whatever bytes come`, () => {
    fuzz(target, 5000, 1);
  });
}

Deno.test("The fuzzer finds a decoder that depends on how the bytes were cut", () => {
  const codec: Codec<number, never> = {
    decoder: () => ({ decode: (bytes) => bytes.length > 0 ? bytes.takeAll().length : undefined }),
    encode() {},
  };
  assertThrows(() => fuzz({ name: "", codec, usual: ["ab"] }, 100, 1), Error, "goes wrong");
});

Deno.test("The fuzzer finds a decoder that throws anything else", () => {
  const codec: Codec<number, never> = {
    decoder: () => ({ decode: (bytes) => bytes.length > 3 ? bytes.at(1000) : undefined }),
    encode() {},
  };
  assertThrows(() => fuzz({ name: "", codec, usual: ["ab"] }, 100, 1), Error, "goes wrong");
});
