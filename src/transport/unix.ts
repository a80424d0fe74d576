// Local (Unix) sockets: their names, their files, and who may connect.
//
// Decision record: a file that a dead program has left behind makes binding fail for ever, and removing it
// blindly takes a living one's place from under it. So it is removed only when nobody answers there, and only
// if it is still the same file then. (Two programs that start in the same microseconds can both win; a lock
// file would be one more thing to go stale.)

import { shown } from "../arguments.ts";
import { GenericError } from "../errors.ts";
import type { Transport, TransportListener } from "../byte_stream.ts";
import type { Clock } from "../clock.ts";

/** Which local socket to connect to. */
export interface ConnectPathTarget {
  /** Path of the socket file; a name that begins with a NUL character is abstract (Linux). */
  readonly path: string;
  /** Gives the attempt up. */
  readonly signal?: AbortSignal;
}

/** Which local socket to listen on. */
export interface ListenPathTarget {
  /** Path of the socket file; a name that begins with a NUL character is abstract (Linux). */
  readonly path: string;
  /** Mode bits of the file: connecting needs the right to write. */
  readonly mode?: number;
}

/** The runtime's own local sockets. */
export interface LocalSockets {
  /** Connects. */
  connect(path: string): Promise<Transport>;
  /** Binds and listens. */
  listen(path: string): TransportListener;
}

/** What the system has room for, without the NUL at the end. */
const MAX_PATH_LENGTH = Deno.build.os === "linux" ? 107 : 103;
/** A queue that is full is asked again after this long. */
const RETRY_IN_MILLIS = 10;

/**
 * Checks the path of a local socket.
 *
 * @throws {TypeError} It is none.
 */
export function checkPath(name: string, value: unknown): string {
  if (typeof value !== "string" || value === "" || value.indexOf("\0", 1) >= 0) {
    throw new TypeError(`${name} must be the path of a socket: got ${shown(value)}`);
  }
  const { length } = new TextEncoder().encode(value);
  if (length > MAX_PATH_LENGTH || value === "\0") {
    throw new TypeError(
      `${name} must be a path of at most ${MAX_PATH_LENGTH} bytes: got ${length} bytes, ${
        shown(value)
      }`,
    );
  }
  return value;
}

/** A path as it is written: an abstract name begins with "@". */
export function formatPath(path: string): string {
  return isAbstract(path) ? `@${path.slice(1)}` : path;
}

/** Whether it is a name in the system's own list, without a file (Linux). */
export function isAbstract(path: string): boolean {
  return path.startsWith("\0");
}

/** Connects to a local socket. A queue that is full is waited for: the system refuses at once. */
export async function connectPath(
  sockets: LocalSockets,
  clock: Clock,
  { path, signal }: ConnectPathTarget,
): Promise<Transport> {
  refuseAbstract(path);
  for (;;) {
    try {
      return await sockets.connect(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    }
    await new Promise<void>((resolve) => void clock.setTimeout(resolve, RETRY_IN_MILLIS));
    signal?.throwIfAborted();
  }
}

/**
 * Binds a local socket and listens; replaces a file that nobody answers at.
 *
 * @throws {GenericError} `"in-use"`: somebody answers there, or it is no socket.
 */
export async function listenPath(
  sockets: LocalSockets,
  { path, mode }: ListenPathTarget,
): Promise<TransportListener> {
  refuseAbstract(path);
  const bind = () => listenWithMode(sockets, path, mode);
  try {
    return bind();
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse) || isAbstract(path)) throw error;
  }
  const found = await Deno.lstat(path);
  if (!found.isSocket) throw inUse(path, "there is a file that is no socket");
  if (await isAnswered(sockets, path)) throw inUse(path, "another program listens there");
  // From here on nothing is awaited: what is removed is what was found dead.
  const now = Deno.lstatSync(path);
  if (now.ino !== found.ino || now.dev !== found.dev) {
    throw inUse(path, "another program has just bound it");
  }
  Deno.removeSync(path);
  return bind();
}

function listenWithMode(
  sockets: LocalSockets,
  path: string,
  mode: number | undefined,
): TransportListener {
  if (mode === undefined) return sockets.listen(path);
  // Born with these bits where the program may say so, else there is a moment in which it has others.
  const mayMask =
    Deno.permissions.querySync({ name: "sys", kind: "umask" as "uid" }).state === "granted";
  const before = mayMask ? Deno.umask(~mode & 0o777) : undefined;
  let listener: TransportListener;
  try {
    listener = sockets.listen(path);
  } finally {
    if (before !== undefined) Deno.umask(before);
  }
  try {
    Deno.chmodSync(path, mode);
  } catch (error) {
    listener.close();
    throw error;
  }
  return listener;
}

async function isAnswered(sockets: LocalSockets, path: string): Promise<boolean> {
  try {
    (await sockets.connect(path)).close();
    return true;
  } catch (error) {
    // Anything else (a full queue, no permission) does not mean that nobody is there.
    return !(error instanceof Deno.errors.ConnectionRefused);
  }
}

function inUse(path: string, why: string): GenericError {
  return new GenericError("in-use", `Cannot listen on ${formatPath(path)}: ${why}`);
}

function refuseAbstract(path: string): void {
  if (isAbstract(path) && Deno.build.os !== "linux") {
    throw new GenericError(
      "unsupported",
      "Cannot use an abstract socket name: only Linux has them",
    );
  }
}
