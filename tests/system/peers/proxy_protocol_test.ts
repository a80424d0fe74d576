// The PROXY protocol with foreign programs: HAProxy on either side, nginx, and curl.

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  type Caller,
  Client,
  Listener,
  type ListenerConfig,
  type ListenerEvent,
  PROXY_TLV,
  type ProxyHeaderConfig,
} from "../../../mod.ts";
import { Authority } from "../../support/certificates.ts";
import { freePort } from "../../support/free_port.ts";
import { isListening } from "../../support/is_listening.ts";
import { NGINX_STREAM, peerTest } from "../../support/peers.ts";
import { Program } from "../../support/program.ts";

/** A running HAProxy with one proxy in front of `port`. */
async function haproxy(
  port: number,
  server: string,
  { bind = "", more = "" } = {},
): Promise<AsyncDisposable & { port: number }> {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/haproxy.cfg`;
  for (let attempt = 1;; attempt++) {
    const [ownPort, readyPort] = [await freePort(), await freePort()];
    const config = `
global
  maxconn 100
defaults
  mode tcp
  timeout connect 5s
  timeout client 20s
  timeout server 20s
  timeout check 5s
listen front
  bind 127.0.0.1:${ownPort} ${bind}
  ${more}
  server back 127.0.0.1:${port} ${server}
frontend ready
  bind 127.0.0.1:${readyPort}
  tcp-request connection reject
`;
    await Deno.writeTextFile(file, config);
    const program = new Program("haproxy", ["-db", "-f", file]);
    const proxy = {
      port: ownPort,
      async [Symbol.asyncDispose]() {
        await program[Symbol.asyncDispose]();
        await Deno.remove(folder, { recursive: true });
      },
    };
    if (await isListening(readyPort, program)) return proxy;
    // Another program has taken a port in between.
    const { stderr } = await program.ending();
    if (attempt === 5) throw new Error(`HAProxy does not start: ${stderr}`);
  }
}

/** A running nginx that believes headers and writes its own, on an IPv4 and an IPv6 address of this machine. */
async function nginx(port: number): Promise<AsyncDisposable & { ports: [number, number] }> {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/nginx.conf`;
  for (let attempt = 1;; attempt++) {
    const ports: [number, number] = [await freePort(), await freePort()];
    const server = (address: string) =>
      `server { listen ${address} proxy_protocol; set_real_ip_from 127.0.0.1; set_real_ip_from ::1;
         proxy_protocol on; proxy_pass 127.0.0.1:${port}; }`;
    const config = `load_module ${NGINX_STREAM};
daemon off; master_process off; pid ${folder}/pid; error_log stderr;
events {}
stream { ${server(`127.0.0.1:${ports[0]}`)} ${server(`[::1]:${ports[1]}`)} }`;
    await Deno.writeTextFile(file, config);
    const program = new Program("nginx", ["-c", file, "-p", folder, "-e", "stderr"]);
    const proxy = {
      ports,
      async [Symbol.asyncDispose]() {
        await program[Symbol.asyncDispose]();
        await Deno.remove(folder, { recursive: true });
      },
    };
    if (await isListening(ports[0], program)) return proxy;
    // Another program has taken a port in between.
    const { stderr } = await program.ending();
    if (attempt === 5) throw new Error(`nginx does not start: ${stderr}`);
  }
}

/** A listener that trusts this machine, records its callers, and echoes. */
async function behindProxy(config: ListenerConfig = {}) {
  const told: ListenerEvent[] = [];
  const callers: Caller[] = [];
  const connected = Promise.withResolvers<Caller>();
  const listener = new Listener(0, {
    interface: "127.0.0.1",
    proxyProtocol: { trusted: ["127.0.0.1"] },
    onEvent: (event) => void told.push(event),
    ...config,
  });
  listener.attach({
    onConnect(caller) {
      callers.push(caller);
      connected.resolve(caller);
    },
    async onReadReady(caller) {
      const [bytes, length] = await caller.read();
      if (length > 0) await caller.write(bytes);
    },
  });
  await listener.start();
  return { listener, callers, told, connected: connected.promise };
}

async function echoed(
  port: number,
  sendProxyHeader?: ProxyHeaderConfig,
  host = "127.0.0.1",
): Promise<Client> {
  const config = sendProxyHeader === undefined ? {} : { sendProxyHeader };
  const client = await Client.connect({ host, port, ...config });
  await client.write("ping");
  const [bytes] = await client.read(4);
  assertEquals(new TextDecoder().decode(bytes), "ping");
  return client;
}

