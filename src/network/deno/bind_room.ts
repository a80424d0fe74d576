// A private folder beside the path of a local socket, there only while the socket is being bound.
//
// It is three things at once. A lock: of all that start at one path, in any process, one at a time is in it. A place
// apart: nothing can connect to what is bound in it, or replace it, before it is ready. And a name that is not the
// path: the runtime removes whatever lies at the name a socket was bound under when that socket is closed, so that
// name must be one where nothing lies then.
//
// Decision record: a lock file goes stale when its program is killed, and the folder above may be locked for reasons
// of others. The lock of this folder ends with its program, so that the next program sees that the folder was left
// behind. Its name is always the same, so that a permission can name it.

import type { Clock } from "../clock.ts";
import { bare } from "../../base/options.ts";
import { GenericError } from "../../base/errors.ts";
import { absolutePath, lengthOfPath, MAX_PATH_LENGTH } from "../../base/address.ts";

/** What a socket is called in its room. */
const SOCKET = "/=";
/** A program that finds the room taken asks again after this long, */
const RETRY_IN_MILLIS = 10;
/** and gives up after this long: it is needed only for moments. */
const PATIENCE_IN_MILLIS = 5_000;

/** The room that belongs to a path. While this exists, no other program is in it. */
export class BindRoom implements Disposable {
  /** Where in it the socket is to be bound; as short as the system needs it. */
  readonly socket: string;
  /** The same place, wherever the program goes. */
  readonly file: string;
  readonly #folder: string;
  readonly #lock: Deno.FsFile;

  private constructor({ folder, socket }: RoomName, lock: Deno.FsFile) {
    this.socket = socket;
    this.file = folder + SOCKET;
    this.#folder = folder;
    this.#lock = lock;
  }

  /**
   * Waits until nobody else is in it.
   *
   * @param path The path to bind a socket at.
   * @param askWhy Called each time that it was taken; throws where there is nothing to wait for.
   * @throws {GenericError} `"in-use"`: the room is taken for long, or something else has its name.
   * `"unsupported"`: the path leaves no room for its name.
   */
  static async enter(
    path: string,
    clock: Clock,
    askWhy: () => Promise<unknown> = () => Promise.resolve(),
  ): Promise<BindRoom> {
    const name = nameFor(path);
    for (let waited = 0; waited < PATIENCE_IN_MILLIS; waited += RETRY_IN_MILLIS) {
      const room = BindRoom.#make(name) ?? await BindRoom.#clearLeftBehind(name);
      if (room !== undefined) return room;
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, RETRY_IN_MILLIS));
      await askWhy();
    }
    throw taken(name.folder, "another process holds it");
  }

  /** Removes it, with what is still in it, and lets the next one in. */
  [Symbol.dispose](): void {
    try {
      clear(this.#folder);
    } catch { /* whoever comes next finds it left behind */ }
    this.#lock.close();
  }

  /**
   * Makes it and locks it, where it is not there. Nothing is awaited, so nothing else in this process comes in
   * between.
   */
  static #make(name: RoomName): BindRoom | undefined {
    const { folder } = name;
    if (!makeFolder(folder)) return undefined;
    let lock;
    try {
      lock = Deno.openSync(folder, bare({ read: true }));
    } catch (error) {
      // Another program may have taken it for one that was left behind.
      if (error instanceof Deno.errors.NotFound) return undefined;
      clear(folder);
      throw error;
    }
    if (holds(lock, folder)) return new BindRoom(name, lock);
    lock.close();
    return undefined;
  }

  /** Removes one that was left behind. It is not reused: anyone may have made it. */
  static async #clearLeftBehind({ folder }: RoomName): Promise<undefined> {
    let what = "something";
    try {
      // Opening something else, such as a pipe, may block for ever, so the kind is checked first.
      const found = fileAt(folder);
      if (found === undefined) return;
      what = kindOf(found);
      if (!found.isDirectory) throw new Deno.errors.NotADirectory(folder);
      using lock = await Deno.open(folder, bare({ read: true }));
      if (holds(lock, folder)) clear(folder);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      if (error instanceof Deno.errors.NotCapable) throw error;
      throw taken(folder, `${what} lies there, move it away or take another path`, error);
    }
  }
}

/** Whether a file, and not another one, lies at a path. */
export function isAt(path: string, file: Deno.FileInfo): boolean {
  const found = fileAt(path);
  return found !== undefined && found.ino === file.ino && found.dev === file.dev;
}

/** What lies at a path, links not followed. */
export function fileAt(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Where the room of a path is, and the socket in it, wherever the program goes: what a permission must name. */
export function roomOf(path: string): { folder: string; socket: string } {
  const { folder } = nameFor(path);
  return { folder, socket: folder + SOCKET };
}

interface RoomName {
  readonly folder: string;
  readonly socket: string;
}

function nameFor(path: string): RoomName {
  const whole = absolutePath(path);
  for (const way of [whole, path]) {
    // Beside a path that is nearly as long as can be, all such paths of a folder share one.
    for (const end of [`${baseOf(way)}~`, "="]) {
      const socket = folderOf(way) + end + SOCKET;
      if (lengthOfPath(socket) <= MAX_PATH_LENGTH) {
        return { folder: folderOf(whole) + end, socket };
      }
    }
  }
  throw new GenericError(
    "unsupported",
    `Cannot listen on ${path}: no room in ${MAX_PATH_LENGTH} bytes for the name it is bound under`,
  );
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** What is in the way, which is not to be lost. */
function kindOf({ isDirectory, isSymlink, isFile }: Deno.FileInfo): string {
  if (isDirectory) return "a folder that cannot be removed";
  if (isSymlink) return "a symbolic link";
  return isFile ? "a file" : "something that is no folder";
}

/** Whether it was not there. */
function makeFolder(folder: string): boolean {
  try {
    Deno.mkdirSync(folder, bare({ mode: 0o700 }));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

/** Whether no other program has it locked; one that had may have removed it after it was opened. */
function holds(lock: Deno.FsFile, folder: string): boolean {
  return lock.tryLockSync(true) && isAt(folder, lock.statSync());
}

function clear(folder: string): void {
  const socket = folder + SOCKET;
  if (fileAt(socket)?.isSocket) Deno.removeSync(socket);
  Deno.removeSync(folder);
}

function taken(folder: string, why: string, cause?: unknown): GenericError {
  const message = `Cannot bind a socket in ${folder}, which is needed for a moment: ${why}`;
  return new GenericError("in-use", message, { cause });
}
