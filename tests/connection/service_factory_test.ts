import { assertEquals, assertStrictEquals } from "@std/assert";
import { dial } from "../support/dial.ts";
import { echo } from "../support/echo.ts";
import { listening } from "../support/listening.ts";
import { printedDuring } from "../support/printed_during.ts";

Deno.test("Listener takes a function that makes a service for each connection", async () => {
  await using listener = await listening(async (caller) => {
    await Promise.resolve();
    let count = 0;
    return {
      async onReadReady(same) {
        assertStrictEquals(same, caller);
        const [, length] = await caller.read();
        if (length > 0) await caller.write(`${++count}`);
      },
    };
  });
  for (let i = 0; i < 2; i++) {
    await using client = await dial(listener);
    await client.write("a");
    assertEquals((await client.read())[0][0], 49);
  }
});

Deno.test("Listener's function that throws, or makes no service, ends its connection only", async () => {
  const printed = await printedDuring(async () => {
    let n = 0;
    await using listener = await listening(() => {
      if (++n === 1) throw new Error("mine");
      return n === 2 ? {} : echo;
    });
    for (let i = 0; i < 2; i++) {
      await using client = await dial(listener);
      assertEquals((await client.read())[1], -1);
    }
    await using client = await dial(listener);
    await client.write("x");
    assertEquals((await client.read())[1], 1);
  });
  assertEquals(printed.map((value) => (value as Error).constructor.name), ["Error", "TypeError"]);
});
