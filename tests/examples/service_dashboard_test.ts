// The dashboard and the alerts of the service to copy ask for what it exports, and for nothing else.

import { assertEquals } from "@std/assert";
import { Listener } from "../../mod.ts";
import { prometheusText } from "../../examples/prometheus_text.ts";
import { metricsIn, readServiceFile, shownOnDashboard } from "../support/service_files.ts";

const exported = metricsIn(prometheusText(new Listener(0).stats()));

Deno.test("examples/service/dashboard.json shows every metric of the service, and no other one", async () => {
  const shown = await shownOnDashboard();
  assertEquals(metricsIn(shown.map(({ expr }) => expr).join("\n")), exported);
  const { templating, panels } = JSON.parse(await readServiceFile("dashboard.json"));
  const [, { query }] = templating.list;
  assertEquals(metricsIn(query), ["socket_connections"]);
  const ids = panels.map(({ id }: { id: number }) => id);
  assertEquals(new Set(ids).size, panels.length);
});

Deno.test("examples/service/alerts.yaml asks for metrics of the service only, and knows its limits", async () => {
  const alerts = await readServiceFile("alerts.yaml");
  const asked = metricsIn(alerts);
  assertEquals(asked.filter((name) => !exported.includes(name)), []);
  const [, most] = /maxConnections: ([\d_]+)/.exec(await readServiceFile("main.ts"))!;
  const [, limit] = /socket_connections > (\d+)/.exec(alerts)!;
  assertEquals(Number(limit), 0.8 * Number(most!.replaceAll("_", "")));
});
