// Lines by the standard library's TextLineStream on Deno's own streams.
import { TextLineStream as Untyped } from "npm:deno-std@1.4.0/streams/text_line_stream.js";
import { ready } from "./control.ts";
import { play } from "./role.ts";

// Published without types.
const TextLineStream = Untyped as unknown as new () => TransformStream<string, string>;
const encoder = new TextEncoder();

async function answer(conn: Deno.Conn): Promise<void> {
  const lines = conn.readable.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  const writer = conn.writable.getWriter();
  for await (const line of lines) await writer.write(encoder.encode(`${line}\n`));
}

await play({
  async text() {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 4096 });
    ready(listener.addr.port);
    for (;;) {
      const conn = await listener.accept().catch(() => undefined);
      if (conn === undefined) continue;
      conn.setNoDelay(true);
      answer(conn).catch(() => {});
    }
  },
});
