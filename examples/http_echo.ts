// A small HTTP server that answers each request with its body: `curl -d hello 127.0.0.1:61607`.
// Run: deno run --allow-net=127.0.0.1 examples/http_echo.ts [PORT]

import { type Caller, Listener, SocketError } from "../mod.ts";
import { Refusal, requestOf } from "./http_request.ts";

const LONGEST_HEAD = 16 * 1024;

const latin1 = new TextDecoder("latin1");

function headOf(status: string, length: number, isPersistent: boolean): string {
  const fields = ["content-type: application/octet-stream", `content-length: ${length}`];
  if (!isPersistent) fields.push("connection: close");
  return `HTTP/1.1 ${status}\r\n${fields.join("\r\n")}\r\n\r\n`;
}

/** Answers one request, and says whether another one may follow. */
async function serveOne(caller: Caller): Promise<boolean> {
  const [bytes] = await caller.readUntil("\r\n\r\n", { limit: LONGEST_HEAD });
  const head = latin1.decode(bytes);
  if (!head.endsWith("\r\n\r\n")) return false; // the client has ended
  const { method, length, isWaiting, isPersistent } = requestOf(head);
  if (isWaiting) void caller.write("HTTP/1.1 100 Continue\r\n\r\n");
  const [body, received] = length === 0 ? [new Uint8Array(), 0] : await caller.read(length);
  if (received < length) return false; // the body is not complete
  void caller.write(headOf("200 OK", length, isPersistent));
  await caller.write(method === "HEAD" ? "" : body); // is sent together with the head
  return isPersistent;
}

/** The last answer to a client whose connection ends with an error. */
function lastWords(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  const isTooLong = error instanceof SocketError && error.code === "frame";
  return isTooLong ? "431 Request Header Fields Too Large" : "408 Request Timeout";
}

async function serve(caller: Caller): Promise<void> {
  try {
    while (await serveOne(caller));
  } catch (error) {
    // Not a request, a long silence, a reset: it ends this connection and no other.
    void caller.write(headOf(lastWords(error), 0, false));
  }
  await caller.close();
}

const port = Number(Deno.args[0] ?? 61607);
const listener = new Listener(port, { interface: "127.0.0.1" });
await listener.start();
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
for await (const caller of listener) void serve(caller);
