// A chat for all who connect with `nc 127.0.0.1 61599`: numbers each line and sends it to everyone.
// Run: deno run --allow-net=127.0.0.1 examples/chat_server.ts [PORT]

import { type Framed, framedService, Group, LineCodec, Listener } from "../mod.ts";
import { printable } from "./printable.ts";

// Guests may type anything, but no endless line.
const typed = new LineCodec({ maxFrameLength: 1_000, invalidBytes: "replace" });
// With a name in front, and what replaces invalid bytes, it may be longer. The others do not wait for a guest who
// does not read: that guest misses lines.
const guests = new Group({ codec: new LineCodec({ maxFrameLength: 4_000 }), slow: "skip" });

const port = Number(Deno.args[0] ?? 61599);
const listener = new Listener(port, { interface: "127.0.0.1" });
let number = 0;

const nameOf = (guest: Framed<string>) => `guest ${guest.id}`;

function sayToAll(text: string): void {
  guests.send(`${++number} ${printable(text)}`);
}

listener.attach(framedService(typed, {
  onConnect(guest) {
    guests.add(guest.connection);
    sayToAll(`${nameOf(guest)} has joined`);
  },
  onMessage(guest, line) {
    sayToAll(`${nameOf(guest)}: ${line}`);
  },
  onError(guest, error) {
    console.error(`${nameOf(guest)}: ${error.message}`);
  },
  onClose(guest) {
    sayToAll(`${nameOf(guest)} has left`);
  },
}));

await listener.start();
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
