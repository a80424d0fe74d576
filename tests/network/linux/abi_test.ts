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
  "netdb.h",
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
  ADDRINFO_BYTES: "sizeof(struct addrinfo)",
  AI_FAMILY: "offsetof(struct addrinfo, ai_family)",
  AI_SOCKTYPE: "offsetof(struct addrinfo, ai_socktype)",
  AI_ADDRLEN: "offsetof(struct addrinfo, ai_addrlen)",
  AI_ADDR: "offsetof(struct addrinfo, ai_addr)",
  AI_NEXT: "offsetof(struct addrinfo, ai_next)",
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

/** How a program in C is made and run for each processor. */
interface Tools {
  readonly compiler: string;
  /** What is not of this processor needs a program that runs it. */
  readonly emulator?: string;
  /** What the layouts of abi.ts are there, where they are not as here. */
  readonly layouts?: Readonly<Record<string, number>>;
}

const TOOLS: readonly (readonly [arch: typeof Deno.build.arch, tools: Tools])[] = [
  ["x86_64", {
    compiler: "x86_64-linux-gnu-gcc",
    layouts: { EPOLL_EVENT_WORDS: 3, EPOLL_EVENT_DATA_WORD: 1 },
  }],
  ["aarch64", {
    compiler: "aarch64-linux-gnu-gcc",
    emulator: "qemu-aarch64-static",
    layouts: { EPOLL_EVENT_WORDS: 4, EPOLL_EVENT_DATA_WORD: 2 },
  }],
];

/** The programs that are not there, and so skip the test. */
async function missingOf(tools: Tools, isOwn: boolean): Promise<string[]> {
  if (Deno.build.os !== "linux") return ["Linux"];
  const needed = [tools.compiler, ...isOwn ? [] : [tools.emulator ?? tools.compiler]];
  const isThere = await Promise.all(needed.map(isInstalled));
  return needed.filter((_, i) => !isThere[i]);
}

for (const [arch, tools] of TOOLS) {
  const isOwn = arch === Deno.build.arch;
  const missing = await missingOf(tools, isOwn);
  const name = `abi.ts and errno.ts have the numbers and layouts of the headers for ${arch}`;
  if (missing.length > 0) console.log(`skipped: ${name}: there is no ${missing.join(", no ")}`);
  Deno.test({
    name,
    ignore: missing.length > 0,
    fn: async () => {
      const theirs = await numbersFor(tools, isOwn);
      const here = mine.map(([name, value]) => [name, tools.layouts?.[name] ?? value] as const);
      const compared = here.filter(([name]) => theirs.has(name));
      assertEquals(
        compared.map(([name, value]) => `${name} ${value}`),
        compared.map(([name]) => `${name} ${theirs.get(name)}`),
      );
      // The table above says what abi.ts has on that processor.
      if (isOwn) assertEquals(here, mine);
      const unknown = mine.map(([name]) => name).filter((name) => !theirs.has(name));
      assertEquals(unknown.filter((name) => !UNKNOWN_TO_OLD_HEADERS.includes(name)), []);
    },
  });
}

/** What a program for a processor prints. */
async function numbersFor(
  { compiler, emulator }: Tools,
  isOwn: boolean,
): Promise<Map<string, string>> {
  return await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/abi.c`, programText());
    // An emulated program has no C library beside it.
    const args = [...isOwn ? [] : ["-static"], "-o", `${folder}/abi`, `${folder}/abi.c`];
    await using made = new Program(compiler, args);
    const { code, stderr } = await made.ending();
    assertEquals(code, 0, stderr);
    const [command, rest] = isOwn || emulator === undefined
      ? [`${folder}/abi`, []]
      : [emulator, [`${folder}/abi`]];
    await using program = new Program(command, rest);
    const { stdout } = await program.ending();
    return new Map(stdout.trim().split("\n").map((line) => line.split(" ") as [string, string]));
  });
}
