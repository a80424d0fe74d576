// What others ask: whether the program is alive, whether to send it anybody, and for its numbers.

import type { Listener } from "../../mod.ts";
import { prometheusText } from "../prometheus_text.ts";

const METRICS = { headers: { "content-type": "text/plain; version=0.0.4" } };

/** Answers on a port of its own. Alive as long as the program answers; ready until a stop is asked for. */
export function serveProbes(
  hostname: string,
  port: number,
  listener: Listener,
): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname, port, onListen: () => {} }, ({ url }) => {
    switch (URL.parse(url)?.pathname) {
      case "/healthz":
        return new Response("alive\n");
      case "/readyz":
        if (listener.stopping.aborted) return new Response("stopping\n", { status: 503 });
        return new Response("ready\n");
      case "/metrics":
        return new Response(prometheusText(listener.stats()), METRICS);
      default:
        return new Response("no such thing\n", { status: 404 });
    }
  });
}
