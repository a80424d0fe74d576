import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { GenericError } from "../../src/base/errors.ts";
import { ProxyServer } from "../../src/via/proxy_server.ts";
import { tunnel } from "../../src/via/tunnel.ts";
import {
  broken,
  scriptedNetwork,
  type ScriptedTransport,
  scriptedTransport,
  silence,
} from "../../testing/mod.ts";
import { text } from "../support/text.ts";

const HTTP_OK = "HTTP/1.1 200 OK\r\n\r\n";
const SOCKS_FREE = Uint8Array.of(5, 0);
const SOCKS_OK = Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0);
const TARGET = { host: "a.example", port: 443 };

function through(
  transport: ScriptedTransport,
  urls: readonly string[],
  target = TARGET,
  signal = new AbortController().signal,
) {
  const servers = urls.map((url) => ProxyServer.read("via", url));
  return tunnel(transport, servers, target, scriptedNetwork({ connects: [] }), signal);
}

Deno.test("tunnel() gives the stream itself where nothing came behind the answer", async () => {
  for (
    const [url, script] of [
      ["http://p.example", [HTTP_OK]],
      ["socks5://p.example", [SOCKS_FREE, SOCKS_OK]],
    ] as const
  ) {
    using transport = scriptedTransport(script);
    assertStrictEquals(await through(transport, [url]), transport);
    assertEquals(transport.calls[0], "setNoDelay true");
    transport.close();
  }
});

Deno.test("tunnel() goes through a chain, and loses nothing of what comes early", async () => {
  const urls = ["http://p.example:1", "http://q.example:2", "socks5://r.example:3"];
  const whole = `${HTTP_OK}${HTTP_OK}\x05\0\x05\0\0\x01\0\0\0\0\0\0hello`;
  for (const script of [[whole], [...whole]]) {
    using transport = scriptedTransport(script);
    const reached = await through(transport, urls);
    const asked = transport.writtenText;
    const buffer = new Uint8Array(64);
    let heard = "";
    while (heard.length < 5) heard += text(buffer.subarray(0, (await reached.read(buffer))!));
    assertEquals(heard, "hello");
    assert(asked.startsWith("CONNECT q.example:2 "));
    assert(asked.includes("\r\n\r\nCONNECT r.example:3 "));
    assert(asked.endsWith("\r\n\r\n\x05\x01\0\x05\x01\0\x03\x09a.example\x01\ufffd"), asked);
    reached.close();
  }
});

Deno.test("tunnel() names who refuses what, and frees the stream", async () => {
  for (
    const [urls, script, told] of [
      [
        ["http://me:hunter2@p.example:1"],
        ["HTTP/1.1 403 No\r\n\r\n"],
        'Cannot connect to a.example:443: the proxy http://p.example:1 has refused it: it says 403 "No"',
      ],
      [
        ["socks5://p.example", "http://me:hunter2@q.example:2"],
        [SOCKS_FREE, Uint8Array.of(5, 4)],
        "Cannot connect to the proxy http://q.example:2: the proxy socks5://p.example:1080 cannot reach it: host unreachable",
      ],
    ] as const
  ) {
    using transport = scriptedTransport(script);
    const error = await assertRejects(() => through(transport, urls), GenericError);
    assertEquals(error.message, told);
    assert(!Deno.inspect(error).includes("hunter2"));
    assertEquals(transport.isClosed, true);
  }
  using transport = scriptedTransport([], { writes: [broken()] });
  const error = await assertRejects(() => through(transport, ["http://p.example"]), GenericError);
  assertEquals([error.code, transport.isClosed], ["unreachable", true]);
  assert(error.message.includes("the proxy http://p.example:80 has cut the connection: "));
});

Deno.test("tunnel() tells a proxy names in ASCII, and nothing that only this machine knows", async () => {
  using transport = scriptedTransport([HTTP_OK]);
  await through(transport, ["http://p.example"], { host: "b\u00fccher.example", port: 80 });
  assert(transport.writtenText.startsWith("CONNECT xn--bcher-kva.example:80 HTTP/1.1\r\n"));
  transport.close();
  for (
    const [host, told] of [
      ["fe80::1%eth0", "cannot know the zone"],
      // Digits of another script would make an address of it.
      ["\uff11\uff12\uff17.0.0.1.", "no form in ASCII"],
      ["xn--a", "no form in ASCII"],
    ] as const
  ) {
    using refused = scriptedTransport([HTTP_OK]);
    await assertRejects(
      () => through(refused, ["http://p.example"], { host, port: 80 }),
      GenericError,
      told,
    );
    assertEquals([refused.written.length, refused.isClosed], [0, true]);
  }
});

Deno.test("tunnel() given up frees the stream, whatever it waits for", async () => {
  for (const script of [[silence()], [HTTP_OK.slice(0, 9), silence()]]) {
    using transport = scriptedTransport(script);
    const controller = new AbortController();
    const reaching = through(transport, ["http://p.example"], TARGET, controller.signal);
    const failed = assertRejects(() => reaching, Error);
    await Promise.resolve();
    controller.abort(new Error("mine"));
    await failed;
    assertEquals(transport.isClosed, true);
  }
  using transport = scriptedTransport([HTTP_OK]);
  const aborted = AbortSignal.abort(new Error("mine"));
  await assertRejects(
    () => through(transport, ["http://p.example"], TARGET, aborted),
    Error,
    "mine",
  );
  assertEquals([transport.isClosed, transport.written.length], [true, 0]);
});
