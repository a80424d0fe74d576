// Lets in only clients with a certificate of its own authority: a member, but not a stranger.
// Run: deno run --allow-net=127.0.0.1,localhost --allow-run=openssl --allow-read=FOLDER examples/mutual_tls.ts FOLDER

import { Client, Listener } from "../mod.ts";
import { makeCertificates } from "./own_certificates.ts";
import { printable } from "./printable.ts";

const [folder = "."] = Deno.args;
await makeCertificates(folder, "localhost", "member");
const files = (name: string) => ({
  certFile: `${folder}/${name}.pem`,
  keyFile: `${folder}/${name}.key`,
});
const caCertFile = `${folder}/ca.pem`;

await using listener = new Listener(0, {
  interface: "127.0.0.1",
  secureSocket: {
    ...files("localhost"),
    caCertFile,
    clientAuth: "require",
  },
  onEvent(event) {
    if (event.kind === "refused") console.log(`listener: ${event.error?.message}`);
  },
});
listener.attach({
  onConnect(caller) {
    void caller.write(`Hello ${caller.secure?.peerCertificate?.subject}\n`);
    void caller.close(); // when that was sent
  },
});
await listener.start();

for (const own of [files("member"), {}]) {
  try {
    await using client = await Client.connect({
      host: "localhost",
      port: listener.port,
      secureSocket: { ...own, caCertFile },
    });
    console.log(`client: ${printable(await client.readLine() ?? "nothing")}`);
  } catch (error) {
    // With TLS 1.3 a client has finished before the listener has checked its certificate.
    console.log(`client: ${(error as Error).message}`);
  }
}
