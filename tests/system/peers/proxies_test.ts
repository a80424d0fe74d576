// Clients by way of proxies that others wrote, and others by way of ours.

import { assert, assertEquals } from "@std/assert";
import { Client, type Via } from "../../../mod.ts";
import { assertCode } from "../../support/assert_code.ts";
import { dial } from "../../support/dial.ts";
import { interrupt, portOfExample, startExample } from "../../support/example.ts";
import { inFolder } from "../../support/folder.ts";
import { freePort } from "../../support/free_port.ts";
import { isListening } from "../../support/is_listening.ts";
import { listening } from "../../support/listening.ts";
import { peerTest } from "../../support/peers.ts";
import { Program } from "../../support/program.ts";
import { text } from "../../support/text.ts";

/** Greets, as many protocols do, then echoes. */
const greeting = () =>
  listening({
    onConnect: (caller) => void caller.write("220 hello\n"),
    onBytes: (_, bytes) => bytes,
  });

/** Starts a program on a port that was free, once more where another program has taken it in between. */
async function started(
  command: string,
  argsFor: (port: number) => string[] | Promise<string[]>,
): Promise<{ program: Program; port: number }> {
  for (let attempt = 1;; attempt++) {
    const port = await freePort();
    const program = new Program(command, await argsFor(port));
    if (await isListening(port, program)) return { program, port };
    const { stderr } = await program.ending();
    if (attempt === 5) throw new Error(`${command} does not start: ${stderr}`);
  }
}

const microsocks = () =>
  started("microsocks", (port) => ["-i", "127.0.0.1", "-p", `${port}`, "-u", "me", "-P", "s:cr@t"]);

const tinyproxy = (folder: string) =>
  started("tinyproxy", async (port) => {
    const file = `${folder}/tinyproxy.conf`;
    await Deno.writeTextFile(
      file,
      `Port ${port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nBasicAuth me s3cret\n`,
    );
    return ["-d", "-c", file];
  });

/** Greeted and echoed through a proxy. */
async function checkVia(via: Via, target: { readonly port: number }, host: string): Promise<void> {
  await using client = await Client.connect({ host, port: target.port, via });
  assertEquals(await client.readLine(), "220 hello");
  const sent = new Uint8Array(1_000_000).map((_, i) => i % 251);
  const writing = client.write(sent);
  const [bytes] = await client.read(sent.length);
  await writing;
  assertEquals(bytes, sent);
}

await peerTest("Client goes through microsocks", ["microsocks"], async () => {
  await using target = await greeting();
  const { program, port } = await microsocks();
  await using _program = program;
  const at = `127.0.0.1:${port}`;
  await checkVia(`socks5://me:s%3Acr%40t@${at}`, target, "127.0.0.1");
  await checkVia(`socks5h://me:s:cr@t@${at}`, target, "127.0.0.1");
  const refused = await freePort();
  for (
    const [via, to, code, told] of [
      [`socks5://me:wrong@${at}`, target.port, "denied", "does not accept the user name"],
      [`socks5://${at}`, target.port, "denied", "wants to know who connects"],
      [`socks5://me:s:cr@t@${at}`, refused, "unreachable", "connection refused"],
      [`http://${at}`, target.port, "unreachable", `the proxy http://${at} `],
    ] as const
  ) {
    const error = await assertCode(code, dial({ port: to }, { via }));
    assert(error.message.includes(told), error.message);
    assert(!error.message.includes("s:cr@t"));
  }
});

await peerTest("Client goes through tinyproxy", ["tinyproxy"], () =>
  inFolder(async (folder) => {
    await using target = await greeting();
    const { program, port } = await tinyproxy(folder);
    await using _program = program;
    const at = `127.0.0.1:${port}`;
    await checkVia(`http://me:s3cret@${at}`, target, "127.0.0.1");
    // It looks the name up itself.
    await checkVia(`http://me:s3cret@${at}`, target, "localhost");
    const refused = await freePort();
    for (
      const [via, to, code] of [
        [`http://me:wrong@${at}`, target.port, "denied"],
        [`http://${at}`, target.port, "denied"],
        [`http://me:s3cret@${at}`, refused, "unreachable"],
      ] as const
    ) {
      const error = await assertCode(code, dial({ port: to }, { via }));
      assert(error.message.includes(`the proxy ${via.replace(/\/\/.*@/, "//")} `), error.message);
    }
    // It waits for the rest of a line that is none.
    const config = { via: `socks5://${at}`, connectTimeoutInMillis: 50 };
    await assertCode("timed-out", dial(target, config));
  }));

