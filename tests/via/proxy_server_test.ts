import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProxyServer, type ProxyServerConfig } from "../../src/via/proxy_server.ts";

const read = (value: string | ProxyServerConfig) => ProxyServer.read("via", value);

Deno.test("ProxyServer.read() takes the URL of a proxy apart", () => {
  for (
    const [url, name, user, password] of [
      ["socks5://a.example", "socks5://a.example:1080"],
      ["SOCKS5H://a.example:9/", "socks5h://a.example:9"],
      ["http://[::1]:3128", "http://[::1]:3128"],
      ["http://[::0:1]", "http://[::1]:80"],
      ["https://a.example/", "https://a.example:443"],
      ["http://me@a.example:80", "http://a.example:80", "me", ""],
      ["socks5://me:s%3Acr%40t@a.example", "socks5://a.example:1080", "me", "s:cr@t"],
      ["socks5://me:a/b?c#d@e:f@a.example:1", "socks5://a.example:1", "me", "a/b?c#d@e:f"],
      ["socks5://m%C3%BC:%25@192.0.2.1", "socks5://192.0.2.1:1080", "m\u00fc", "%"],
    ] as const
  ) {
    const server = read(url);
    assertEquals(server.name, name);
    const expected = user === undefined ? undefined : { user, password };
    assertEquals(server.credentials(), expected);
  }
  assertEquals(read("http://me:x@a.example").basicToken, btoa("me:x"));
  assertEquals(read("http://a.example").basicToken, undefined);
});

Deno.test("ProxyServer.read() says what is wrong, and never quotes a URL", () => {
  const secret = "hunter2";
  for (
    const [value, told] of [
      [secret, "via must begin with socks5://"],
      [`ftp://me:${secret}@a.example`, "via must begin with socks5://"],
      [`me:${secret}@a.example:80`, "via must begin with socks5://"],
      [`http://me:${secret}`, "via must have the form"],
      [`http://me:${secret}@`, "its host or port is wrong"],
      [`http://me:${secret}@a.example:http`, "its host or port is wrong"],
      [`http://a.example:80/${secret}`, "its host or port is wrong"],
      [`http://me:x@${secret} .example`, "its host or port is wrong"],
      [`http://me:${secret}@127.1`, "its host or port is wrong"],
      [`http://me:${secret}@a.example:0`, "via must have a port from 1 to 65535: got 0"],
      [`http://me:${secret}@a.example:65536`, "via must have a port from 1 to 65535: got 65536"],
      [`http://:${secret}@a.example`, "via must have a user name"],
      [`http://me:%zz${secret}@a.example`, "via has a percent sign"],
      [`http://m%3Ae:${secret}@a.example`, "without a colon"],
      [`socks5://me:${secret.repeat(40)}@a.example`, "at most 255 bytes"],
      [`http://${secret.repeat(600)}:x@a.example`, "at most 4096 bytes"],
      [42, "via must be the URL of a proxy: got 42"],
      [null, "via must be the URL of a proxy: got null"],
      [{}, "via.url must be the URL of a proxy: got undefined"],
      [{ url: secret }, "via.url must begin with socks5://"],
      [
        new URL(`http://me:${secret}@a.example`),
        "via must be the URL of a proxy: got a URL object",
      ],
      [[`http://me:${secret}@a.example`], "via must be the URL of a proxy: got an array"],
      [Symbol(secret), "via must be the URL of a proxy: got a symbol"],
      [{ [secret]: () => {} }[secret], "via must be the URL of a proxy: got a function"],
      [
        new String(`http://me:${secret}@a.example`),
        "via must be the URL of a proxy: got an object",
      ],
      [new Map([[secret, 1]]), "via must be the URL of a proxy: got an object"],
      [
        { url: "https://a.example", secureSocket: new URL(`https://me:${secret}@a.example`) },
        "via.secureSocket must be an object: got a URL object",
      ],
      [
        { url: "https://a.example", secureSocket: [secret] },
        "via.secureSocket must be an object: got an array",
      ],
      [{ url: new URL(`http://me:${secret}@a.example`) }, "got a URL object (pass its href)"],
      [
        { url: [`http://me:${secret}@a.example`] },
        "via.url must be the URL of a proxy: got an array",
      ],
      [{ url: { href: secret } }, "via.url must be the URL of a proxy: got an object"],
      [
        { url: { [Symbol.toStringTag]: secret } },
        "via.url must be the URL of a proxy: got an object",
      ],
      [{ url: Symbol(secret) }, "via.url must be the URL of a proxy: got a symbol"],
      [{ url: 7n }, "via.url must be the URL of a proxy: got 7n"],
      [
        { [`http://me:${secret}@a.example`]: true },
        "via has an option with a wrong name: use one of url, secureSocket",
      ],
      [
        { url: "https://a.example", secureSocket: `https://me:${secret}@a.example` },
        "via.secureSocket must be an object: got a string",
      ],
      [{ url: "https://a.example", secureSockets: {} }, "use secureSocket"],
      [{ url: "http://a.example", secureSocket: {} }, "via.url must begin with https://"],
    ] as const
  ) {
    const error = assertThrows(() => read(value as string), Error, told);
    assert(error instanceof TypeError || error instanceof RangeError);
    assert(!Deno.inspect(error).includes(secret), error.message);
  }
});

Deno.test("ProxyServer shows nothing of who the client is", () => {
  const server = read("http://someone:hunter2@a.example");
  const shown = Deno.inspect(server, { depth: 9, showHidden: true }) + JSON.stringify(server);
  assert(!/someone|hunter2/.test(shown) && !shown.includes(server.basicToken!), shown);
});

Deno.test("ProxyServer.redacted() takes it out of what a proxy says, however that is written", () => {
  const server = read("http://some%20one:p%C3%A4ss@a.example");
  const latin1 = "p\u00c3\u00a4ss";
  const said = `a some one b p\u00e4ss c ${server.basicToken} d some%20one:p%C3%A4ss e ${latin1} f`;
  assertEquals(server.redacted(said), "a ... b ... c ... d ...:... e ... f");
  assertEquals(read("http://a.example").redacted(said), said);
  // Its token is bWU6YT4+Pw==, also without its end, and as it is written in URLs.
  const other = read("http://me:a%3E%3E%3F@a.example");
  assertEquals(other.redacted("a bWU6YT4+Pw== b bWU6YT4+Pw c bWU6YT4-Pw d"), "a ... b ... c ... d");
  // An empty password is no secret, and is found everywhere.
  assertEquals(read("http://me@a.example").redacted("ab"), "ab");
});

Deno.test("ProxyServer has the options of an https proxy, with its host as the name", () => {
  const { secureSocket } = read({ url: "https://a.example", secureSocket: { caCerts: ["x"] } });
  assertEquals([secureSocket?.serverName, secureSocket?.caCerts], ["a.example", ["x"]]);
  assertEquals(read("https://a.example").secureSocket?.serverName, "a.example");
  assertEquals(read("http://a.example").secureSocket, undefined);
});
