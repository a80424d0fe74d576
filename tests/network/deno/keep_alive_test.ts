import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { hostOf } from "../../../src/base/address.ts";
import { GenericError } from "../../../src/base/errors.ts";
import { Client, Listener } from "../../../mod.ts";
import { KeepAliveListener, refuseOwnTime } from "../../../src/network/deno/keep_alive.ts";
import { connectedTransports } from "../../../testing/mod.ts";
import { isInstalled, outputOf } from "../../support/program.ts";

Deno.test("KeepAliveListener switches it on for each that it accepts, and survives one that has gone", async () => {
  const asked: string[] = [];
  const inner = (name: string, setKeepAlive: (on: boolean) => void) => ({
    addr: { transport: "tcp", hostname: name, port: 1 } as const,
    accept: () => Promise.resolve(Object.assign(connectedTransports()[0], { setKeepAlive })),
    close: () => void asked.push(`${name} closed`),
  });
  const listener = new KeepAliveListener(inner("good", (on) => asked.push(`good ${on}`)));
  await listener.accept();
  assertEquals(hostOf(listener.addr), "good");
  listener.close();
  const gone = new KeepAliveListener(inner("gone", () => {
    throw new Deno.errors.NotConnected();
  }));
  assertEquals((await gone.accept()).remoteAddr.transport, "tcp");
  assertEquals(asked, ["good true", "good closed"]);
});

Deno.test("refuseOwnTime() refuses what Deno's sockets do not have, by its name", () => {
  refuseOwnTime(undefined);
  refuseOwnTime("system");
  const error = assertThrows(
    () => refuseOwnTime(5_000),
    GenericError,
    '(keepAliveInMillis: "system"',
  );
  assertEquals(error.code, "unsupported");
});

const hasSs = await isInstalled("ss");

/** Whether the system asks whether the peer of a connection is still there. */
async function isWatched(localPort: number, remotePort: number): Promise<boolean> {
  const ports = ["sport", "=", `:${localPort}`, "and", "dport", "=", `:${remotePort}`];
  const shown = await outputOf("ss", ["-Htno", "state", "established", ...ports]);
  assertEquals(shown.trim().split("\n").length, 1, shown);
  return shown.includes("timer:(keepalive");
}

Deno.test({
  name:
    "ListenerConfig.keepAliveInMillis of the system's has it ask whether callers are still there",
  ignore: !hasSs,
  async fn() {
    for (const config of [{}, { keepAliveInMillis: "system" }] as const) {
      await using listener = new Listener(0, { interface: "127.0.0.1", ...config });
      const accepted = Promise.withResolvers<void>();
      listener.attach({ onConnect: () => accepted.resolve() });
      await listener.start();
      await using client = await Client.connect({ host: "127.0.0.1", port: listener.port });
      await accepted.promise;
      assertEquals(await isWatched(listener.port, client.localPort), "keepAliveInMillis" in config);
    }
  },
});

Deno.test({
  name:
    "ClientConfig.keepAliveInMillis of the system's has it ask whether the server is still there",
  ignore: !hasSs,
  async fn() {
    await using listener = new Listener(0, { interface: "127.0.0.1" });
    listener.attach({ onConnect() {} });
    await listener.start();
    const to = { host: "127.0.0.1", port: listener.port };
    for (const config of [{}, { keepAliveInMillis: "system" }] as const) {
      await using client = await Client.connect({ ...to, ...config });
      assertEquals(await isWatched(client.localPort, listener.port), "keepAliveInMillis" in config);
    }
  },
});

Deno.test("ListenerConfig.keepAliveInMillis that cannot be is unsupported, and nothing is bound", async () => {
  const listener = new Listener(0, { interface: "127.0.0.1", keepAliveInMillis: 5_000 });
  listener.attach({ onConnect() {} });
  const error = await assertRejects(() => listener.start(), GenericError, "Deno's sockets");
  assertEquals([error.code, listener.port], ["unsupported", 0]);
});
