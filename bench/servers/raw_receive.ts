// Deno's own datagram socket as it is mostly used: each receive with a buffer of its own.
import { ready } from "./control.ts";
import { play } from "./role.ts";

async function answerDatagrams(): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  ready((socket.addr as Deno.NetAddr).port);
  for (;;) {
    const [bytes, from] = await socket.receive();
    await socket.send(bytes, from);
  }
}

await play({ datagrams: answerDatagrams });
