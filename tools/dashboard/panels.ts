// The panels of a dashboard of Grafana, and what they ask Prometheus for.

/** One query of a panel. */
export interface Target {
  /** As it is in the file: with variables. */
  readonly expr: string;
  /** How its series are called: text, and labels in braces. */
  readonly legendFormat: string;
}

/** One panel: what it asks for, where it is, and how it looks. */
export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  /** In units of the grid, which is 24 wide. */
  readonly gridPos: Readonly<Record<"x" | "y" | "w" | "h", number>>;
  readonly targets: readonly Target[];
  readonly fieldConfig: {
    readonly defaults: {
      readonly unit: string;
      readonly min: number;
      readonly custom: {
        readonly fillOpacity: number;
        readonly stacking: { readonly mode: "none" | "normal" };
      };
    };
  };
}

/** A dashboard, as far as it is read. */
export interface Dashboard {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** Reads the dashboard of the service to copy. */
export async function readDashboard(): Promise<Dashboard> {
  const url = new URL("../../examples/service/dashboard.json", import.meta.url);
  return JSON.parse(await Deno.readTextFile(url));
}

/** A query with its variables put in, as Grafana does before it asks. */
export function filledIn(
  expr: string,
  { instance, rateInterval }: { readonly instance: string; readonly rateInterval: string },
): string {
  return expr.replaceAll("$instance", instance).replaceAll("$__rate_interval", rateInterval);
}

/** The name of a series in the legend. */
export function nameOf(legendFormat: string, labels: Readonly<Record<string, string>>): string {
  return legendFormat.replace(/\{\{(\w+)\}\}/g, (_, label) => labels[label] ?? "");
}

/** Text as a picture may contain it. */
export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