for (const [server, version] of [["send-proxy", 1], ["send-proxy-v2", 2]] as const) {
  await peerTest(
    `Listener sees the real client behind HAProxy's ${server}`,
    ["haproxy"],
    async () => {
      const { listener, callers, told } = await behindProxy();
      await using _ = listener;
      await using proxy = await haproxy(listener.port, server);
      await using client = await echoed(proxy.port);
      const [caller] = callers;
      assertEquals([caller!.remoteAddress, caller!.remotePort], ["127.0.0.1", client.localPort]);
      assertEquals(caller!.proxy?.version, version);
      assertEquals(caller!.proxy?.destination, {
        transport: "tcp",
        hostname: "127.0.0.1",
        port: proxy.port,
      });
      assertEquals(told, []);
    },
  );
}

await peerTest(
  "Listener agrees with HAProxy about checksums and what else it says",
  ["haproxy"],
  async () => {
    const { listener, callers, told } = await behindProxy();
    await using _ = listener;
    await using proxy = await haproxy(
      listener.port,
      "send-proxy-v2 proxy-v2-options crc32c,unique-id",
      { more: "unique-id-format id-%ci:%cp" },
    );
    for (let i = 0; i < 20; i++) {
      await using client = await echoed(proxy.port);
      const header = callers[i]!.proxy!;
      assertEquals(header.checksum, true);
      assertEquals(new TextDecoder().decode(header.uniqueId), `id-127.0.0.1:${client.localPort}`);
    }
    assertEquals(told, []);
  },
);

await peerTest("Listener lets HAProxy's health checks in", ["haproxy"], async () => {
  const { listener, told, connected } = await behindProxy({ allow: ["192.0.2.0/24"] });
  await using _ = listener;
  // A check that waits for an answer: others are reset so soon that there may be nothing to accept.
  const more = ["option tcp-check", "tcp-check send ping", "tcp-check expect string ping"];
  await using __ = await haproxy(listener.port, "send-proxy-v2 check inter 50ms", {
    more: more.join("\n  "),
  });
  const { proxy, remoteAddress } = await connected;
  assertEquals([proxy?.command, proxy?.source, remoteAddress], ["local", undefined, "127.0.0.1"]);
  assertEquals(told, []);
});

