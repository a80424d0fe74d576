// The numbers and layouts of abi.ts and errno.ts beside those of the system's own headers.

import { assertEquals } from "@std/assert";
import * as abi from "../../../src/network/linux/abi.ts";
import * as errno from "../../../src/network/linux/errno.ts";
import { inFolder } from "../../support/folder.ts";
import { isInstalled, Program } from "../../support/program.ts";

const HEADERS = [
  "errno.h",
  "fcntl.h",
  "linux/udp.h",
  "netinet/in.h",
  "netinet/tcp.h",
  "poll.h",
  "stddef.h",
  "stdio.h",
  "sys/epoll.h",
  "sys/eventfd.h",
  "sys/socket.h",
  "sys/uio.h",
  "sys/un.h",
];

/** What has another name here than there. */
const EXPRESSIONS: Readonly<Record<string, string>> = {
  EPOLLET: "(int)EPOLLET",
  EPOLL_EVENT_WORDS: "sizeof(struct epoll_event) / 4",
  EPOLL_EVENT_DATA_WORD: "offsetof(struct epoll_event, data) / 4",
  POLLFD_BYTES: "sizeof(struct pollfd)",
  SOCKADDR_IN_BYTES: "sizeof(struct sockaddr_in)",
  SOCKADDR_IN6_BYTES: "sizeof(struct sockaddr_in6)",
  SOCKADDR_UN_BYTES: "sizeof(struct sockaddr_un)",
  SOCKADDR_BYTES: "sizeof(struct sockaddr_storage)",
  LINGER_BYTES: "sizeof(struct linger)",
  IOVEC_BYTES: "sizeof(struct iovec)",
  MSGHDR_BYTES: "sizeof(struct msghdr)",
  MSG_NAME: "offsetof(struct msghdr, msg_name)",
  MSG_NAMELEN: "offsetof(struct msghdr, msg_namelen)",
  MSG_IOV: "offsetof(struct msghdr, msg_iov)",
  MSG_IOVLEN: "offsetof(struct msghdr, msg_iovlen)",
  MSG_CONTROL: "offsetof(struct msghdr, msg_control)",
  MSG_CONTROLLEN: "offsetof(struct msghdr, msg_controllen)",
  MSG_FLAGS: "offsetof(struct msghdr, msg_flags)",
  MMSGHDR_BYTES: "sizeof(struct mmsghdr)",
  MSG_LEN: "offsetof(struct mmsghdr, msg_len)",
  CMSGHDR_BYTES: "sizeof(struct cmsghdr)",
};

/** What the C library's headers learnt later than the kernel. */
const UNKNOWN_TO_OLD_HEADERS = ["UDP_GRO", "UDP_SEGMENT", "TCP_FASTOPEN_CONNECT"];

const mine = Object.entries({ ...abi, ...errno })
  .filter((entry): entry is [string, number] => typeof entry[1] === "number");

/** A program that prints each of them, where the headers have it. */
function programText(): string {
  const printed = mine.map(([name]) => {
    const expression = EXPRESSIONS[name];
    const print = `printf("${name} %ld\\n", (long)(${expression ?? name}));`;
    // What is an enumerator there, and no macro, would be left out by the preprocessor.
    const isMacro = expression === undefined && !/^(IPPROTO|MSG|SHUT|EPOLL|EFD|SOCK)_/.test(name);
    return isMacro ? `#ifdef ${name}\n${print}\n#endif` : print;
  });
  const includes = HEADERS.map((header) => `#include <${header}>`);
  return `#define _GNU_SOURCE\n${includes.join("\n")}\nint main(void) {\n${
    printed.join("\n")
  }\n}\n`;
}

const isHere = Deno.build.os === "linux" && await isInstalled("cc");
if (!isHere) console.log("skipped: the numbers beside the system's headers: there is no cc");

Deno.test({
  name: "abi.ts and errno.ts have the numbers and layouts of the system's headers",
  ignore: !isHere,
  fn: async () => {
    await inFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/abi.c`, programText());
      await using compiler = new Program("cc", ["-o", `${folder}/abi`, `${folder}/abi.c`]);
      const { code, stderr } = await compiler.ending();
      assertEquals(code, 0, stderr);
      await using program = new Program(`${folder}/abi`, []);
      const { stdout } = await program.ending();
      const theirs = new Map(
        stdout.trim().split("\n").map((line) => line.split(" ") as [string, string]),
      );
      const compared = mine.filter(([name]) => theirs.has(name));
      assertEquals(
        compared.map(([name, value]) => `${name} ${value}`),
        compared.map(([name]) => `${name} ${theirs.get(name)}`),
      );
      const missing = mine.map(([name]) => name).filter((name) => !theirs.has(name));
      assertEquals(missing.filter((name) => !UNKNOWN_TO_OLD_HEADERS.includes(name)), []);
    });
  },
});
