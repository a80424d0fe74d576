// The service to copy, as a process: loaded, probed and stopped; its books agree with those of its clients.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Authority } from "../support/certificates.ts";
import { dial } from "../support/dial.ts";
import { inFolder } from "../support/folder.ts";
import { Program } from "../support/program.ts";
import { type LogLine, Service, talk } from "../support/service.ts";
import { repositoryFiles, root } from "../support/source.ts";

const FOLDER = new URL("../../examples/service/", import.meta.url);
const CLIENTS = 20;
const LINES = 25;

/** The last word of a log: what the stop has reported. */
function reported(log: readonly LogLine[]): LogLine {
  const { time: _, ...report } = log.find(({ event }) => event === "stopped")!;
  return report;
}

/** Copies what the container file copies, from folder to folder. */
async function copyAsImage(folder: string): Promise<void> {
  const image = await Deno.readTextFile(new URL("Containerfile", FOLDER));
  const files = repositoryFiles();
  for (const [, from, to] of image.matchAll(/^COPY (\S+) \.\/(\S*)$/gm)) {
    const copied = files.filter((path) => path === from || path.startsWith(`${from}/`));
    assert(copied.length > 0, `the container file copies ${from}`);
    for (const path of copied) {
      const isFile = path === from;
      const target = `${folder}/${to}${
        isFile ? from!.split("/").at(-1) : path.slice(from!.length)
      }`;
      await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
      await Deno.copyFile(new URL(path, root), target);
    }
  }
}

Deno.test("examples/service goes on until its load balancer has noticed, says goodbye, and keeps true books", async () => {
  await using service = await Service.start(["--accept-for=600000", "--deadline=10000"]);
  const { program } = service;
  const probe = (path: string) => service.probe(path);
  assertEquals(await Promise.all(["healthz", "readyz", "other"].map(probe)), [200, 200, 404]);
  const early = await Promise.all(Array.from({ length: CLIENTS }, () => dial(service)));
  const talkToAll = async (clients: typeof early) =>
    (await Promise.all(clients.map((client) => talk(client, LINES))))
      .reduce((sum, count) => sum + count, 0);
  let answered = await talkToAll(early);

  program.signal("SIGTERM");
  await program.line(/"stopping"/);
  assertEquals(await Promise.all(["healthz", "readyz"].map(probe)), [200, 503]);
  // The load balancer still sends.
  const late = await Promise.all(Array.from({ length: CLIENTS }, () => dial(service)));
  answered += await talkToAll([...early, ...late]);

  // No longer.
  program.signal("SIGINT");
  for (const client of [...early, ...late]) {
    assertEquals(await client.readLine(), "421 The service is stopping");
    assertEquals(await client.readLine(), undefined);
    await client.close();
  }
  const accepted = 2 * CLIENTS;
  assertEquals(reported(await service.log()), {
    event: "stopped",
    completed: accepted,
    cut: [],
    accepted,
    answered,
  });
});

Deno.test("examples/service ends after its stop, whatever those on the port of the probes do", async () => {
  await using service = await Service.start(["--accept-for=0", "--deadline=10000"]);
  // A request whose body never comes, and one client that never reads what it asks for.
  await using half = await dial({ port: service.probePort });
  await half.write("POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
  await using deaf = await dial({ port: service.probePort });
  await deaf.write("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2_000));
  assertEquals(await service.probe("healthz"), 200);
  service.program.signal("SIGTERM");
  assertEquals(reported(await service.log()).cut, []);
});

Deno.test("examples/service as in its image speaks TLS, and ends at once when it is interrupted twice", async () => {
  await inFolder(async (folder) => {
    await copyAsImage(folder);
    const authority = await Authority.make("Service Test CA");
    const { cert, key } = await authority.sign({ hosts: ["localhost"] });
    await Deno.writeTextFile(`${folder}/cert.pem`, cert);
    await Deno.writeTextFile(`${folder}/key.pem`, key);
    const secure = [`--cert=${folder}/cert.pem`, `--key=${folder}/key.pem`];
    await using service = await Service.start([...secure, "--deadline=600000"], folder);
    const secureSocket = { caCerts: [authority.cert], serverName: "localhost" };
    const client = await dial(service, { secureSocket });
    assertEquals(await talk(client, LINES), LINES);
    // A stop waits for a peer that has begun a line and takes its time.
    await client.write("beg");
    service.program.signal("SIGINT");
    await service.program.line(/"stopping"/);
    service.program.signal("SIGINT");
    const log = await service.log();
    const { event, accepted } = reported(log);
    assertEquals([event, accepted], ["stopped", 1]);
    const ended = log.filter(({ event }) => event === "ended");
    assertEquals(ended.map(({ remotePort, by }) => [remotePort, by]), [[client.localPort, "stop"]]);
    assertMatch(JSON.stringify(ended), /"secure":\{"protocol":"TLSv1.3"/);
    client.abort();
  });
});

Deno.test("examples/service and others do not start with what they would have to leave out or to refuse later", async () => {
  const pair = "Give --cert and --key\n";
  const time = "--accept-for must be in milliseconds\n";
  const refused: [name: string, args: string[], code: number, why: string][] = [
    ["service/main", ["--cert=cert.pem"], 2, pair],
    ["service/main", ["--key=key.pem"], 2, pair],
    ["service/main", ["--cert=cert.pem", "--key="], 2, pair],
    ["service/main", ["--cert=", "--key="], 2, pair],
    ["service/main", ["--accept-for=10s"], 2, time],
    ["service/main", ["--accept-for="], 2, time],
    ["chat_cluster/server", ["--accept-for=10s"], 1, "--accept-for: milliseconds\n"],
    ["socks_proxy", ["7000"], 1, "Give a password"],
    ["socks_proxy", ["7000", "", "0"], 1, "Give a password"],
  ];
  for (const [name, args, expected, why] of refused) {
    const run = ["run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1", `examples/${name}.ts`];
    const where = name === "service/main"
      ? ["--interface=127.0.0.1", "--port=0", "--probe-port=0"]
      : [];
    await using program = new Program("deno", [...run, ...where, ...args]);
    const started = program.line(/started|Listening/).then(() => program.signal("SIGKILL"));
    started.catch(() => {});
    const { code, stdout, stderr } = await program.ending();
    assertEquals([code, stdout], [expected, ""], `${name} ${args}`);
    assertStringIncludes(stderr, why);
  }
});

Deno.test("examples/service answers lines whose capitals would be longer, or would end with a CR", async () => {
  await using service = await Service.start();
  await using client = await dial(service);
  await client.write(`${"\u0149".repeat(5_000)}\nstra\u00dfe\r\r\n\r\r\n`);
  const line = () => client.readLine({ timeoutInMillis: 10_000 });
  assertEquals(await line(), "\u0149".repeat(5_000));
  assertEquals([await line(), await line()], ["STRA\u00dfE", ""]);
  service.program.signal("SIGINT");
  await service.log();
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
