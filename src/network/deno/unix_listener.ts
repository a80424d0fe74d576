// A local (Unix) socket that listens, and its file: how it gets to its path, and how it is removed.
//
// Decision record: the file of a dead program makes binding fail for ever, and removing it blindly takes away the
// place of a living one. So it is removed only when nothing answers there, and all that start at one path do so one
// after the other. And a socket is bound elsewhere first, in a room of its own: when it appears at its path it has
// its mode bits and is listening, so that it is never found open to all, or taken for a dead one. It appears by a
// link, which replaces nothing; and what lies there at the end goes only if it is this socket.

import { GenericError } from "../../base/errors.ts";
import { permissionAdvice, socketFlags } from "../../base/permission_advice.ts";
import type { ListenPathTarget } from "../network.ts";
import type { Transport, TransportListener } from "../transport.ts";
import { absolutePath, formatPath, isAbstract, type NetworkAddress } from "../../base/address.ts";
import type { Clock } from "../clock.ts";
import { BindRoom, fileAt, isAt, roomOf } from "./bind_room.ts";
import { type LocalSockets, refuseAbstract, renamed } from "./unix.ts";

/** How often a socket that vanished from its room is bound again. */
const MOST_ATTEMPTS = 3;

/**
 * Binds a local socket and listens; replaces a file at which nothing answers.
 *
 * @throws {GenericError} `"in-use"`: somebody answers there, or it is no socket. `"denied"`: no permission for
 * the path, or for the room beside it.
 */
export async function listenPath(
  sockets: LocalSockets,
  clock: Clock,
  target: ListenPathTarget,
): Promise<TransportListener> {
  const { path } = target;
  refuseAbstract(path);
  if (isAbstract(path)) return sockets.listen(path, target);
  const absolute = absolutePath(path);
  const ask = () => findDead(sockets, path, absolute);
  try {
    // The program that was in the room may listen by now.
    using room = await BindRoom.enter(path, clock, ask);
    return await bind(sockets, target, absolute, room, ask);
  } catch (error) {
    throw error instanceof Deno.errors.NotCapable ? denied(path, error) : error;
  }
}

/** A socket that listens at a path. */
class PathListener implements TransportListener {
  readonly addr: NetworkAddress;
  readonly #inner: TransportListener;
  readonly #path: string;
  readonly #absolute: string;
  readonly #own: Deno.FileInfo;

  constructor(inner: TransportListener, path: string, absolute: string, own: Deno.FileInfo) {
    this.addr = { transport: "unix", path };
    this.#inner = inner;
    this.#path = path;
    this.#absolute = absolute;
    this.#own = own;
  }

  async accept(): Promise<Transport> {
    return renamed(await this.#inner.accept(), "localAddr", this.#path);
  }

  close(): void {
    try {
      // While the socket is open, no other file can have its number.
      if (isAt(this.#absolute, this.#own)) Deno.removeSync(this.#absolute);
    } catch { /* it stays, and nobody answers there */ }
    this.#inner.close();
  }
}

/** What is left of a dead program at a path; `undefined` where nothing is there. */
async function findDead(
  sockets: LocalSockets,
  path: string,
  absolute: string,
): Promise<Deno.FileInfo | undefined> {
  const found = fileAt(absolute);
  if (found === undefined) return undefined;
  if (!found.isSocket) throw inUse(path, "there is a file that is no socket");
  if (await isAnswered(sockets, path)) throw inUse(path, "another program listens there");
  return found;
}

async function isAnswered(sockets: LocalSockets, path: string): Promise<boolean> {
  try {
    (await sockets.connect(path, {})).close();
    return true;
  } catch (error) {
    // Anything else (a full queue, no permission) does not mean that it is dead.
    return !(error instanceof Deno.errors.ConnectionRefused) &&
      !(error instanceof Deno.errors.NotFound);
  }
}

async function bind(
  sockets: LocalSockets,
  target: ListenPathTarget,
  absolute: string,
  room: BindRoom,
  ask: () => Promise<Deno.FileInfo | undefined>,
): Promise<TransportListener> {
  const { path, mode } = target;
  for (let attempt = 1;; attempt++) {
    const inner = sockets.listen(room.socket, target);
    try {
      if (mode !== undefined) Deno.chmodSync(room.file, mode);
      const own = Deno.lstatSync(room.file);
      const dead = await ask();
      // From here on nothing is awaited: what is removed is what was found dead.
      if (dead !== undefined && isAt(absolute, dead)) Deno.removeSync(absolute);
      Deno.linkSync(room.file, absolute);
      return new PathListener(inner, path, absolute, own);
    } catch (error) {
      inner.close();
      if (error instanceof Deno.errors.AlreadyExists) {
        throw inUse(path, "another program has just bound it");
      }
      // An earlier socket of this path that closes at this moment removes the file (see BindRoom).
      if (!(error instanceof Deno.errors.NotFound) || attempt === MOST_ATTEMPTS) throw error;
    }
  }
}

function inUse(path: string, why: string): GenericError {
  return new GenericError("in-use", `Cannot listen on ${formatPath(path)}: ${why}`);
}

function denied(path: string, cause: Error): GenericError {
  const advice = permissionAdvice(cause, socketFlags(path, roomOf(path)));
  const message = `Cannot listen on ${path}: no permission, ${advice}`;
  return new GenericError("denied", message, { cause });
}
