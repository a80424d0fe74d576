// A service that is controlled by a Unix socket: by every program that may write to the socket's file.
// Run: deno run --allow-net=127.0.0.1,unix:SOCKET,unix:SOCKET~/= --allow-read=SOCKET,SOCKET~ --allow-write=SOCKET,SOCKET~ examples/control_channel.ts SOCKET [PORT]
// SOCKET is an absolute path: Deno takes no other one in such permissions.

import { type Caller, Listener } from "../mod.ts";

const [path = "/run/echo.sock"] = Deno.args;
const port = Number(Deno.args[1] ?? 61622);

const service = new Listener(port, { interface: "127.0.0.1" });
service.attach({ onBytes: (_caller, bytes) => bytes });

// A file that a crash has left behind is replaced; one at which a program answers is not.
const control = new Listener(0, { path, pathMode: 0o600 });

const commands = new Map<string, (caller: Caller) => Promise<unknown>>([
  ["status", (caller) => caller.write(`${service.connections.size} connections\n`)],
  ["stop", async (caller) => {
    await caller.write("stopping\n");
    void service.gracefulStop();
    void control.gracefulStop();
  }],
]);

control.attach({
  async onReadReady(caller) {
    const line = await caller.readLine({ limit: 100 });
    const command = commands.get(line ?? "");
    if (command !== undefined) await command(caller);
    else if (line) await caller.write(`no such command: ${line}\n`);
  },
  onError(_caller, error) {
    console.error(`control: ${error.message}`);
  },
});

await control.start();
await service.start();
console.log(`Listening on ${service.address}:${service.port}`);

await Promise.all([service.closed, control.closed]);
