// A small server for any number of Redis clients: PING, ECHO, SET, GET, DEL, EXISTS, INCR and QUIT.
// Run: deno run --allow-net=127.0.0.1 examples/redis_server.ts [PORT]

import { framedService, Listener } from "../mod.ts";
import { run } from "./redis_commands.ts";
import { respCodec } from "./resp_codec.ts";

const port = Number(Deno.args[0] ?? 61606);
const listener = new Listener(port, { interface: "127.0.0.1" });
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

// Other clients wait while one command is read and run: so it has a thousand words at most.
const service = framedService(respCodec({ inline: true, maxItems: 1_000 }), {
  onMessage(caller, message) {
    const words = Array.isArray(message) ? message : [message];
    if (!words.every((word) => word instanceof Uint8Array)) return new Error("ERR no command");
    const [word] = words;
    if (word === undefined) return;
    const name = decoder.decode(word).toUpperCase();
    // A web page can have a browser send commands as the body of a request, but not without these before them.
    if (name === "POST" || name === "HOST:") return caller.abort("This is HTTP");
    if (name !== "QUIT") return run(name, words.slice(1));
    void caller.send("OK");
    return void caller.close();
  },
  onError(caller, error) {
    // Bytes that are not a command end their connection; the others go on.
    void caller.send(new Error(`ERR ${error.message}`));
  },
});

listener.attach(service);
await listener.start();
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
