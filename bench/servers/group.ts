// This library's group: one message to all.
import { Group, Listener } from "../../mod.ts";
import { ready } from "./control.ts";
import { play } from "./role.ts";

async function broadcast(): Promise<void> {
  const listener = new Listener(0, { interface: "127.0.0.1" });
  const everybody = new Group({ slow: "skip" });
  listener.attach({
    onConnect: (caller) => void everybody.add(caller),
    onBytes: (_caller, bytes) => void everybody.send(bytes),
  });
  await listener.start();
  ready(listener.port);
}

await play({ broadcast });
