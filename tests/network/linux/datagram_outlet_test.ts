import { assertEquals, assertThrows } from "@std/assert";
import { linuxTest } from "../../support/linux_engine.ts";
import { lying } from "../../support/lying_errno.ts";
import { bound } from "../../support/linux_datagrams.ts";
import { bytesOf } from "../../support/text.ts";

linuxTest("LinuxDatagramSocket.trySendAll() sends those before one that it cannot", async () => {
  using here = await bound();
  using there = await bound();
  const target = here.socket.addr;
  const good = { bytes: bytesOf("good"), target };
  const long = { bytes: new Uint8Array(65_508), target };
  const far = { bytes: bytesOf("far"), target: { ...target, hostname: "::1" } };
  for (const bad of [long, far]) {
    const datagrams = [good, good, bad, good];
    assertEquals(there.socket.trySendAll!(datagrams, 0), 2);
    assertThrows(() => there.socket.trySendAll!(datagrams, 2), Error);
    assertEquals(there.socket.trySendAll!(datagrams, 3), 1);
    assertEquals(await here.texts(3), ["good", "good", "good"]);
  }
  // A name waits until it was looked up.
  const named = { ...target, hostname: "localhost" };
  assertEquals(there.socket.trySendAll!([good, { bytes: bytesOf("x"), target: named }], 0), 1);
  assertEquals(there.socket.trySend!(bytesOf("x"), named), undefined);
  assertEquals(await there.socket.send(bytesOf("named"), named), 5);
  assertEquals(await here.texts(2), ["good", "named"]);
  const { code } = await there.socket.send(long.bytes, target).catch((error) => error);
  assertEquals(code, "EMSGSIZE");
});

linuxTest("Sends that the system has no room for leave later, in order", async () => {
  // What is sent on loopback always has room, so errno lies.
  using here = await bound();
  using there = await bound();
  let refused = 0;
  const EAGAIN = 11;
  const EMSGSIZE = 90;
  const { addr } = here.socket;
  const long = there.socket.send(new Uint8Array(65_508), addr).catch((error) => error.code);
  assertEquals(await long, "EMSGSIZE");
  {
    using _look = lying(() => refused++ < 3 ? EAGAIN : EMSGSIZE);
    const sends = [there.socket.send(new Uint8Array(65_508), addr).catch((error) => error.code)];
    // It waits, and so do others behind it.
    assertEquals(there.socket.trySend!(bytesOf("behind"), addr), undefined);
    sends.push(there.socket.send(bytesOf("behind"), addr));
    sends.push(there.socket.send(bytesOf("last"), addr));
    assertEquals(await Promise.all(sends), ["EMSGSIZE", 6, 4]);
  }
  assertEquals(refused > 3, true);
  assertEquals(await here.texts(2), ["behind", "last"]);
});
