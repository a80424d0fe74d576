import { assertEquals } from "@std/assert";
import { text } from "../support/text.ts";
import { testOnEngines } from "../support/udp_engines.ts";
import { droppedBy, serving } from "../support/udp_listeners.ts";

testOnEngines(
  "UdpListener drops and counts what a slow service leaves no room for",
  async (network) => {
    const first = Promise.withResolvers<void>();
    const seen: string[] = [];
    await using sockets = await serving(network, {
      async onDatagram(_, { data }) {
        seen.push(text(data));
        if (seen.length === 1) await first.promise;
        return data;
      },
    }, { maxUnreadBytes: 3 * 257 });
    const { listener, client } = sockets;
    for (let i = 0; i < 9; i++) await client.write(`${i}`);
    while (droppedBy(listener) < 5) await new Promise((resolve) => setTimeout(resolve, 0));
    first.resolve();
    for (let i = 0; i < 4; i++) assertEquals(text((await client.read())[0]), `${i}`);
    assertEquals(await sockets.ask("again"), "again");
    assertEquals(seen, ["0", "1", "2", "3", "again"]);
  },
);

testOnEngines(
  "UdpListener that is detached keeps datagrams for the next service",
  async (network) => {
    const first = { onDatagram: () => "first" };
    await using sockets = await serving(network, first);
    const { listener, client } = sockets;
    assertEquals(await sockets.ask("1"), "first");
    listener.detach(first);
    await client.write("2");
    listener.attach({ onDatagram: () => "second" });
    assertEquals(text((await client.read())[0]), "second");
  },
);
