// Finds services on this machine by multicast, as mDNS does. With a NAME, it is a service, until Ctrl+C.
// Run: deno run --allow-net=0.0.0.0,127.0.0.1,239.255.76.67 examples/multicast_discovery.ts [NAME] [PORT]

import { ReadTimedOutError, UdpClient, UdpListener } from "../mod.ts";
import { printable } from "./printable.ts";

const GROUP = "239.255.76.67";
const QUESTION = "who is there?";
const [name = ""] = Deno.args;
const port = Number(Deno.args[1] ?? 48867);
const decoder = new TextDecoder();

/** Listens to the group on this machine's loopback interface, and answers questions only. */
async function announce(): Promise<void> {
  const listener = new UdpListener(port, { reuseAddress: true });
  listener.attach({
    onDatagram: (_, { data }) => decoder.decode(data) === QUESTION ? `I am ${name}` : undefined,
  });
  await listener.start();
  await listener.joinGroup(GROUP, { interface: "127.0.0.1" });
  Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
  console.log(`${name} hears ${GROUP}:${port}`);
  await listener.closed;
}

/** Asks once, and takes every answer of the next half second. */
async function discover(): Promise<void> {
  // A socket that is bound to an interface's address sends to groups by that interface.
  await using client = new UdpClient({ host: "127.0.0.1", port: 0 }, { readTimeoutInMillis: 500 });
  await client.sendTo(QUESTION, { host: GROUP, port });
  const end = performance.now() + 500;
  let found = 0;
  try {
    for await (const { data, remoteHost, remotePort } of client) {
      console.log(`${remoteHost}:${remotePort} says "${printable(decoder.decode(data))}"`);
      found++;
      if (performance.now() > end) break; // an endless talker must not keep us
    }
  } catch (error) {
    if (!(error instanceof ReadTimedOutError)) throw error;
  }
  console.log(`${found} found`);
}

await (name === "" ? discover() : announce());
