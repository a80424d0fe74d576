import { assertEquals, assertThrows } from "@std/assert";
import {
  AF_UNIX,
  MSG_NOSIGNAL,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from "../../../src/network/linux/abi.ts";
import { libc } from "../../../src/network/linux/libc.ts";
import { ByteWatch } from "../../../src/network/node/byte_watch.ts";
import { linuxTest } from "../../support/linux_engine.ts";

function pair(): [near: number, far: number] {
  const ends = new Int32Array(2);
  libc().socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, new Uint8Array(ends.buffer));
  return [ends[0]!, ends[1]!];
}

function send(descriptor: number, count: number): void {
  libc().send(descriptor, new Uint8Array(count), count, MSG_NOSIGNAL);
}

linuxTest("ByteWatch tells of each byte, until it is closed", async () => {
  const [near, far] = pair();
  let told = 0;
  let wake = () => {};
  const watch = new ByteWatch(near, () => {
    told++;
    wake();
  }, () => told = NaN);
  for (const count of [1, 1, 3]) {
    const before = told;
    send(far, count);
    while (told < before + count) await new Promise<void>((resolve) => wake = resolve);
  }
  assertEquals(told, 5);
  send(far, 1);
  watch.close();
  watch.close();
  await new Promise((resolve) => setImmediate(resolve));
  assertEquals(told, 5);
  // Its descriptor is closed: the other end has nobody to send to.
  assertEquals(libc().send(far, new Uint8Array(1), 1, MSG_NOSIGNAL), -1);
  libc().close(far);
});

linuxTest("ByteWatch tells when the other end has gone", async () => {
  const [near, far] = pair();
  const { promise, resolve } = Promise.withResolvers<void>();
  const watch = new ByteWatch(near, () => {}, resolve);
  libc().close(far);
  await promise;
  watch.close();
});

linuxTest("ByteWatch refuses what it cannot watch, and leaves it alone", () => {
  using file = Deno.openSync("/dev/zero");
  const descriptor = libc().socket(AF_UNIX, SOCK_STREAM, 0);
  libc().close(descriptor);
  // Nothing has that number now.
  assertThrows(() => new ByteWatch(descriptor, () => {}, () => {}), TypeError, "fd");
  assertEquals(file.readSync(new Uint8Array(1)), 1);
});
