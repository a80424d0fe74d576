// The numbers of a listener as Prometheus reads them: its checker, and a real server that scrapes the example.

import { assert, assertEquals } from "@std/assert";
import { Listener } from "../../../mod.ts";
import { prometheusText } from "../../../examples/prometheus_text.ts";
import { dial } from "../../support/dial.ts";
import { interrupt, portOfExample, startExample } from "../../support/example.ts";
import { inFolder } from "../../support/folder.ts";
import { peerTest } from "../../support/peers.ts";
import { Prometheus, promtool } from "../../support/prometheus.ts";

const CHECK = ["check", "metrics"];

await peerTest("promtool finds nothing wrong with prometheusText()", ["promtool"], async () => {
  const { bytesRead: _, ...stats } = new Listener(0).stats();
  const errors = { "timed-out": 2, broken: 1 };
  assertEquals(await promtool(CHECK, prometheusText({ ...stats, bytesRead: 5, errors })), "");
  // It does find what is wrong.
  assert((await promtool(CHECK, "# TYPE a counter\na 1\n")).includes("a"));
});

await peerTest(
  "Prometheus scrapes what clients have in their books",
  ["promtool", "prometheus"],
  () =>
    inFolder(async (folder) => {
      await using server = await startExample("prometheus", { PORT: 0, METRICS_PORT: 0 });
      const port = await portOfExample(server);
      const [, target] = await server.line(/^Metrics on http:\/\/(.*)\/metrics$/);
      let sent = 0;
      for (let i = 1; i <= 4; i++) {
        const client = await dial({ port });
        await client.write("x".repeat(i * 100));
        await client.read(i * 100);
        sent += client.bytesWritten;
        await client.close();
      }
      await using open = await dial({ port });
      await using prometheus = await Prometheus.start(
        folder,
        `global: { scrape_interval: 200ms }
scrape_configs: [{ job_name: socket, static_configs: [{ targets: ["${target}"] }] }]
`,
      );
      const value = (query: string) => prometheus.value(query);
      const accepted = "socket_accepted_total";
      await prometheus.whenThere(accepted);
      assertEquals(await value(accepted), "5");
      assertEquals(await value("socket_connections"), "1");
      for (const direction of ["received", "sent"]) {
        assertEquals(await value(`socket_bytes_total{direction="${direction}"}`), String(sent));
      }
      assertEquals(await value('socket_ended_total{by="peer"}'), "4");
      await prometheus.stop();
      await open.close();
      await interrupt(server);
    }),
);
