import { assertEquals } from "@std/assert";
import { LINUX_OPTIONS } from "../../../src/network/linux/linux_options.ts";
import { DENO_OPTIONS } from "../../../src/network/deno/deno_options.ts";
import type { SocketUse } from "../../../network.ts";

Deno.test("LINUX_OPTIONS has all that Deno's network has, and what only it can give", () => {
  const { name: _, remedy: _remedy, ...uses } = LINUX_OPTIONS;
  for (const [use, options] of Object.entries(uses)) {
    const missing = DENO_OPTIONS[use as SocketUse].difference(options);
    assertEquals([...missing], [], use);
  }
  const sizes = Object.values(uses).map(({ size }) => size);
  assertEquals(sizes, [13, 12, 11, 2, 6]);
});
