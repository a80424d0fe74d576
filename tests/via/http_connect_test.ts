import { assert, assertEquals, assertRejects } from "@std/assert";
import { connectByHttp } from "../../src/via/http_connect.ts";
import { ProxyFailure } from "../../src/via/proxy_answer.ts";
import { ProxyServer } from "../../src/via/proxy_server.ts";
import { end, type ScriptedTransport, scriptedTransport } from "../../testing/mod.ts";
import { text } from "../support/text.ts";

const PLAIN = "http://p.example";
const SECRET = "http://me:hunter2@p.example";
const TARGET = { host: "a.example", port: 443 };

function connect(transport: ScriptedTransport, url = PLAIN, target = TARGET) {
  return connectByHttp(transport, ProxyServer.read("via", url), target);
}

Deno.test("connectByHttp() asks, and says who it is where it was told to", async () => {
  for (
    const [url, host, lines] of [
      [PLAIN, "a.example", ["CONNECT a.example:443 HTTP/1.1", "Host: a.example:443"]],
      [PLAIN, "::1", ["CONNECT [::1]:443 HTTP/1.1", "Host: [::1]:443"]],
      [SECRET, "a.example", [
        "CONNECT a.example:443 HTTP/1.1",
        "Host: a.example:443",
        `Proxy-Authorization: Basic ${btoa("me:hunter2")}`,
      ]],
    ] as const
  ) {
    using transport = scriptedTransport(["HTTP/1.1 200 OK\r\n\r\n"]);
    assertEquals((await connect(transport, url, { host, port: 443 })).length, 0);
    assertEquals(transport.writtenText, `${lines.join("\r\n")}\r\n\r\n`);
    transport.close();
  }
});

Deno.test("connectByHttp() gives what comes behind the answer, whatever its head says of a length", async () => {
  const heads = [
    "HTTP/1.0 200 Connection established\r\n\r\n",
    "HTTP/1.1 299\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\nVia: 1.1 x\n\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
  ];
  for (const head of heads) {
    using transport = scriptedTransport([`${head}220 hello\r\n\r\n`]);
    assertEquals(text(await connect(transport)), "220 hello\r\n\r\n");
    transport.close();
    using slow = scriptedTransport([...head]);
    assertEquals(text(await connect(slow)), "");
    slow.close();
  }
});

Deno.test("connectByHttp() says why the proxy does not connect", async () => {
  const wants = (scheme: string) =>
    `HTTP/1.1 407 Auth\r\nProxy-Authenticate: ${scheme} realm="x"\r\n\r\n`;
  for (
    const [url, answer, code, told] of [
      [PLAIN, "HTTP/1.1 403 Filtered\r\n\r\n", "denied", 'refused it: it says 403 "Filtered"'],
      [PLAIN, "HTTP/1.1 403\r\n\r\n", "denied", 'refused it: it says 403 ""'],
      [PLAIN, wants("Basic"), "denied", '407 "Auth"; give a user name and a password'],
      [SECRET, wants("basic"), "denied", '407 "Auth"; it does not accept the user name'],
      [SECRET, wants("Negotiate"), "denied", "wants one of Negotiate, and only Basic is known"],
      [PLAIN, "HTTP/1.1 502 Bad Gateway\r\n\r\n", "unreachable", 'says 502 "Bad Gateway"'],
      [PLAIN, "HTTP/1.1 101 Switching\r\n\r\n", "unreachable", 'it says 101 "Switching"'],
      [PLAIN, "HTTP/1.1 302 Found\r\n\r\n", "unreachable", 'it says 302 "Found"'],
      [PLAIN, "SSH-2.0-x\r\n", "unreachable", 'does not speak HTTP: it says "SSH-2.0-x"'],
      [PLAIN, "HTTP/2 200\r\n\r\n", "unreachable", "does not speak HTTP"],
      [PLAIN, "HTTP/1.1 20 OK\r\n\r\n", "unreachable", "does not speak HTTP"],
      [PLAIN, "\r\n", "unreachable", 'does not speak HTTP: it says ""'],
      [PLAIN, "HTTP/1.1 200 OK\r\nVia: x", "unreachable", "has ended the connection"],
      [PLAIN, "x".repeat(20_000), "unreachable", "answers with more than 16384 bytes"],
      [
        PLAIN,
        `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(5_000)}`,
        "unreachable",
        "answers with more than 16384 bytes",
      ],
      [
        PLAIN,
        "HTTP/1.1 100 Continue\r\n\r\n".repeat(2_000),
        "unreachable",
        "answers with more than 16384 bytes",
      ],
    ] as const
  ) {
    using transport = scriptedTransport([answer, end()]);
    const error = await assertRejects(() => connect(transport, url), ProxyFailure, told);
    assertEquals(error.code, code, told);
    transport.close();
  }
});

Deno.test("connectByHttp() does not repeat what the client has said of itself", async () => {
  const token = btoa("me:hunter2");
  for (
    const answer of [
      `HTTP/1.1 403 no me:hunter2 hunter2 ${token}\r\n\r\n`,
      `HTTP/1.1 403 ${"x".repeat(70)}hunter2\r\n\r\n`,
      `Proxy-Authorization: Basic ${token}\r\n\r\n`,
      `HTTP/1.1 407 x\r\nProxy-Authenticate: hunter2\r\n\r\n`,
    ]
  ) {
    using transport = scriptedTransport([answer, end()]);
    const error = await assertRejects(() => connect(transport, SECRET), ProxyFailure);
    const told = Deno.inspect(error.told("Cannot connect", "http://p.example:80"));
    assert(!told.includes("hunter") && !told.includes(token), told);
    transport.close();
  }
});
