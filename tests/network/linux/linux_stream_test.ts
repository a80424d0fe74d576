import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as abi from "../../../src/network/linux/abi.ts";
import { EAGAIN, EBADF, ECONNRESET, EINTR, ENOENT } from "../../../src/network/linux/errno.ts";
import { libc } from "../../../src/network/linux/libc.ts";
import { LinuxStream } from "../../../src/network/linux/linux_stream.ts";
import { eventLoop } from "../../../src/network/linux/loop.ts";
import { linuxTest } from "../../support/linux_engine.ts";
import { linuxLocalPair, linuxPair, readable } from "../../support/linux_pair.ts";
import { lying } from "../../support/lying_errno.ts";

const bytes = (...values: number[]) => new Uint8Array(values);

/** A pair of sockets, of which this test keeps one as a bare descriptor. */
function bare(): { stream: LinuxStream; far: number } {
  const ends = new Int32Array(2);
  const kind = abi.SOCK_STREAM | abi.SOCK_NONBLOCK | abi.SOCK_CLOEXEC;
  libc().socketpair(abi.AF_UNIX, kind, 0, new Uint8Array(ends.buffer));
  const address = { transport: "unix", path: "" } as const;
  return { stream: new LinuxStream(ends[0]!, address, address), far: ends[1]! };
}

linuxTest(
  "LinuxStream.tryWrite() takes what fits, then nothing, then again what fits",
  async () => {
    const [near, far] = await linuxPair();
    const much = new Uint8Array(64 * 1024);
    let written = 0;
    for (;;) {
      const count = near.tryWrite!(much);
      if (count === undefined) break;
      written += count;
    }
    const waiting = near.write(much);
    let read = 0;
    while (read < written) read += (await far.read(much))!;
    assertEquals(read >= written, true);
    let rest = written + await waiting - read;
    while (rest > 0) rest -= (await far.read(much))!;
    near.close();
    far.close();
  },
);

linuxTest("LinuxStream reads to the end what came together with it", async () => {
  for (const pair of [linuxPair, linuxLocalPair]) {
    const [near, far] = await pair();
    await near.write(bytes(1, 2, 3));
    await near.closeWrite();
    await eventLoop().looked();
    const buffer = new Uint8Array(8);
    assertEquals([far.tryRead!(buffer), far.tryRead!(buffer)], [3, null]);
    near.close();
    far.close();
  }
});

linuxTest("LinuxStream goes on behind urgent data, which cuts a read short", async () => {
  const [near, far] = await linuxPair();
  const { descriptor } = near as unknown as { descriptor: number };
  await near.write(bytes(1, 2));
  libc().send(descriptor, bytes(3), 1, abi.MSG_OOB | abi.MSG_NOSIGNAL);
  await near.write(bytes(4, 5));
  await eventLoop().looked();
  const got: number[] = [];
  const buffer = new Uint8Array(16);
  while (got.length < 4) {
    await readable(far);
    const count = far.tryRead!(buffer);
    if (typeof count === "number") got.push(...buffer.subarray(0, count));
  }
  assertEquals(got, [1, 2, 4, 5]);
  near.close();
  far.close();
});

linuxTest("LinuxStream never touches a buffer that was transferred while it waited", async () => {
  const [near, far] = await linuxPair();
  const buffer = new Uint8Array(8);
  const reading = far.read(buffer);
  buffer.buffer.transfer();
  await near.write(bytes(7));
  assertEquals(await reading, 0);
  // The byte is still there.
  const next = new Uint8Array(8);
  assertEquals([await far.read(next), next[0]], [1, 7]);

  const content = new Uint8Array(16 * 1024 * 1024);
  while (near.tryWrite!(content) !== undefined);
  const writing = assertRejects(() => near.write(content), TypeError, "transferred");
  content.buffer.transfer();
  const room = new Uint8Array(1024 * 1024);
  while (await Promise.race([writing.then(() => false), far.read(room).then(() => true)]));
  near.close();
  far.close();
});

linuxTest("LinuxStream says of everything after close() that it was freed", async () => {
  const [near, far] = await linuxPair();
  const waiting = assertRejects(() => near.read(bytes(0)), Deno.errors.Interrupted);
  near.whenReadable!(() => {
    throw new Error("was freed");
  });
  near.close();
  await waiting;
  for (
    const call of [
      () => near.close(),
      () => near.reset!(),
      () => near.setNoDelay!(true),
      () => near.tryRead!(bytes(0)),
      () => near.tryWrite!(bytes(0)),
    ]
  ) assertThrows(call, Deno.errors.BadResource);
  await assertRejects(() => near.read(bytes(0)), Deno.errors.BadResource);
  await assertRejects(() => near.write(bytes(0)), Deno.errors.BadResource);
  await assertRejects(() => near.closeWrite(), Deno.errors.BadResource);
  near.whenReadable!(() => {
    throw new Error("was freed");
  });
  assertEquals(await far.read(bytes(0)), null);
  far.close();
});

