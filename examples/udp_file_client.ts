// Fetches the file of udp_file_server.ts, asks again for what is lost, and shows its progress.
// Run: deno run --allow-net=127.0.0.1 --allow-write=FILE examples/udp_file_client.ts FILE [PORT]

import { Presets, SingleBar } from "npm:cli-progress@3.12.0";
import { ReadTimedOutError, UdpClient } from "../mod.ts";

const PIECE = 1024;
const WINDOW = 32; // at most this many pieces are asked for at a time
const TRIES = 10;
const MOST_PIECES = 1_000_000; // a server may claim anything
const [path = "received"] = Deno.args;
const server = { remoteHost: "127.0.0.1", remotePort: Number(Deno.args[1] ?? 48827) };
using file = await Deno.open(path, { write: true, create: true, truncate: true });
await using client = new UdpClient({ host: "127.0.0.1", port: 0 }, server);

const missing = new Set([0]);
const bar = new SingleBar({ noTTYOutput: true }, Presets.shades_classic);
let pieces = 0;
let asked = 0;
let tries = 0;
let size = 0;
const ask = (number: number) => {
  const question = new Uint8Array(8 + PIECE); // as long as an answer, see the server
  new DataView(question.buffer).setUint32(0, number);
  void client.write(question);
};

ask(0);
let due = performance.now() + 200; // only a new piece puts it off
while (missing.size > 0) {
  const timeoutInMillis = Math.ceil(due - performance.now());
  if (timeoutInMillis <= 0) {
    if (++tries > TRIES) {
      throw new Error(`Nothing new came, though it was asked for again ${TRIES} times`);
    }
    for (const number of [...missing].slice(0, WINDOW)) ask(number);
    due = performance.now() + 200;
    continue;
  }
  try {
    const [bytes, length] = await client.read(undefined, { timeoutInMillis });
    const head = new DataView(bytes.buffer, bytes.byteOffset);
    if (length < 8 || length > 8 + PIECE) continue; // not one of ours
    if (head.getUint32(4) === 0) continue; // a question
    if (!missing.delete(head.getUint32(0))) continue; // it arrived twice
    tries = 0;
    due = performance.now() + 200;
    if (pieces === 0) {
      pieces = head.getUint32(4);
      if (pieces > MOST_PIECES) throw new Error(`${pieces} pieces are too many`);
      bar.start(pieces, 0);
      for (let number = 1; number < pieces; number++) missing.add(number);
    }
    await file.seek(head.getUint32(0) * PIECE, Deno.SeekMode.Start);
    for (let at = 8; at < length;) at += await file.write(bytes.subarray(at));
    size += length - 8;
    bar.increment();
    while (asked < pieces - 1 && asked < pieces - missing.size + WINDOW) ask(++asked);
  } catch (error) {
    if (!(error instanceof ReadTimedOutError)) throw error;
  }
}
bar.stop();
console.log(`Received ${size} bytes in ${pieces} pieces`);
