// Who is in which groups, so that whoever ends leaves all of them. A member is asked for its end once, however many
// groups it joins and leaves: a promise that lives as long as the member would keep what waits for it.

import { ignore } from "../base/errors.ts";

/** What somebody is in. */
export interface Leavable {
  /** Somebody has ended. */
  leave(key: object): void;
}

const memberships = new WeakMap<object, Set<Leavable>>();

/**
 * Somebody is in something from now on.
 *
 * @param key Who.
 * @param group In what.
 * @param endOf Gives what settles when they end; asked for once.
 */
export function join(key: object, group: Leavable, endOf: () => Promise<unknown>): void {
  const known = memberships.get(key);
  if (known !== undefined) return void known.add(group);
  const groups = new Set([group]);
  memberships.set(key, groups);
  const leaveAll = () => {
    for (const each of groups) each.leave(key);
    groups.clear();
  };
  endOf().then(leaveAll, leaveAll).catch(ignore);
}

/** Somebody is not in it any more. */
export function part(key: object, group: Leavable): void {
  memberships.get(key)?.delete(group);
}