linuxTest("LinuxStream.reset() cuts, and the peer hears that it was no end", async () => {
  const [near, far] = await linuxPair();
  near.reset!();
  const error = await assertRejects(() => far.read(bytes(0)), Deno.errors.ConnectionReset);
  assertEquals(error.message, "Connection reset by peer (os error 104)");
  far.close();
});

linuxTest("LinuxStream takes a second read, or write, at the same time for a mistake", async () => {
  const [near, far] = await linuxPair();
  const waiting = assertRejects(() => near.read(bytes(0)), Deno.errors.Interrupted);
  await assertRejects(() => near.read(bytes(0)), Deno.errors.Busy);
  near.close();
  await waiting;
  far.close();
});

linuxTest("LinuxStream loses and invents nothing when errno lies", async () => {
  const lies = [EBADF, ENOENT, EAGAIN, EINTR, ECONNRESET, 0];
  let asked = 0;
  using _look = lying((real) => {
    // Every third look is a lie, another one each time.
    const errno = real();
    return asked++ % 3 === 0 ? lies[asked % lies.length]! : errno;
  });
  const [near, far] = await linuxPair();
  const content = crypto.getRandomValues(new Uint8Array(60_000));
  const sending = (async () => {
    for (let sent = 0; sent < content.length;) {
      sent += await near.write(content.subarray(sent, sent + 777));
      if (sent % 5 === 0) await eventLoop().looked();
    }
    await near.closeWrite();
  })();
  const got: number[] = [];
  const buffer = new Uint8Array(512);
  for (;;) {
    const count = await far.read(buffer);
    if (count === null) break;
    got.push(...buffer.subarray(0, count));
    // It asks where nothing is, and is lied to.
    far.tryRead!(new Uint8Array(0));
  }
  await sending;
  assertEquals(new Uint8Array(got), content);
  near.close();
  far.close();
});

linuxTest(
  "LinuxStream takes what a reset leaves for a cut, whatever errno says first",
  async () => {
    for (const lie of [EBADF, ENOENT, EINTR, 0, ECONNRESET]) {
      const [near, far] = await linuxPair();
      near.reset!();
      await readable(far);
      let asked = 0;
      using _look = lying((real) => asked++ === 0 ? lie : real());
      assertThrows(() => far.tryRead!(bytes(0)), Deno.errors.ConnectionReset);
      far.close();
    }
  },
);

linuxTest("LinuxStream takes a lie about an empty socket for nothing", async () => {
  const { stream, far } = bare();
  libc().send(far, bytes(1), 1, abi.MSG_NOSIGNAL);
  await readable(stream);
  const buffer = new Uint8Array(4);
  assertEquals(stream.tryRead(buffer), 1);
  // A local socket is asked once more: it says that nothing is there, and errno something else.
  let asked = 0;
  using _look = lying((real) => asked++ === 0 ? EBADF : real());
  assertEquals(stream.tryRead(buffer), undefined);
  assertEquals(asked, 2);
  stream.close();
  libc().close(far);
});

linuxTest("LinuxStream's descriptor is closed once, though its number is used again", async () => {
  const first = bare();
  const { near } = { near: first.stream };
  const number = (near as unknown as { descriptor: number }).descriptor;
  near.close();
  const second = bare();
  assertEquals((second.stream as unknown as { descriptor: number }).descriptor, number);
  assertThrows(() => near.close(), Deno.errors.BadResource);
  libc().send(second.far, bytes(9), 1, abi.MSG_NOSIGNAL);
  await readable(second.stream);
  assertEquals(second.stream.tryRead(new Uint8Array(4)), 1);
  second.stream.close();
  libc().close(first.far);
  libc().close(second.far);
});

linuxTest("LinuxStream can be reset only where that was asked for", async () => {
  const [near, far] = await linuxPair();
  assertEquals([near.reset === undefined, far.reset === undefined], [false, true]);
  near.close();
  far.close();
});

linuxTest("LinuxStream takes no cut for an end where a write was told of it first", async () => {
  const [near, far] = await linuxPair();
  near.reset!();
  await readable(far);
  assertThrows(() => far.tryWrite!(bytes(1)), Deno.errors.ConnectionReset);
  assertThrows(() => far.tryRead!(bytes(0)), Deno.errors.ConnectionReset);
  assertThrows(() => far.tryWrite!(bytes(1)), Deno.errors.BrokenPipe);
  far.close();
});

linuxTest("LinuxStream reads the end of a peer that takes nothing more", async () => {
  const [near, far] = await linuxPair();
  await near.write(bytes(1));
  near.close();
  await readable(far);
  // The first is refused with a reset, which the second is told of.
  await far.write(bytes(1));
  await eventLoop().looked();
  assertThrows(() => far.tryWrite!(bytes(1)), Deno.errors.BrokenPipe);
  const buffer = bytes(0, 0);
  assertEquals([far.tryRead!(buffer), far.tryRead!(buffer)], [1, null]);
  far.close();
});
