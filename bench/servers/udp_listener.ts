// This library's datagram service: what is returned goes back.
import { UdpListener, type UdpService } from "../../mod.ts";
import { ready } from "./control.ts";
import { onNetwork } from "./network.ts";
import { play } from "./role.ts";

const isLent = Deno.env.get("BENCH_BYTES") === "lent";
const echo: UdpService = isLent
  ? { onBytes: (_, bytes) => bytes }
  : { onDatagram: (_, { data }) => data };

async function answerDatagrams(): Promise<void> {
  const listener = new UdpListener(0, { interface: "127.0.0.1", ...onNetwork });
  listener.attach(echo);
  await listener.start();
  ready(listener.port);
}

await play({ datagrams: answerDatagrams });
