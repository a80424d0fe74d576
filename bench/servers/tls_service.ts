// This library's service face, secure.
import { type Caller, Listener, type Service } from "../../mod.ts";
import { ready } from "./control.ts";
import { echo } from "./echo_service.ts";
import { play } from "./role.ts";
import { AMOUNT, chunkOf, HALF, identity, MESSAGE } from "./tls_parts.mjs";

const isLent = Deno.env.get("BENCH_BYTES") === "lent";

async function listen(service: Service | (() => Service)): Promise<void> {
  const listener = new Listener(0, {
    interface: "127.0.0.1",
    secureSocket: identity(),
  });
  listener.attach(service);
  await listener.start();
  ready(listener.port);
}

function sink(): Service {
  let received = 0;
  return {
    async onReadReady(caller) {
      const [, length] = await caller.read();
      for (received += length; received >= AMOUNT; received -= AMOUNT) await caller.write(HALF);
    },
  };
}

const source: Service = {
  async onReadReady(caller) {
    const [bytes, length] = await caller.read();
    if (length < 1) return;
    const chunk = chunkOf(bytes[0]);
    for (let i = 0; i < length * AMOUNT; i += chunk.length) await caller.write(chunk);
  },
};

function answering(...answers: readonly Uint8Array[]): Service {
  const answer = async (caller: Caller) => {
    const [, length] = await caller.read(MESSAGE.length);
    if (length < MESSAGE.length) return;
    for (const bytes of answers) await caller.write(bytes);
  };
  return { onReadReady: answer };
}

await play({
  echo: () => listen(isLent ? { onBytes: (_caller, bytes) => bytes } : echo),
  sink: () => listen(sink),
  source: () => listen(source),
  whole: () => listen(answering(MESSAGE)),
  halves: () => listen(answering(HALF, HALF)),
});
