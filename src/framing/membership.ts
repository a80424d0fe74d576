// Who is in which groups, so that whoever ends leaves all of them. A member is asked for its end once, however many
// groups it joins and leaves: a promise that lives as long as the member would keep what waits for it.
//
// A group that its program has dropped is not kept by its members, who may stay for much longer.

import { ignore } from "../base/errors.ts";

/** What somebody is in. */
export interface Leavable {
  /** Somebody has ended. */
  leave(key: object): void;
}

/** What one is in, and how many there were when those dropped were last looked for. */
class Memberships {
  readonly groups = new Set<WeakRef<Leavable>>();
  #sizeThen = FEWEST_TO_LOOK_THROUGH;

  add(group: Leavable): void {
    this.groups.add(referenceTo(group));
    if (this.groups.size <= 2 * this.#sizeThen) return;
    for (const reference of this.groups) {
      if (reference.deref() === undefined) this.groups.delete(reference);
    }
    this.#sizeThen = Math.max(this.groups.size, FEWEST_TO_LOOK_THROUGH);
  }

  leaveAll(key: object): void {
    for (const reference of this.groups) reference.deref()?.leave(key);
    this.groups.clear();
  }
}

const FEWEST_TO_LOOK_THROUGH = 8;

const memberships = new WeakMap<object, Memberships>();
/** One for each group. */
const references = new WeakMap<Leavable, WeakRef<Leavable>>();

function referenceTo(group: Leavable): WeakRef<Leavable> {
  let reference = references.get(group);
  if (reference === undefined) references.set(group, reference = new WeakRef(group));
  return reference;
}

/**
 * Somebody is in something from now on.
 *
 * @param key Who.
 * @param group In what; it must be kept by whoever has it.
 * @param endOf Gives what settles when they end; asked for once.
 */
export function join(key: object, group: Leavable, endOf: () => Promise<unknown>): void {
  const known = memberships.get(key);
  if (known !== undefined) return known.add(group);
  const made = new Memberships();
  made.add(group);
  memberships.set(key, made);
  const leaveAll = () => made.leaveAll(key);
  endOf().then(leaveAll, leaveAll).catch(ignore);
}

/** Somebody is not in it any more. */
export function part(key: object, group: Leavable): void {
  memberships.get(key)?.groups.delete(referenceTo(group));
}
