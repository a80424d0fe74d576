// Deno's own sockets with nothing around them: what every ratio is measured against.
import { ready } from "./control.ts";
import { lineCutter } from "./lines.mjs";
import { play } from "./role.ts";
import { writeAll } from "./write_all.ts";

/** Whether bytes may be kept, as the library gives them by default. */
const isKept = Deno.env.get("BENCH_BYTES") === "kept";

async function echo(conn: Deno.Conn, bufferSize: number): Promise<void> {
  const buffer = new Uint8Array(bufferSize);
  for (;;) {
    const length = await conn.read(buffer);
    if (length === null) break;
    await writeAll(conn, isKept ? buffer.slice(0, length) : buffer.subarray(0, length));
  }
  conn.close();
}

/** One write for each line, as the naive program does. */
async function answerLines(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  const cut = lineCutter();
  for (;;) {
    const length = await conn.read(buffer);
    if (length === null) break;
    for (const line of cut(buffer.subarray(0, length))) await writeAll(conn, line);
  }
  conn.close();
}

const everybody = new Set<Deno.Conn>();

async function tellEverybody(conn: Deno.Conn): Promise<void> {
  everybody.add(conn);
  const buffer = new Uint8Array(4096);
  try {
    for (;;) {
      const length = await conn.read(buffer);
      if (length === null) break;
      const news = buffer.slice(0, length);
      for (const other of everybody) other.write(news).catch(() => everybody.delete(other));
    }
  } finally {
    everybody.delete(conn);
    conn.close();
  }
}

async function listen(serve: (conn: Deno.Conn) => Promise<void>): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 4096 });
  ready(listener.addr.port);
  for (;;) {
    // A client that was gone before it was accepted must not end the bench.
    const conn = await listener.accept().catch(() => undefined);
    if (conn === undefined) continue;
    conn.setNoDelay(true);
    serve(conn).catch(() => {});
  }
}

async function answerDatagrams(): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  ready((socket.addr as Deno.NetAddr).port);
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const [bytes, from] = await socket.receive(buffer);
    await socket.send(bytes, from);
  }
}

/** Passes on to everybody who has said hello with one byte. */
async function tellPeers(): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  ready((socket.addr as Deno.NetAddr).port);
  const peers = new Map<string, Deno.NetAddr>();
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const [bytes, from] = await socket.receive(buffer) as [Uint8Array, Deno.NetAddr];
    if (bytes.length > 1) { for (const peer of peers.values()) await socket.send(bytes, peer); }
    else peers.set(`${from.hostname}:${from.port}`, from);
  }
}

await play({
  echo: () => listen((conn) => echo(conn, 65_536)),
  small: () => listen((conn) => echo(conn, 1024)),
  lines: () => listen(answerLines),
  broadcast: () => listen(tellEverybody),
  datagrams: answerDatagrams,
  tell: tellPeers,
});
