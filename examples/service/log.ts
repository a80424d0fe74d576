// The log: one line of JSON on standard output for each thing that happens.

import type { ListenerEvent } from "../../mod.ts";

/** What is logged of a listener. The record of a connection's end repeats what its beginning said. */
const LOGGED: readonly ListenerEvent["kind"][] = ["ended", "refused", "rested", "reloaded"];

/** Writes a line. */
export function log(event: string, what: object): void {
  const time = new Date().toISOString();
  console.log(JSON.stringify({ time, event, ...what }));
}

/** Writes a line for an event, if it is one for the log. */
export function logEvent({ kind, ...what }: ListenerEvent): void {
  if (LOGGED.includes(kind)) log(kind, what);
}
