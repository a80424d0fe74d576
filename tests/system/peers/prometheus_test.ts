// The numbers of a listener as Prometheus reads them: its checker, and a real server that scrapes the example.

import { assert, assertEquals } from "@std/assert";
import { Listener } from "../../../mod.ts";
import { prometheusText } from "../../../examples/prometheus_text.ts";
import { dial } from "../../support/dial.ts";
import { interrupt, portOfExample, startExample } from "../../support/example.ts";
import { inFolder } from "../../support/folder.ts";
import { freePort } from "../../support/free_port.ts";
import { peerTest } from "../../support/peers.ts";
import { Program } from "../../support/program.ts";

async function checked(text: string): Promise<string> {
  await using promtool = new Program("promtool", ["check", "metrics"]);
  await promtool.type(text);
  await promtool.endInput();
  const { code, stdout, stderr } = await promtool.ending();
  return code === 0 ? stdout + stderr : `${code}: ${stdout}${stderr}`;
}

await peerTest("promtool finds nothing wrong with prometheusText()", ["promtool"], async () => {
  const { bytesRead: _, ...stats } = new Listener(0).stats();
  const errors = { "timed-out": 2, broken: 1 };
  assertEquals(await checked(prometheusText({ ...stats, bytesRead: 5, errors })), "");
  // It does find what is wrong.
  assert((await checked("# TYPE a counter\na 1\n")).includes("a"));
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
      const config = `${folder}/prometheus.yml`;
      await Deno.writeTextFile(
        config,
        `global: { scrape_interval: 200ms }
scrape_configs: [{ job_name: socket, static_configs: [{ targets: ["${target}"] }] }]
`,
      );
      const at = `127.0.0.1:${await freePort()}`;
      await using prometheus = new Program("prometheus", [
        `--config.file=${config}`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=${at}`,
      ], { lifetimeInMillis: 30_000 });
      await prometheus.line(/Server is ready to receive web requests/, "stderr");
      const value = async (query: string): Promise<string | undefined> => {
        const url = `http://${at}/api/v1/query?query=${encodeURIComponent(query)}`;
        const { data } = await (await fetch(url)).json();
        return data.result[0]?.value[1];
      };
      const accepted = "socket_accepted_total";
      // Until its first scrape there is nothing; the program's lifetime bounds this.
      while (await value(accepted) === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      assertEquals(await value(accepted), "5");
      assertEquals(await value("socket_connections"), "1");
      for (const direction of ["received", "sent"]) {
        assertEquals(await value(`socket_bytes_total{direction="${direction}"}`), String(sent));
      }
      assertEquals(await value('socket_ended_total{by="peer"}'), "4");
      prometheus.signal("SIGTERM");
      await prometheus.ending();
      await open.close();
      await interrupt(server);
    }),
);
