// The ids of connections and sessions: one count for both, so that a log tells them apart by their ids alone.

let last = 0;

/** A number that nothing else in this process has. */
export function uniqueId(): number {
  return ++last;
}
