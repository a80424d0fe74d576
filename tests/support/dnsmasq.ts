// dnsmasq as a name server for a test: on the loopback interface, with the records of the test and nothing else.

import { Program } from "./program.ts";

/** Starts it on a port, and waits until it answers. */
export async function startDnsmasq(port: number, ...records: string[]): Promise<Program> {
  const program = new Program("dnsmasq", [
    "--keep-in-foreground",
    "--log-facility=-",
    "--conf-file=/dev/null",
    "--no-resolv",
    "--no-hosts",
    "--user=",
    "--bind-interfaces",
    "--listen-address=127.0.0.1",
    `--port=${port}`,
    ...records,
  ]);
  await program.line(/started, version/, "stderr");
  return program;
}
