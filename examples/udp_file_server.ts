// Sends the pieces of a file to the clients that ask for them, by number; ends on Ctrl+C.
// Run: deno run --allow-net=127.0.0.1 --allow-read=FILE examples/udp_file_server.ts FILE [PORT]

import { UdpListener } from "../mod.ts";

// A question has the number of a piece, and 0 where an answer has the count of pieces: servers do not answer each other.
// An answer has that number, the count, and the piece. All the state is in the datagrams, and what is lost is asked for
// again. A question is as long as its answer, so that a forged sender's address does not multiply what is sent.
const PIECE = 1024;
const [path = "LICENSE"] = Deno.args;
const port = Number(Deno.args[1] ?? 48827);
using file = await Deno.open(path);
const { size } = await file.stat();
const pieces = Math.max(1, Math.ceil(size / PIECE));

const listener = new UdpListener(port, { interface: "127.0.0.1" });
listener.attach({
  async onDatagram(_, { data, remoteHost, remotePort }) {
    if (data.length !== 8 + PIECE) return; // not one of ours
    const question = new DataView(data.buffer, data.byteOffset);
    const number = question.getUint32(0);
    if (question.getUint32(4) !== 0 || number >= pieces) return;
    if (number === 0) console.log(`${remoteHost}:${remotePort} asks for ${path}`);
    const answer = new Uint8Array(8 + Math.min(PIECE, size - number * PIECE));
    const head = new DataView(answer.buffer);
    head.setUint32(0, number);
    head.setUint32(4, pieces);
    await file.seek(number * PIECE, Deno.SeekMode.Start);
    for (let at = 8; at < answer.length;) {
      at += await file.read(answer.subarray(at)) ?? answer.length;
    }
    return answer;
  },
});
await listener.start();
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
