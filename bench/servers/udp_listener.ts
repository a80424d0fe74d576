// This library's datagram service: what is returned goes back.
import { type UdpCaller, UdpListener, type UdpService } from "../../mod.ts";
import { ready } from "./control.ts";
import { onNetwork } from "./network.ts";
import { play } from "./role.ts";

const isLent = Deno.env.get("BENCH_BYTES") === "lent";
const echo: UdpService = isLent
  ? { onBytes: (_, bytes) => bytes }
  : { onDatagram: (_, { data }) => data };

/** Passes on to everybody who has said hello with one byte. */
function tellPeers(): UdpService {
  const peers = new Map<number, UdpCaller>();
  return {
    onBytes(caller, bytes) {
      if (bytes.length > 1) { for (const peer of peers.values()) void peer.sendBytes(bytes); }
      else peers.set(caller.remotePort, caller);
    },
  };
}

async function serve(service: UdpService): Promise<void> {
  const listener = new UdpListener(0, { interface: "127.0.0.1", ...onNetwork });
  listener.attach(service);
  await listener.start();
  ready(listener.port);
}

await play({ datagrams: () => serve(echo), tell: () => serve(tellPeers()) });
