// An accept under way when a stop begins may still bring a client: an engine has it in hand while the socket closes.

import { assertEquals } from "@std/assert";
import { Listener } from "../../mod.ts";
import type { Network, Transport, TransportListener } from "../../src/network/network.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { plainTurns } from "../../src/network/turns.ts";
import { end, scriptedTransport, VirtualClock } from "../../testing/mod.ts";
import { counted } from "../support/counted.ts";
import { tcp } from "../support/tcp.ts";

/** A listener whose pending accept gives one client while the socket closes. */
function lateListener(isShared: boolean, isLate: boolean) {
  const clock = new VirtualClock();
  const late = scriptedTransport(["question", end()]);
  let waiting: PromiseWithResolvers<Transport> | undefined;
  const socket: TransportListener = {
    addr: tcp("127.0.0.1"),
    isShared,
    accept: () => (waiting = Promise.withResolvers()).promise,
    close() {
      const accept = waiting;
      // As engines do: its outcome is known, and told when the socket is gone.
      void Promise.resolve().then(() => {
        if (isLate) accept?.resolve(late);
        else accept?.reject(new Deno.errors.BadResource("Listener has been closed"));
      });
    },
  };
  const network: Network = { ...denoNetwork, clock, turns: plainTurns, listen: () => socket };
  return { clock, late, listener: new Listener(0, { network }) };
}

for (const isShared of [true, false]) {
  const kind = isShared ? "shared" : "own";
  for (
    const [way, serve] of Object.entries({
      "a service": async (listener: Listener) => {
        listener.attach({ onBytes: (_caller, bytes) => bytes });
        await listener.start();
      },
      "an iteration": async (listener: Listener) => {
        await listener.start();
        const calls = listener.iterate();
        void (async () => {
          for await (const caller of calls) {
            const [bytes] = await caller.read();
            await caller.write(bytes);
            await caller.close();
          }
        })();
      },
    })
  ) {
    Deno.test(`A stop serves whom the accept of its ${kind} socket still brings, by ${way}`, async () => {
      const { clock, late, listener } = lateListener(isShared, true);
      await serve(listener);
      await clock.settle();
      const stopping = listener.gracefulStop({ deadlineInMillis: 1_000 });
      await clock.runUntilIdle();
      assertEquals(counted(await stopping), { completed: 1, aborted: 0 });
      assertEquals([late.writtenText, listener.stats().accepted], ["question", 1]);
      assertEquals(clock.now() < 1_000, true);
    });

    Deno.test(`A stop ends at once where the accept of its ${kind} socket brings nobody, by ${way}`, async () => {
      const { clock, listener } = lateListener(isShared, false);
      await serve(listener);
      await clock.settle();
      const stopping = listener.gracefulStop({ deadlineInMillis: 1_000 });
      await clock.settle();
      assertEquals(counted(await stopping), { completed: 0, aborted: 0 });
    });
  }
}
