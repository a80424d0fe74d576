// Waits for one file from file_sender.ts, shows how far it is, and ends.
// Run: deno run --allow-net=127.0.0.1 --allow-write=FILE examples/file_receiver.ts FILE [PORT]

import { Presets, SingleBar } from "npm:cli-progress@3.12.0";
import { Listener } from "https://deno.land/x/socket@v0.1.0/mod.ts";

const [path = "received"] = Deno.args;
const port = Number(Deno.args[1] ?? 61601);
using file = await Deno.open(path, { write: true, create: true, truncate: true });
const writer = file.writable.getWriter();
await using listener = new Listener(port, { interface: "127.0.0.1" });
await listener.start();
console.log(`Listening on ${listener.address}:${listener.port}`);

for await (const caller of listener) {
  await using sender = caller;
  // An end can also be a sender that crashed: the size comes first, so that half a file is known as such.
  const [head, length] = await sender.read(8);
  if (length < 8) throw new Error("The sender has gone");
  const size = Number(new DataView(head.buffer, head.byteOffset).getBigUint64(0));

  const bar = new SingleBar({ noTTYOutput: true }, Presets.shades_classic);
  bar.start(size, 0);
  let received = 0;
  while (received < size) {
    const [bytes, length] = await sender.read();
    if (length < 0) break;
    await writer.write(bytes);
    received += length;
    bar.update(received);
  }
  bar.stop();
  await writer.close(); // only now all of it is in the file
  await sender.write(`${received}`);
  console.log(`Received ${received} of ${size} bytes`);
  if (received < size) Deno.exitCode = 1;
  break;
}
