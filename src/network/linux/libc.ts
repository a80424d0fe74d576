// The C library, opened at first use and never before.
//
// Decision record:
// - Deno grants FFI by path. With full --allow-ffi the library is found by its name; with a path it is opened by that
//   path, of which there are a few by the system. A bare name given to --allow-ffi is a file of the current folder to
//   Deno, and grants nothing here.
// - An open library is a resource that tests' sanitizers report. So it is closed again at once: what was opened is the
//   one that the process itself runs on, and stays in memory, and Deno keeps what a function needs as long as the
//   function. They are all tried after that (check_abi.ts), before any socket is made.
// - Lengths (size_t) are passed as 32 bits: three times as fast as 64. On both processors a move of 32 bits clears the
//   upper half of the register.
// - What waits is called through its address, which takes no open library either, but full
//   --allow-ffi. With a path only, nothing that has to do with addresses is allowed but to hand them to the library as
//   numbers; so all addresses are numbers here, and the library copies from and to them.

import { GenericError, reasonOf } from "../../base/errors.ts";
import { denialOf } from "../../base/permission_advice.ts";
import { PROCESSORS } from "./abi.ts";

const INT = "i32";
const SIZE = "u32";
const BYTES = "buffer";
const ADDRESS = "usize";

const SYMBOLS = {
  socket: { parameters: [INT, INT, INT], result: INT },
  socketpair: { parameters: [INT, INT, INT, BYTES], result: INT },
  bind: { parameters: [INT, BYTES, SIZE], result: INT },
  listen: { parameters: [INT, INT], result: INT },
  accept4: { parameters: [INT, BYTES, BYTES, INT], result: INT },
  connect: { parameters: [INT, BYTES, SIZE], result: INT },
  getsockname: { parameters: [INT, BYTES, BYTES], result: INT },
  getpeername: { parameters: [INT, BYTES, BYTES], result: INT },
  setsockopt: { parameters: [INT, INT, INT, BYTES, SIZE], result: INT },
  getsockopt: { parameters: [INT, INT, INT, BYTES, BYTES], result: INT },
  recv: { parameters: [INT, BYTES, SIZE, INT], result: INT },
  send: { parameters: [INT, BYTES, SIZE, INT], result: INT },
  recvfrom: { parameters: [INT, BYTES, SIZE, INT, BYTES, BYTES], result: INT },
  sendto: { parameters: [INT, BYTES, SIZE, INT, BYTES, SIZE], result: INT },
  // What lies in the structures are addresses: see addressOf.
  recvmsg: { parameters: [INT, BYTES, INT], result: INT },
  sendmsg: { parameters: [INT, BYTES, INT], result: INT },
  recvmmsg: { parameters: [INT, BYTES, SIZE, INT, BYTES], result: INT },
  sendmmsg: { parameters: [INT, BYTES, SIZE, INT], result: INT },
  shutdown: { parameters: [INT, INT], result: INT },
  close: { parameters: [INT], result: INT },
  fcntl: { parameters: [INT, INT, INT], result: INT },
  epoll_create1: { parameters: [INT], result: INT },
  epoll_ctl: { parameters: [INT, INT, INT, BYTES], result: INT },
  epoll_wait: { parameters: [INT, BYTES, INT, INT], result: INT },
  eventfd: { parameters: [SIZE, INT], result: INT },
  eventfd_read: { parameters: [INT, BYTES], result: INT },
  eventfd_write: { parameters: [INT, "u64"], result: INT },
  sched_yield: { parameters: [], result: INT },
  if_nametoindex: { parameters: [BYTES], result: SIZE },
  if_indextoname: { parameters: [SIZE, BYTES], result: ADDRESS },
  malloc: { parameters: [ADDRESS], result: ADDRESS },
  free: { parameters: [ADDRESS], result: "void" },
  __errno_location: { parameters: [], result: ADDRESS },
  // Only glibc has it.
  gnu_get_libc_version: { parameters: [], result: ADDRESS },
  /** Copies from JavaScript's memory to other memory, and back. */
  copyIn: { name: "memcpy", parameters: [ADDRESS, BYTES, SIZE], result: "void" },
  copyOut: { name: "memcpy", parameters: [BYTES, ADDRESS, SIZE], result: "void" },
  /** Where bytes lie: copies none of them and says where to. */
  whereIs: { name: "memcpy", parameters: [BYTES, BYTES, SIZE], result: ADDRESS },
  freeaddrinfo: { parameters: [ADDRESS], result: "void" },
  gai_strerror: { parameters: [INT], result: ADDRESS },
  strnlen: { parameters: [ADDRESS, SIZE], result: SIZE },
  // Their addresses: they are called in a thread.
  poll: { type: "pointer" },
  getaddrinfo: { type: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** What waits, and is called in a thread. Its memory must not be JavaScript's. */
const THREADED = {
  poll: { parameters: [ADDRESS, ADDRESS, INT], result: INT, nonblocking: true },
  getaddrinfo: {
    parameters: [ADDRESS, ADDRESS, ADDRESS, ADDRESS],
    result: INT,
    nonblocking: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

type Opened = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];
type Threaded = Deno.DynamicLibrary<typeof THREADED>["symbols"];

/** The functions of the C library. A length is at most 2^31 - 1. */
export interface Libc extends Omit<Opened, keyof Threaded> {
  /** `poll`. */
  readonly pollInThread: Threaded["poll"];
  /** `getaddrinfo`. */
  readonly getaddrinfoInThread: Threaded["getaddrinfo"];
}

const NAME = "libc.so.6";

/** Where systems have it: Debian and its kin, Fedora and its kin, Arch. */
const PATHS: readonly string[] = [
  `/lib/${Deno.build.arch}-linux-gnu/${NAME}`,
  `/usr/lib/${Deno.build.arch}-linux-gnu/${NAME}`,
  `/lib64/${NAME}`,
  `/usr/lib64/${NAME}`,
  `/usr/lib/${NAME}`,
];

let opened: Libc | undefined;

/**
 * The C library of this process; opened by the first call.
 *
 * @throws {GenericError} `"unsupported"`: it cannot be had here. `"denied"`: no permission.
 */
export function libc(): Libc {
  return opened ??= open();
}

function open(): Libc {
  const problem = systemProblem();
  if (problem !== undefined) throw unsupported(problem);
  let names = grantedNames();
  if (names.length === 0) {
    // Where Deno would prompt, this does.
    if (Deno.permissions.requestSync({ name: "ffi" }).state !== "granted") {
      throw denied();
    }
    names = grantedNames();
  }
  const [library, name] = openFirst(names);
  const { poll, getaddrinfo, ...functions } = library.symbols;
  library.close();
  const threaded = threadedBy({ poll, getaddrinfo }, name);
  return {
    ...functions,
    pollInThread: threaded.poll,
    getaddrinfoInThread: threaded.getaddrinfo,
  };
}

/** Why this is no system for it, if it is none. */
function systemProblem(): string | undefined {
  const { os, arch, env } = Deno.build;
  if (os !== "linux") return `this is ${os}, not Linux`;
  if (!PROCESSORS.includes(arch)) {
    return `the processor is ${arch}, not one of ${PROCESSORS.join(", ")}`;
  }
  return env === "gnu" ? undefined : `the C library is ${env}, not glibc`;
}

/** What may be opened, the best first. Never prompts. */
function grantedNames(): readonly string[] {
  if (isGranted()) return [NAME, ...PATHS];
  return PATHS.filter((path) => isGranted(path));
}

function isGranted(path?: string): boolean {
  const permission = path === undefined ? { name: "ffi" } : { name: "ffi", path };
  return Deno.permissions.querySync(permission as Deno.FfiPermissionDescriptor).state === "granted";
}

type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

function openFirst(names: readonly string[]): readonly [library: Library, name: string] {
  let reason: unknown;
  for (const name of names) {
    try {
      return [Deno.dlopen(name, SYMBOLS), name];
    } catch (error) {
      reason ??= error;
    }
  }
  throw unsupported(`glibc cannot be opened (${reasonOf(reason)})`, reason);
}

function threadedBy(at: Record<keyof Threaded, unknown>, name: string): Threaded {
  // Who may only open one library may call nothing by its address: for these calls it stays open.
  if (!isGranted()) return Deno.dlopen(name, THREADED).symbols;
  const poll = new Deno.UnsafeFnPointer(
    at.poll as Deno.PointerObject<typeof THREADED.poll>,
    THREADED.poll,
  );
  const getaddrinfo = new Deno.UnsafeFnPointer(
    at.getaddrinfo as Deno.PointerObject<typeof THREADED.getaddrinfo>,
    THREADED.getaddrinfo,
  );
  return {
    poll: (...parameters) => poll.call(...parameters),
    getaddrinfo: (...parameters) => getaddrinfo.call(...parameters),
  };
}

/** The error of what this engine cannot do here. */
export function unsupported(why: string, cause?: unknown): GenericError {
  const options = cause === undefined ? {} : { cause };
  return new GenericError("unsupported", `Cannot use the engine for Linux: ${why}`, options);
}

/** The error for a missing permission: the exact one first. Where the library is cannot be seen from here. */
function denied(): GenericError {
  const denials = PATHS.map((path) => denialOf("ffi", path));
  // A prompt that was declined looks like a flag that denies all.
  const isAllDenied = Deno.permissions.querySync({ name: "ffi" }).state === "denied";
  const advice = denials.find((denial) => denial !== undefined) ??
    `run with --allow-ffi=${PATHS[0]} (or with --allow-ffi, if the library is elsewhere)` +
      (isAllDenied ? ", and without --deny-ffi, if that is given" : "");
  return new GenericError(
    "denied",
    `Cannot use the engine for Linux: no permission, ${advice}`,
  );
}

/** Why {@linkcode libc} would fail, in a sentence; `undefined` where it would not. Never prompts. */
export function libcProblem(): string | undefined {
  if (opened === undefined && systemProblem() === undefined && grantedNames().length === 0) {
    return denied().message;
  }
  try {
    libc();
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/**
 * Where bytes lie in memory, to be put into a structure. They stay there while their buffer lives, is not transferred
 * and is not resized.
 */
export function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return libc().whereIs(bytes, bytes, 0);
}
