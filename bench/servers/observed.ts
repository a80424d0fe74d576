// This library's service face, with somebody who listens: BENCH_WATCH has "events", "telemetry", or both.
import { subscribe } from "node:diagnostics_channel";
import { type EndedEvent, Listener } from "../../mod.ts";
import { ready } from "./control.ts";
import { echo } from "./echo_service.ts";
import { play } from "./role.ts";

const watch = Deno.env.get("BENCH_WATCH") ?? "";
let bytes = 0;
const hear = (event: unknown) => void (bytes += (event as EndedEvent).bytesRead ?? 0);

play({
  async echo() {
    const listener = new Listener(0, {
      interface: "127.0.0.1",
      telemetry: watch.includes("telemetry"),
      ...(watch.includes("events") ? { onEvent: hear } : {}),
    });
    if (watch.includes("events")) subscribe("socket.connection.ended", hear);
    listener.attach(echo);
    await listener.start();
    ready(listener.port);
  },
});
