// Tries what it has no permission for, and prints the result. To be run with --allow-net=127.0.0.1:1 only.

import { Client, GenericError, Listener, UdpClient } from "../../mod.ts";

async function attempt(what: string, action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
    console.log(`${what}: made`);
  } catch (error) {
    if (!(error instanceof GenericError)) throw error;
    console.log(`${what}: ${error.code}: ${error.message}`);
  }
}

await attempt("allowed", () => Client.connect({ host: "127.0.0.1", port: 1 }));
await attempt("port", () => Client.connect({ host: "127.0.0.1", port: 2 }));
await attempt("name", () => Client.connect({ host: "localhost", port: 1 }));
await attempt("listen", () => new Listener(0, { interface: "127.0.0.1" }).start());
await attempt("udp", () => new UdpClient({ host: "127.0.0.1", port: 0 }).bound);
await attempt("udp unawaited", () => new UdpClient({ host: "127.0.0.1", port: 0 }).close());
