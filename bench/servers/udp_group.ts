// This library's group of datagram sessions: one message to all who have said hello.
import { Group, UdpListener, type UdpSession } from "../../mod.ts";
import { ready } from "./control.ts";
import { onNetwork } from "./network.ts";
import { play } from "./role.ts";

async function tell(): Promise<void> {
  const listener = new UdpListener(0, { interface: "127.0.0.1", maxSessions: 2_000, ...onNetwork });
  const everybody = new Group({ slow: "skip", maxQueuedBytes: 16_777_216 });
  listener.attach(() => ({
    onBytes(caller, bytes) {
      if (bytes.length > 1) everybody.send(bytes);
      else everybody.add(caller as UdpSession);
    },
  }));
  await listener.start();
  ready(listener.port);
}

await play({ tell });
