// Every server among the examples, as a program with the permissions that it states, under resets, silence,
// garbage and ends in the middle. Then an honest client is served as before, and Ctrl+C ends it cleanly.

import { assert, assertEquals } from "@std/assert";
import { Client, UdpClient } from "../../mod.ts";
import { exampleNames, readExample } from "../../tools/example_header.ts";
import { argumentsOf, portOfExample, startExample } from "../support/example.ts";
import { inFolder } from "../support/folder.ts";
import { freePort } from "../support/free_port.ts";
import { askByDatagram, attack, attackByDatagrams, type Door } from "../support/hostile_clients.ts";
import { hasLinuxEngine } from "../support/linux_engine.ts";
import { listening } from "../support/listening.ts";
import { Program } from "../support/program.ts";
import { letTimePass, libraryFrom } from "../support/samples.ts";

/** A running example. */
interface Running {
  readonly program: Program;
  readonly port: number;
  /** A folder of its own, with a file in it. */
  readonly folder: string;
}

/** Sends something and waits for an answer. */
async function talk(door: Door, says: string, hears: RegExp): Promise<void> {
  await using client = await Client.connect(door);
  await client.write(says);
  const decoder = new TextDecoder();
  for (let heard = ""; !hears.test(heard);) {
    const [bytes, length] = await client.read(undefined, { timeoutInMillis: 10_000 });
    assert(length > 0, `an end in the place of ${hears}, after ${heard}`);
    heard += decoder.decode(bytes, { stream: true });
  }
}

const tcp = ({ port }: Running): Door => ({ host: "127.0.0.1", port });
const tls = ({ port, folder }: Running): Door => ({
  host: "localhost",
  port,
  secureSocket: { caCertFile: `${folder}/ca.pem` },
});
const unix = ({ folder }: Running): Door => ({ path: `${folder}/socket` });

/** An example over streams: its addresses, and what an honest client sends to the first and gets from it. */
const overStreams: Record<string, [((running: Running) => Door)[], says: string, hears: RegExp]> = {
  chat_server: [[tcp], "hello\n", /guest \d+: hello\n/],
  connect_proxy: [[tcp], "GET / HTTP/1.1\r\n\r\n", /^HTTP\/1\.1 400 /],
  connection_log: [[tcp], "hello", /^hello$/],
  control_channel: [[unix, tcp], "status\n", /^\d+ connections\n$/],
  http_echo: [
    [tcp],
    "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
    /^HTTP.* 200 .*hi$/s,
  ],
  json_server: [[tcp], '{"id":1,"method":"add","params":[2,3]}\n', /^{"id":1,"result":5}\n$/],
  ...hasLinuxEngine ? { linux_proxy: [[tcp], "hello", /^hello$/] } : {},
  mqtt_broker: [[tcp], "\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0", /^ ...$/s],
  prometheus: [[tcp], "hello", /^hello$/],
  redis_server: [[tcp], "PING\r\n", /^\+PONG\r\n$/],
  shared_port: [[tcp], "hello", /^\d+: hello$/],
  smtp_server: [[tcp], "EHLO a\r\n", /^220 .*\r\n250 STARTTLS\r\n$/s],
  socket_activation: [[tcp], "hello", /^hello$/],
  socks_proxy: [[tcp], "\x05\x01\x02\x01\0\0", /^....$/s],
  tcp_listener: [[tcp], "hello", /^hello back$/],
  tcp_proxy: [[tcp], "hello", /^hello$/],
  traffic_capture: [[tcp], "hello", /^hello$/],
  tls_echo: [[tls, tcp], "hello", /^hello$/],
};

/** An example over datagrams: an honest question, and how the answer ends. */
const overDatagrams: Record<string, [says: string | Uint8Array<ArrayBuffer>, hears: string]> = {
  dns_server: ["\x00\x07\x01\0\0\x01\0\0\0\0\0\0\x03one\x07example\0\0\x01\0\x01", "\0\x02\x01"],
  linux_udp: ["join 12345678 north", " where?\n"],
  multicast_discovery: ["who is there?", "I am printer"],
  tftp_server: ["\0\x01../file\0octet\0", "\0\x05\0\x02Not allowed\0"],
  udp_echo: ["hello", "hello"],
  udp_file_server: [new Uint8Array(1_032), "\0\x01content"],
};

/** These have a test of their own, or serve nobody but themselves. */
const ALONE = ["file_receiver", "statsd", "demo", "mutual_tls", "many_cores"];

