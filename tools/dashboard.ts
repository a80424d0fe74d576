// Draws the dashboard of examples/service, as it looks after a minute of load: docs/dashboard.svg.
//
//   deno task dashboard [--out=docs/dashboard.svg]
//
// Two services, and a real Prometheus that scrapes them each second. Each query of each panel is asked as it is in
// examples/service/dashboard.json, with the variables that Grafana would put in. A query without an answer is an error.
// The drawing is not Grafana's: needs `prometheus`, and `prlimit`, and ends with 1 where there is none.

import { parseArgs } from "node:util";
import { Prometheus } from "../tests/support/prometheus.ts";
import { drawDashboard, type Line } from "./dashboard/draw.ts";
import { filledIn, nameOf, type Panel, readDashboard } from "./dashboard/panels.ts";
import { Scene } from "./dashboard/scene.ts";

const LIFETIME_MILLIS = 150_000;
/** As Grafana has it for a scrape each second: four of them. */
const VARIABLES = { instance: ".*", rateInterval: "4s" };
const ROOT = new URL("../", import.meta.url);

const { values } = parseArgs({
  options: { out: { type: "string", default: "docs/dashboard.svg" } },
});

/** What a panel shows of a stretch of time, in seconds. */
async function linesOf(
  panel: Panel,
  prometheus: Prometheus,
  start: number,
  end: number,
): Promise<Line[]> {
  const lines: Line[] = [];
  for (const { expr, legendFormat } of panel.targets) {
    const query = filledIn(expr, VARIABLES);
    const found = await prometheus.range(query, { start, end, step: 1 });
    if (found.length === 0) throw new Error(`${panel.title}: nothing for ${query}`);
    for (const { metric, values } of found) {
      const points = values.map(([time, value]) => [time - start, Number(value)] as const);
      lines.push({ name: nameOf(legendFormat, metric), points });
    }
  }
  return lines;
}

// Nothing waits for ever, whatever has gone wrong.
const tooLate = AbortSignal.timeout(LIFETIME_MILLIS);
tooLate.addEventListener("abort", () => {
  throw new Error("The scene does not end");
});

const folder = await Deno.makeTempDir({ prefix: "socket-dashboard-" });
try {
  const read = (name: string) => Deno.readTextFile(new URL(`examples/service/${name}`, ROOT));
  await using scene = await Scene.start(folder);
  const targets = scene.services.map(({ probed }) => JSON.stringify(probed)).join(", ");
  await Deno.writeTextFile(`${folder}/alerts.yaml`, await read("alerts.yaml"));
  const config = (await read("prometheus.yaml"))
    .replace('"127.0.0.1:7001"', targets)
    .replace("scrape_interval: 15s", "scrape_interval: 1s");
  await using prometheus = await Prometheus.start(folder, config, LIFETIME_MILLIS);
  console.log("A load of some 50 s, scraped each second");
  // Rates are there when there is more than one scrape.
  const start = Math.ceil(Date.now() / 1_000) + 3;
  await scene.play();
  const end = Math.floor(Date.now() / 1_000);
  const dashboard = await readDashboard();
  const lines = new Map<number, Line[]>();
  for (const panel of dashboard.panels) {
    lines.set(panel.id, await linesOf(panel, prometheus, start, end));
  }
  const what =
    `Two instances under load, the second one with TLS and few descriptors; scraped by Prometheus ` +
    `each second for ${end - start} s; drawn by "deno task dashboard", not by Grafana`;
  const picture = drawDashboard(dashboard, lines, what, end - start);
  await Deno.writeTextFile(new URL(values.out, ROOT), picture);
  console.log(`${values.out}: ${Math.ceil(picture.length / 1024)} KiB`);
  await prometheus.stop();
} finally {
  await Deno.remove(folder, { recursive: true });
}
Deno.exit();
