// The numbers of the service to copy, its alerts and its dashboard, with Prometheus and its checker.

import { assertEquals } from "@std/assert";
import { filledIn } from "../../../tools/dashboard/panels.ts";
import { dial } from "../../support/dial.ts";
import { inFolder } from "../../support/folder.ts";
import { peerTest } from "../../support/peers.ts";
import { Prometheus, promtool } from "../../support/prometheus.ts";
import { breakOff, Service, talk } from "../../support/service.ts";
import { readServiceFile, shownOnDashboard } from "../../support/service_files.ts";

const INSTANCE = `instance="a:7001",job="socket-service"`;

/** For each alert: series that raise it, a value each minute, and the same in good health. */
const ALERTS: Record<string, readonly [raising: Record<string, string>, well: string]> = {
  SocketServiceDown: [{ "up{%}": "0x30" }, "1x30"],
  SocketConnectionsNearLimit: [{ "socket_connections{%}": "8001x30" }, "8000x30"],
  SocketOutOfDescriptors: [{ "socket_rests_total{%}": "0x25 1x5" }, "7x30"],
  SocketClientsRefused: [
    { 'socket_rejected_total{reason="address-limit",%}': "0+66x30" },
    "0+54x30",
  ],
  SocketConnectionsFail: [{
    'socket_ended_total{by="error",%}': "0+11x30",
    'socket_ended_total{by="peer",%}': "0+89x30",
  }, "0+9x30"],
  SocketHandshakesFail: [{
    'socket_handshakes_total{outcome="failed",%}': "0+21x30",
    'socket_handshakes_total{outcome="completed",%}': "0+79x30",
  }, "0+19x30"],
  SocketClientsDoNotRead: [{ "socket_queued_bytes{%}": "67108865x30" }, "67108864x30"],
};

/** A test of the checker: which alerts there are after half an hour. */
function alertTest(name: string, series: Record<string, string>, isRaised: boolean, all: string) {
  const input = Object.entries(series).map(([series, values]) => ({
    series: series.replace("%", INSTANCE),
    values,
  }));
  return {
    interval: "1m",
    input_series: input,
    promql_expr_test: [{
      expr: `count by (alertname) (ALERTS{alertname=~"${all}",alertstate="firing"})`,
      eval_time: "28m",
      exp_samples: isRaised ? [{ labels: `{alertname="${name}"}`, value: 1 }] : [],
    }],
  };
}

await peerTest(
  "promtool reads prometheus.yaml of examples/service",
  ["promtool"],
  () =>
    inFolder(async (folder) => {
      for (const name of ["prometheus.yaml", "alerts.yaml"]) {
        await Deno.writeTextFile(`${folder}/${name}`, await readServiceFile(name));
      }
      assertEquals(await promtool(["check", "config", `${folder}/prometheus.yaml`]), "");
    }),
);

await peerTest(
  "Each alert of examples/service is raised by what it is for only",
  ["promtool"],
  () =>
    inFolder(async (folder) => {
      const alerts = await readServiceFile("alerts.yaml");
      const names = [...alerts.matchAll(/- alert: (\w+)/g)].map(([, name]) => name!);
      assertEquals(Object.keys(ALERTS).sort(), names.sort());
      const all = names.join("|");
      const tests = Object.entries(ALERTS).flatMap(([name, [raising, well]]) => {
        const [[first], ...rest] = Object.entries(raising) as [[string, string]];
        return [
          alertTest(name, raising, true, all),
          alertTest(name, Object.fromEntries([[first, well], ...rest]), false, all),
        ];
      });
      await Deno.writeTextFile(`${folder}/alerts.yaml`, alerts);
      const file = `${folder}/tests.yaml`;
      await Deno.writeTextFile(file, JSON.stringify({ rule_files: ["alerts.yaml"], tests }));
      assertEquals(await promtool(["test", "rules", file]), "");
    }),
);

await peerTest(
  "Prometheus has something to show in each panel of the dashboard of examples/service",
  ["promtool", "prometheus"],
  () =>
    inFolder(async (folder) => {
      await using service = await Service.start(["--accept-for=0"]);
      const target = `127.0.0.1:${service.probePort}`;
      const config = (await readServiceFile("prometheus.yaml"))
        .replace("127.0.0.1:7001", target)
        .replace("scrape_interval: 15s", "scrape_interval: 200ms");
      await Deno.writeTextFile(`${folder}/alerts.yaml`, await readServiceFile("alerts.yaml"));
      await using prometheus = await Prometheus.start(folder, config);
      const client = await dial(service);
      await talk(client, 10);
      await breakOff(service);
      await service.program.line(/"event":"ended"/);
      assertEquals(await promtool(["check", "metrics"], await service.metrics()), "");
      for (const { panel, expr, legendFormat } of await shownOnDashboard()) {
        const query = filledIn(expr, { instance: target, rateInterval: "10s" });
        const series = await prometheus.whenThere(query);
        const labels = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
        for (const { metric } of series) {
          assertEquals([panel, Object.keys(metric)], [panel, labels]);
        }
      }
      await prometheus.whenThere("socket_connections == 1");
      await client.close();
      await prometheus.stop();
      service.program.signal("SIGTERM");
      await service.log();
    }),
);
