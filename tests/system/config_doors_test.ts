// Every door that takes a config reads each field of it once, before it opens anything.

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  ClientPool,
  type ClientPoolConfig,
  ReconnectingClient,
  type ReconnectingClientConfig,
  Requests,
  type RequestsConfig,
} from "../../clients.ts";
import {
  Client,
  type ClientConfig,
  Connection,
  type ConnectionConfig,
  DelimiterCodec,
  denoNetwork,
  Group,
  type GroupConfig,
  JsonLinesCodec,
  LengthPrefixCodec,
  LineCodec,
  Listener,
  type ListenerConfig,
  NetstringCodec,
  UdpClient,
  type UdpClientConfig,
  UdpListener,
  type UdpListenerConfig,
  type UdpSocketConfig,
} from "../../mod.ts";
import type { Network, PacketConfig, TcpConfig } from "../../network.ts";
import { PACKET_OPTIONS, TCP_OPTIONS } from "../../src/network/socket_options.ts";
import { connectedTransports } from "../../testing/mod.ts";
import { withPollution } from "../support/pollution.ts";

/** Deno's, as if its sockets had all options: what it does not know it passes over. */
const ableNetwork: Network = {
  ...denoNetwork,
  socketOptions: {
    name: "a test's sockets",
    connect: new Set(["localAddress", "localPort", ...TCP_OPTIONS]),
    listen: new Set(["reusePort", ...TCP_OPTIONS]),
    adopt: new Set(),
    path: new Set(),
    datagram: new Set(["reusePort", ...PACKET_OPTIONS]),
  },
};

/** None of these does anything by itself. */
const forPackets: Required<PacketConfig> = {
  receiveBufferSize: 100_000,
  sendBufferSize: 100_000,
  typeOfService: 0,
  timeToLive: 64,
  networkInterface: "lo",
};

const forTcp: Required<TcpConfig> = {
  ...forPackets,
  keepAliveInMillis: "system",
  keepAliveIntervalInMillis: 5_000,
  keepAliveProbes: 5,
  userTimeoutInMillis: 5_000,
  fastOpen: true,
  resetOnAbort: false,
};

const forConnection: Required<ConnectionConfig> = {
  readTimeoutInMillis: 5_000,
  writeTimeoutInMillis: 5_000,
  idleTimeoutInMillis: 5_000,
  idleBy: "either",
  heartbeat: { content: "", everyInMillis: 5_000, deafAfterInMillis: 5_000 },
  closeTimeoutInMillis: 5_000,
  maxQueuedBytes: 1_000,
  maxBytesReadPerSecond: 1_000_000,
  maxBytesWrittenPerSecond: 1_000_000,
  allowHalfOpen: false,
  overwriteLentBytes: false,
  network: ableNetwork,
};

const forListener: Omit<Required<ListenerConfig>, "path" | "pathMode" | "secureSocket"> = {
  ...forConnection,
  ...forTcp,
  interface: "127.0.0.1",
  backlog: 10,
  reusePort: false,
  inherited: "auto",
  notifyReady: true,
  signal: new AbortController().signal,
  stopDeadlineInMillis: 2_000,
  maxConnections: 10,
  maxConnectionsPerAddress: 10,
  maxConnectionsPerSecond: 1_000,
  maxConnectionsPerSecondPerAddress: 1_000,
  ipv6PrefixLength: 64,
  minBytesPerSecond: 1,
  minRateIntervalInMillis: 5_000,
  maxTotalQueuedBytes: 100_000,
  allow: ["127.0.0.1"],
  deny: ["::1"],
  proxyProtocol: { trusted: ["127.0.0.1"] },
  onEvent() {},
  telemetry: false,
};

const { timeToLive: _, ...withoutTimeToLive } = forPackets;

const forUdp: Omit<
  Required<UdpSocketConfig>,
  "remoteHost" | "remotePort" | "multicastInterface" | "timeToLive"
> = {
  ...withoutTimeToLive,
  reusePort: false,
  inherited: "auto",
  receiveQueueDrop: "newest",
  readTimeoutInMillis: 5_000,
  maxQueuedBytes: 100_000,
  datagramSize: 1_000,
  closeTimeoutInMillis: 5_000,
  reuseAddress: false,
  multicastLoopback: true,
  multicastTimeToLive: 1,
  telemetry: false,
  network: ableNetwork,
};

const forUdpClient: UdpClientConfig = {
  ...forUdp,
  remoteHost: "127.0.0.1",
  remotePort: 9,
  maxUnreadBytes: 100_000,
  onEvent() {},
};

const forUdpListener: UdpListenerConfig = {
  ...forUdp,
  interface: "127.0.0.1",
  maxUnreadBytes: 100_000,
  maxSessions: 10,
  sessionIdleTimeoutInMillis: 5_000,
  sessionIdleBy: "received",
  maxUnreadBytesPerSession: 100_000,
  maxTotalUnreadBytes: 1_000,
  overwriteLentBytes: true,
  notifyReady: true,
  onEvent() {},
  signal: new AbortController().signal,
  stopDeadlineInMillis: 2_000,
};

