// curl against the HTTP example.

import { assert, assertEquals } from "@std/assert";
import { portOfExample, startExample } from "../support/example.ts";
import { peerTest } from "../support/peers.ts";
import { outputOf } from "../support/program.ts";

const CURL = "-s -S --max-time 20 -w \\n%{http_code}".split(" ");
/** With a body from standard input, asking first whether it may be sent. */
const ASKING = ["-H", "Expect: 100-continue", "--data-binary", "@-"];

await peerTest("curl talks to examples/http_echo.ts", ["curl"], async () => {
  await using server = await startExample("http_echo", { PORT: 0 });
  const url = `http://127.0.0.1:${await portOfExample(server)}/`;
  const curl = (...args: string[]) => outputOf("curl", [...CURL, ...args]);
  assertEquals(await curl(url), "\n200");
  assertEquals(await curl("-d", "hello", url), "hello\n200");
  // Two requests on one connection.
  assertEquals(
    await curl("-d", "one", url, "--next", ...CURL, "-d", "two", url),
    "one\n200two\n200",
  );
  assertEquals(await curl("-0", "-d", "old", url), "old\n200");
  // Big enough for curl to ask first whether it may send.
  const body = "0123456789".repeat(100_000);
  const data = new TextEncoder().encode(body);
  const big = await outputOf("curl", [...CURL, ...ASKING, url], data);
  assert(big === `${body}\n200`);
  const tooBig = new Uint8Array(2_000_000);
  assertEquals(await outputOf("curl", [...CURL, ...ASKING, url], tooBig), "\n413");
  assertEquals(await curl("-H", "Transfer-Encoding: chunked", "-d", "x", url), "\n411");
  assertEquals(await curl("-H", `X-Long: ${"x".repeat(20_000)}`, url), "\n431");
  server.signal("SIGINT");
  assertEquals((await server.ending()).stderr, "");
});
