// What a stream says that it has moved, looked at before anybody relies on it. A stream of the user's own may say
// anything: of more than there was room for one would read what nobody has sent, and one that is asked again and again
// because it moved nothing would let nothing else run.

import { shown } from "../base/arguments.ts";
import { giveUp, isThenable } from "../base/user_code.ts";

/** Whether a read or a write of at most so many bytes may tell this count. */
export function isCount(count: number, most: number): boolean {
  return Number.isInteger(count) && count >= 1 && count <= most;
}

/** What is wrong with the count that a read has told. @param room How many bytes it could put. */
export function readCountError(count: unknown, room: number): TypeError {
  if (isThenable(count)) return lateError("tryRead", count);
  return isTooMany(count, room)
    ? new TypeError(`a transport's read gives at most the ${room} asked for; it gave ${count}`)
    : new TypeError(
      `a transport's read gives at least 1, or null at the end; it gave ${shown(count)}`,
    );
}

/** What is wrong with the count that a write has told. @param length How many bytes it was given. */
export function writeCountError(count: unknown, length: number): TypeError {
  if (isThenable(count)) return lateError("tryWrite", count);
  return isTooMany(count, length)
    ? new TypeError(`a transport's write takes at most the ${length} given; it took ${count}`)
    : new TypeError(`a transport's write takes at least 1 byte; it took ${shown(count)}`);
}

/**
 * The count that a read has told.
 *
 * @param room How many bytes it could put.
 * @throws {TypeError} It cannot be that.
 */
export function checkRead(count: number | null, room: number): number | null {
  if (count === null || isCount(count, room)) return count;
  throw readCountError(count, room);
}

/**
 * The count that a write has told.
 *
 * @param length How many bytes it was given.
 * @throws {TypeError} It cannot be that.
 */
export function checkWritten(count: number, length: number): number {
  if (isCount(count, length)) return count;
  throw writeCountError(count, length);
}

/** What was awaited is no promise any more: this comes from a call without one. */
function lateError(name: string, count: unknown): TypeError {
  giveUp(count);
  return new TypeError(
    `a transport's ${name} must not be async: it has to be done when it returns`,
  );
}

function isTooMany(count: unknown, most: number): boolean {
  return Number.isInteger(count) && (count as number) > most;
}
