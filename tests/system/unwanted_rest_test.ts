// What has come from a peer who is gone is handled nevertheless, until this side wants nothing of it any more.

import { assertEquals } from "@std/assert";
import {
  type Caller,
  Client,
  framed,
  framedService,
  LineCodec,
  Listener,
  type Service,
} from "../../mod.ts";

const LINES = 100;
const lines = new LineCodec();

/** Each handles lines, one at a time. */
const faces: Record<string, (handle: (caller: Caller, line: string) => Promise<void>) => Service> =
  {
    "framedService": (handle) =>
      framedService(lines, {
        onMessage: ({ connection }, line) => handle(connection as Caller, line),
      }),
    "framed, a loop": (handle) => ({
      async onConnect(caller) {
        for await (const line of framed(caller, lines)) await handle(caller, line);
      },
      onError() {},
    }),
    "readLine": (handle) => ({
      async onConnect(caller) {
        for (let line; (line = await caller.readLine()) !== undefined;) await handle(caller, line);
      },
      onError() {},
    }),
    "onReadReady": (handle) => ({
      async onReadReady(caller) {
        const [bytes] = await caller.read(7);
        await handle(caller, new TextDecoder().decode(bytes));
      },
    }),
  };

/** Each ends it, and says how many of the lines are handled nevertheless. */
const ends: Record<string, [(caller: Caller, listener: Listener) => unknown, number]> = {
  "abort()": [(caller) => caller.abort(), 1],
  "immediateStop()": [(_, listener) => listener.immediateStop(), 1],
  "a stop's deadline": [(_, listener) => listener.gracefulStop({ deadlineInMillis: 1 }), 1],
  "nothing": [() => {}, LINES],
};

for (const [face, serviceOf] of Object.entries(faces)) {
  for (const [end, [ending, most]] of Object.entries(ends)) {
    Deno.test(`What a peer who is gone has sent is handled until ${end}: ${face}`, async () => {
      await using listener = new Listener(0, { interface: "127.0.0.1" });
      const first = Promise.withResolvers<Caller>();
      const mayGoOn = Promise.withResolvers<void>();
      let handled = 0;
      listener.attach(serviceOf((caller) => {
        handled++;
        first.resolve(caller);
        return mayGoOn.promise;
      }));
      await listener.start();
      const client = await Client.connect({
        host: "127.0.0.1",
        port: listener.port,
        resetOnAbort: true,
      });
      await client.write("a line\n".repeat(LINES));
      const caller = await first.promise;
      const { signal } = caller;
      const gone = new Promise((resolve) => signal.addEventListener("abort", resolve));
      client.abort();
      await gone;
      await ending(caller, listener);
      mayGoOn.resolve();
      await caller.closed;
      assertEquals(handled, most);
    });
  }
}
