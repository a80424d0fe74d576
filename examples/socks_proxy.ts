// A proxy of SOCKS 5 for those who know a password: connects them to one port of this machine, and to nothing else.
// Run: deno run --allow-net=127.0.0.1 examples/socks_proxy.ts TARGET_PORT PASSWORD [PORT]

import { type Caller, Client, Listener, relay } from "../mod.ts";

const [targetPort = 0, password = ""] = [Number(Deno.args[0]), Deno.args[1]];
if (password === "") throw new TypeError("Give a password: without one it serves everybody");
const port = Number(Deno.args[2] ?? 61623);
const HOSTS = ["127.0.0.1", "localhost"];

const take = async (caller: Caller, length: number) => {
  const [bytes, count] = await caller.read(length);
  if (count < length) throw new Error("The client has ended in the middle of a request");
  return bytes;
};
const takeText = async (caller: Caller) => {
  const [length = 0] = await take(caller, 1);
  return length === 0 ? "" : new TextDecoder().decode(await take(caller, length));
};

/** Finds out who connects. Gives whether that is somebody who may. */
async function logIn(caller: Caller): Promise<boolean> {
  const [version, count = 0] = await take(caller, 2);
  if (version !== 5 || count === 0) return false;
  const canLogIn = (await take(caller, count)).includes(2);
  await caller.write(Uint8Array.of(5, canLogIn ? 2 : 0xff));
  if (!canLogIn) return false;
  await take(caller, 1);
  await takeText(caller); // the user name: whoever knows the password may
  const isRight = await takeText(caller) === password;
  await caller.write(Uint8Array.of(1, isRight ? 0 : 1));
  return isRight;
}

/** Reads what is asked for. Gives the code of the answer, 0 where it is allowed. */
async function readRequest(caller: Caller): Promise<number> {
  const [, command, , kind] = await take(caller, 4);
  if (kind !== 1 && kind !== 3) return 8;
  const host = kind === 3 ? await takeText(caller) : (await take(caller, 4)).join(".");
  const [high = 0, low = 0] = await take(caller, 2);
  if (command !== 1) return 7;
  return HOSTS.includes(host.toLowerCase()) && high * 256 + low === targetPort ? 0 : 2;
}

async function serve(caller: Caller): Promise<void> {
  const answer = (code: number) => caller.write(Uint8Array.of(5, code, 0, 1, 0, 0, 0, 0, 0, 0));
  if (!await logIn(caller)) return;
  const refusal = await readRequest(caller);
  if (refusal !== 0) return void await answer(refusal);
  // "using": the caller may be gone before it is told.
  await using target = await Client.connect({ host: "127.0.0.1", port: targetPort })
    .catch(() => undefined);
  if (target === undefined) return void await answer(5);
  await answer(0);
  await relay(caller, target, { idleTimeoutInMillis: 600_000 });
}

const limits = { maxConnections: 1_000, readTimeoutInMillis: 10_000, minBytesPerSecond: 10 };
const listener = new Listener(port, { interface: "127.0.0.1", ...limits });
await listener.serve(serve, { onError: (_caller, error) => console.error(error.message) });
Deno.addSignalListener("SIGINT", () => listener.gracefulStop());
console.log(`Listening on ${listener.address}:${listener.port}`);
await listener.closed;
