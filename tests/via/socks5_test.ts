import { assertEquals, assertRejects } from "@std/assert";
import { ProxyFailure } from "../../src/via/proxy_answer.ts";
import { ProxyServer } from "../../src/via/proxy_server.ts";
import { connectBySocks5 } from "../../src/via/socks5.ts";
import { end, reset, type ScriptedTransport, scriptedTransport } from "../../testing/mod.ts";
import { bytesOf, text } from "../support/text.ts";

const PLAIN = "socks5://p.example";
const SECRET = "socks5://me:secret@p.example";
const TARGET = { host: "a.example", port: 443 };
const FREE = Uint8Array.of(5, 0);
const CONNECTED = Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0);

function connect(transport: ScriptedTransport, url: string, target = TARGET) {
  return connectBySocks5(transport, ProxyServer.read("via", url), target);
}

Deno.test("connectBySocks5() asks for a name or an address", async () => {
  for (
    const [host, written] of [
      ["a.example", [3, 9, ...bytesOf("a.example")]],
      ["192.0.2.1", [1, 192, 0, 2, 1]],
      ["2001:db8::1", [4, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
    ] as const
  ) {
    using transport = scriptedTransport([FREE, CONNECTED]);
    assertEquals((await connect(transport, PLAIN, { host, port: 443 })).length, 0);
    assertEquals([...transport.written], [5, 1, 0, 5, 1, 0, ...written, 1, 187]);
    transport.close();
  }
});

Deno.test("connectBySocks5() says who it is where it was told to and is asked", async () => {
  using asked = scriptedTransport([Uint8Array.of(5, 2), Uint8Array.of(1, 0), CONNECTED]);
  await connect(asked, SECRET);
  assertEquals([...asked.writes[0]!], [5, 2, 0, 2]);
  assertEquals([...asked.writes[1]!], [1, 2, ...bytesOf("me"), 6, ...bytesOf("secret")]);
  asked.close();
  using unasked = scriptedTransport([FREE, CONNECTED]);
  await connect(unasked, SECRET);
  assertEquals(text(unasked.written).includes("secret"), false);
  unasked.close();
});

Deno.test("connectBySocks5() reads an answer with any address, in any pieces, and nothing behind it", async () => {
  for (const address of [[1, 1, 2, 3, 4], [3, 2, 65, 66], [3, 0], [4, ...new Uint8Array(16)]]) {
    const answer = Uint8Array.of(5, 0, 5, 0, 0, ...address, 1, 2, ...bytesOf("hello"));
    const pieces = [[answer], [...answer].map((byte) => Uint8Array.of(byte))];
    for (const script of pieces) {
      using transport = scriptedTransport(script);
      assertEquals((await connect(transport, PLAIN)).length, 0);
      let rest = "";
      const buffer = new Uint8Array(9);
      while (rest.length < 5) rest += text(buffer.subarray(0, (await transport.read(buffer))!));
      assertEquals(rest, "hello");
      transport.close();
    }
  }
});

Deno.test("connectBySocks5() says why the proxy does not connect", async () => {
  const asks = Uint8Array.of(5, 2);
  for (
    const [url, script, code, told] of [
      [PLAIN, [Uint8Array.of(5, 0xff)], "denied", "wants to know who connects: give a user name"],
      [SECRET, [Uint8Array.of(5, 0xff)], "denied", "accepts neither a user name"],
      [SECRET, [asks, Uint8Array.of(1, 7)], "denied", "does not accept the user name"],
      [PLAIN, [FREE, Uint8Array.of(5, 1)], "unreachable", "general failure"],
      [PLAIN, [FREE, Uint8Array.of(5, 2)], "denied", "has refused it: not allowed by its rules"],
      [PLAIN, [FREE, Uint8Array.of(5, 3)], "unreachable", "network unreachable"],
      [PLAIN, [FREE, Uint8Array.of(5, 4)], "unreachable", "host unreachable"],
      [PLAIN, [FREE, Uint8Array.of(5, 5)], "unreachable", "connection refused"],
      [PLAIN, [FREE, Uint8Array.of(5, 6)], "unreachable", "time to live expired"],
      [PLAIN, [FREE, Uint8Array.of(5, 7)], "unreachable", "it knows no such command"],
      [PLAIN, [FREE, Uint8Array.of(5, 8)], "unreachable", "no addresses of this kind"],
      [PLAIN, [FREE, Uint8Array.of(5, 99)], "unreachable", "it says code 99"],
      // Nonsense.
      [PLAIN, ["HTTP/1.0 400"], "unreachable", 'does not speak SOCKS 5: it says "HT"'],
      [PLAIN, [asks], "unreachable", "does not speak SOCKS 5"],
      [PLAIN, [FREE, Uint8Array.of(4, 0)], "unreachable", "does not speak SOCKS 5"],
      [PLAIN, [FREE, Uint8Array.of(5, 0, 0, 9, 9)], "unreachable", "does not speak SOCKS 5"],
      // Ends.
      [PLAIN, [end()], "unreachable", "has ended the connection instead of an answer"],
      [PLAIN, [FREE, Uint8Array.of(5, 0, 0), end()], "unreachable", "has ended the connection"],
      [SECRET, [asks, reset()], "unreachable", "has cut the connection"],
    ] as const
  ) {
    using transport = scriptedTransport(script);
    const error = await assertRejects(() => connect(transport, url), ProxyFailure, told);
    assertEquals(error.code, code, told);
    transport.close();
  }
});
