import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Client, GenericError, Listener, type TcpConfig } from "../../../mod.ts";
import { linuxNetwork } from "../../../linux/mod.ts";
import * as abi from "../../../src/network/linux/abi.ts";
import { adopt } from "../../../src/network/linux/adopt.ts";
import { must } from "../../../src/network/linux/errno.ts";
import { libc } from "../../../src/network/linux/libc.ts";
import { ipSocketAddress, unixSocketAddress } from "../../../src/network/linux/sockaddr.ts";
import { bindTo, closeDescriptor, openSocket } from "../../../src/network/linux/socket.ts";
import { inFolder } from "../../support/folder.ts";
import { linuxTest } from "../../support/linux_engine.ts";
import { text } from "../../support/text.ts";

const network = linuxNetwork;

/** A number is taken once in the life of a process. */
let next = 500;

/** A socket that listens, and a second descriptor of it: as if another process had it, too. */
function handedOver(
  address: Uint8Array<ArrayBuffer>,
  family: number,
): [given: number, kept: number] {
  const kept = openSocket(family, abi.SOCK_STREAM);
  bindTo(kept, address);
  must("listen", () => libc().listen(kept, 8));
  const given = must("fcntl", () => libc().fcntl(kept, abi.F_DUPFD_CLOEXEC, next++));
  return [given, kept];
}

async function echo(to: { host: string; port: number } | { path: string }): Promise<string> {
  await using client = await Client.connect({ ...to, network });
  await client.write("hello");
  return text((await client.read())[0]);
}

linuxTest("adopt() takes over a listening socket of TCP, which stays open for others", async () => {
  const [given, kept] = handedOver(ipSocketAddress("127.0.0.1", 0), abi.AF_INET);
  const options: TcpConfig = { resetOnAbort: true, receiveBufferSize: 40_000 };
  const listener = new Listener(0, { inherited: given, network, ...options });
  const sizes: number[] = [];
  listener.attach({
    onConnect: (caller) => void sizes.push(caller.bufferSizes().receiveBufferSize),
    onBytes: (_caller, bytes) => bytes,
  });
  await listener.start();
  const to = { host: "127.0.0.1", port: listener.port };
  assertEquals([await echo(to), sizes, listener.address], ["hello", [80_000], "127.0.0.1"]);
  await listener.gracefulStop();
  // The other one still has it: whoever connects waits for the next process.
  const waiting = echo(to);
  const error = await assertRejects(() => listener.start(), GenericError, "taken already");
  assertEquals(error.code, "in-use");
  const other = adopt({ descriptor: kept, backlog: 8 });
  const transport = await other.accept();
  const room = new Uint8Array(5);
  await transport.read(room);
  await transport.write(room);
  assertEquals([await waiting, other.isShared], ["hello", true]);
  transport.close();
  other.close();
});

linuxTest("adopt() takes over a local socket", () =>
  inFolder(async (folder) => {
    const path = `${folder}/s`;
    const [given, kept] = handedOver(unixSocketAddress(path), abi.AF_UNIX);
    const config = { inherited: given, network, sendBufferSize: 40_000 };
    await using listener = new Listener(0, config);
    listener.attach({ onBytes: (caller) => `${caller.bufferSizes().sendBufferSize}` });
    await listener.start();
    assertEquals([await echo({ path }), listener.address], ["80000", path]);
    closeDescriptor(kept);
  }));

linuxTest(
  "adopt() refuses what a local socket has not got, and what does not listen",
  () =>
    inFolder((folder) => {
      const [given, kept] = handedOver(unixSocketAddress(`${folder}/s`), abi.AF_UNIX);
      for (const option of [{ typeOfService: 184 }, { fastOpen: true }]) {
        const error = assertThrows(
          () => adopt({ descriptor: given, backlog: 1, ...option }),
          GenericError,
          `Cannot set ${Object.keys(option)}: descriptor ${given} is a local socket`,
        );
        assertEquals(error.code, "unsupported");
      }
      const idle = openSocket(abi.AF_INET, abi.SOCK_STREAM);
      assertThrows(() => adopt({ descriptor: idle, backlog: 1 }), GenericError, "does not listen");
      // They are still there.
      for (const descriptor of [given, kept, idle]) {
        must("fcntl", () => libc().fcntl(descriptor, abi.F_GETFD, 0));
        closeDescriptor(descriptor);
      }
      return Promise.resolve();
    }),
);
