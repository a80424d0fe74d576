// This library's pull face: `for await`.
import { type Caller, Listener } from "../../mod.ts";
import { ready } from "./control.ts";
import { lineCutter } from "./lines.mjs";
import { play } from "./role.ts";

async function echo(caller: Caller): Promise<void> {
  for await (const chunk of caller) await caller.write(chunk);
  await caller.close();
}

async function answerLines(caller: Caller): Promise<void> {
  const cut = lineCutter();
  for await (const chunk of caller) {
    let written: Promise<unknown> = Promise.resolve();
    for (const line of cut(chunk)) written = caller.write(line);
    await written;
  }
  await caller.close();
}

async function listen(serve: (caller: Caller) => Promise<void>): Promise<void> {
  const listener = new Listener(0, { interface: "127.0.0.1" });
  await listener.start();
  ready(listener.port);
  for await (const caller of listener) serve(caller).catch(() => {});
}

async function broadcast(): Promise<void> {
  const listener = new Listener(0, { interface: "127.0.0.1" });
  const serve = async (caller: Caller) => {
    for await (const chunk of caller) {
      for (const other of listener.connections) other.write(chunk);
    }
    await caller.close();
  };
  await listener.start();
  ready(listener.port);
  for await (const caller of listener) serve(caller).catch(() => {});
}

await play({
  echo: () => listen(echo),
  small: () => listen(echo),
  lines: () => listen(answerLines),
  broadcast,
});
