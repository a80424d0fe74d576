// What the calendar says: the packets of a capture and the spans of telemetry have a date, which no clock of a network
// knows.

/** Milliseconds since 1970. */
export function timeOfDay(): number {
  return Date.now();
}
