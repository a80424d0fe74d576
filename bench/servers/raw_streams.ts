// Deno's own web streams and iteration: the convenient way.
import { ready } from "./control.ts";
import { play } from "./role.ts";

async function echo(): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 4096 });
  ready(listener.addr.port);
  for (;;) {
    const conn = await listener.accept().catch(() => undefined);
    if (conn === undefined) continue;
    conn.setNoDelay(true);
    conn.readable.pipeTo(conn.writable).catch(() => {});
  }
}

async function answerDatagrams(): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  ready((socket.addr as Deno.NetAddr).port);
  for await (const [bytes, from] of socket) await socket.send(bytes, from);
}

await play({ echo, small: echo, datagrams: answerDatagrams });
