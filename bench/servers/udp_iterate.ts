// This library's datagram socket, iterated; answers are not awaited.
import { UdpClient } from "../../mod.ts";
import { ready } from "./control.ts";
import { play } from "./role.ts";

async function answerDatagrams(): Promise<void> {
  const client = new UdpClient({ host: "127.0.0.1", port: 0 }, { readTimeoutInMillis: Infinity });
  await client.bound;
  ready(client.localPort);
  for await (const { data, remoteHost: host, remotePort: port } of client) {
    client.sendTo(data, { host, port });
  }
}

await play({ datagrams: answerDatagrams });
