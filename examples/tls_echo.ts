// Sends everything back over TLS, with a certificate that it makes in FOLDER.
// Run: deno run --allow-net=127.0.0.1 --allow-run=openssl --allow-read=FOLDER examples/tls_echo.ts FOLDER [PORT]

import { Listener } from "../mod.ts";
import { makeCertificates } from "./own_certificates.ts";

const [folder = "."] = Deno.args;
const port = Number(Deno.args[1] ?? 61620);
await makeCertificates(folder, "localhost");

const listener = new Listener(port, {
  interface: "127.0.0.1",
  secureSocket: {
    certFile: `${folder}/localhost.pem`,
    keyFile: `${folder}/localhost.key`,
    reloadInMillis: 60_000, // a renewed certificate file needs no restart
  },
  onEvent(event) {
    if (event.kind !== "refused" && event.kind !== "reloaded") return;
    console.log(event.kind, event.error?.message ?? "");
  },
});

listener.attach({
  onConnect: (caller) => console.log(`Caller ${caller.id} speaks ${caller.secure?.protocol}`),
  onBytes: (_caller, bytes) => bytes,
});

await listener.start();
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
