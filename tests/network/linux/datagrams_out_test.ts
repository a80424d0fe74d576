import { assertEquals } from "@std/assert";
import { linuxTest } from "../../support/linux_engine.ts";
import { bound, sendAll } from "../../support/linux_datagrams.ts";
import { bytesOf } from "../../support/text.ts";

linuxTest("LinuxDatagramSocket sends rows of equal and unequal length as they are", async () => {
  using here = await bound();
  using other = await bound();
  using there = await bound();
  const lengths = [20, 21, 9, 9, 9, 4, 9, 0, 0, 9, 1_400, 1_400, 1_401, 1_401, 1_400, 3];
  const contents = lengths.map((length, i) => String.fromCharCode(97 + i).repeat(length));
  // Not beside each other in memory, too.
  assertEquals(sendAll(there.socket, here.socket, contents), contents.length);
  assertEquals(await here.texts(contents.length), contents);
  const memory = bytesOf(contents.join(""));
  let at = 0;
  const parts = lengths.map((length) => memory.subarray(at, at += length));
  const to = [here.socket.addr, other.socket.addr];
  const datagrams = parts.flatMap((bytes, i) =>
    i === 10 ? to.map((target) => ({ bytes, target })) : [{ bytes, target: to[0]! }]
  );
  assertEquals(there.socket.trySendAll!(datagrams, 0), datagrams.length);
  assertEquals(await here.texts(contents.length), contents);
  assertEquals(await other.texts(1), [contents[10]]);
});
