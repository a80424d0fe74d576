// Waits for one file from file_sender.ts, shows its progress, and ends when it has all of it.
// Run: deno run --allow-net=127.0.0.1 --allow-write=FILE examples/file_receiver.ts FILE [PORT]

import { Presets, SingleBar } from "npm:cli-progress@3.12.0";
import { type Caller, Listener } from "../mod.ts";

const LARGEST_FILE = 4 * 1024 ** 3;
const PIECE = 256 * 1024; // large enough that the rate below also holds for a sender that pauses between two pieces
const NOTHING = new Uint8Array();
const [path = "received"] = Deno.args;
const port = Number(Deno.args[1] ?? 61601);
using file = await Deno.open(path, { write: true, create: true, truncate: true });
// Files are received one after the other: a sender of a byte now and then must not keep the others out. Whoever waits
// for a turn has sent a piece, so their number is limited.
await using listener = new Listener(port, {
  interface: "127.0.0.1",
  readTimeoutInMillis: 2_000,
  minBytesPerSecond: 100_000,
  minRateIntervalInMillis: 1_000,
  maxConnections: 500,
});
await listener.start();
console.log(`Listening on ${listener.address}:${listener.port}`);

/** Reads what a file begins with. A sender may crash: the size shows whether a file is complete. */
async function sizeFrom(sender: Caller): Promise<number> {
  const [head, length] = await sender.read(12);
  const isOurs = length === 12 && new TextDecoder().decode(head.subarray(0, 4)) === "FILE";
  if (!isOurs) throw new Error("This is no file");
  const size = Number(new DataView(head.buffer, head.byteOffset).getBigUint64(4));
  if (size > LARGEST_FILE) throw new Error(`${size} bytes are too many`);
  return size;
}

/** Reads the next piece of a file; nothing at its end. */
async function pieceFrom(sender: Caller, left: number): Promise<Uint8Array> {
  return left === 0 ? NOTHING : (await sender.read(Math.min(PIECE, left)))[0];
}

/** Receives a file of which the first piece has come, and says whether all of it has arrived. */
async function receive(sender: Caller, size: number, first: Uint8Array): Promise<boolean> {
  await file.truncate(); // what an earlier sender has begun
  await file.seek(0, Deno.SeekMode.Start);
  const bar = new SingleBar({ noTTYOutput: true }, Presets.shades_classic);
  bar.start(size, 0);
  let received = 0;
  try {
    for (let piece = first; piece.length > 0; piece = await pieceFrom(sender, size - received)) {
      for (let at = 0; at < piece.length;) at += await file.write(piece.subarray(at));
      bar.update(received += piece.length);
    }
  } finally {
    bar.stop();
  }
  await sender.write(`${received}`);
  console.log(`Received ${received} of ${size} bytes`);
  return received === size;
}

let turn = Promise.resolve(false); // resolves when the file is free: whether it is complete
async function serve(caller: Caller): Promise<void> {
  try {
    await using sender = caller;
    const size = await sizeFrom(sender); // here no sender waits for another
    // Nor for one that is silent: whoever has a turn has sent as much as the rate asks for until it would be cut.
    const first = await pieceFrom(sender, size);
    turn = turn.catch(() => false).then((isWhole) => isWhole || receive(sender, size, first));
    if (!await turn) return;
  } catch (error) {
    return console.error(`${error}`); // a reset, a silence, no file: the next sender may do better
  }
  await listener.immediateStop();
}

for await (const caller of listener) void serve(caller);
