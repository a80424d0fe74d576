// Gives the files of a folder to TFTP clients (RFC 1350, binary mode); ends on Ctrl+C.
// Run: deno run --allow-net=127.0.0.1 --allow-read=FOLDER examples/tftp_server.ts FOLDER [PORT]

import {
  ReadTimedOutError,
  UdpClient,
  UdpListener,
} from "https://deno.land/x/socket@v0.1.0/mod.ts";

const [READ, DATA, ACK, ERROR] = [1, 3, 4, 5] as const;
const BLOCK = 512;
const [folder = "."] = Deno.args;
const port = Number(Deno.args[1] ?? 48869);
await Deno.stat(folder);

function packet(kind: number, number: number, content: Uint8Array = new Uint8Array()): Uint8Array {
  return new Uint8Array([kind >> 8, kind, number >> 8, number, ...content]);
}

/** Sends a file from a port of its own, each block again until it is acknowledged. */
async function send(path: string, remoteHost: string, remotePort: number): Promise<void> {
  await using peer = new UdpClient({ host: "127.0.0.1", port: 0 }, { remoteHost, remotePort });
  const file = await Deno.readFile(path).catch(() => undefined);
  if (file === undefined) {
    return void await peer.write(packet(ERROR, 1, new TextEncoder().encode("File not found\0")));
  }
  for (let number = 1, at = 0; at <= file.length; number++, at += BLOCK) {
    for (let tries = 1;; tries++) {
      await peer.write(packet(DATA, number, file.subarray(at, at + BLOCK)));
      try {
        let answer: Uint8Array;
        do [answer] = await peer.read(undefined, { timeoutInMillis: 1_000 }); while (
          answer[1] === ACK && (answer[2]! << 8 | answer[3]!) !== (number & 0xffff)
        );
        if (answer[1] === ERROR) return;
        break;
      } catch (error) {
        if (!(error instanceof ReadTimedOutError) || tries === 5) throw error;
      }
    }
  }
  console.log(`${remoteHost} got ${path}, ${file.length} bytes`);
}

const listener = new UdpListener(port, { interface: "127.0.0.1" });
listener.attach({
  onDatagram({ data, remoteHost, remotePort }) {
    const [name = "", mode = ""] = new TextDecoder().decode(data.subarray(2)).split("\0");
    const isServed = data[1] === READ && mode.toLowerCase() === "octet" && !/\.\.|^\//.test(name);
    if (!isServed) return packet(ERROR, 2, new TextEncoder().encode("Not allowed\0"));
    // Not awaited: the next client does not wait for this one.
    send(`${folder}/${name}`, remoteHost, remotePort).catch(console.error);
    return undefined;
  },
});
await listener.start();
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
