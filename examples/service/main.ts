// A service to copy: lines in capitals, with limits, TLS, probes, metrics, a log, and an end without losses.
// Run: deno run --allow-net --allow-read examples/service/main.ts [--port=7000] [--probe-port=7001]

import { parseArgs } from "node:util";
import { framedService, LineCodec, Listener } from "../../mod.ts";
import { log, logEvent } from "./log.ts";
import { serveProbes } from "./probes.ts";

const { values } = parseArgs({
  options: {
    interface: { type: "string", default: "0.0.0.0" },
    port: { type: "string", default: "7000" },
    "probe-port": { type: "string", default: "7001" },
    cert: { type: "string" }, // a PEM file; with it the service speaks TLS
    key: { type: "string" },
    "accept-for": { type: "string", default: "10000" }, // until the load balancer has noticed
    deadline: { type: "string", default: "15000" }, // for what is under way then
  },
});
const hostname = values.interface;
const { cert: certFile, key: keyFile } = values;

function refuse(why: string): never {
  console.error(why);
  Deno.exit(2);
}
// Else it would speak in the clear, or find out in the middle of its stop.
if ((certFile ?? keyFile) !== undefined && !(certFile && keyFile)) refuse("Give --cert and --key");
if (!/^\d{1,9}$/.test(values["accept-for"])) refuse("--accept-for must be in milliseconds");

const listener = new Listener(Number(values.port), {
  interface: hostname,
  maxConnections: 10_000,
  maxConnectionsPerAddress: 1_000,
  idleTimeoutInMillis: 600_000,
  stopDeadlineInMillis: Number(values.deadline),
  ...(certFile && keyFile ? { secureSocket: { certFile, keyFile, reloadInMillis: 60_000 } } : {}),
  onEvent: logEvent,
});

let answered = 0;
listener.attach(framedService(new LineCodec({ maxFrameLength: 10_000 }), {
  onMessage(_caller, line) {
    answered++;
    // The codec has to be able to send an answer, or the connection ends: capitals of other letters than these may be
    // longer, and no line ends with a CR.
    return line.trimEnd().replaceAll(/[a-z]+/g, (letters) => letters.toUpperCase());
  },
  onStop: async (caller) => void await caller.send("421 The service is stopping"),
}));
await listener.start();

const isReady = () => !listener.stopping.aborted;
const probes = serveProbes(hostname, Number(values["probe-port"]), listener);

const stopped = Promise.withResolvers<void>();
async function stop(acceptForInMillis: number): Promise<void> {
  log("stopping", { open: listener.connections.size });
  const { completed, cut } = await listener.gracefulStop({ acceptForInMillis });
  log("stopped", { completed, cut, accepted: listener.stats().accepted, answered });
  stopped.resolve();
}
Deno.addSignalListener("SIGTERM", () => isReady() && stop(Number(values["accept-for"])));
// Ctrl+C does not wait for a load balancer, and a second one waits for nobody.
let interrupts = 0;
Deno.addSignalListener("SIGINT", () => {
  if (++interrupts > 1) void listener.immediateStop();
  else if (isReady()) void stop(0);
  else void listener.gracefulStop();
});
// Last: whoever reads it may send a signal at once.
log("started", { port: listener.port, probePort: probes.addr.port });
await stopped.promise;
// Nobody waits for those who ask for probes: the report is logged.
Deno.exit();
