// curl by way of the proxies among our examples.

import { assert, assertEquals } from "@std/assert";
import { Client } from "../../../mod.ts";
import { assertCode } from "../../support/assert_code.ts";
import { dial } from "../../support/dial.ts";
import { interrupt, portOfExample, startExample } from "../../support/example.ts";
import { listening } from "../../support/listening.ts";
import { peerTest } from "../../support/peers.ts";
import { Program } from "../../support/program.ts";
import { text } from "../../support/text.ts";

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
