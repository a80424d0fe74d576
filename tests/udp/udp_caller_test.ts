import { assertEquals, assertRejects } from "@std/assert";
import type { UdpCaller } from "../../src/udp/udp_caller.ts";
import type { UdpService } from "../../src/udp/udp_service.ts";
import { text } from "../support/text.ts";
import { localClient, testOnEngines } from "../support/udp_engines.ts";
import { serving } from "../support/udp_listeners.ts";

testOnEngines("UdpListener gives a caller to answer by", async (network) => {
  await using other = localClient(network);
  const { host, port } = await other.bound;
  const callers: UdpCaller[] = [];
  const service = {
    greeting: "Hello ",
    onDatagram(caller, { data, remoteHost, remotePort }) {
      assertEquals([remoteHost, remotePort], [caller.remoteAddress, caller.remotePort]);
      callers.push(caller);
      caller.sendBytes(this.greeting + text(data));
      caller.sendDatagram({ remoteHost: host, remotePort: port, data });
    },
  } satisfies UdpService & { greeting: string };
  await using sockets = await serving(network, service);
  assertEquals(await sockets.ask("you"), "Hello you");
  assertEquals(text((await other.receiveFrom())[0]), "you");
  const [caller] = callers;
  assertEquals(caller!.remotePort, sockets.client.localPort);
  assertEquals(caller!.localPort, sockets.listener.port);
  assertEquals(caller!.localAddress, "127.0.0.1");
  await assertRejects(() => caller!.sendBytes(7 as unknown as string), TypeError, "Content");
  await assertRejects(
    () => caller!.sendDatagram({ remoteHost: host, remotePort: 70_000, data: new Uint8Array(1) }),
    RangeError,
    "70000",
  );
});

testOnEngines(
  "UdpCaller leaves nobody who does not wait with an unhandled rejection",
  async (network) => {
    const attempt = (caller: UdpCaller) => {
      void caller.sendBytes(7 as unknown as string);
      void caller.sendBytes("x");
      void caller.sendDatagram({ remoteHost: "", remotePort: 9, data: new Uint8Array(1) });
      void caller.sendDatagram({ remoteHost: "127.0.0.1", remotePort: 0, data: new Uint8Array(1) });
    };
    const called = Promise.withResolvers<UdpCaller>();
    await using sockets = await serving(network, {
      onDatagram: (caller) => called.resolve(caller),
    });
    await sockets.client.write("x");
    const caller = await called.promise;
    attempt(caller);
    await sockets.listener.immediateStop();
    attempt(caller);
    // Unhandled rejections are reported when this turn is over.
    await new Promise((resolve) => setTimeout(resolve, 0));
  },
);
