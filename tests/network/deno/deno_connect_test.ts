import { assertEquals, assertRejects } from "@std/assert";
import { connectDeno } from "../../../src/network/deno/deno_connect.ts";
import { denoNetwork } from "../../../src/network/deno/deno_network.ts";

const REASON = new Error("changed my mind");

Deno.test("denoNetwork.connect() frees what is connected in the moment in which it is given up", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  let [isOver, givenUp] = [false, 0];
  const accepting = (async () => {
    while (!isOver) (await listener.accept()).close();
  })();
  // What is left open is a leak of this test's.
  for (let turns = 0; givenUp < 50; turns = (turns + 1) % 4) {
    const controller = new AbortController();
    const dials = Array.from({ length: 20 }, async () => {
      const target = { hostname: "127.0.0.1", port, signal: controller.signal };
      try {
        (await denoNetwork.connect(target)).close();
      } catch (error) {
        assertEquals(error, REASON);
        givenUp++;
      }
    });
    for (let i = 0; i < turns; i++) await new Promise((resolve) => setTimeout(resolve, 0));
    controller.abort(REASON);
    await Promise.all(dials);
  }
  isOver = true;
  (await Deno.connect({ hostname: "127.0.0.1", port })).close();
  await accepting;
});

/** Connects as the runtime does: it looks at the signal once more at the end. */
function scripted() {
  const made = Promise.withResolvers<void>();
  const scene = { made, closed: 0, wasToldToEnd: false };
  const connect = async ({ signal }: { signal?: AbortSignal }) => {
    signal?.addEventListener("abort", () => scene.wasToldToEnd = true);
    await made.promise;
    signal?.throwIfAborted();
    return { close: () => scene.closed++ };
  };
  return { scene, connect };
}

const place = { hostname: "a.example", port: 7 };

Deno.test("connectDeno() ends the attempt, and closes what comes all the same", async () => {
  const { scene, connect } = scripted();
  const controller = new AbortController();
  const connecting = connectDeno(connect, { ...place, signal: controller.signal });
  controller.abort(REASON);
  assertEquals([scene.wasToldToEnd, scene.closed], [true, 0]);
  scene.made.resolve();
  assertEquals(await assertRejects(() => connecting, Error), REASON);
  assertEquals(scene.closed, 1);
});

Deno.test("connectDeno() says why it could not connect, or why it was given up", async () => {
  for (const isAborted of [false, true]) {
    const { scene, connect } = scripted();
    const controller = new AbortController();
    const connecting = connectDeno(connect, { ...place, signal: controller.signal });
    if (isAborted) controller.abort(REASON);
    const refused = new Deno.errors.ConnectionRefused("refused");
    scene.made.reject(refused);
    assertEquals(await assertRejects(() => connecting, Error), isAborted ? REASON : refused);
  }
  const signal = AbortSignal.abort(REASON);
  const never = () => Promise.reject(new Error("connected"));
  const connecting = connectDeno(never, { ...place, signal });
  assertEquals(await assertRejects(() => connecting, Error), REASON);
});
