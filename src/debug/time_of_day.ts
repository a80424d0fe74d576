// What the calendar says: packets in a file have a date, which no clock of a network knows.

/** Milliseconds since 1970. */
export function timeOfDay(): number {
  return Date.now();
}
