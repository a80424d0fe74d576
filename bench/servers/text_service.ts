// This library's messages: a service whose method gets a line and gives one.
import { framedService, LineCodec, Listener } from "../../mod.ts";
import { ready } from "./control.ts";
import { play } from "./role.ts";

async function answerLines(): Promise<void> {
  const listener = new Listener(0, { interface: "127.0.0.1" });
  listener.attach(framedService(new LineCodec(), { onMessage: (_caller, line) => line }));
  await listener.start();
  ready(listener.port);
}

await play({ lines: answerLines, text: answerLines });
