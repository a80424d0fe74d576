// What to do about a permission that the runtime has missed. It says the same of one that was never given and of one
// that a flag denies, where to give it would not help.

import { absolutePath } from "./address.ts";
import { reasonOf } from "./errors.ts";
import { netState } from "./net_status.ts";

/** The permissions that take paths. */
const IS_OF_FILES = /^(read|write|ffi)$/;
const HAS_PORT = /:\d+$/;
/** What the system chooses is another port each time, so that only all of them will do. */
const ANY_PORT = /:0$/;
/** How the runtime names local sockets. */
const LOCAL = "unix:";
/** What every shell takes as it is. */
const NEEDS_NO_QUOTES = /^[\w@%+=:,./~[\]-]*$/;

/**
 * What to do, in the words that follow "no permission, ": "run with --allow-net=127.0.0.1:80".
 *
 * @param cause What the runtime threw.
 * @param flags What it is to be run with, if not with the flag that is named there.
 * @returns `undefined` where nothing is known.
 */
export function permissionAdvice(
  cause: unknown,
  flags: string | undefined = missingFlag(cause),
): string | undefined {
  const { kind, what } = missingIn(cause);
  const denial = what === undefined ? undefined : denialOf(kind, what);
  return denial ?? (flags === undefined ? undefined : `run with ${flags}`);
}

/**
 * The flag that gives the permission that the runtime has missed, and no more: `--allow-net=127.0.0.1:80`. With port 0,
 * that is the host.
 *
 * @param cause What the runtime threw.
 * @returns `undefined` where it names none.
 */
export function missingFlag(cause: unknown): string | undefined {
  const { kind, what } = missingIn(cause);
  if (what === undefined) return /--(allow|unstable)-[a-z-]+/.exec(reasonOf(cause))?.[0];
  return flagFor(kind, what);
}

/** The flags for the file of a local socket, and for a room beside it if it listens: the runtime would miss one by one. */
export function socketFlags(path: string, room?: { folder: string; socket: string }): string {
  const file = absolutePath(path);
  const [sockets, files] = room === undefined
    ? [[file], [file]]
    : [[file, room.socket], [file, room.folder]];
  return [
    flagFor("net", ...sockets.map((socket) => LOCAL + socket)),
    flagFor("read", ...files),
    flagFor("write", ...files),
  ].join(" ");
}

/**
 * A flag as it is written in a shell, in the form that the runtime takes. In its lists nothing can have a comma: then it
 * is about the folder above, or about everything.
 */
function flagFor(kind: string, ...whats: readonly string[]): string {
  const flag = `--allow-${kind}`;
  const list = [...new Set(whats.map((what) => inList(kind, what)))];
  if (list.some((what) => what.includes(","))) return flag;
  const value = list.join(",");
  return `${flag}=${NEEDS_NO_QUOTES.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`}`;
}

/** How one of a list that is separated by commas is written. */
function inList(kind: string, what: string): string {
  if (IS_OF_FILES.test(kind)) {
    const comma = what.indexOf(",");
    return comma < 0 ? what : folderOf(what.slice(0, comma));
  }
  if (kind !== "net") return what;
  // Relative ones are refused, though they are what the runtime asks for.
  if (what.startsWith(LOCAL)) return LOCAL + absolutePath(what.slice(LOCAL.length));
  return what.replace(ANY_PORT, "");
}

/**
 * Says that a flag denies a permission: "--deny-net forbids 127.0.0.1:80". Never prompts.
 *
 * @param kind Which: "net".
 * @param what For what, as the runtime writes it.
 * @returns `undefined` where none does, and where that cannot be told: what a prompt has declined looks the same, unless
 * more than that was given, or all ports of a host are denied.
 */
export function denialOf(kind: string, what: string): string | undefined {
  try {
    if (stateOf(kind, what) !== "denied") return undefined;
    const isMoreKnown = IS_OF_FILES.test(kind)
      ? stateOf(kind, folderOf(what)) === "granted"
      : HAS_PORT.test(what) && stateOf(kind, what.replace(HAS_PORT, "")) !== "prompt";
    // No prompt has asked for such a variable: a flag denies all.
    const isAllDenied = kind === "env" && stateOf(kind, `${what}_`) === "denied";
    return isMoreKnown || isAllDenied || stateOf(kind) === "granted"
      ? `--deny-${kind} forbids ${what}`
      : undefined;
  } catch {
    // The runtime knows no such permission, or not of such a thing.
    return undefined;
  }
}

function folderOf(path: string): string {
  const end = path.lastIndexOf("/");
  return end < 0 ? "." : path.slice(0, Math.max(1, end));
}

/** The state of a permission for something, or for all. */
function stateOf(kind: string, what?: string): Deno.PermissionState {
  if (kind === "net" && what !== undefined) return netState(what);
  if (kind === "env" && what !== undefined) {
    return Deno.permissions.querySync({ name: "env", variable: what }).state;
  }
  const name = kind as "read";
  const asked = what === undefined || !IS_OF_FILES.test(kind) ? { name } : { name, path: what };
  return Deno.permissions.querySync(asked).state;
}

/** What the runtime has missed; no `what` where it names nothing that a flag could take, as an abstract socket. */
function missingIn(cause: unknown): { kind: string; what?: string } {
  const found = /^Requires ([a-z]+) access to "(.*)", run again/s.exec(reasonOf(cause));
  const [, kind = "", what] = found ?? [];
  return what === undefined || what.includes("\0") ? { kind } : { kind, what };
}