await peerTest("Client goes through a chain of microsocks and tinyproxy", [
  "microsocks",
  "tinyproxy",
], () =>
  inFolder(async (folder) => {
    await using target = await greeting();
    const [socks, http] = await Promise.all([microsocks(), tinyproxy(folder)]);
    await using _socks = socks.program;
    await using _http = http.program;
    const chain = [
      `socks5://me:s%3Acr%40t@127.0.0.1:${socks.port}`,
      `http://me:s3cret@127.0.0.1:${http.port}`,
    ];
    await checkVia(chain, target, "127.0.0.1");
    await checkVia(chain.toReversed(), target, "127.0.0.1");
  }));

/** What curl gets through a proxy. */
async function curl(args: readonly string[]): Promise<[code: number, printed: string]> {
  await using program = new Program("curl", ["-s", "-S", "--max-time", "10", ...args]);
  const { code, stdout, stderr } = await program.ending();
  return [code, code === 0 ? stdout : stderr];
}

/** A server of HTTP that says one thing. */
const web = () =>
  listening({
    async onConnect(caller) {
      await caller.readUntil("\r\n\r\n");
      await caller.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
      await caller.close();
    },
  });

await peerTest("curl goes through examples/connect_proxy.ts", ["curl"], async () => {
  await using target = await web();
  await using proxy = await startExample("connect_proxy", { TARGET_PORT: target.port, PORT: 0 });
  const at = `http://127.0.0.1:${await portOfExample(proxy)}`;
  const through = ["--proxytunnel", "--proxy", at];
  assertEquals(await curl([...through, `http://127.0.0.1:${target.port}/`]), [0, "hello"]);
  assertEquals(await curl([...through, `http://LOCALHOST:${target.port}/`]), [0, "hello"]);
  const [code, told] = await curl([...through, "http://127.0.0.1:1/"]);
  assertEquals([code, told.includes("403")], [56, true], told);
  // Without a tunnel it is no request for a connection.
  const [, page] = await curl(["--proxy", at, "-i", `http://127.0.0.1:${target.port}/`]);
  assert(page.startsWith("HTTP/1.1 400 "), page);
  await using client = await dial(target, { via: at });
  await client.write("GET / HTTP/1.1\r\n\r\n");
  assert(text((await client.read(15))[0]).startsWith("HTTP/1.1 200 OK"));
  await client.close();
  const { port } = target;
  await target.gracefulStop();
  const error = await assertCode("unreachable", dial({ port }, { via: at }));
  assert(error.message.endsWith('it says 502 "Nobody Answers There"'), error.message);
  await interrupt(proxy);
});

await peerTest("curl goes through examples/socks_proxy.ts", ["curl"], async () => {
  await using target = await web();
  await using proxy = await startExample("socks_proxy", {
    ...{ TARGET_PORT: target.port, PASSWORD: "hunter2", PORT: 0 },
  });
  const at = `127.0.0.1:${await portOfExample(proxy)}`;
  const url = `http://localhost:${target.port}/`;
  assertEquals(await curl(["--proxy", `socks5h://me:hunter2@${at}`, url]), [0, "hello"]);
  const byAddress = ["--proxy", `socks5://me:hunter2@${at}`];
  assertEquals(await curl([...byAddress, `http://127.0.0.1:${target.port}/`]), [0, "hello"]);
  for (
    const [proxy, asked] of [
      [`socks5h://me:wrong@${at}`, url],
      [`socks5h://${at}`, url],
      [`socks5h://me:hunter2@${at}`, "http://a.invalid/"],
    ] as const
  ) {
    assertEquals((await curl(["--proxy", proxy, asked]))[0], 97, proxy);
  }
  const via = `socks5://me:hunter2@${at}`;
  await using client = await dial(target, { via });
  await client.write("GET / HTTP/1.1\r\n\r\n");
  assert(text((await client.read(15))[0]).startsWith("HTTP/1.1 200 OK"));
  await client.close();
  await assertCode("denied", Client.connect({ host: "a.invalid", port: 9, via }));
  await interrupt(proxy);
});