/** Takes a config, uses it in every way, and closes. */
const doors: Record<string, readonly [config: object, use: (config: never) => Promise<void>]> = {
  "new Connection()": [forConnection, async (config: ConnectionConfig) => {
    const [transport, other] = connectedTransports();
    const connection = new Connection(transport, config);
    other.close();
    assertEquals(await connection.read(), [new Uint8Array(0), -1]);
    await connection.close();
  }],
  "Client.connect()": [
    {
      ...forConnection,
      ...forTcp,
      host: "127.0.0.1",
      port: 0,
      callbackService: { onConnect() {} },
      signal: new AbortController().signal,
      connectTimeoutInMillis: 5_000,
      sendProxyHeader: { version: 1 },
      localAddress: "127.0.0.1",
    },
    async (config: ClientConfig) => {
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = listener.addr;
      const dialled = Object.defineProperty(config, "port", { value: port });
      const [client, other] = await Promise.all([Client.connect(dialled), listener.accept()]);
      other.close();
      await client.close();
    },
  ],
  "new Listener()": [forListener, async (config: ListenerConfig) => {
    await using listener = new Listener(0, config);
    listener.attach({ onReadReady: async (caller) => void await caller.write("hello") });
    await listener.start();
    for (let i = 0; i < 3; i++) {
      await using client = await Client.connect({
        host: "127.0.0.1",
        port: listener.port,
        sendProxyHeader: { version: 1 },
      });
      await client.write("x");
      assertEquals((await client.read(5))[1], 5);
    }
  }],
  "new UdpClient()": [
    forUdpClient,
    async (config: UdpClientConfig) => {
      await using client = new UdpClient({ host: "127.0.0.1", port: 0 }, config);
      await client.bound;
    },
  ],
  "new Group()": [
    { codec: new LineCodec(), maxQueuedBytes: 1_000, slow: "wait", waitInMillis: 5_000 },
    async (config: GroupConfig<string, "wait">) => {
      assertEquals(await new Group(config).send("x"), { sent: 0, skipped: 0 });
    },
  ],
  "new ReconnectingClient()": [
    {
      ...forConnection,
      host: "127.0.0.1",
      port: 0,
      signal: new AbortController().signal,
      connectTimeoutInMillis: 5_000,
      sendProxyHeader: { version: 1 },
      keepAliveInMillis: 5_000,
      localAddress: "127.0.0.1",
      resetOnAbort: false,
      redialDelayInMillis: 1,
      maxRedialDelayInMillis: 5_000,
      maxAttempts: 10,
      stableAfterInMillis: 1,
      random: Math.random,
      shuffleTargets: true,
      prepareTimeoutInMillis: 5_000,
      onUp() {},
      onDown() {},
      onState() {},
    },
    async (config: ReconnectingClientConfig) => {
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = listener.addr;
      await using client = new ReconnectingClient(
        Object.defineProperty(config, "port", { value: port }),
      );
      const [, other] = await Promise.all([client.ready(), listener.accept()]);
      other.close();
    },
  ],
  "new Requests()": [
    {
      idOf: () => 1,
      maxId: 10,
      isPush: () => false,
      onPush() {},
      isIdempotent: () => true,
      maxRepeats: 1,
      maxInFlight: 5,
      maxWaiting: 5,
      timeoutInMillis: 5_000,
      ping: "ping",
      pingInMillis: 5_000,
      pingTimeoutInMillis: 5_000,
      closeTimeoutInMillis: 5_000,
    },
    async (config: RequestsConfig<string, string>) => {
      const [transport, other] = connectedTransports();
      const requests = new Requests<string, string>(
        new Connection(transport),
        new LineCodec(),
        config,
      );
      other.close();
      await requests.close();
    },
  ],
  "new ClientPool()": [
    {
      maxClients: 5,
      maxWaiting: 5,
      idleTimeoutInMillis: 5_000,
      acquireTimeoutInMillis: 5_000,
      onConnect() {},
      isHealthy: () => true,
      isReusable: () => true,
      prepareTimeoutInMillis: 5_000,
      redialDelayInMillis: 1,
      maxRedialDelayInMillis: 5_000,
      maxAttempts: 10,
      random: Math.random,
    },
    async (config: ClientPoolConfig<undefined>) => {
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = listener.addr;
      await using pool = new ClientPool({ host: "127.0.0.1", port }, config);
      const accepted = listener.accept();
      await (await pool.acquire()).discard();
      (await accepted).close();
    },
  ],
  "new UdpListener()": [forUdpListener, async (config: UdpListenerConfig) => {
    await using listener = new UdpListener(0, config);
    await listener.start();
  }],
};

/** Names that the runtime looks up there, too, and misspelled methods of a service. */
const OTHERS = new Set(["port", "signal", "multicastTimeToLive", "onEvent"]);

