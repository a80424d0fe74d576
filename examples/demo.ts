// A listener and a client in one program, and what they say to each other.
// Run: deno run --allow-net=127.0.0.1 examples/demo.ts

import { Client, Listener } from "../mod.ts";

const decoder = new TextDecoder();

console.log(
  "A listener answers whatever it hears; a client talks to it, over a real TCP connection.\n",
);

const listener = new Listener(0, { interface: "127.0.0.1" }); // port 0: the system chooses one
listener.attach({
  onConnect(caller) {
    console.log(`  listener  a client has arrived, from port ${caller.remotePort}`);
  },
  onBytes(_caller, bytes) {
    const text = decoder.decode(bytes);
    console.log(`  listener  received "${text}"`);
    return `${text} back`;
  },
  onEnd() {
    console.log("  listener  the client has ended the conversation");
  },
});
await listener.start();
console.log(`  listener  listens on ${listener.address}, port ${listener.port}`);

const client = await Client.connect({ host: "127.0.0.1", port: listener.port });
console.log(`client      connected to port ${client.remotePort}`);

for (const message of ["Hello", "How are you?", "Good bye"]) {
  console.log(`client      sends "${message}"`);
  await client.write(message);
  const [bytes] = await client.read();
  console.log(`client      received "${decoder.decode(bytes)}"`);
}

await client.close();
console.log("client      closed");
await listener.gracefulStop();
console.log("  listener  stopped\n");

console.log("That was all of it in one file: examples/demo.ts.");
