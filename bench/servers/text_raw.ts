// Lines by hand on Deno's own sockets: what one read brought is decoded, cut and answered with one write.
import { ready } from "./control.ts";
import { play } from "./role.ts";

const encoder = new TextEncoder();

async function answer(conn: Deno.Conn): Promise<void> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let rest = "";
  for (;;) {
    const length = await conn.read(buffer);
    if (length === null) break;
    const lines = (rest + decoder.decode(buffer.subarray(0, length), { stream: true })).split("\n");
    rest = lines.pop()!;
    let replies = "";
    for (const line of lines) replies += (line.endsWith("\r") ? line.slice(0, -1) : line) + "\n";
    const bytes = encoder.encode(replies);
    for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
  }
  conn.close();
}

/** The same with one write for each line. */
async function answerEach(conn: Deno.Conn): Promise<void> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let rest = "";
  for (;;) {
    const length = await conn.read(buffer);
    if (length === null) break;
    const lines = (rest + decoder.decode(buffer.subarray(0, length), { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const bytes = encoder.encode((line.endsWith("\r") ? line.slice(0, -1) : line) + "\n");
      for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
    }
  }
  conn.close();
}

const serve = Deno.args[1] === "each" ? answerEach : answer;

await play({
  async text() {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 4096 });
    ready(listener.addr.port);
    for (;;) {
      const conn = await listener.accept().catch(() => undefined);
      if (conn === undefined) continue;
      conn.setNoDelay(true);
      serve(conn).catch(() => {});
    }
  },
});
