import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { hostOf } from "../../../src/base/address.ts";
import { GenericError } from "../../../src/base/errors.ts";
import { Client, Listener } from "../../../mod.ts";
import { KeepAliveListener, refuseOwnTime } from "../../../src/network/deno/keep_alive.ts";
import { connectedTransports } from "../../../testing/mod.ts";
import { outputOf } from "../../support/program.ts";

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

/** By which timer of the system the connections of a port are watched, 2 for whether the peer is still there. */
async function timersOf(port: number): Promise<string[]> {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const table = await outputOf("cat", ["/proc/net/tcp"]);
  const fields = table.split("\n").map((line) => line.trim().split(/\s+/));
  // Those that are established: their address, the peer's, the state, the queues and the timer.
  return fields.filter((each) => each[1]?.endsWith(local) && each[3] === "01")
    .map((each) => each[5]!.slice(0, 2));
}

Deno.test({
  name:
    "ListenerConfig.keepAliveInMillis of the system's has it ask whether callers are still there",
  ignore: Deno.build.os !== "linux",
  async fn() {
    for (const [config, timer] of [[{}, "00"], [{ keepAliveInMillis: "system" }, "02"]] as const) {
      await using listener = new Listener(0, { interface: "127.0.0.1", ...config });
      const accepted = Promise.withResolvers<void>();
      listener.attach({ onConnect: () => accepted.resolve() });
      await listener.start();
      await using _client = await Client.connect({ host: "127.0.0.1", port: listener.port });
      await accepted.promise;
      assertEquals(await timersOf(listener.port), [timer]);
    }
  },
});

Deno.test({
  name:
    "ClientConfig.keepAliveInMillis of the system's has it ask whether the server is still there",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using listener = new Listener(0, { interface: "127.0.0.1" });
    listener.attach({ onConnect() {} });
    await listener.start();
    const to = { host: "127.0.0.1", port: listener.port };
    for (const [config, timer] of [[{}, "00"], [{ keepAliveInMillis: "system" }, "02"]] as const) {
      await using client = await Client.connect({ ...to, ...config });
      assertEquals(await timersOf(client.localPort), [timer]);
    }
  },
});

Deno.test("ListenerConfig.keepAliveInMillis that cannot be is unsupported, and nothing is bound", async () => {
  const listener = new Listener(0, { interface: "127.0.0.1", keepAliveInMillis: 5_000 });
  listener.attach({ onConnect() {} });
  const error = await assertRejects(() => listener.start(), GenericError, "Deno's sockets");
  assertEquals([error.code, listener.port], ["unsupported", 0]);
});
