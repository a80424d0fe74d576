// Does something for the first time in this process while it has no descriptor left, and prints how it ended.

import { Client, type ClientConfig, type Connection, Listener } from "../../mod.ts";

const [kind, authority = "", cert = "", key = ""] = Deno.args;
/** A TLS record, and nothing that belongs into one. */
const NONSENSE = Uint8Array.of(22, 3, 1, 0, 5, 104, 101, 108, 108, 111);
const here = "127.0.0.1";
const accepted = Promise.withResolvers<Connection>();
const over = Promise.withResolvers<void>();

const listener = new Listener(0, { interface: here });
await listener.serve(async (caller) => {
  accepted.resolve(caller);
  await over.promise;
  if (kind === "uncaught") await dial({});
});
const client = await Client.connect({ host: here, port: listener.port });
const caller = await accepted.promise;
const dial = (config: Partial<ClientConfig>) =>
  Client.connect({ ...config, host: here, port: listener.port });
const start = (config: ConstructorParameters<typeof Listener>[1]) =>
  new Listener(0, { interface: here, ...config }).serve(() => {});

const DEEDS: Record<string, () => Promise<unknown>> = {
  dialTls: () => dial({ secureSocket: { caCerts: [authority] } }),
  dialNodeTls: () => dial({ secureSocket: { minVersion: "TLSv1.3" } }),
  dialKeepAlive: () => dial({ keepAliveInMillis: 1_000 }),
  listenTls: () => start({ secureSocket: { cert, key } }),
  listenReusePort: () => start({ reusePort: true }),
  uncaught: () => {
    over.resolve();
    return caller.closed;
  },
  nonsenseForServer: () => {
    void client.write(NONSENSE);
    return caller.upgradeToTls({ cert, key });
  },
  nonsenseForClient: () => {
    void caller.write(NONSENSE);
    return client.upgradeToTls({ caCerts: [authority], minVersion: "TLSv1.3" });
  },
  upgrade: () =>
    Promise.all([
      caller.upgradeToTls({ cert, key }),
      client.upgradeToTls({ caCerts: [authority] }),
    ]),
};

// Deno takes descriptors for signals a moment after the start, or now; without them it ends the program itself.
const onSignal = () => {};
Deno.addSignalListener("SIGUSR2", onSignal);
Deno.removeSignalListener("SIGUSR2", onSignal);
const taken: Deno.FsFile[] = [];
try {
  for (;;) taken.push(Deno.openSync("/dev/null"));
} catch {
  // That was the last one.
}
const outcome = await DEEDS[kind!]!().then(() => "done", (error) => error.code);
for (const file of taken) file.close();
console.log(`${kind}: ${outcome}`);
client.abort();
over.resolve();
await listener.gracefulStop();
