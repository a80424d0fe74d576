// The files that watch over the service to copy: what they ask Prometheus for.

import { readDashboard, type Target } from "../../tools/dashboard/panels.ts";

const FOLDER = new URL("../../examples/service/", import.meta.url);

/** One thing that a panel shows. */
export interface Shown extends Target {
  readonly panel: string;
}

/** Reads one of its files. */
export function readServiceFile(name: string): Promise<string> {
  return Deno.readTextFile(new URL(name, FOLDER));
}

/** What the panels of its dashboard show. */
export async function shownOnDashboard(): Promise<Shown[]> {
  const { panels } = await readDashboard();
  return panels.flatMap(({ title, targets }) =>
    targets.map(({ expr, legendFormat }) => ({ panel: title, expr, legendFormat }))
  );
}

/** The metrics that a text names. */
export function metricsIn(text: string): string[] {
  return [...new Set(text.match(/\bsocket_\w+/g))].sort();
}
