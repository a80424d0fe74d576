// A small HTTP server that answers each request with its body: `curl -d hello 127.0.0.1:61607`.
// Run: deno run --allow-net=127.0.0.1 examples/http_echo.ts [PORT]

import { type Caller, Listener, SocketError } from "https://deno.land/x/socket@v0.1.0/mod.ts";

const LONGEST_HEAD = 16 * 1024;
const LONGEST_BODY = 1024 * 1024;

const decoder = new TextDecoder();

async function answer(caller: Caller, status: string, body = new Uint8Array()): Promise<void> {
  void caller.write(`HTTP/1.1 ${status}\r\ncontent-length: ${body.length}\r\n\r\n`);
  await caller.write(body); // goes out together with the head
}

/** Answers one request; whether there may be another one. */
async function serveOne(caller: Caller): Promise<boolean> {
  const [bytes] = await caller.readUntil("\r\n\r\n", { limit: LONGEST_HEAD });
  const head = decoder.decode(bytes);
  if (!head.endsWith("\r\n\r\n")) return false; // the client has said all it has to say
  const length = /^content-length: *(\d+) *\r$/im.exec(head)?.[1] ?? "0";
  if (/^transfer-encoding:/im.test(head)) await answer(caller, "411 Length Required");
  else if (Number(length) > LONGEST_BODY) await answer(caller, "413 Content Too Large");
  else {
    if (/^expect: *100-continue/im.test(head)) void caller.write("HTTP/1.1 100 Continue\r\n\r\n");
    const [body] = length === "0" ? [] : await caller.read(Number(length));
    await answer(caller, "200 OK", body);
    return !/^connection: *close|^\S+ \S+ HTTP\/1\.0\r/im.test(head);
  }
  return false;
}

async function serve(caller: Caller): Promise<void> {
  try {
    while (await serveOne(caller));
  } catch (error) {
    if (!(error instanceof SocketError)) throw error;
    // The head is too long, or the client has gone.
    if (error.code === "frame") await answer(caller, "431 Request Header Fields Too Large");
  }
  await caller.close();
}

const port = Number(Deno.args[0] ?? 61607);
const listener = new Listener(port, { interface: "127.0.0.1" });
await listener.start();
console.log(`Listening on ${listener.address}:${listener.port}`);

Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
for await (const caller of listener) void serve(caller);