/** A config whose fields are valid once. */
function goodOnce(config: object): { config: never; reads: string[] } {
  const reads: string[] = [];
  const watched = {};
  for (const [name, value] of Object.entries(config)) {
    Object.defineProperty(watched, name, {
      configurable: true,
      get() {
        const isFirst = !reads.includes(name);
        reads.push(name);
        return isFirst ? value : { not: "what it was" };
      },
    });
  }
  return { config: watched as never, reads };
}

for (const [name, [config, use]] of Object.entries(doors)) {
  Deno.test(`${name} reads each field of its config once`, async () => {
    const watched = goodOnce(config);
    await use(watched.config);
    assertEquals(watched.reads, [...new Set(watched.reads)]);
    assertEquals(watched.reads.filter((name) => name in config), watched.reads);
  });

  Deno.test(`${name} takes no option from Object.prototype`, async () => {
    const names = Object.keys(config).filter((name) => !OTHERS.has(name));
    const polluted = Object.fromEntries(names.map((name) => [name, { not: "an option" }]));
    const own = "callbackService" in config ? { ...config, callbackService: undefined } : config;
    await withPollution(polluted, () => use(own as never));
    const needed = ["host", "interface", "proxyProtocol", "sendProxyHeader", "slow"];
    const least = Object.fromEntries(Object.entries(config).filter(([n]) => needed.includes(n)));
    await withPollution(polluted, () => use(least as never));
  });

  Deno.test(`${name} refuses an option that it does not have, and says what was meant`, async () => {
    for (const option of Object.keys(config)) {
      const misspelled = `${option.slice(0, -1)}${option.at(-1)!.toUpperCase()}`;
      await assertRejects(
        async () => await use({ ...config, [misspelled]: undefined } as never),
        TypeError,
        `config has no option "${misspelled}": use ${option}`,
      );
    }
  });
}

Deno.test("Options within options are refused as well, and those of codecs", async () => {
  const files = { certFile: "cert.pem", keyFile: "key.pem" };
  const wrong: Record<string, () => unknown> = {
    "config.headerTimeout": () => {
      const proxyProtocol = { trusted: ["::1"], headerTimeoutInMilli: 1 };
      return new Listener(0, { proxyProtocol } as never);
    },
    listener: () => new Listener(0, { secureSocket: { ...files, clientAuht: "require" } } as never),
    sni: () => {
      const sni = { "a.example": { ...files, keyfile: "a.pem" } };
      return new Listener(0, { secureSocket: { ...files, sni } } as never);
    },
    client: () =>
      Client.connect({ host: "a", port: 1, secureSocket: { verifyhostname: 1 } } as never),
    line: () => new LineCodec({ maxFrameLenght: 1 } as never),
    json: () => new JsonLinesCodec({ chekc: 1 } as never),
    prefix: () => new LengthPrefixCodec({ litleEndian: true } as never),
    delimiter: () => new DelimiterCodec(";", { maxFramelength: 1 } as never),
    netstring: () => new NetstringCodec({ maxFramelength: 1 } as never),
    stop: () => new Listener(0).gracefulStop({ deadlineInMilli: 1 } as never),
  };
  for (const [name, make] of Object.entries(wrong)) {
    const { message } = await assertRejects(
      async () => void await make(),
      TypeError,
      "has no option",
    );
    assertEquals(/: use \w+$/.test(message), true, `${name}: ${message}`);
  }
});

Deno.test("Client.connect() leaves nothing open, whatever becomes of its config meanwhile", async () => {
  let open = 0;
  const config: Record<string, unknown> = { host: "127.0.0.1", port: 1 };
  config.network = {
    ...denoNetwork,
    connect() {
      const [transport, other] = connectedTransports();
      other.close();
      open++;
      const { close } = transport;
      transport.close = () => {
        open--;
        close.call(transport);
      };
      for (const name of Object.keys(forConnection)) config[name] = "wrong";
      return Promise.resolve(transport);
    },
  };
  const client = await Client.connect(config as unknown as ClientConfig);
  await client.close();
  assertEquals(open, 0);
});

Deno.test("Configs say that an option belongs into secureSocket", () => {
  const belongs = (name: string) => `has no option "${name}": it belongs into secureSocket`;
  const at = { host: "127.0.0.1", port: 1 };
  const wrong: [name: string, make: () => unknown][] = [
    ["handshakeTimeoutInMillis", () => new Listener(0, { handshakeTimeoutInMillis: 1 } as object)],
    ["mode", () => new Listener(0, { mode: "optional" } as object)],
    ["serverName", () => new ReconnectingClient({ ...at, serverName: "x" } as typeof at)],
    ["caCerts", () => new ClientPool({ ...at, caCerts: [] } as typeof at, {})],
  ];
  for (const [name, make] of wrong) {
    const { message } = assertThrows(make, TypeError);
    assertStringIncludes(message, belongs(name));
  }
});