await peerTest(
  "Listener learns from HAProxy how a client is secured",
  ["haproxy", "openssl"],
  async () => {
    const folder = await Deno.makeTempDir();
    const { listener, callers } = await behindProxy();
    await using _ = listener;
    try {
      await using made = new Program("openssl", [
        ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
        ...["-subj", "/CN=proxy", "-keyout", `${folder}/key.pem`, "-out", `${folder}/cert.pem`],
      ]);
      assertEquals((await made.ending()).code, 0);
      const pem = ["cert.pem", "key.pem"].map((name) => Deno.readTextFileSync(`${folder}/${name}`));
      await Deno.writeTextFile(`${folder}/both.pem`, pem.join(""));
      await using proxy = await haproxy(
        listener.port,
        "send-proxy-v2 proxy-v2-options ssl,ssl-cipher,authority,crc32c",
        { bind: `ssl crt ${folder}/both.pem alpn h2` },
      );
      await using client = new Program("openssl", [
        ...["s_client", "-quiet", "-connect", `127.0.0.1:${proxy.port}`],
        ...["-servername", "example.org", "-alpn", "h2"],
      ]);
      await client.type("ping\n");
      await client.line(/^ping$/);
      const header = callers[0]!.proxy!;
      assertEquals([header.authority, header.alpnProtocol, header.checksum], [
        "example.org",
        "h2",
        true,
      ]);
      assertEquals([header.tls?.isSecure, header.tls?.hasClientCertificate], [true, false]);
      assertMatch(header.tls!.version!, /^TLSv1\.[23]$/);
      assertMatch(header.tls!.cipher!, /^TLS_|^ECDHE/);
      assert(header.tlvs.some(({ type }) => type === PROXY_TLV.TLS));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

await peerTest(
  "Client's headers are believed by HAProxy, which hands them on",
  ["haproxy"],
  async () => {
    const { listener, callers, told } = await behindProxy();
    await using _ = listener;
    await using proxy = await haproxy(listener.port, "send-proxy-v2", { bind: "accept-proxy" });
    const four = {
      source: { transport: "tcp", hostname: "203.0.113.7", port: 4_711 },
      destination: { transport: "tcp", hostname: "198.51.100.9", port: 443 },
    } as const;
    const six = {
      source: { transport: "tcp", hostname: "2001:db8::7", port: 65_535 },
      destination: { transport: "tcp", hostname: "2001:db8::9", port: 1 },
    } as const;
    const tlvs = [{ type: PROXY_TLV.AUTHORITY, value: new TextEncoder().encode("example.org") }];
    const headers: ProxyHeaderConfig[] = [
      { version: 1, ...four },
      { version: 1, ...six },
      { version: 2, ...four },
      { version: 2, ...six, checksum: true },
      { version: 2, ...four, checksum: true, tlvs },
    ];
    for (const [i, header] of headers.entries()) {
      await using _client = await echoed(proxy.port, header);
      assertEquals(callers[i]!.proxy?.source, header.source);
      assertEquals(callers[i]!.proxy?.destination, header.destination);
      assertEquals(
        callers[i]!.remoteAddress,
        header.source?.transport === "tcp" ? header.source.hostname : "",
      );
    }
    assertEquals([callers.length, told], [5, []]);
  },
);

await peerTest(
  "Listener reads what nginx hands on, whatever families meet",
  ["nginx"],
  async () => {
    const { listener, callers, told } = await behindProxy();
    await using _ = listener;
    await using proxy = await nginx(listener.port);
    const [four, six] = proxy.ports;
    const cases = [
      ["127.0.0.1", four, "2001:db8::7"],
      ["127.0.0.1", four, "203.0.113.7"],
      ["::1", six, "203.0.113.7"],
      ["::1", six, "2001:db8::7"],
    ] as const;
    for (const [i, [host, port, hostname]] of cases.entries()) {
      const source = { transport: "tcp", hostname, port: 4_711 } as const;
      await using _ = await echoed(port, { version: 1, source, destination: source }, host);
      // It passes on the client's address, and the one at which it was reached itself.
      assertEquals(callers[i]!.proxy?.source, source);
      assertEquals(callers[i]!.proxy?.destination, { transport: "tcp", hostname: host, port });
      assertEquals(callers[i]!.remoteAddress, hostname);
    }
    assertEquals([callers.length, told], [4, []]);
  },
);

await peerTest("Listener reads the header that curl sends", ["curl"], async () => {
  const callers: Caller[] = [];
  await using listener = new Listener(0, {
    interface: "127.0.0.1",
    proxyProtocol: { trusted: ["127.0.0.1"] },
  });
  listener.attach({
    async onReadReady(caller) {
      callers.push(caller);
      const [bytes, length] = await caller.read();
      if (length < 0) return;
      const [line] = new TextDecoder().decode(bytes).split("\r\n");
      const answer = `${line} from ${caller.proxy?.source?.transport} ${caller.remoteAddress}`;
      await caller.write(`HTTP/1.1 200 OK\r\ncontent-length: ${answer.length}\r\n\r\n${answer}`);
      await caller.close();
    },
  });
  await listener.start();
  const url = `http://127.0.0.1:${listener.port}/path`;
  await using curl = new Program("curl", ["-s", "--max-time", "10", "--haproxy-protocol", url]);
  const { stdout } = await curl.ending();
  assertEquals(stdout, "GET /path HTTP/1.1 from tcp 127.0.0.1");
  assertEquals(callers[0]!.proxy?.version, 1);
  // Without the header it never becomes a caller.
  await using plain = new Program("curl", ["-s", "--max-time", "10", url]);
  assert((await plain.ending()).code !== 0);
  assertEquals(listener.stats().rejected["proxy-header"], 1);
});

await peerTest(
  "Listener counts HAProxy's checks as handshakes that were made, and its service sees them end",
  ["haproxy"],
  async () => {
    const CHECKS = 10;
    const failed: ListenerEvent[] = [];
    const enough = Promise.withResolvers<void>();
    let closed = 0;
    await using listener = new Listener(0, {
      interface: "127.0.0.1",
      secureSocket: await (await Authority.make("Tests")).sign(),
      onEvent: (event) => void failed.push(event),
    });
    listener.attach({
      onReadReady: (caller) => void caller.read(),
      onError() {},
      onClose() {
        if (++closed === CHECKS) enough.resolve();
      },
    });
    await listener.start();
    // It waits for a handshake only until the next check.
    const check = "check check-ssl verify none inter 1s";
    const others = Array.from(
      { length: CHECKS - 1 },
      (_, i) => `\n  server back${i} 127.0.0.1:${listener.port} ${check}`,
    );
    await using _ = await haproxy(listener.port, check + others.join(""));
    await enough.promise;
    assertEquals(failed, []);
    assertEquals(listener.stats().handshakes.failed, 0);
  },
);
