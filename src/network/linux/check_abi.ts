// Tries, before the first socket is made, that the C library's functions do what abi.ts says.

import * as abi from "./abi.ts";
import { attempt, EBADF, must } from "./errno.ts";
import { type Libc, unsupported } from "./libc.ts";

/** What is sent through the kernel and must come back. */
const COOKIE = 0x5eed_cafe | 0;

/**
 * Tries functions, numbers and layouts on sockets that nobody else sees.
 *
 * @throws {GenericError} `"unsupported"`: one of them is not as it should be.
 */
export function checkAbi(libc: Libc): void {
  const ends = new Int32Array(2);
  const kind = abi.SOCK_STREAM | abi.SOCK_NONBLOCK | abi.SOCK_CLOEXEC;
  must("socketpair", () => libc.socketpair(abi.AF_UNIX, kind, 0, bytesOf(ends)));
  let epoll = -1;
  try {
    epoll = must("epoll_create1", () => libc.epoll_create1(abi.EPOLL_CLOEXEC));
    const [near, far] = ends as unknown as [number, number];
    const wrong = checkErrno(libc) ?? checkOptions(libc, near) ??
      checkEvents(libc, epoll, near, far) ??
      checkName(libc, near);
    if (wrong !== undefined) throw unsupported(`${wrong} is not as it should be`);
  } finally {
    for (const descriptor of [...ends, epoll]) {
      if (descriptor >= 0) libc.close(descriptor);
    }
  }
}

function checkErrno(libc: Libc): string | undefined {
  const result = attempt(() => libc.recv(-1, new Uint8Array(1), 1, 0));
  return result === -EBADF ? undefined : "errno";
}

function checkOptions(libc: Libc, near: number): string | undefined {
  for (const [option, wanted] of [[abi.SO_TYPE, abi.SOCK_STREAM], [abi.SO_DOMAIN, abi.AF_UNIX]]) {
    const value = new Int32Array(1);
    const length = new Uint32Array([4]);
    must(
      "getsockopt",
      () => libc.getsockopt(near, abi.SOL_SOCKET, option!, bytesOf(value), bytesOf(length)),
    );
    if (value[0] !== wanted || length[0] !== 4) return "getsockopt";
  }
  const flags = libc.fcntl(near, abi.F_GETFL, 0) & abi.O_NONBLOCK;
  return flags === 0 || libc.fcntl(near, abi.F_GETFD, 0) !== abi.FD_CLOEXEC ? "fcntl" : undefined;
}

/** One byte goes through, and an event with its data, in the layout of this processor. */
function checkEvents(libc: Libc, epoll: number, near: number, far: number): string | undefined {
  const events = new Int32Array(2 * abi.EPOLL_EVENT_WORDS);
  events[0] = abi.EPOLLIN | abi.EPOLLET;
  events[abi.EPOLL_EVENT_DATA_WORD] = near;
  events[abi.EPOLL_EVENT_DATA_WORD + 1] = COOKIE;
  must("epoll_ctl", () => libc.epoll_ctl(epoll, abi.EPOLL_CTL_ADD, near, bytesOf(events)));
  must("send", () => libc.send(far, new Uint8Array([42]), 1, abi.MSG_NOSIGNAL));
  events.fill(0);
  if (must("epoll_wait", () => libc.epoll_wait(epoll, bytesOf(events), 2, 0)) !== 1) return "epoll";
  const data = events.subarray(abi.EPOLL_EVENT_DATA_WORD);
  if (events[0] !== abi.EPOLLIN || data[0] !== near || data[1] !== COOKIE) return "epoll_event";
  const byte = new Uint8Array(2);
  if (must("recv", () => libc.recv(near, byte, 2, 0)) !== 1 || byte[0] !== 42) return "recv";
  // The edge was told once.
  return must("epoll_wait", () => libc.epoll_wait(epoll, bytesOf(events), 2, 0)) === 0
    ? undefined
    : "epoll";
}

function checkName(libc: Libc, near: number): string | undefined {
  const address = new Uint8Array(abi.SOCKADDR_BYTES);
  const length = new Uint32Array([address.length]);
  must("getsockname", () => libc.getsockname(near, address, bytesOf(length)));
  const family = new DataView(address.buffer).getUint16(0, true);
  return length[0] === 2 && family === abi.AF_UNIX ? undefined : "getsockname";
}

function bytesOf(
  words: Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  return new Uint8Array(words.buffer);
}
