import { assertEquals, assertThrows } from "@std/assert";
import {
  checkClientSecureSocket,
  checkListenerSecureSocket,
  type ListenerSecureSocketConfig,
  withCertificates,
} from "../../src/tls/secure_socket.ts";
import { withPollution } from "../support/pollution.ts";

const own = { cert: "c", key: "k" };

Deno.test("checkClientSecureSocket() takes nothing at all, and everything that is right", () => {
  checkClientSecureSocket({});
  const whole = {
    certFile: "c",
    keyFile: "k",
    passphrase: "p",
    caCerts: ["a"],
    alpnProtocols: ["h2"],
    minVersion: "TLSv1.3",
    handshakeTimeoutInMillis: Infinity,
    serverName: "a.example",
    verifyHostname: false,
    trustSystemCerts: false,
    exposePeerCertificate: true,
  } as const;
  assertEquals(checkClientSecureSocket(whole), whole);
});

Deno.test("checkClientSecureSocket() names what is wrong", () => {
  for (
    const [config, told] of [
      [null, "secureSocket must be an object"],
      [{ cert: "c" }, "must have a certificate and its key, or neither"],
      [{ keyFile: "k" }, "must have a certificate and its key, or neither"],
      [{ ...own, certFile: "c" }, "must have cert or certFile, not both"],
      [{ ...own, keyFile: "k" }, "must have key or keyFile, not both"],
      [{ cert: 1, key: "k" }, "secureSocket.cert must be a string"],
      [{ cert: "", key: "k" }, "secureSocket.cert must be a string that is not empty"],
      [{ caCerts: [] }, "secureSocket.caCerts must be an array with at least one"],
      [{ caCerts: "a" }, "secureSocket.caCerts must be an array"],
      [{ caCerts: ["a", undefined] }, "secureSocket.caCerts[1] must be a string"],
      [{ caCerts: ["a"], caCertFile: "b" }, "must have caCerts or caCertFile, not both"],
      [{ alpnProtocols: ["x".repeat(256)] }, "names of at most 255 bytes"],
      [{ minVersion: "TLSv1" }, 'must be one of "TLSv1.2", "TLSv1.3"'],
      [{ handshakeTimeoutInMillis: 0 }, "secureSocket.handshakeTimeoutInMillis must be"],
      [{ serverName: "" }, "secureSocket.serverName must be"],
      [{ serverName: "a.1" }, "secureSocket.serverName must be a host name or an IP address"],
      [{ serverName: "127.0.0.01" }, "four numbers from 0 to 255 without leading zeros"],
      [{ verifyHostname: 1 }, "secureSocket.verifyHostname must be true or false"],
      [{ trustSystemCerts: false }, "caCerts or caCertFile must be given"],
      [{ exposePeerCertificate: "yes" }, "secureSocket.exposePeerCertificate must be"],
    ] as const
  ) {
    assertThrows(() => checkClientSecureSocket(config as never), Error, told);
  }
});

Deno.test("checkListenerSecureSocket() takes everything that is right", () => {
  checkListenerSecureSocket(own);
  checkListenerSecureSocket({
    certFile: "c",
    keyFile: "k",
    mode: "optional",
    clientAuth: "request",
    caCertFile: "a",
    sni: { "a.example": own, "*.b.example": { certFile: "c", keyFile: "k" } },
    maxHandshakes: 1,
    reloadInMillis: 1_000,
    onHandshakeError() {},
    onReloadError() {},
  });
});

