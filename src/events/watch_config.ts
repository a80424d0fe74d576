// The options that say who hears of events; the same for every owner of sockets.

import { checkBoolean, checkFunction } from "../base/arguments.ts";

/** Who hears of events. */
export interface WatchConfig<Event> {
  /** Called for each event, soon after it. */
  readonly onEvent?: (event: Event) => void;
  /** Whether OpenTelemetry gets metrics and spans. */
  readonly telemetry?: boolean;
}

/** A checked {@linkcode WatchConfig}. */
export interface WatchSettings {
  /** Called for each event. */
  readonly onEvent: ((event: never) => void) | undefined;
  /** Whether OpenTelemetry gets metrics and spans. */
  readonly telemetry: boolean;
}

/** Checks who hears of events. @param config What `readOptions` gave. */
export function resolveWatchConfig<Event>(
  { onEvent, telemetry = false }: WatchConfig<Event>,
): WatchSettings {
  return {
    onEvent: checkFunction("onEvent", onEvent),
    telemetry: checkBoolean("telemetry", telemetry),
  };
}
