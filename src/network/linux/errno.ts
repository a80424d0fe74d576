// What a failing call says of its reason, which is a hint and no more.
//
// Fact: between a failing call and the look at errno the runtime may make calls of its own, which write there, too (2
// of 40 processes saw ENOENT instead of EBADF while they warmed up). So what is expected is taken: "nothing now" and
// "under way". An interrupted call is repeated. Anything else is believed when the repeated call says the same. A
// call that must not be repeated (close) is not asked why.

import { GenericError } from "../../base/errors.ts";
import { libc } from "./libc.ts";

/** Numbers of failures (asm-generic/errno-base.h, asm-generic/errno.h). */
export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const EBADF = 9;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EFAULT = 14;
export const EEXIST = 17;
export const ENOTDIR = 20;
export const EINVAL = 22;
export const ENFILE = 23;
export const EMFILE = 24;
export const ENOSPC = 28;
export const EROFS = 30;
export const EPIPE = 32;
export const ENAMETOOLONG = 36;
export const ELOOP = 40;
export const EPROTO = 71;
export const ENOTSOCK = 88;
export const EDESTADDRREQ = 89;
export const EPROTOTYPE = 91;
export const EPROTONOSUPPORT = 93;
export const ENODEV = 19;
export const ENOPROTOOPT = 92;
export const EMSGSIZE = 90;
export const EOPNOTSUPP = 95;
export const EAFNOSUPPORT = 97;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;
export const ENETDOWN = 100;
export const ENETUNREACH = 101;
export const ENETRESET = 102;
export const ECONNABORTED = 103;
export const ECONNRESET = 104;
export const ENOBUFS = 105;
export const EISCONN = 106;
export const ENOTCONN = 107;
export const ESHUTDOWN = 108;
export const ETIMEDOUT = 110;
export const ECONNREFUSED = 111;
export const EHOSTDOWN = 112;
export const EHOSTUNREACH = 113;
export const EALREADY = 114;
export const EINPROGRESS = 115;

type ErrorClass = new (message: string) => Error;

/** Codes, the words of the C library, and the classes of Deno's own errors: a plain `Error` where it has none. */
const FAILURES: Readonly<Record<number, readonly [code: string, words: string, as?: ErrorClass]>> =
  {
    [EPERM]: ["EPERM", "Operation not permitted", Deno.errors.PermissionDenied],
    [ENOENT]: ["ENOENT", "No such file or directory", Deno.errors.NotFound],
    [EINTR]: ["EINTR", "Interrupted system call", Deno.errors.Interrupted],
    [EBADF]: ["EBADF", "Bad file descriptor", Deno.errors.BadResource],
    [EAGAIN]: ["EAGAIN", "Resource temporarily unavailable", Deno.errors.WouldBlock],
    [ENOMEM]: ["ENOMEM", "Cannot allocate memory"],
    [EACCES]: ["EACCES", "Permission denied", Deno.errors.PermissionDenied],
    [EFAULT]: ["EFAULT", "Bad address"],
    [EEXIST]: ["EEXIST", "File exists", Deno.errors.AlreadyExists],
    [ENOTDIR]: ["ENOTDIR", "Not a directory", Deno.errors.NotADirectory],
    [ENOSPC]: ["ENOSPC", "No space left on device"],
    [EROFS]: ["EROFS", "Read-only file system"],
    [ENAMETOOLONG]: ["ENAMETOOLONG", "File name too long"],
    [ELOOP]: ["ELOOP", "Too many levels of symbolic links", Deno.errors.FilesystemLoop],
    [EPROTO]: ["EPROTO", "Protocol error"],
    [ENOTSOCK]: ["ENOTSOCK", "Socket operation on non-socket"],
    [EDESTADDRREQ]: ["EDESTADDRREQ", "Destination address required"],
    [EPROTOTYPE]: ["EPROTOTYPE", "Protocol wrong type for socket"],
    [EPROTONOSUPPORT]: ["EPROTONOSUPPORT", "Protocol not supported"],
    [EAFNOSUPPORT]: ["EAFNOSUPPORT", "Address family not supported by protocol"],
    [ENETRESET]: ["ENETRESET", "Network dropped connection on reset"],
    [ESHUTDOWN]: ["ESHUTDOWN", "Cannot send after transport endpoint shutdown"],
    [EHOSTDOWN]: ["EHOSTDOWN", "Host is down"],
    [ENODEV]: ["ENODEV", "No such device"],
    [EINVAL]: ["EINVAL", "Invalid argument"],
    [ENFILE]: ["ENFILE", "Too many open files in system"],
    [EMFILE]: ["EMFILE", "Too many open files"],
    [EPIPE]: ["EPIPE", "Broken pipe", Deno.errors.BrokenPipe],
    [EMSGSIZE]: ["EMSGSIZE", "Message too long"],
    [ENOPROTOOPT]: ["ENOPROTOOPT", "Protocol not available"],
    [EOPNOTSUPP]: ["EOPNOTSUPP", "Operation not supported"],
    [EADDRINUSE]: ["EADDRINUSE", "Address already in use", Deno.errors.AddrInUse],
    [EADDRNOTAVAIL]: [
      "EADDRNOTAVAIL",
      "Cannot assign requested address",
      Deno.errors.AddrNotAvailable,
    ],
    [ENETDOWN]: ["ENETDOWN", "Network is down"],
    [ENETUNREACH]: ["ENETUNREACH", "Network is unreachable", Deno.errors.NetworkUnreachable],
    [ECONNABORTED]: [
      "ECONNABORTED",
      "Software caused connection abort",
      Deno.errors.ConnectionAborted,
    ],
    [ECONNRESET]: ["ECONNRESET", "Connection reset by peer", Deno.errors.ConnectionReset],
    [ENOBUFS]: ["ENOBUFS", "No buffer space available"],
    [ENOTCONN]: ["ENOTCONN", "Transport endpoint is not connected", Deno.errors.NotConnected],
    [ETIMEDOUT]: ["ETIMEDOUT", "Connection timed out", Deno.errors.TimedOut],
    [ECONNREFUSED]: ["ECONNREFUSED", "Connection refused", Deno.errors.ConnectionRefused],
    [EHOSTUNREACH]: ["EHOSTUNREACH", "No route to host"],
  };

