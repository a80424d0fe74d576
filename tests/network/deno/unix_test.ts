import { assertEquals, assertRejects } from "@std/assert";
import type { Transport } from "../../../src/network/network.ts";
import { denoNetwork } from "../../../src/network/deno/deno_network.ts";
import { connectPath, type LocalSockets } from "../../../src/network/deno/unix.ts";
import { checkPath } from "../../../src/base/address.ts";
import { connectedTransports, VirtualClock } from "../../../testing/mod.ts";

if (Deno.build.os === "linux") {
  Deno.test("An abstract name is every name that the system takes, each of its bytes", async () => {
    const own = crypto.randomUUID();
    const names = [`\0${own}\0b`, `\0${own}\0`, `\0${own}`, `\0${own}é`.padEnd(107, "x")];
    const listeners = await Promise.all(
      names.map((path) => denoNetwork.listenPath!({ path: checkPath("path", path) })),
    );
    for (const [i, path] of names.entries()) {
      const listener = listeners[i]!;
      const [client, server] = await Promise.all([
        denoNetwork.connectPath!({ path }),
        listener.accept(),
      ]);
      const address = { transport: "unix", path };
      assertEquals([listener.addr, server.localAddr, client.remoteAddr], [
        address,
        address,
        address,
      ]);
      client.close();
      server.close();
    }
    for (const listener of listeners) listener.close();
  });
}

Deno.test("connectPath() asks a full queue again, until it is given up", async () => {
  const clock = new VirtualClock();
  const [near] = connectedTransports();
  let refusals = 2;
  const sockets: LocalSockets = {
    connect: (): Promise<Transport> =>
      refusals-- > 0 ? Promise.reject(new Deno.errors.WouldBlock("full")) : Promise.resolve(near),
    listen: () => {
      throw new Error("not here");
    },
  };
  const connecting = connectPath(sockets, clock, { path: "/a" });
  await clock.advance(10);
  await clock.advance(10);
  assertEquals(await connecting, near);
  refusals = Infinity;
  const controller = new AbortController();
  const given = assertRejects(
    () => connectPath(sockets, clock, { path: "/a", signal: controller.signal }),
    Error,
    "enough",
  );
  await clock.advance(10);
  controller.abort(new Error("enough"));
  await clock.advance(10);
  await given;
});
