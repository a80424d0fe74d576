import { assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { GenericError, type SocketError } from "../../src/base/errors.ts";
import type { Transport } from "../../src/network/network.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { ClientSecurity } from "../../src/tls/client_security.ts";
import { ListenerSecurity } from "../../src/tls/listener_security.ts";
import {
  type ClientSecureSocketConfig,
  resolveClientSecureSocket,
} from "../../src/tls/client_secure_socket_config.ts";
import {
  type ListenerSecureSocketConfig,
  resolveListenerSecureSocket,
} from "../../src/tls/listener_secure_socket_config.ts";
import { Authority } from "../support/certificates.ts";
import { dns, keysOf, RawAuthority } from "../support/raw_certificates.ts";
import { readAll, writeAll } from "../support/read_all.ts";
import { connectedTransports, VirtualClock } from "../../testing/mod.ts";
import { plainPair, securePair, shakeHands } from "../support/secure_pair.ts";

const authority = await Authority.make("Tests");
const stranger = await Authority.make("Strangers");
const localhost = await authority.sign();
const member = await authority.sign({ name: "member", hosts: ["member.example"] });
const caCerts = [authority.cert];

interface Case {
  readonly name: string;
  readonly of?: ListenerSecureSocketConfig;
  readonly by: ClientSecureSocketConfig;
  /** The error on the listener's side. */
  readonly server: RegExp;
  /** The client's error, from the handshake or, with TLS 1.3, from its first read. */
  readonly client: RegExp;
}

const required = { ...localhost, clientAuth: "require", caCerts } as const;
const foreign = await stranger.sign({ name: "member" });

const CASES: readonly Case[] = [
  {
    name: "a certificate that nobody trusted signed",
    of: await stranger.sign(),
    by: { caCerts },
    server: /the peer does not trust who signed our certificate/,
    client: /not signed by anybody we trust/,
  },
  {
    name: "application protocols without one in common",
    of: { ...localhost, alpnProtocols: ["a"] },
    by: { caCerts, alpnProtocols: ["b"] },
    server: /no application protocol in common/,
    client: /speaks none of our application protocols/,
  },
  {
    name: "a client without a certificate where one is required",
    of: required,
    by: { caCerts },
    server: /has shown no certificate/,
    client: /demands a certificate/,
  },
  {
    name: "a client with a foreign certificate where one is required",
    of: required,
    by: { caCerts, ...foreign },
    server: /does not verify .* it has expired, or no authority that is trusted here has signed it/,
    client: /ended without/,
  },
  {
    name: "a client with a foreign certificate where one is requested",
    of: { ...required, clientAuth: "request" },
    by: { caCerts, ...foreign },
    server: /does not verify .* it has expired, or no authority that is trusted here has signed it/,
    client: /ended without/,
  },
];

for (const { name, of = localhost, by, server, client } of CASES) {
  for (const exposePeerCertificate of [false, true]) {
    const engine = exposePeerCertificate ? "node" : "native";
    Deno.test(`ListenerSecurity refuses ${name}, both sides say why (${engine} client)`, async () => {
      const ends = await shakeHands(await plainPair(), of, { ...by, exposePeerCertificate });
      assertEquals((ends.server as SocketError).code, "handshake");
      assertMatch((ends.server as Error).message, server);
      if (ends.client instanceof Error) {
        assertEquals((ends.client as SocketError).code, "handshake");
        return assertMatch(ends.client.message, client);
      }
      const reading = ends.client.read(new Uint8Array(1));
      assertMatch((await assertRejects(() => reading, GenericError)).message, client);
      ends.client.close();
    });
  }
}

Deno.test("ListenerSecurity lets clients without a certificate in where one is requested", async () => {
  const of = { ...required, clientAuth: "request" } as const;
  for (const by of [{}, member]) {
    const [client, server] = await securePair(of, { caCerts, ...by });
    const subject = server.secure!.peerCertificate?.subject;
    assertEquals(subject, by === member ? "CN=member, O=Tests" : undefined);
    client.close();
    server.close();
  }
});

Deno.test("ListenerSecurity chooses the certificate by the name that the client asks for", async () => {
  const of: ListenerSecureSocketConfig = {
    ...localhost,
    caCerts,
    clientAuth: "require",
    alpnProtocols: ["echo"],
    sni: {
      "alpha.example": await authority.sign({ name: "alpha", hosts: ["alpha.example"] }),
      "*.beta.example": await authority.sign({ name: "beta", hosts: ["*.beta.example"] }),
    },
  };
  for (
    const [serverName, subject] of [
      ["localhost", "CN=localhost, O=Tests"],
      ["alpha.example", "CN=alpha, O=Tests"],
      ["ALPHA.example", "CN=alpha, O=Tests"],
      ["one.beta.example", "CN=beta, O=Tests"],
    ] as const
  ) {
    const by = { caCerts, ...member, serverName, alpnProtocols: ["echo"] };
    const [client, server] = await securePair(of, { ...by, exposePeerCertificate: true });
    assertEquals(client.secure!.peerCertificate!.subject, subject);
    assertEquals(server.secure!.peerCertificate!.subject, "CN=member, O=Tests");
    assertEquals(server.secure!.alpnProtocol, "echo");
    assertEquals(server.secure!.serverName?.toLowerCase(), serverName.toLowerCase());
    client.close();
    server.close();
  }
});

Deno.test("ListenerSecurity with minVersion TLSv1.3 agrees on nothing older", async () => {
  const [client, server] = await securePair({ ...localhost, minVersion: "TLSv1.3" }, { caCerts });
  assertEquals(server.secure!.protocol, "TLSv1.3");
  client.close();
  server.close();
});

Deno.test("ListenerSecurity frees a stream that is reset in the middle of the handshake", async () => {
  const [client, server] = await plainPair();
  const security = new ListenerSecurity(resolveListenerSecureSocket(localhost), denoNetwork.clock);
  await security.load();
  // The first six bytes of a ClientHello.
  await writeAll(client, new Uint8Array([22, 3, 1, 1, 0, 1]));
  const upgrading = assertRejects(
    () => security.upgrade(server),
    GenericError,
    "the peer ended the connection",
  );
  client.close();
  await upgrading;
});

Deno.test("ListenerSecurity refuses a stream whose read tells a count that cannot be", async () => {
  for (const mode of ["immediate", "optional"] as const) {
    for (const count of [0, NaN, 100_000]) {
      const [client, server] = connectedTransports();
      const security = new ListenerSecurity(
        resolveListenerSecureSocket({ ...localhost, mode }),
        denoNetwork.clock,
      );
      await security.load();
      let calls = 0;
      // It ends after a while: a test that never ends would tell nothing.
      server.read = () => Promise.resolve(++calls > 100 ? null : count);
      await assertRejects(() => security.upgrade(server), GenericError, `it gave ${count}`);
      client.close();
    }
  }
});

Deno.test("ListenerSecurity says so where a stream's beginTls is async by mistake", async () => {
  const [client, server] = connectedTransports();
  const security = new ListenerSecurity(resolveListenerSecureSocket(localhost), denoNetwork.clock);
  await security.load();
  Object.assign(server, { beginTls: () => Promise.reject(new Error("late")) });
  const upgrading = assertRejects(
    () => security.upgrade(server),
    GenericError,
    "a transport's beginTls must not be async",
  );
  client.close();
  await upgrading;
});

Deno.test("ListenerSecurity frees a stream that has forgotten its peer", async () => {
  const [client, server] = await plainPair();
  const security = new ListenerSecurity(resolveListenerSecureSocket(localhost), denoNetwork.clock);
  await security.load();
  Object.defineProperty(server, "remoteAddr", {
    get() {
      throw new Error("mine");
    },
  });
  const upgrading = assertRejects(
    () => security.upgrade(server),
    GenericError,
    "Cannot make the connection from an unknown address secure",
  );
  client.close();
  await upgrading;
  await assertRejects(() => server.read(new Uint8Array(1)), Deno.errors.BadResource);
});

Deno.test("ListenerSecurity gives a client that it refuses the time to read why", async () => {
  const [client, server] = await plainPair();
  const security = new ListenerSecurity(resolveListenerSecureSocket(localhost), denoNetwork.clock);
  await security.load();
  // More than is read: freed at once, the stream would be reset and the alert lost.
  await writeAll(client, new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n".repeat(5_000)));
  const upgrading = assertRejects(() => security.upgrade(server), GenericError, "speak TLS");
  // A record of an alert, fatal.
  assertEquals((await readAll(client, 7)).subarray(0, 6), new Uint8Array([21, 3, 3, 0, 2, 2]));
  client.close();
  await upgrading;
});

Deno.test("ListenerSecurity.replace() refuses what cannot be used, and the old one stays", async () => {
  const security = new ListenerSecurity(resolveListenerSecureSocket(localhost), denoNetwork.clock);
  await security.load();
  await assertRejects(() => security.replace({}), TypeError, "a certificate and its key");
  await assertRejects(() => security.replace({ cert: "x", key: "y" }), GenericError, "Cannot use");
  const [client, server] = await plainPair();
  const serving = security.upgrade(server);
  const dialling = new ClientSecurity(
    resolveClientSecureSocket({ caCerts }, "localhost"),
    denoNetwork,
  );
  await dialling.load();
  const ends: Transport[] = await Promise.all([dialling.secure(client), serving]);
  for (const end of ends) end.close();
});

Deno.test("ListenerSecurity serves a certificate that was renewed in its file, and keeps the old one while it cannot", async () => {
  const folder = await Deno.makeTempDir();
  const certFile = `${folder}/cert.pem`;
  const keyFile = `${folder}/key.pem`;
  const put = async ({ cert, key }: { cert: string; key: string }) => {
    await Deno.writeTextFile(certFile, cert);
    await Deno.writeTextFile(keyFile, key);
  };
  await put(localhost);
  // Its timers keep the test alive.
  const { unrefTimer: _, ...clock } = denoNetwork.clock;
  const [failed, renewed] = [Promise.withResolvers<SocketError>(), Promise.withResolvers<void>()];
  const failures: string[] = [];
  const config: ListenerSecureSocketConfig = {
    certFile,
    keyFile,
    reloadInMillis: 5,
  };
  const security = new ListenerSecurity(
    resolveListenerSecureSocket(config),
    clock,
    (error) => {
      if (error === undefined) return renewed.resolve();
      failures.push(error.message);
      failed.resolve(error);
    },
  );
  await security.load();
  security.watch();
  const dialling = new ClientSecurity(
    resolveClientSecureSocket({ caCerts, exposePeerCertificate: true }, "localhost"),
    denoNetwork,
  );
  await dialling.load();
  const serial = async () => {
    const [plain, served] = await plainPair();
    const serving = security.upgrade(served);
    const [client, server] = await Promise.all([dialling.secure(plain), serving]);
    const { serialNumber } = client.secure!.peerCertificate!;
    client.close();
    server.close();
    return serialNumber;
  };
  try {
    const first = await serial();
    await Deno.writeTextFile(certFile, "half of a certif");
    assertMatch((await failed.promise).message, /has no certificate in PEM form/);
    assertEquals(await serial(), first);
    // It looks again and again, and tells once.
    let looks = 0;
    const { stat } = Deno;
    Deno.stat = (path) => {
      looks++;
      return stat(path);
    };
    try {
      while (looks < 12) await serial();
    } finally {
      Deno.stat = stat;
    }
    assertEquals(failures.length, 1);
    await put(await authority.sign());
    await renewed.promise;
    assertNotEquals(await serial(), first);
  } finally {
    security.stop();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("ListenerSecurity tells once that a client has said its first word, before the handshake is over", async () => {
  const [client, server] = await plainPair();
  const security = new ListenerSecurity(resolveListenerSecureSocket(localhost), denoNetwork.clock);
  await security.load();
  let told = 0;
  const spoke = Promise.withResolvers<void>();
  const upgrading = assertRejects(() =>
    security.upgrade(server, () => {
      told++;
      spoke.resolve();
    }), GenericError);
  assertEquals(told, 0);
  await writeAll(client, new Uint8Array([22, 3]));
  await spoke.promise;
  await writeAll(client, new Uint8Array([1, 0, 4, 9, 9, 9, 9]));
  await upgrading;
  assertEquals(told, 1);
  client.close();

  const [silent, other] = await plainPair();
  silent.close();
  await assertRejects(() => security.upgrade(other, () => told++), GenericError);
  assertEquals(told, 1);
});

/** The serial number of the certificate that clients are shown. */
async function shownSerial(security: ListenerSecurity): Promise<string> {
  const [plain, served] = await plainPair();
  const dialling = new ClientSecurity(
    resolveClientSecureSocket({ caCerts, exposePeerCertificate: true }, "localhost"),
    denoNetwork,
  );
  await dialling.load();
  const [client, server] = await Promise.all([
    dialling.secure(plain),
    security.upgrade(served),
  ]);
  client.close();
  server.close();
  return client.secure!.peerCertificate!.serialNumber;
}

/** The serial number of a certificate. */
const serialOf = ({ cert }: { cert: string }) => new X509Certificate(cert).serialNumber;

/** A file whose reading ends when it is written. */
async function withSlowFile(
  use: (path: string, write: (text: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  const path = await Deno.makeTempFile();
  const { stat } = Deno;
  let written = Promise.withResolvers<void>();
  Deno.stat = async (file) => {
    if (file === path) await written.promise;
    return await stat(file);
  };
  try {
    await use(path, async (text) => {
      await Deno.writeTextFile(path, text);
      written.resolve();
      written = Promise.withResolvers();
    });
  } finally {
    Deno.stat = stat;
    await Deno.remove(path);
  }
}

Deno.test("ListenerSecurity.replace() that was called last wins, whichever is ready first", async () => {
  const [first, second, third] = await Promise.all([1, 2, 3].map(() => authority.sign()));
  await withSlowFile(async (certFile, write) => {
    const security = new ListenerSecurity(
      resolveListenerSecureSocket(localhost),
      denoNetwork.clock,
    );
    await security.load();
    const replacing = security.replace({ certFile, key: first!.key });
    await security.replace(second!);
    assertEquals(await shownSerial(security), serialOf(second!));
    await write(first!.cert);
    await replacing;
    assertEquals(await shownSerial(security), serialOf(second!));

    const slow = security.replace(first!);
    const last = security.replace({ certFile, key: third!.key });
    await slow;
    assertEquals(await shownSerial(security), serialOf(first!));
    await write(third!.cert);
    await last;
    assertEquals(await shownSerial(security), serialOf(third!));
  });
});

Deno.test("ListenerSecurity.replace() that was called first counts where the later one fails", async () => {
  const other = await authority.sign();
  await withSlowFile(async (certFile, write) => {
    const security = new ListenerSecurity(
      resolveListenerSecureSocket(localhost),
      denoNetwork.clock,
    );
    await security.load();
    const replacing = security.replace({ certFile, key: other.key });
    await assertRejects(() => security.replace({ cert: "x", key: "y" }), GenericError);
    await write(other.cert);
    await replacing;
    assertEquals(await shownSerial(security), serialOf(other));
  });
});

Deno.test("ListenerSecurity.replace() is no change of a file, and what it names is watched from then on", async () => {
  const folder = await Deno.makeTempDir();
  const put = async (name: string, text: string) => {
    await Deno.writeTextFile(`${folder}/${name}`, text);
    return `${folder}/${name}`;
  };
  const other = await authority.sign();
  const before = {
    certFile: await put("cert", localhost.cert),
    keyFile: await put("key", localhost.key),
  };
  const after = {
    certFile: await put("cert2", other.cert),
    keyFile: await put("key2", other.key),
  };
  const clock = new VirtualClock();
  const told: (string | undefined)[] = [];
  const security = new ListenerSecurity(
    resolveListenerSecureSocket({ ...before, reloadInMillis: 10 }),
    clock,
    (error) => void told.push(error?.message),
  );
  const { stat } = Deno;
  /** One look, up to its end: then it waits for the next one. */
  const look = async () => {
    await clock.advance(10);
    while (clock.pending === 0) await new Promise((next) => setImmediate(next));
  };
  try {
    await security.load();
    security.watch();
    await look();
    await security.replace(after);
    await look();
    await security.replace(localhost);
    await look();
    assertEquals(told, []);
    // Also where it comes while a look is under way at files that have changed.
    await security.replace(before);
    await put("cert", other.cert);
    const looking = Promise.withResolvers<void>();
    let hasBegun = false;
    Deno.stat = async (path) => {
      const result = await stat(path);
      if (path === before.certFile) {
        hasBegun = true;
        await looking.promise;
      }
      return result;
    };
    await clock.advance(10);
    while (!hasBegun) await new Promise((next) => setImmediate(next));
    await security.replace(after);
    looking.resolve();
    while (clock.pending === 0) await new Promise((next) => setImmediate(next));
    await look();
    assertEquals(told, []);
    await put("cert2", "garbage");
    await look();
    assertEquals(told.length, 1);
  } finally {
    Deno.stat = stat;
    security.stop();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("ListenerSecurity.replace() is not undone by files that were being read before", async () => {
  const other = await authority.sign();
  await withSlowFile(async (certFile, write) => {
    const options = resolveListenerSecureSocket({ certFile, key: localhost.key });
    const security = new ListenerSecurity(options, denoNetwork.clock);
    const loading = security.load();
    await security.replace(other);
    await write(localhost.cert);
    await loading;
    assertEquals(await shownSerial(security), serialOf(other));
  });
});

Deno.test("ListenerSecurity takes no key that the engine cannot use, and the old one stays", async () => {
  const raw = await RawAuthority.make();
  const kinds = [
    keysOf("rsa", { modulusLength: 1_024 }),
    keysOf("ec", { namedCurve: "secp256k1" }),
  ];
  for (const keys of kinds) {
    const { cert, key } = await raw.sign({ names: [dns("localhost")], keys });
    const unusable = { cert, key };
    const security = new ListenerSecurity(
      resolveListenerSecureSocket(localhost),
      denoNetwork.clock,
    );
    await security.load();
    const sni = { "a.example": unusable };
    for (
      const [certificates, named] of [
        [unusable, "secureSocket.key: it is a key that the TLS engine cannot use"],
        [{ ...localhost, sni }, 'secureSocket.sni["a.example"].key: it is a key that'],
      ] as const
    ) {
      await assertRejects(() => security.replace(certificates), GenericError, named);
      const starting = new ListenerSecurity(
        resolveListenerSecureSocket(certificates),
        denoNetwork.clock,
      );
      await assertRejects(() => starting.load(), GenericError, named);
    }
    assertEquals(await shownSerial(security), serialOf(localhost));
  }
});

Deno.test("ListenerSecurity.replace() refuses to lock out whoever has to show a certificate", async () => {
  const security = new ListenerSecurity(resolveListenerSecureSocket(required), denoNetwork.clock);
  await security.load();
  await assertRejects(
    () => security.replace(localhost),
    TypeError,
    'secureSocket.clientAuth is "require", so caCerts or caCertFile must be given',
  );
  await security.replace({ ...localhost, caCerts });
  const [plain, served] = await plainPair();
  const dialling = new ClientSecurity(
    resolveClientSecureSocket({ caCerts, ...member }, "localhost"),
    denoNetwork,
  );
  await dialling.load();
  const ends = await Promise.all([dialling.secure(plain), security.upgrade(served)]);
  for (const end of ends) end.close();
});

Deno.test("ClientSecurity says that the engine cannot use its own key", async () => {
  const raw = await RawAuthority.make();
  for (
    const keys of [keysOf("rsa", { modulusLength: 1_024 }), keysOf("ec", { namedCurve: "P-224" })]
  ) {
    const { cert, key } = await raw.sign({ keys });
    const [client, server] = await plainPair();
    const security = new ClientSecurity(
      resolveClientSecureSocket({ caCerts, cert, key }, "localhost"),
      denoNetwork,
    );
    await assertRejects(
      async () => {
        await security.load();
        await security.secure(client);
      },
      GenericError,
      "Cannot use secureSocket.key: it is a key that the TLS engine cannot use",
    );
    for (const end of [client, server]) {
      try {
        end.close();
      } catch { /* freed already */ }
    }
  }
});
