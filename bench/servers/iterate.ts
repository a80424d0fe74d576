// This library's pull face: `for await`.
import { type Caller, Listener } from "../../mod.ts";
import { ready } from "./control.ts";
import { lineCutter } from "./lines.mjs";
import { play } from "./role.ts";

async function echo(caller: Caller): Promise<void> {
  for await (const chunk of caller) await caller.write(chunk);
}

async function answerLines(caller: Caller): Promise<void> {
  const cut = lineCutter();
  for await (const chunk of caller) {
    let written: Promise<unknown> = Promise.resolve();
    for (const line of cut(chunk)) written = caller.write(line);
    await written;
  }
}

async function listen(serve: (caller: Caller) => Promise<void>): Promise<void> {
  const listener = new Listener(0, { interface: "127.0.0.1" });
  await listener.serve(serve);
  ready(listener.port);
}

async function broadcast(): Promise<void> {
  const listener = new Listener(0, { interface: "127.0.0.1" });
  await listener.serve(async (caller) => {
    for await (const chunk of caller) {
      for (const other of listener.connections) other.write(chunk);
    }
  });
  ready(listener.port);
}

await play({
  echo: () => listen(echo),
  small: () => listen(echo),
  lines: () => listen(answerLines),
  broadcast,
});
