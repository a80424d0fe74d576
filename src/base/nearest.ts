// What a misspelled name was probably meant to be.

/** How many letters must be inserted, removed, changed or swapped with the next to turn one name into the other. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwapped ? before[j - 2]! + 1 : Infinity;
      next.push(Math.min(change, swap, row[j]! + 1, next[j - 1]! + 1));
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}

/**
 * Finds the name that is nearest to a misspelled one, letter case aside.
 *
 * @param name What was written.
 * @param names What there is.
 * @returns `undefined` where none is near: more than a third of the letters differ, and it is not a part of one.
 */
export function nearest(name: string, names: readonly string[]): string | undefined {
  // No option has so long a name, and the work grows with the square.
  if (name.length > 100) return undefined;
  let best: string | undefined;
  let least = Math.floor(name.length / 3) + 1;
  for (const other of names) {
    const far = distance(name.toLowerCase(), other.toLowerCase());
    if (far < least) [best, least] = [other, far];
  }
  return best ?? theOneWith(name.toLowerCase(), names);
}

/** The only name that the one written is a part of, as "timeout" is of "timeoutInMillis". */
function theOneWith(part: string, names: readonly string[]): string | undefined {
  if (part.length < 4) return undefined;
  const found = names.filter((other) => other.toLowerCase().includes(part));
  return found.length === 1 ? found[0] : undefined;
}
