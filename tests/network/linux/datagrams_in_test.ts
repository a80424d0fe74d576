import { assertEquals } from "@std/assert";
import { linuxNetwork } from "../../../linux/mod.ts";
import { linuxTest } from "../../support/linux_engine.ts";
import { localClient } from "../../support/udp_engines.ts";
import { bound, sendAll, until } from "../../support/linux_datagrams.ts";
import { text } from "../../support/text.ts";

linuxTest(
  "LinuxDatagramSocket.tryReceiveAll() may be called from within, and outlives what is transferred",
  async () => {
    using here = await bound();
    using other = await bound();
    using there = await bound();
    assertEquals(sendAll(there.socket, here.socket, ["first"]), 1);
    assertEquals(await here.texts(1), ["first"]);
    assertEquals(sendAll(there.socket, here.socket, ["a"]), 1);
    assertEquals(sendAll(there.socket, other.socket, ["b"]), 1);
    await Promise.all([until(here.socket), until(other.socket)]);
    const got: string[] = [];
    here.socket.tryReceiveAll!(9, (bytes) => {
      other.socket.tryReceiveAll!(9, (inner) => {
        got.push(text(inner));
        return true;
      });
      got.push(text(bytes));
      structuredClone(bytes, { transfer: [bytes.buffer] });
      return true;
    });
    assertEquals(got, ["b", "a"]);
    assertEquals(sendAll(there.socket, here.socket, ["c", "d"]), 2);
    assertEquals(await here.texts(2), ["c", "d"]);
  },
);

linuxTest("A datagram of 65,507 bytes goes and comes whole", async () => {
  await using client = localClient(linuxNetwork);
  await using other = localClient(linuxNetwork);
  const content = new Uint8Array(65_507).map((_, i) => i * 7);
  for (let i = 0; i < 3; i++) {
    await client.sendTo(content, await other.bound);
    const [bytes, length] = await other.receiveFrom();
    assertEquals([length, bytes], [65_507, content]);
  }
});
