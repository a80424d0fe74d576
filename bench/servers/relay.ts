// Passes every connection on to a port of this machine: this library's way, or two loops over Deno's own sockets.
import { Client, Listener, relay } from "../../mod.ts";
import { ready } from "./control.ts";
import { writeAll } from "./write_all.ts";

const [way, targetPort] = Deno.args;
const target = { hostname: "127.0.0.1", port: Number(targetPort) };

async function copy(from: Deno.Conn, to: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const length = await from.read(buffer);
    if (length === null) break;
    await writeAll(to, buffer.subarray(0, length));
  }
  await to.closeWrite();
}

async function copyBoth(caller: Deno.TcpConn): Promise<void> {
  const onwards = await Deno.connect(target);
  for (const conn of [caller, onwards]) conn.setNoDelay(true);
  await Promise.allSettled([copy(caller, onwards), copy(onwards, caller)]);
  for (const conn of [caller, onwards]) conn.close();
}

if (way === "ours") {
  const listener = new Listener(0, { interface: "127.0.0.1", backlog: 4096 });
  await listener.serve(async (caller) => {
    await relay(caller, await Client.connect({ host: target.hostname, port: target.port }));
  });
  ready(listener.port);
} else {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 4096 });
  ready(listener.addr.port);
  for await (const conn of listener) copyBoth(conn).catch(() => {});
}
