// Why a socket could not be made, in the words of whoever has to act: which permission to give, which option to set.

import { isAbstract } from "./address.ts";
import {
  GenericError,
  isA,
  isResourceError,
  isSocketError,
  reasonOf,
  type SocketError,
} from "./errors.ts";
import { ipVersion } from "./ip_address.ts";
import { permissionAdvice, socketFlags } from "./permission_advice.ts";

/** What was asked for, as far as advice depends on it. */
export interface AskedFor {
  /** The path of a local socket. */
  readonly path?: string | undefined;
  /** The local host to bind. */
  readonly localHost?: string | undefined;
  /** The port of this end that a client has chosen. */
  readonly localPort?: number | undefined;
  /** Whether the port may be shared; `undefined` where there is no such option. */
  readonly reusePort?: boolean | undefined;
}

/**
 * Translates what the runtime threw while a socket was being made.
 *
 * @param action What was tried, with the address: "Cannot connect to 127.0.0.1:80".
 * @param cause What the runtime threw; a `SocketError` passes untouched.
 * @param asked What was asked for.
 */
export function setupError(action: string, cause: unknown, asked: AskedFor = {}): SocketError {
  if (isSocketError(cause)) return cause;
  const reason = `${action}: ${reasonOf(cause)}`;
  // A route that prohibits it, a file's mode, a privileged port: no flag would help.
  if (isA(Deno.errors.PermissionDenied, cause)) {
    const message = `${action}: the system gives no permission: ${reasonOf(cause)}${
      nameAdvice(asked.localHost)
    }`;
    return new GenericError("denied", message, { cause });
  }
  if (isA(Deno.errors.NotCapable, cause)) {
    const advice = permissionAdvice(cause, pathFlags(asked.path, cause));
    const what = advice === undefined ? "" : `, ${advice}`;
    const message = `${action}: no permission${what}${nameAdvice(asked.localHost)}`;
    return new GenericError("denied", message, { cause });
  }
  if (asked.localPort !== undefined && isPortTaken(cause, asked)) {
    const message =
      `${action}: the local port ${asked.localPort} is in use; take another localPort, or leave it out`;
    return new GenericError("in-use", message, { cause });
  }
  if (isA(Deno.errors.AddrInUse, cause)) {
    const message = `${action}: the address is in use by ${inUseAdvice(asked)}`;
    return new GenericError("in-use", message, { cause });
  }
  if (isResourceError(cause)) {
    return new GenericError("limit", `${reason}${limitAdvice(cause)}`, { cause });
  }
  // Refused, no route, an address that is not ours, and a name that does not resolve, which the runtime
  // reports as a plain Error without a code.
  const advice = isA(Deno.errors.ConnectionRefused, cause)
    ? "; is anything listening there?"
    : nameAdvice(asked.localHost);
  return new GenericError("unreachable", `${reason}${advice}`, { cause });
}

/**
 * Whether the port of this end cannot be had. For a connection to the same peer that is still there, or has been until
 * a moment ago, the systems say that the address is not there, or that it is wrong.
 */
function isPortTaken(cause: unknown, { localHost }: AskedFor): boolean {
  if (isA(Deno.errors.AddrInUse, cause)) return true;
  if (localHost !== undefined) return false;
  return isA(Deno.errors.AddrNotAvailable, cause) ||
    (cause as { code?: unknown }).code === "EINVAL";
}

/** What to raise, where that is known. Without memory for its buffers, the system says so itself. */
function limitAdvice(cause: unknown): string {
  const { code } = cause as { code: string };
  if (code === "EMFILE") return "; raise the limit of open files (ulimit -n)";
  if (code === "ENFILE") return "; raise the system's limit of open files (fs.file-max)";
  return "";
}

/** The flags for a local socket: the runtime would ask for one after the other. */
function pathFlags(path: string | undefined, cause: Error): string | undefined {
  if (path === undefined || isAbstract(path)) return undefined;
  // It may have been something else that was missed, such as a variable.
  if (!(cause instanceof Deno.errors.NotCapable && reasonOf(cause).includes(path))) {
    return undefined;
  }
  return socketFlags(path);
}

function inUseAdvice({ path, reusePort }: AskedFor): string {
  if (path !== undefined) return "another socket; stop that one, or take another path";
  if (reusePort === true) {
    return "a socket without reusePort, or one of another user: all that share it must set it";
  }
  const advice = "another socket; stop that one, or take another port (0 for any free one)";
  return reusePort === undefined ? advice : `${advice}, or set reusePort in both`;
}

/** What to do if the name of a network interface was given as an address. Like some host names it has no dot. */
function nameAdvice(host: string | undefined): string {
  if (host === undefined || host.includes(".") || host === "localhost" || ipVersion(host) !== 0) {
    return "";
  }
  return `; "${host}" is taken for a host name: for a network interface use networkInterface`;
}
