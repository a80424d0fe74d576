import { assertEquals, assertStrictEquals } from "@std/assert";
import { Client, Listener, type Service } from "../../mod.ts";
import { printedDuring } from "../support/printed_during.ts";

const LOOPBACK = { interface: "127.0.0.1" };

const echo: Service = {
  async onReadReady(caller) {
    const [bytes, length] = await caller.read();
    if (length > 0) await caller.write(bytes);
  },
};

function dial(listener: Listener): Promise<Client> {
  return Client.connect({ host: "127.0.0.1", port: listener.port });
}

Deno.test("Listener takes a function that makes a service for each connection", async () => {
  await using listener = new Listener(0, LOOPBACK);
  listener.attach(async (caller) => {
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
  await listener.start();
  for (let i = 0; i < 2; i++) {
    await using client = await dial(listener);
    await client.write("a");
    assertEquals((await client.read())[0][0], 49);
  }
});

Deno.test("Listener's function that throws, or makes no service, ends its connection only", async () => {
  const printed = await printedDuring(async () => {
    await using listener = new Listener(0, LOOPBACK);
    let n = 0;
    listener.attach(() => {
      if (++n === 1) throw new Error("mine");
      return n === 2 ? {} : echo;
    });
    await listener.start();
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
