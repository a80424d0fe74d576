import { assert, assertEquals, assertThrows } from "@std/assert";
import * as abi from "../../../src/network/linux/abi.ts";
import { must } from "../../../src/network/linux/errno.ts";
import { libc } from "../../../src/network/linux/libc.ts";
import { linuxTest } from "../../support/linux_engine.ts";
import { outputOf } from "../../support/program.ts";
import { systemSocket } from "../../../src/network/linux/socket_info.ts";

linuxTest(
  "systemSocket() tells who is at the other end of a local socket, and how large its buffers are",
  async () => {
    const pair = new Int32Array(2);
    must(
      "socketpair",
      () => libc().socketpair(abi.AF_UNIX, abi.SOCK_STREAM, 0, new Uint8Array(pair.buffer)),
    );
    const [descriptor = 0, other = 0] = pair;
    const info = systemSocket(() => descriptor, "unix");
    const [uid, gid] = [Number(await outputOf("id", ["-u"])), Number(await outputOf("id", ["-g"]))];
    assertEquals(info.tcpInfo, undefined);
    assertEquals({ ...info.peerCredentials!() }, {
      pid: Deno.pid,
      uid,
      gid,
    });
    const { receiveBufferSize, sendBufferSize } = info.bufferSizes();
    assert(receiveBufferSize > 1_000 && sendBufferSize > 1_000);
    for (const record of [info.bufferSizes(), info.peerCredentials!()]) {
      assert(Object.isFrozen(record));
    }
    libc().close(descriptor);
    libc().close(other);
    assertThrows(() => info.bufferSizes(), Deno.errors.BadResource);
  },
);

linuxTest(
  "systemSocket() asks for the descriptor each time, and gives up with what that throws",
  () => {
    const info = systemSocket(() => {
      throw new Deno.errors.BadResource("closed");
    }, "tcp");
    assertEquals(info.peerCredentials, undefined);
    for (const call of [() => info.bufferSizes(), () => info.tcpInfo!()]) {
      assertThrows(call, Deno.errors.BadResource, "closed");
    }
  },
);

linuxTest("systemSocket() tells the state of TCP", () => {
  const descriptor = must("socket", () => libc().socket(abi.AF_INET, abi.SOCK_STREAM, 0));
  const info = systemSocket(() => descriptor, "tcp");
  const told = info.tcpInfo!();
  assert(Object.isFrozen(told));
  assertEquals([told.state, told.totalRetransmits, told.minRoundTripTimeInMillis], [
    "closed",
    0,
    undefined,
  ]);
  must("listen", () => libc().listen(descriptor, 1));
  assertEquals(info.tcpInfo!().state, "listen");
  libc().close(descriptor);
});
