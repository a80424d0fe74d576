import { assertEquals, assertRejects } from "@std/assert";
import { denoNetwork } from "../../../src/network/deno/deno_network.ts";
import * as abi from "../../../src/network/linux/abi.ts";
import { libc } from "../../../src/network/linux/libc.ts";
import { unixSocketAddress } from "../../../src/network/linux/sockaddr.ts";
import { bindTo, closeDescriptor, openSocket } from "../../../src/network/linux/socket.ts";
import { sendToPath } from "../../../src/network/linux/unix_datagram.ts";
import { inFolder } from "../../support/folder.ts";
import { linuxTest } from "../../support/linux_engine.ts";
import { text } from "../../support/text.ts";

const { clock } = denoNetwork;
const { signal } = new AbortController();
const bytes = new TextEncoder().encode("READY=1");

linuxTest(
  "sendToPath() sends one datagram, to a file or an abstract name",
  () =>
    inFolder(async (folder) => {
      for (const path of [`${folder}/s`, `\0socket-test/${crypto.randomUUID()}`]) {
        const descriptor = openSocket(abi.AF_UNIX, abi.SOCK_DGRAM);
        try {
          bindTo(descriptor, unixSocketAddress(path));
          await sendToPath(path, bytes, { clock, signal });
          const room = new Uint8Array(20);
          const length = libc().recv(descriptor, room, room.length, 0);
          assertEquals(text(room.subarray(0, length)), "READY=1");
        } finally {
          closeDescriptor(descriptor);
        }
      }
      await assertRejects(
        () => sendToPath(`${folder}/nobody`, bytes, { clock, signal }),
        Deno.errors.NotFound,
        "No such file",
      );
    }),
);

linuxTest(
  "sendToPath() waits for a receiver whose queue is full",
  () =>
    inFolder(async (folder) => {
      const path = `${folder}/s`;
      const descriptor = openSocket(abi.AF_UNIX, abi.SOCK_DGRAM);
      const { recv, sendto } = libc();
      try {
        const to = unixSocketAddress(path);
        bindTo(descriptor, to);
        const sender = openSocket(abi.AF_UNIX, abi.SOCK_DGRAM);
        let queued = 0;
        while (sendto(sender, bytes, bytes.length, 0, to, to.length) >= 0) queued++;
        closeDescriptor(sender);
        const room = new Uint8Array(20);
        let pauses = 0;
        const takesOne = {
          ...clock,
          setTimeout(callback: () => void) {
            if (++pauses === 2) recv(descriptor, room, room.length, 0);
            queueMicrotask(callback);
            return 0;
          },
        };
        await sendToPath(path, bytes, { clock: takesOne, signal });
        assertEquals([pauses, queued > 0], [2, true]);
        // It gives up when nobody waits any more.
        const controller = new AbortController();
        const never = {
          ...clock,
          setTimeout(callback: () => void) {
            if (++pauses === 10) controller.abort();
            queueMicrotask(callback);
            return 0;
          },
        };
        const sending = sendToPath(path, bytes, { clock: never, signal: controller.signal });
        await assertRejects(() => sending, Deno.errors.WouldBlock);
        assertEquals(pauses, 10);
      } finally {
        closeDescriptor(descriptor);
      }
    }),
);
