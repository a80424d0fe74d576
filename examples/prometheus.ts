// Sends everything back, and shows its numbers to Prometheus, on a port of their own.
// Run: deno run --allow-net=127.0.0.1 examples/prometheus.ts [PORT] [METRICS_PORT]

import { Listener } from "../mod.ts";
import { prometheusText } from "./prometheus_text.ts";

const port = Number(Deno.args[0] ?? 61631);
const metricsPort = Number(Deno.args[1] ?? 61632);

const listener = new Listener(port, { interface: "127.0.0.1" });
listener.attach({ onBytes: (_caller, bytes) => bytes });
await listener.start();

const metrics = Deno.serve(
  { hostname: "127.0.0.1", port: metricsPort, onListen() {} },
  () =>
    new Response(prometheusText(listener.stats()), {
      headers: { "content-type": "text/plain; version=0.0.4" },
    }),
);
Deno.addSignalListener("SIGINT", async () => {
  await listener.gracefulStop();
  // Nobody waits for those who ask for numbers.
  Deno.exit();
});
console.log(`Listening on ${listener.address}:${listener.port}`);
console.log(`Metrics on http://127.0.0.1:${metrics.addr.port}/metrics`);
await listener.closed;
