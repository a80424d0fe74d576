// The service to copy, as a process: loaded, probed and stopped; its books agree with those of its clients.

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Client } from "../../mod.ts";
import { Authority } from "../support/certificates.ts";
import { dial } from "../support/dial.ts";
import { inFolder } from "../support/folder.ts";
import { isInstalled, outputOf, Program } from "../support/program.ts";

const FOLDER = new URL("../../examples/service/", import.meta.url);
const CLIENTS = 20;
const LINES = 25;

/** The service, where it listens, and what it says of itself. */
async function start(...args: string[]) {
  const program = new Program("deno", [
    "run",
    "--quiet",
    "--no-prompt",
    "--allow-net=127.0.0.1",
    "--allow-read",
    "examples/service/main.ts",
    "--interface=127.0.0.1",
    "--port=0",
    "--probe-port=0",
    ...args,
  ]);
  const [line] = await program.line(/^.*"started".*$/);
  const { port, probePort } = JSON.parse(line) as { port: number; probePort: number };
  return {
    program,
    port,
    /** What a probe is answered. */
    async probe(path: string): Promise<number> {
      const response = await fetch(`http://127.0.0.1:${probePort}/${path}`);
      await response.body?.cancel();
      return response.status;
    },
    /** What it says at its end. */
    async books() {
      const { code, stdout, stderr } = await program.ending();
      assertEquals([code, stderr], [0, ""]);
      return JSON.parse(stdout.trim().split("\n").at(-1)!) as Record<string, unknown>;
    },
  };
}

/** Says some lines, and counts the answers. */
async function talk(client: Client): Promise<number> {
  for (let i = 0; i < LINES; i++) {
    await client.write(`line ${i}\n`);
    assertEquals(await client.readLine(), `LINE ${i}`);
  }
  return LINES;
}

Deno.test("examples/service goes on until its load balancer has noticed, says goodbye, and keeps true books", async () => {
  const service = await start("--accept-for=600000", "--deadline=10000");
  await using program = service.program;
  assertEquals(await Promise.all(["healthz", "readyz", "other"].map(service.probe)), [
    200,
    200,
    404,
  ]);
  const early = await Promise.all(Array.from({ length: CLIENTS }, () => dial(service)));
  let answered = (await Promise.all(early.map(talk))).reduce((sum, count) => sum + count, 0);

  program.signal("SIGTERM");
  await program.line(/"stopping"/);
  assertEquals(await Promise.all(["healthz", "readyz"].map(service.probe)), [200, 503]);
  // The load balancer still sends.
  const late = await Promise.all(Array.from({ length: CLIENTS }, () => dial(service)));
  answered += (await Promise.all([...early, ...late].map(talk))).reduce((sum, n) => sum + n, 0);

  // No longer.
  program.signal("SIGINT");
  for (const client of [...early, ...late]) {
    assertEquals(await client.readLine(), "421 The service is stopping");
    assertEquals(await client.readLine(), undefined);
    await client.close();
  }
  const accepted = 2 * CLIENTS;
  assertEquals(await service.books(), {
    event: "stopped",
    completed: accepted,
    cut: [],
    accepted,
    answered,
  });
});

Deno.test("examples/service speaks TLS, and ends at once when it is interrupted twice", async () => {
  await inFolder(async (folder) => {
    const authority = await Authority.make("Service Test CA");
    const { cert, key } = await authority.sign({ hosts: ["localhost"] });
    await Deno.writeTextFile(`${folder}/cert.pem`, cert);
    await Deno.writeTextFile(`${folder}/key.pem`, key);
    const service = await start(
      `--cert=${folder}/cert.pem`,
      `--key=${folder}/key.pem`,
      "--deadline=600000",
    );
    await using program = service.program;
    const secureSocket = { caCerts: [authority.cert], serverName: "localhost" };
    const client = await dial(service, { secureSocket });
    assertEquals(await talk(client), LINES);
    // A stop waits for a peer that has begun a line and takes its time.
    await client.write("beg");
    program.signal("SIGINT");
    await program.line(/"stopping"/);
    program.signal("SIGINT");
    const { event, accepted } = await service.books();
    assertEquals([event, accepted], ["stopped", 1]);
    client.abort();
  });
});

Deno.test("The times in examples/service fit together", async () => {
  const text = (name: string) => Deno.readTextFile(new URL(name, FOLDER));
  const number = (of: string, pattern: RegExp) => {
    assertMatch(of, pattern);
    return Number(pattern.exec(of)![1]);
  };
  const stopInSeconds = (of: string) =>
    (number(of, /--accept-for=(\d+)/) + number(of, /--deadline=(\d+)/)) / 1_000;

  const manifest = await text("kubernetes.yaml");
  const [readiness] = /readinessProbe:[^]*?livenessProbe/.exec(manifest)!;
  const untilNoticed = number(readiness, /failureThreshold: (\d+)/) *
    (number(readiness, /periodSeconds: (\d+)/) + number(readiness, /timeoutSeconds: (\d+)/));
  assert(number(manifest, /--accept-for=(\d+)/) / 1_000 > untilNoticed);
  assert(number(manifest, /terminationGracePeriodSeconds: (\d+)/) > stopInSeconds(manifest));

  const unit = await text("socket-service.service");
  assert(number(unit, /TimeoutStopSec=(\d+)/) > stopInSeconds(unit));
  const maxConnections = (await text("main.ts")).match(/maxConnections: ([\d_]+)/)![1]!;
  assert(number(unit, /LimitNOFILE=(\d+)/) > Number(maxConnections.replaceAll("_", "")));

  const image = await text("Containerfile");
  assertMatch(image, /STOPSIGNAL SIGTERM/);
  // Not through a shell.
  assertMatch(image, /ENTRYPOINT \["deno", "run",/);
});

const hasSystemd = await isInstalled("systemd-analyze");
if (!hasSystemd) console.log("skipped: there is no systemd-analyze here to read the unit");
Deno.test({
  name: "systemd reads the unit of examples/service without a complaint about its settings",
  ignore: !hasSystemd,
  async fn() {
    await inFolder(async (folder) => {
      // The program's own path is not on this machine.
      const unit = await Deno.readTextFile(new URL("socket-service.service", FOLDER));
      const here = unit.replace("/usr/local/bin/deno", Deno.execPath());
      await Deno.writeTextFile(`${folder}/socket-service.service`, here);
      await outputOf("systemd-analyze", ["verify", `${folder}/socket-service.service`]);
    });
  },
});
