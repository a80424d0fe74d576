// An echo that prints when the system refuses it a descriptor.

import { acceptingBy } from "./accepting_by.ts";
import { listening } from "./listening.ts";

const network = acceptingBy((accept) =>
  accept().catch((error) => {
    console.log(`Refused: ${error.code}`);
    throw error;
  })
);

const listener = await listening({
  async onReadReady(caller) {
    const [bytes, length] = await caller.read();
    if (length > 0) await caller.write(bytes);
  },
}, { network });
console.log(`Listening on ${listener.address}:${listener.port}`);
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
