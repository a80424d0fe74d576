// This library's datagram socket.
import { UdpClient } from "../../mod.ts";
import { ready } from "./control.ts";
import { onNetwork } from "./network.ts";
import { play } from "./role.ts";

async function answerDatagrams(): Promise<void> {
  const config = { readTimeoutInMillis: Infinity, ...onNetwork };
  const client = new UdpClient({ host: "127.0.0.1", port: 0 }, config);
  await client.bound;
  ready(client.localPort);
  for (;;) {
    const [bytes, , from] = await client.receiveFrom();
    await client.sendTo(bytes, from);
  }
}

await play({ datagrams: answerDatagrams });
