// Gives the files of a folder to TFTP clients (RFC 1350, binary mode); ends on Ctrl+C.
// Run: deno run --allow-net=127.0.0.1 --allow-read=FOLDER examples/tftp_server.ts FOLDER [PORT]

import { UdpClient, UdpListener } from "../mod.ts";
import { refusal, sendFile } from "./tftp_transfer.ts";

const [READ, WRITE] = [1, 2] as const;
const MOST_TRANSFERS = 50;
/** A path within the folder; nothing in it begins with a dot. */
const PATH = /^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/;
const [folder = "."] = Deno.args;
const port = Number(Deno.args[1] ?? 48869);
await Deno.stat(folder);

/** The clients that files are sent to, the one idle for longest first. A repeated request counts once. */
const transfers = new Map<string, UdpClient>();

/** Gives a client a place, after the others. A client that asks and then says nothing keeps no other out. */
function place(client: string, peer: UdpClient): void {
  transfers.delete(client);
  const [idlest] = transfers.size === MOST_TRANSFERS ? transfers : [];
  if (idlest !== undefined) {
    transfers.delete(idlest[0]);
    void idlest[1].close();
  }
  transfers.set(client, peer);
}

async function transfer(path: string, remoteHost: string, remotePort: number): Promise<void> {
  const client = `${remoteHost}:${remotePort}`;
  if (transfers.has(client)) return;
  await using peer = new UdpClient({ host: "127.0.0.1", port: 0 }, { remoteHost, remotePort });
  place(client, peer);
  try {
    const length = await sendFile(path, peer, () => place(client, peer));
    console.log(`${remoteHost} got ${path}, ${length} bytes`);
  } catch (error) {
    console.log(`${remoteHost} did not get ${path}: ${(error as Error).message}`);
  } finally {
    if (transfers.get(client) === peer) transfers.delete(client);
  }
}

const listener = new UdpListener(port, { interface: "127.0.0.1" });
listener.attach({
  onDatagram(_, { data, remoteHost, remotePort }) {
    const kind = data.length < 4 ? 0 : data[0]! << 8 | data[1]!;
    // Only requests are answered, and never errors: two servers would send those to each other for ever.
    if (kind !== READ && kind !== WRITE) return undefined;
    const [name = "", mode = ""] = new TextDecoder().decode(data.subarray(2)).split("\0");
    if (kind === WRITE || !PATH.test(name)) return refusal(2, "Not allowed");
    if (mode.toLowerCase() !== "octet") return refusal(4, "Only octet");
    void transfer(`${folder}/${name}`, remoteHost, remotePort); // the next client does not wait for it
    return undefined;
  },
});
await listener.start();
Deno.addSignalListener("SIGINT", async () => {
  await listener.gracefulStop();
  // A transfer takes as long as its client likes.
  for (const peer of transfers.values()) void peer.close();
});
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
