// A program with telemetry, for the tests that start a collector: a listener and its clients, with and without TLS,
// and datagrams. Prints its books, and stays until its input ends.
//
//   deno run --allow-net=127.0.0.1,127.0.0.9 tests/support/observed_program.ts COUNT CERT KEY CA

import { Client, Listener, UdpClient, UdpListener } from "../../mod.ts";

const [count = "1", cert = "", key = "", ca = ""] = Deno.args;
const connections = Number(count);
const telemetry = true;
const loopback = { interface: "127.0.0.1", telemetry };

async function talk(client: Client): Promise<void> {
  await client.write("hello");
  await client.read(5);
  await client.close();
  await client.closed;
}

const plain = new Listener(0, { ...loopback, deny: ["127.0.0.9"] });
const secure = new Listener(0, { ...loopback, secureSocket: { cert, key } });
for (const listener of [plain, secure]) {
  listener.attach({ onBytes: (_, bytes) => bytes });
  await listener.start();
}
const config = { host: "127.0.0.1", telemetry };
const heap: number[] = [];
const collectGarbage = (globalThis as { gc?: () => void }).gc;
for (let i = 0; i < connections; i++) {
  await talk(await Client.connect({ ...config, port: plain.port }));
  if (collectGarbage === undefined || (i + 1) % (connections / 4) !== 0) continue;
  collectGarbage();
  heap.push(Deno.memoryUsage().heapUsed);
}
const secureSocket = { caCerts: [ca], serverName: "localhost" };
await talk(await Client.connect({ ...config, port: secure.port, secureSocket }));
await Client.connect({ ...config, port: secure.port, secureSocket: {} }).catch(() => {});
const denied = await Client.connect({ ...config, port: plain.port, localAddress: "127.0.0.9" });
await denied.read().catch(() => {});
await denied.close();

const datagrams = new UdpListener(0, loopback);
datagrams.attach(() => ({ onBytes: (_, bytes) => bytes }));
await datagrams.start();
const peer = { remoteHost: "127.0.0.1", remotePort: datagrams.port };
const udp = new UdpClient({ host: "127.0.0.1", port: 0 }, { ...peer, telemetry });
for (let i = 0; i < 3; i++) {
  await udp.write("hello");
  await udp.read();
}

const open = await Client.connect({ ...config, port: plain.port });
await open.write("still here");
await open.read(10);
// Both ends know of every end.
while (plain.stats().open !== 1 || secure.stats().open !== 0) {
  await new Promise((resolve) => setTimeout(resolve, 0));
}
const books = {
  plain: plain.stats(),
  secure: secure.stats(),
  datagrams: datagrams.stats(),
  ports: { plain: plain.port, secure: secure.port, datagrams: datagrams.port },
  heap,
};
console.log(JSON.stringify(books));

for await (const _ of Deno.stdin.readable);
await open.close();
await udp.close();
await datagrams.gracefulStop();
await Promise.all([plain.gracefulStop(), secure.gracefulStop()]);
