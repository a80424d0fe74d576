// A chat for all who connect with `nc 127.0.0.1 61599`: numbers each line and sends it to everyone.
// Run: deno run --allow-net=127.0.0.1 examples/chat_server.ts [PORT]

import {
  type Framed,
  framedService,
  LineCodec,
  Listener,
} from "https://deno.land/x/socket@v0.1.0/mod.ts";

const MOST_QUEUED_BYTES = 64 * 1024;

const port = Number(Deno.args[0] ?? 61599);
const listener = new Listener(port, { interface: "127.0.0.1" });
const guests = new Set<Framed<string>>();
let number = 0;

const nameOf = (guest: Framed<string>) => `guest ${guest.connection.id}`;

function sayToAll(text: string): void {
  // Characters that a terminal takes for commands are not passed on.
  const line = `${++number} ${text.replaceAll(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, "?")}`;
  for (const guest of guests) {
    // The others do not wait for a guest who does not read: that guest misses the line.
    if (guest.connection.queuedBytes < MOST_QUEUED_BYTES) void guest.send(line);
  }
}

// Guests may type anything, but no endless line.
const lines = new LineCodec({ maxFrameLength: 1_000, invalidBytes: "replace" });

listener.attach(framedService(lines, {
  onConnect(guest) {
    guests.add(guest);
    sayToAll(`${nameOf(guest)} has joined`);
  },
  onMessage(guest, line) {
    sayToAll(`${nameOf(guest)}: ${line}`);
  },
  onError(guest, error) {
    console.error(`${nameOf(guest)}: ${error.message}`);
  },
  onClose(guest) {
    guests.delete(guest);
    sayToAll(`${nameOf(guest)} has left`);
  },
}));

await listener.start();
console.log(`Listening on ${listener.address}:${listener.port}`);

Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
await listener.closed;
