import { assertEquals, assertThrows } from "@std/assert";
import { resolveClientSecureSocket } from "../../src/tls/client_secure_socket_config.ts";
import {
  type ListenerSecureSocketConfig,
  resolveListenerSecureSocket,
  withCertificates,
} from "../../src/tls/listener_secure_socket_config.ts";
import { withPollution } from "../support/pollution.ts";

const own = { cert: "c", key: "k" };

const BOTH = {
  ...own,
  passphrase: "p",
  caCerts: ["a"],
  alpnProtocols: ["h2"],
  minVersion: "TLSv1.3",
  handshakeTimeoutInMillis: 1_000,
} as const;
const CLIENT = {
  ...BOTH,
  serverName: "a.example",
  verifyHostname: true,
  trustSystemCerts: true,
  exposePeerCertificate: false,
} as const;
const LISTENER = {
  ...BOTH,
  mode: "immediate",
  clientAuth: "require",
  sni: { "a.example": { ...own, passphrase: "p" } },
  maxHandshakes: 1,
  reloadInMillis: 1_000,
} as const;

/** The same, with getters that count how often they are asked. */
function counting(value: object, reads: Map<string, number>, at = ""): object {
  const counted = {};
  for (const [name, field] of Object.entries(value)) {
    const isPlain = typeof field === "object" && !Array.isArray(field);
    const inner = isPlain ? counting(field, reads, `${at}${name}.`) : field;
    Object.defineProperty(counted, name, {
      enumerable: true,
      get: () => {
        reads.set(at + name, (reads.get(at + name) ?? 0) + 1);
        return inner;
      },
    });
  }
  return counted;
}

Deno.test("the checks of secureSocket read each option once, those of names too", () => {
  for (
    const check of [
      (reads: Map<string, number>) =>
        resolveClientSecureSocket(counting(CLIENT, reads), "a.example"),
      (reads: Map<string, number>) => resolveListenerSecureSocket(counting(LISTENER, reads)),
      (reads: Map<string, number>) => {
        const { sni, caCerts } = LISTENER;
        withCertificates(
          resolveListenerSecureSocket(LISTENER),
          counting({ ...own, passphrase: "p", sni, caCerts }, reads),
        );
      },
    ]
  ) {
    const reads = new Map<string, number>();
    check(reads);
    assertEquals(reads.size > 4, true);
    for (const [name, count] of reads) assertEquals(count, 1, name);
  }
});

Deno.test("the checks of secureSocket give copies that nobody can change", () => {
  const client = { caCerts: ["a"], alpnProtocols: ["h2"], verifyHostname: true };
  const checked = resolveClientSecureSocket(client, "a.example");
  client.verifyHostname = false;
  client.caCerts[0] = "b";
  client.alpnProtocols.push("x");
  assertEquals(checked.verifyHostname, true);
  assertEquals([checked.caCerts, checked.alpnProtocols], [["a"], ["h2"]]);

  const names = { "a.example": { cert: "c", key: "k" } };
  const listener = { ...own, caCerts: ["a"], clientAuth: "require" as string, sni: names };
  const server = resolveListenerSecureSocket(listener as ListenerSecureSocketConfig);
  listener.clientAuth = "none";
  names["a.example"].cert = "other";
  delete (names as Record<string, unknown>)["a.example"];
  assertEquals(server.clientAuth, "require");
  assertEquals(server.sni!["a.example"]!.cert, "c");
  for (const frozen of [checked, checked.caCerts, server, server.sni, server.sni!["a.example"]]) {
    assertEquals(Object.isFrozen(frozen), true);
  }
});

Deno.test("the checks of secureSocket take what is on Object.prototype for nothing", async () => {
  const settle = () => {
    const client = resolveClientSecureSocket({}, "a.example");
    const server = resolveListenerSecureSocket({ ...own, sni: { "b.example": own } });
    const replaced = withCertificates(server, own);
    // Looked at as those who use them do, by name.
    return [client, server, server.sni["b.example"]!, replaced].map((settings) =>
      names.map((name) => (settings as unknown as Record<string, unknown>)[name])
    );
  };
  const everything = { ...CLIENT, ...LISTENER, certFile: "x", keyFile: "x", caCertFile: "x" };
  const polluting = { ...everything, verifyHostname: false, clientAuth: "none" };
  const names = Object.keys(polluting).filter((name) => name !== "sni");
  const clean = settle();
  await withPollution(polluting, () => assertEquals(settle(), clean));
});

Deno.test("the checks of secureSocket refuse application protocols that not every engine can say", () => {
  const refusals: [given: string[], error: typeof TypeError | typeof RangeError, why: string][] = [
    [["h2", "\u00e9"], TypeError, 'must have names of ASCII: got "\u00e9"'],
    [["\ud800"], TypeError, "must have names of ASCII"],
    [["x".repeat(256)], RangeError, "must have names of at most 255 bytes"],
    [Array<string>(129).fill("x".repeat(255)), RangeError, "at most 32768 bytes, with one"],
  ];
  for (const [alpnProtocols, error, why] of refusals) {
    for (
      const check of [
        () => resolveClientSecureSocket({ alpnProtocols }, "a.example"),
        () => resolveListenerSecureSocket({ ...own, alpnProtocols }),
      ]
    ) assertThrows(check, error, why);
  }
  const most = ["a\0b", ...Array<string>(127).fill("x".repeat(255)), "x".repeat(251)];
  assertEquals(resolveClientSecureSocket({ alpnProtocols: most }, "a.example").alpnProtocols, most);
});
