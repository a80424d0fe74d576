// Says something to the listener of tcp_listener.ts and prints its answer.
// Run: deno run --allow-net=127.0.0.1 examples/tcp_client.ts [PORT]

import { Client } from "../mod.ts";
import { printable } from "./printable.ts";

const port = Number(Deno.args[0] ?? 61598);
const decoder = new TextDecoder();

function fail(why: string): void {
  console.error(why);
  Deno.exitCode = 1;
}

const client = await Client.connect({
  host: "127.0.0.1",
  port,
  callbackService: {
    onConnect(caller) {
      console.log(`Connected to port ${caller.remotePort}`);
    },
    async onReadReady(caller) {
      const [bytes, length] = await caller.read();
      if (length > 0) console.log(`Received: ${printable(decoder.decode(bytes))}`);
      else fail("No answer");
      await caller.close();
    },
    onError(_caller, error) {
      fail(`Failed: ${error.message}`);
    },
  },
});

await client.write("Hello Ballerina");
await client.closed;
console.log("Closed");