/**
 * The error of a failed call: of the class, with the code and in the words of Deno's own, and with the call and the
 * number besides.
 *
 * @param errno The number, positive.
 * @param call The name of the system call.
 */
export function systemError(errno: number, call: string): Error {
  const [code, words, Kind = Error] = FAILURES[errno] ?? [`E${errno}`, "Unknown error"];
  const error = new Kind(`${words} (os error ${errno})`);
  return Object.assign(error, { code, errno, syscall: call });
}

/** How the last failure of this thread is looked at. A test puts one in place that lies. */
export interface ErrnoLook {
  /** Looks. */
  look(): number;
}

/** The failure of this thread, as it was seen. */
const seen = new Int32Array(1);
const seenBytes = new Uint8Array(seen.buffer);
let place: bigint | undefined;

/** The one look. */
export const errnoLook: ErrnoLook = {
  look: () => {
    const { copyOut, __errno_location } = libc();
    // A worker has a thread, and modules, of its own.
    place ??= __errno_location();
    copyOut(seenBytes, place, 4);
    return seen[0]!;
  },
};

/** What a call is repeated for at most: where nothing can be believed, the last hint has to do. */
const MOST_REPEATS = 100;

/** Whether a failure is no failure, but how things are. */
export function isExpected(errno: number): boolean {
  return errno === EAGAIN || errno === EINPROGRESS;
}

/**
 * What to believe of a call that has failed.
 *
 * @param repeat Makes the call again; its result is negative when it fails again.
 * @param isPlausible Whether an expected failure can be true; where it cannot, it is treated as any other.
 * @param hint What the failed call seems to have failed for.
 * @returns What a repeated call gave, if one went well, else the number of the failure, negative.
 */
export function believed(
  repeat: () => number,
  isPlausible = true,
  hint: number = errnoLook.look(),
): number {
  for (let repeats = 0; repeats < MOST_REPEATS; repeats++) {
    if (isPlausible && isExpected(hint)) break;
    const result = repeat();
    if (result >= 0) return result;
    const again = errnoLook.look();
    if (again === hint && hint !== EINTR) break;
    hint = again;
  }
  return -hint;
}

/**
 * Makes a call, and another time where it fails without a reason that can be believed.
 *
 * @param call Makes the call; its result is negative when it fails.
 * @param isPlausible Whether what it seems to have failed for can be true, if that is an expected failure.
 * @returns The result, or the number of the failure, negative.
 */
export function attempt(call: () => number, isPlausible?: (hint: number) => boolean): number {
  const result = call();
  if (result >= 0) return result;
  const hint = errnoLook.look();
  return believed(call, isPlausible?.(hint) ?? true, hint);
}

/**
 * Makes a call that should go well.
 *
 * @param name The name of the system call.
 * @param call Makes it; its result is negative when it fails.
 * @throws {Error} Why not.
 */
export function must(name: string, call: () => number): number {
  const result = attempt(call);
  if (result < 0) throw systemError(-result, name);
  return result;
}

/** The error of an option that the system does not know, or has not compiled in. */
export function isUnknownOption(errno: number): boolean {
  return errno === ENOPROTOOPT;
}

/**
 * The error of an option that this system refuses to set.
 *
 * @param option Its name in a config.
 * @param cause What the system said.
 */
export function unsupportedOption(option: string, cause: unknown): GenericError {
  return new GenericError("unsupported", `Cannot set ${option}: this system does not know it`, {
    cause,
  });
}
