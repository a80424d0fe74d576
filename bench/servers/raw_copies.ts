// Deno's own datagram socket with the two copies that this library promises, and nothing else around it:
// what is received is the user's own, and what is sent may be changed at once.
import { ready } from "./control.ts";
import { play } from "./role.ts";

async function answerDatagrams(): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  ready((socket.addr as Deno.NetAddr).port);
  const incoming = new Uint8Array(65_536);
  const outgoing = new Uint8Array(65_536);
  for (;;) {
    const [received, from] = await socket.receive(incoming);
    const own = received.slice();
    outgoing.set(own);
    await socket.send(outgoing.subarray(0, own.length), from);
  }
}

await play({ datagrams: answerDatagrams });
