// Sends a file to file_receiver.ts and shows its progress.
// Run: deno run --allow-net=127.0.0.1 --allow-read=FILE examples/file_sender.ts FILE [PORT]

import { Presets, SingleBar } from "npm:cli-progress@3.12.0";
import { Client } from "../mod.ts";
import { printable } from "./printable.ts";

const [path = "LICENSE"] = Deno.args;
const port = Number(Deno.args[1] ?? 61601);
using file = await Deno.open(path);
const { size, isFile } = await file.stat();
if (!isFile) throw new Error(`${path} is no regular file: nobody knows its size`);
await using client = await Client.connect({ host: "127.0.0.1", port });

const head = new Uint8Array(8);
new DataView(head.buffer).setBigUint64(0, BigInt(size));
void client.write("FILE");
await client.write(head);

const bar = new SingleBar({ noTTYOutput: true }, Presets.shades_classic);
bar.start(size, 0);
// Each write waits until the system has taken it, so that only one chunk of the file is in memory.
let left = size; // it may grow meanwhile
for await (const chunk of file.readable) {
  const piece = chunk.subarray(0, left);
  bar.increment(await client.write(piece));
  left -= piece.length;
  if (left === 0) break;
}
bar.stop();
await client.shutdownWrite();

// Nothing comes where another sender was first, or where this one was cut.
const [answer] = await client.read(20);
const arrived = printable(new TextDecoder().decode(answer)) || "nobody says how many";
const report = `Sent ${size} bytes, ${arrived} have arrived`;
if (arrived === `${size}`) {
  console.log(report);
} else {
  console.error(report);
  Deno.exitCode = 1;
}
