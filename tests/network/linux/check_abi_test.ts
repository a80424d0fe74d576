import { assertEquals, assertThrows } from "@std/assert";
import { GenericError } from "../../../src/base/errors.ts";
import * as abi from "../../../src/network/linux/abi.ts";
import { checkAbi } from "../../../src/network/linux/check_abi.ts";
import { libc } from "../../../src/network/linux/libc.ts";
import { closeDescriptor, openSocket } from "../../../src/network/linux/socket.ts";
import { linuxTest } from "../../support/linux_engine.ts";

/** The system gives the lowest number that is free. */
function lowest(): number {
  const descriptor = openSocket(abi.AF_UNIX, abi.SOCK_STREAM);
  closeDescriptor(descriptor);
  return descriptor;
}

linuxTest("checkAbi() is content with this system, and leaves no descriptor open", () => {
  const before = lowest();
  checkAbi(libc());
  assertEquals(lowest(), before);
});

linuxTest("checkAbi() leaves no descriptor open where it fails half-way", () => {
  const before = lowest();
  const short = { ...libc(), epoll_create1: () => -1 };
  assertThrows(() => checkAbi(short), Error);
  assertEquals(lowest(), before);
});

linuxTest("checkAbi() refuses a library in which something is not as it should be", () => {
  const real = libc();
  const wrong = {
    getsockopt: { ...real, getsockopt: () => 0 },
    fcntl: { ...real, fcntl: () => 0 },
    epoll: { ...real, epoll_wait: () => 0 },
    epoll_event: {
      ...real,
      epoll_wait: (epoll: number, events: AllowSharedBufferSource | null, most: number) => {
        const count = real.epoll_wait(epoll, events, most, 0);
        // As if this processor had another layout.
        new Int32Array((events as Uint8Array).buffer)[abi.EPOLL_EVENT_DATA_WORD + 1]! ^= 1;
        return count;
      },
    },
    recv: { ...real, recv: (fd: number) => fd < 0 ? real.recv(fd, new Uint8Array(1), 1, 0) : 2 },
    getsockname: { ...real, getsockname: () => 0 },
  };
  for (const [name, functions] of Object.entries(wrong)) {
    assertThrows(() => checkAbi(functions), GenericError, `${name} is not as it should be`);
  }
});
