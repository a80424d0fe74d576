// This library's datagram service: what is returned goes back.
import { UdpListener } from "../../mod.ts";
import { ready } from "./control.ts";
import { play } from "./role.ts";

async function answerDatagrams(): Promise<void> {
  const listener = new UdpListener(0, { interface: "127.0.0.1" });
  listener.attach({ onDatagram: (_, { data }) => data });
  await listener.start();
  ready(listener.port);
}

await play({ datagrams: answerDatagrams });
