// Sends a line to tls_echo.ts over TLS, and shows the answer and the subject of the server's certificate.
// Run: deno run --allow-net=localhost --allow-read=FOLDER examples/tls_client.ts FOLDER [PORT]

import { Client } from "../mod.ts";
import { printable } from "./printable.ts";

const [folder = "."] = Deno.args;
const port = Number(Deno.args[1] ?? 61620);

await using client = await Client.connect({
  host: "localhost", // the certificate must be for this name
  port,
  secureSocket: { caCertFile: `${folder}/ca.pem`, exposePeerCertificate: true },
});
const { subject = "nobody" } = client.secure?.peerCertificate ?? {};
console.log(`Connected to ${printable(subject)}`);

await client.write("Hello over TLS\n");
const answer = await client.readLine();
if (answer === undefined) {
  console.error("No answer");
  Deno.exitCode = 1;
} else {
  console.log(`Received: ${printable(answer)}`);
}
