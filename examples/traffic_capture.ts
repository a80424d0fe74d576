// Sends everything back, writes what goes through to FILE for Wireshark, and prints it.
// Run: deno run --allow-net=127.0.0.1 --allow-read=FILE --allow-write=FILE examples/traffic_capture.ts FILE [PORT]

import { denoNetwork, Listener } from "../mod.ts";
import { captured, printed } from "../debug.ts";

const [file = "traffic.pcapng"] = Deno.args;
const port = Number(Deno.args[1] ?? 61640);

// The file has secrets in the clear, also what TLS carries: only its owner can read it.
const capture = captured(denoNetwork, {
  to: file,
  maxBytes: 10_000_000,
  onError(error) {
    console.error(error.message); // without this hook, it would be printed and the program go on
    Deno.exit(1);
  },
});

const listener = new Listener(port, { interface: "127.0.0.1", network: printed(capture) });
listener.attach({ onBytes: (_caller, bytes) => bytes });
await listener.start();
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
await capture.close();
const { packets, droppedPackets } = capture.stats();
console.log(`${packets} packets, ${droppedPackets} dropped`);
