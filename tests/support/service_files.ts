// The files that watch over the service to copy: what they ask Prometheus for.

const FOLDER = new URL("../../examples/service/", import.meta.url);

/** One thing that a panel shows. */
export interface Shown {
  readonly panel: string;
  readonly expr: string;
  /** How its series are called, by their labels. */
  readonly legendFormat: string;
}

/** Reads one of its files. */
export function readServiceFile(name: string): Promise<string> {
  return Deno.readTextFile(new URL(name, FOLDER));
}

/** What the panels of its dashboard show. */
export async function shownOnDashboard(): Promise<Shown[]> {
  const { panels } = JSON.parse(await readServiceFile("dashboard.json"));
  return panels.flatMap(({ title, targets }: { title: string; targets: Omit<Shown, "panel">[] }) =>
    targets.map(({ expr, legendFormat }) => ({ panel: title, expr, legendFormat }))
  );
}

/** The metrics that a text names. */
export function metricsIn(text: string): string[] {
  return [...new Set(text.match(/\bsocket_\w+/g))].sort();
}
