// This library's lines: a loop over each connection's lines.
import { type Connection, framed, LineCodec, Listener } from "../../mod.ts";
import { ready } from "./control.ts";
import { play } from "./role.ts";

const codec = new LineCodec();

async function answer(caller: Connection): Promise<void> {
  const lines = framed(caller, codec);
  for await (const line of lines) lines.send(line);
}

await play({
  async text() {
    const listener = new Listener(0, { interface: "127.0.0.1" });
    await listener.start();
    ready(listener.port);
    for await (const caller of listener) answer(caller).catch(() => {});
  },
});
