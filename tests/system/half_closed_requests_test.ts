// A request that ends with a half-close, as that of `nc -N`, has arrived whole before a stop: it is answered.

import { assertEquals } from "@std/assert";
import { type Caller, Client, Listener } from "../../mod.ts";

type Serve = (listener: Listener) => void | Promise<void>;

const WAYS: Record<string, Serve> = {
  "a loop": (listener) =>
    listener.serve(async (caller) => {
      let length = 0;
      for await (const bytes of caller) length += bytes.length;
      await caller.write(`got ${length}`);
    }),
  "reads": (listener) =>
    listener.serve(async (caller) => {
      let length = 0;
      for (;;) {
        const [, count] = await caller.read();
        if (count < 0) break;
        length += count;
      }
      await caller.write(`got ${length}`);
    }),
  "a service": async (listener) => {
    const lengths = new Map<Caller, number>();
    listener.attach({
      onBytes(caller, bytes) {
        lengths.set(caller, (lengths.get(caller) ?? 0) + bytes.length);
      },
      onEnd: (caller) => void caller.write(`got ${lengths.get(caller)}`),
    });
    await listener.start();
  },
};

for (const [name, serve] of Object.entries(WAYS)) {
  for (const allowHalfOpen of [false, true]) {
    const how = allowHalfOpen ? ", half open" : "";
    Deno.test(`Listener.gracefulStop() answers a request with its half-close, by ${name}${how}`, async () => {
      const listener = new Listener(0, { interface: "127.0.0.1", allowHalfOpen });
      // So all of it is in the system's buffers.
      listener.suspend();
      await serve(listener);
      await using client = await Client.connect({ host: "127.0.0.1", port: listener.port });
      await client.write("hello");
      await client.shutdownWrite();
      const { completed, cut } = await listener.gracefulStop();
      assertEquals(await new Response(client.readable).text(), "got 5");
      assertEquals([completed, cut], [1, []]);
    });
  }
}