/** Starts an example, whose sockets can be made to age. */
async function start(name: string, folder: string, targetPort: number): Promise<Running> {
  await Deno.writeTextFile(`${folder}/file`, "content");
  const [command, ...args] = await argumentsOf(name, {
    ...{
      FOLDER: folder,
      FILE: `${folder}/file`,
      SOCKET: `${folder}/socket`,
      NAME: "printer",
      PASSWORD: "x",
    },
    ...{
      METRICS_PORT: 0,
      TARGET_PORT: targetPort,
      PORT: name === "multicast_discovery" ? await freePort() : 0,
    },
  });
  const program = new Program("deno", [command!, libraryFrom("skipping_socket"), ...args]);
  const [, port] = await program.line(/^(?:Listening on|printer hears) [\d.]+:(\d+)$/);
  return { program, port: Number(port), folder };
}

/** Ends an example as a user does. */
async function interrupt(program: Program): Promise<void> {
  program.signal("SIGINT");
  const { code, stderr } = await program.ending();
  assertEquals(code, 0, stderr);
}

for (const [name, [doors, says, hears]] of Object.entries(overStreams)) {
  Deno.test(`examples/${name}.ts survives its clients`, () =>
    inFolder(async (folder) => {
      await using target = await listening({
        onReadReady: async (caller) => void caller.write((await caller.read())[0]),
      });
      const running = await start(name, folder, target.port);
      await using program = running.program;
      for (const door of doors) await attack(door(running), () => letTimePass(program));
      await talk(doors[0]!(running), says, hears);
      if (name !== "control_channel") return void await interrupt(program);
      await talk(unix(running), "stop\n", /^stopping\n$/);
      assertEquals((await program.ending()).code, 0);
    }));
}

for (const [name, [says, hears]] of Object.entries(overDatagrams)) {
  Deno.test(`examples/${name}.ts survives its peers`, () =>
    inFolder(async (folder) => {
      const { program, port } = await start(name, folder, 1);
      await using _program = program;
      await attackByDatagrams(port);
      const answer = new TextDecoder().decode(await askByDatagram(port, says));
      assert(answer.endsWith(hears), JSON.stringify(answer));
      await interrupt(program);
    }));
}

Deno.test("examples/statsd.ts survives its peers", () =>
  inFolder(async (folder) => {
    const { program, port } = await start("statsd", folder, 1);
    await using _program = program;
    await attackByDatagrams(port);
    await using client = new UdpClient(undefined, { remoteHost: "127.0.0.1", remotePort: port });
    let isShown = false;
    void program.line(/│ honest │ "counter"/).then(() => isShown = true);
    // Nothing is answered, and what follows a flood may be dropped.
    while (!isShown) {
      await client.write("honest:1|c\nshow");
      await client.read(undefined, { timeoutInMillis: 50 }).catch(() => {});
    }
    await interrupt(program);
  }));

Deno.test("examples/file_receiver.ts waits until an honest sender comes", () =>
  inFolder(async (folder) => {
    const { program, port } = await start("file_receiver", folder, 1);
    await using _program = program;
    const door = { host: "127.0.0.1", port };
    await attack(door, () => letTimePass(program));
    await using sender = await Client.connect(door);
    await sender.write("FILE\0\0\0\0\0\0\0\x05hello");
    assertEquals((await sender.read(1))[0], new TextEncoder().encode("5"));
    assertEquals((await program.ending()).code, 0);
    assertEquals(await Deno.readTextFile(`${folder}/file`), "hello");
  }));

Deno.test("examples/many_cores.ts survives its clients, and so does each of its processes", async () => {
  await using program = await startExample("many_cores", { PORT: 0, PROCESSES: 2 });
  const door = { host: "127.0.0.1", port: await portOfExample(program) };
  // No time can be made to pass for processes that it starts: an echo has nothing to wait for.
  for (let i = 0; i < 2; i++) await attack(door, () => Promise.resolve());
  for (let i = 0; i < 4; i++) await talk(door, "hello", /^hello$/);
  program.signal("SIGINT");
  const { code, stdout, stderr } = await program.ending();
  assertEquals([code, stderr, JSON.parse(stdout.trim().split("\n").at(-1)!).died], [0, "", 0]);
});

Deno.test("examples/ has an attack for each of its servers", async () => {
  const attacked = [...Object.keys(overStreams), ...Object.keys(overDatagrams), ...ALONE];
  for (const name of await exampleNames()) {
    const { source } = await readExample(name);
    // One that starts others has its listener in these.
    if (/\bnew (Udp)?Listener\(|_worker\b|_start\b/.test(source)) {
      assert(attacked.includes(name), name);
    }
  }
});
