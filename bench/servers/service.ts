// This library's service face.
import { Listener, type Service } from "../../mod.ts";
import { ready } from "./control.ts";
import { echo } from "./echo_service.ts";
import { lineCutter } from "./lines.mjs";
import { play } from "./role.ts";

const config = {
  interface: "127.0.0.1",
  reuseReadBuffer: Deno.env.get("BENCH_BYTES") === "lent",
};

async function listen(service: Service | (() => Service)): Promise<void> {
  const listener = new Listener(0, config);
  listener.attach(service);
  await listener.start();
  ready(listener.port);
}

/** One write for each line; what one call writes goes out together. */
function answerLines(): Service {
  const cut = lineCutter();
  return {
    async onReadReady(caller) {
      const [bytes, length] = await caller.read();
      if (length > 0) { for (const line of cut(bytes)) caller.write(line); }
    },
  };
}

async function broadcast(): Promise<void> {
  const listener = new Listener(0, config);
  listener.attach({
    async onReadReady(caller) {
      const [bytes, length] = await caller.read();
      if (length > 0) { for (const other of listener.connections) other.write(bytes); }
    },
  });
  await listener.start();
  ready(listener.port);
}

await play({
  echo: () => listen(echo),
  small: () => listen(echo),
  lines: () => listen(answerLines),
  broadcast,
});
