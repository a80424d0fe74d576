// Deno's own TLS with nothing around it.
import { ready } from "./control.ts";
import { play } from "./role.ts";
import { writeAll } from "./write_all.ts";
import { AMOUNT, chunkOf, HALF, identity, MESSAGE } from "./tls_parts.mjs";

async function echo(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const length = await conn.read(buffer);
    if (length === null) break;
    await writeAll(conn, buffer.subarray(0, length));
  }
}

async function sink(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (let received = 0;;) {
    const length = await conn.read(buffer);
    if (length === null) break;
    for (received += length; received >= AMOUNT; received -= AMOUNT) await writeAll(conn, HALF);
  }
}

async function source(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(1024);
  for (;;) {
    const length = await conn.read(buffer);
    if (length === null) break;
    const chunk = chunkOf(buffer[0]);
    for (let i = 0; i < length * AMOUNT; i += chunk.length) await writeAll(conn, chunk);
  }
}

async function answer(conn: Deno.Conn, answers: readonly Uint8Array[]): Promise<void> {
  const buffer = new Uint8Array(MESSAGE.length);
  for (;;) {
    for (let at = 0; at < buffer.length;) {
      const length = await conn.read(buffer.subarray(at));
      if (length === null) return;
      at += length;
    }
    for (const bytes of answers) await writeAll(conn, bytes);
  }
}

async function listen(serve: (conn: Deno.Conn) => Promise<void>): Promise<void> {
  const listener = Deno.listenTls(
    {
      ...identity(),
      hostname: "127.0.0.1",
      port: 0,
      tcpBacklog: 4096,
    } as Deno.ListenTlsOptions & Deno.TlsCertifiedKeyPem,
  );
  ready((listener.addr as Deno.NetAddr).port);
  for (;;) {
    const conn = await listener.accept().catch(() => undefined);
    if (conn !== undefined) serve(conn).catch(() => {}).finally(() => conn.close());
  }
}

await play({
  echo: () => listen(echo),
  sink: () => listen(sink),
  source: () => listen(source),
  whole: () => listen((conn) => answer(conn, [MESSAGE])),
  halves: () => listen((conn) => answer(conn, [HALF, HALF])),
});
