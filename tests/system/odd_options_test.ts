// What cannot hold options is refused wherever options are taken, by the name of the option: read as an empty config,
// a listener would have none of its limits.

import { assertStringIncludes, assertThrows } from "@std/assert";
import { ClientPool, ReconnectingClient } from "../../clients.ts";
import { captured, hexDump, printed } from "../../debug.ts";
import {
  Client,
  denoNetwork,
  Group,
  JsonLinesCodec,
  LineCodec,
  Listener,
  ProxyHeader,
  TlsSessions,
  UdpClient,
  UdpListener,
} from "../../mod.ts";
import { connectedPair } from "../../testing/mod.ts";

/** Everything that takes a config, given one. */
const TAKERS: Readonly<Record<string, (config: never) => unknown>> = {
  Listener: (config) => new Listener(0, config),
  UdpListener: (config) => new UdpListener(0, config),
  UdpClient: (config) => new UdpClient({ host: "127.0.0.1", port: 0 }, config),
  LineCodec: (config) => new LineCodec(config),
  JsonLinesCodec: (config) => new JsonLinesCodec(config),
  Group: (config) => new Group(config),
  ProxyHeader: (config) => new ProxyHeader(config),
  TlsSessions: (config) => new TlsSessions(config),
  ReconnectingClient: (config) => new ReconnectingClient(config),
  ClientPool: (config) => new ClientPool(config),
  captured: (config) => captured(denoNetwork, config),
  printed: (config) => printed(denoNetwork, config),
  hexDump: (config) => hexDump(new Uint8Array(1), config),
  connectedPair: (config) => connectedPair(config),
};

/** Options of a listener that have options of their own, or a list. */
const OF_LISTENER = ["secureSocket", "heartbeat", "allow", "deny", "proxyProtocol", "network"];
/** Those of a client. */
const OF_CLIENT = ["hosts", "via", "sendProxyHeader", "callbackService", "network", "secureSocket"];

function revoked(target: object): never {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy as never;
}

Deno.test("a config that nobody has awaited is refused, and what it rejects with ends nothing", () => {
  for (const [name, take] of Object.entries(TAKERS)) {
    const config = Promise.reject(new Error("no config")) as never;
    const { message } = assertThrows(() => take(config), TypeError);
    assertStringIncludes(message, "must be an object: got a promise, await it first", name);
  }
});

Deno.test("a list, a Map, a date and bytes are no config", () => {
  for (const [name, take] of Object.entries(TAKERS)) {
    for (const config of [[], new Map(), new Date(), new Uint8Array(1), new URL("tcp://a")]) {
      const { message } = assertThrows(() => take(config as never), TypeError);
      assertStringIncludes(message, "must be an object: got ", name);
    }
  }
});

Deno.test("a revoked proxy is refused by the name of what it was given for", async () => {
  for (const [name, take] of Object.entries(TAKERS)) {
    const { message } = assertThrows(() => take(revoked({})), TypeError);
    assertStringIncludes(message, "must be an object: got a proxy that was revoked", name);
  }
  for (const field of OF_LISTENER) {
    for (const target of [{}, []]) {
      const config = { [field]: revoked(target) };
      const { message } = assertThrows(() => new Listener(0, config), TypeError);
      assertStringIncludes(message, `${field} must be`);
      assertStringIncludes(message, "revoked");
    }
  }
  for (const field of OF_CLIENT) {
    const host = field === "hosts" ? {} : { host: "127.0.0.1" };
    const config = { ...host, port: 1, [field]: revoked({}) } as never;
    const { message } = await Client.connect(config).then(
      () => new Error("taken"),
      (error) => error,
    );
    assertStringIncludes(message, `${field} must be`);
    assertStringIncludes(message, "revoked");
  }
});
