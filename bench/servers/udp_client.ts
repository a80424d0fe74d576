// This library's datagram socket.
import { UdpClient } from "../../mod.ts";
import { ready } from "./control.ts";
import { play } from "./role.ts";

async function answerDatagrams(): Promise<void> {
  const client = new UdpClient({ host: "127.0.0.1", port: 0 }, { readTimeoutInMillis: Infinity });
  await client.bound;
  ready(client.localPort);
  for (;;) {
    const [bytes, , from] = await client.receiveFrom();
    await client.sendTo(bytes, from);
  }
}

await play({ datagrams: answerDatagrams });