Deno.test("checkListenerSecureSocket() names what is wrong", () => {
  for (
    const [config, told] of [
      [{}, "must have a certificate and its key"],
      [{ ...own, mode: "starttls" }, "secureSocket.mode must be one of"],
      [{ ...own, clientAuth: true }, "secureSocket.clientAuth must be one of"],
      [{ ...own, clientAuth: "require" }, "caCerts or caCertFile must be given"],
      [{ ...own, sni: { "a b": own } }, "must have host names as keys"],
      [{ ...own, sni: { "a.*": own } }, "must have host names as keys"],
      [{ ...own, sni: { a: {} } }, 'secureSocket.sni["a"] must have a certificate and its key'],
      [{ ...own, sni: { a: { cert: "c" } } }, 'secureSocket.sni["a"] must have a certificate and'],
      [{ ...own, maxHandshakes: 0 }, "secureSocket.maxHandshakes must be"],
      [{ ...own, reloadInMillis: 0 }, "secureSocket.reloadInMillis must be"],
      [{ ...own, onHandshakeError: 1 }, "secureSocket.onHandshakeError must be a function"],
      [{ ...own, onReloadError: 1 }, "secureSocket.onReloadError must be a function"],
    ] as const
  ) {
    assertThrows(() => checkListenerSecureSocket(config as never), Error, told);
  }
});

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
  onHandshakeError() {},
  onReloadError() {},
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
      (reads: Map<string, number>) => checkClientSecureSocket(counting(CLIENT, reads)),
      (reads: Map<string, number>) => checkListenerSecureSocket(counting(LISTENER, reads)),
      (reads: Map<string, number>) => {
        const { sni, caCerts } = LISTENER;
        withCertificates(LISTENER, counting({ ...own, passphrase: "p", sni, caCerts }, reads));
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
  const checked = checkClientSecureSocket(client);
  client.verifyHostname = false;
  client.caCerts[0] = "b";
  client.alpnProtocols.push("x");
  assertEquals({ ...checked }, { caCerts: ["a"], alpnProtocols: ["h2"], verifyHostname: true });

  const names = { "a.example": { cert: "c", key: "k" } };
  const listener = { ...own, caCerts: ["a"], clientAuth: "require" as string, sni: names };
  const server = checkListenerSecureSocket(listener as ListenerSecureSocketConfig);
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
  const everything = { ...CLIENT, ...LISTENER, certFile: "x", keyFile: "x", caCertFile: "x" };
  await withPollution({ ...everything, verifyHostname: false, clientAuth: "none" }, () => {
    const client = checkClientSecureSocket({});
    const server = checkListenerSecureSocket({ ...own, sni: { "b.example": own } });
    const replaced = withCertificates(server, own);
    for (const name of Object.keys(everything) as never[]) {
      assertEquals(client[name], undefined);
      if (!["cert", "key", "sni"].includes(name)) assertEquals(server[name], undefined);
      if (!["cert", "key"].includes(name)) assertEquals(replaced[name], undefined);
    }
    assertEquals(Object.keys(server.sni!), ["b.example"]);
    assertEquals(server.sni!["b.example"]!.passphrase, undefined);
  });
});

Deno.test("checkListenerSecureSocket() gives names as clients ask for them, each once", () => {
  const sni = { "A.Example.": own, "*.MÜNCHEN.example": own, "hasownproperty": own };
  const names = Object.keys(checkListenerSecureSocket({ ...own, sni }).sni!);
  assertEquals(names, ["a.example", "*.xn--mnchen-3ya.example", "hasownproperty"]);
  assertThrows(
    () => checkListenerSecureSocket({ ...own, sni: { "a.example": own, "A.EXAMPLE.": own } }),
    TypeError,
    "is a name that secureSocket.sni has twice",
  );
});

Deno.test("withCertificates() replaces all of them and nothing else", () => {
  const replaced = withCertificates(LISTENER, { certFile: "c2", keyFile: "k2", caCertFile: "a2" });
  const { cert: _1, key: _2, passphrase: _3, caCerts: _4, sni: _5, ...kept } = LISTENER;
  assertEquals({ ...replaced }, { ...kept, certFile: "c2", keyFile: "k2", caCertFile: "a2" });
});

Deno.test("withCertificates() refuses what would lock everybody out", () => {
  for (const clientAuth of ["request", "require"] as const) {
    const before = checkListenerSecureSocket({ ...LISTENER, clientAuth });
    assertThrows(
      () => withCertificates(before, own),
      TypeError,
      `secureSocket.clientAuth is "${clientAuth}", so caCerts or caCertFile must be given`,
    );
  }
  assertThrows(() => withCertificates(LISTENER, {}), TypeError, "a certificate and its key");
  assertThrows(() => withCertificates(LISTENER, null as never), TypeError, "must be an object");
});
