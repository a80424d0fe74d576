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

const SECRET = "hunter2";
const PEM = `-----BEGIN PRIVATE KEY-----\n${SECRET}${"A".repeat(40)}\n-----END PRIVATE KEY-----\n`;

/** What holds a secret, in a wrong place or of a wrong kind, and what is said of it. */
const withSecrets = (): [object | string, string][] => [
  [{ certFile: "c", keyFile: PEM }, ".keyFile must be the path of a file: give PEM text as key"],
  [{ certFile: PEM, keyFile: "k" }, ".certFile must be the path of a file: give PEM text as cert"],
  [{ ...own, caCertFile: PEM }, ".caCertFile must be the path of a file: give PEM text in caCerts"],
  [{ ...own, caCerts: PEM }, ".caCerts must be an array: got text in PEM form"],
  [
    { ...own, passphrase: [SECRET] },
    ".passphrase must be a string that is not empty: got an array",
  ],
  [{ ...own, passphrase: { SECRET } }, "got an object"],
  [{ ...own, passphrase: new TextEncoder().encode(SECRET) }, "got bytes"],
  [{ ...own, passphrase: 1234 }, "got a number"],
  [{ ...own, passphrase: Symbol(SECRET) }, "got a symbol"],
  [{ ...own, passphrase: Promise.reject(SECRET) }, "got a promise, await it first"],
  [{ ...own, passphrase: "" }, "got an empty string"],
  [{ ...own, passphrase: null }, "got null"],
  [{ cert: "c", key: [PEM] }, ".key must be a string that is not empty: got an array"],
  [{ cert: "c", key: new TextEncoder().encode(PEM) }, "got bytes"],
  [PEM, " must be an object: got a string"],
  [[own, SECRET], " must be an object: got an array"],
  [new Map([["passphrase", SECRET]]), " must be an object: got an object of another kind"],
  [Promise.reject(SECRET), " must be an object: got a promise, await it first"],
];

function assertHidden(check: () => unknown, says: string): void {
  const error = assertThrows(check, TypeError, says);
  const told = Deno.inspect(error) + error.stack;
  for (const secret of [SECRET, "AAAA", "1234", "104, 117"]) {
    assertEquals(told.includes(secret), false, told);
  }
}

Deno.test("the checks of secureSocket never quote what may be secret", () => {
  const settings = resolveListenerSecureSocket(own);
  const checks: [at: string, check: (wrong: never) => unknown][] = [
    ["secureSocket", (wrong) => resolveClientSecureSocket(wrong, "a.example")],
    ["secureSocket", (wrong) => resolveListenerSecureSocket(wrong)],
    ["certificates", (wrong) => withCertificates(settings, wrong)],
    [
      'secureSocket.sni["a.example"]',
      (wrong) => resolveListenerSecureSocket({ ...own, sni: { "a.example": wrong } }),
    ],
  ];
  for (const [at, check] of checks) {
    for (const [wrong, says] of withSecrets()) {
      if (at.includes("sni") && says.startsWith(".ca")) continue;
      assertHidden(() => check(wrong as never), says.startsWith(" ") ? at + says : says);
    }
  }
});

Deno.test("the checks of secureSocket never quote what is given for the certificates of names", () => {
  for (const sni of [PEM, [{ ...own, passphrase: SECRET }], new Map([["a.example", SECRET]])]) {
    const check = () => resolveListenerSecureSocket({ ...own, sni } as never);
    assertHidden(check, "secureSocket.sni must be an object: got a");
  }
  const check = () => resolveListenerSecureSocket({ ...own, sni: { [PEM]: own } });
  assertHidden(check, "secureSocket.sni must have host names as keys: got text in PEM form");
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
