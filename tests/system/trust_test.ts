// Which servers a client trusts: one table of certificates, valid and hostile, with the same verdict from both engines.

import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { Transport } from "../../src/network/network.ts";
import { TlsServer } from "../../src/tls/tls_server.ts";
import { withPollution } from "../support/pollution.ts";
import {
  der,
  dns,
  email,
  ip,
  RawAuthority,
  type RawCertificate,
  rawName,
  type RawWish,
  uri,
} from "../support/raw_certificates.ts";
import { clientSecurity, plainPair } from "../support/secure_pair.ts";

const authority = await RawAuthority.make();
const COMMON_NAME = "2.5.4.3";
const A = rawName([[COMMON_NAME, "a.example"]]);
const LOOPBACK_6 = [...new Array(15).fill(0), 1];

/** What a certificate says, whom the client asked for, and whether it is trusted. */
interface Case extends RawWish {
  readonly host?: string;
  /** Whom the client trusts: the authority, or this certificate itself. */
  readonly trusts?: "itself";
  readonly anyName?: true;
  /** The refusal of both engines; left out where it is trusted. */
  readonly told?: RegExp;
}

const wrongName = /the certificate is not valid for the name/;
const noName = /no certificate can be valid for this name/;
const expired = /has expired|not signed by anybody we trust/;
const purpose = /made for something else|not signed by anybody we trust/;
const unsigned = /not signed by anybody we trust|signed by itself/;
const anAuthority = /an authority's|signed by itself/;
const oldVersion = /has an old version/;
const garbage = /certificate is wrong|not valid for the name/;

const CASES: Readonly<Record<string, Case>> = {
  "a name": { names: [dns("a.example")] },
  "a name in other letters": { names: [dns("A.Example")], host: "a.EXAMPLE" },
  "a name asked for with a dot": { names: [dns("a.example")], host: "a.example." },
  "a single label": { names: [dns("localhost")], host: "localhost" },
  "a name with an underscore": { names: [dns("a_b.example")], host: "a_b.example" },
  "an international name": { names: [dns("xn--mnchen-3ya.example")], host: "münchen.example" },
  "a wildcard": { names: [dns("*.b.example")], host: "a.b.example" },
  "a wildcard for an international label": {
    names: [dns("*.b.example")],
    host: "münchen.b.example",
  },
  "a name behind others": {
    names: [dns("a.example\0.evil"), dns(""), email("x"), ip(1, 2, 3), dns("a.example")],
  },
  "a name behind one with a comma": { names: [dns("b.example, DNS:c"), dns("a.example")] },
  "a name before garbage": { names: [dns("a.example"), der(0x8a, [1])] },
  "an IPv4 address": { names: [ip(127, 0, 0, 1)], host: "127.0.0.1" },
  "an IPv6 address": { names: [ip(...LOOPBACK_6)], host: "0:0::1" },
  "an IPv6 address in brackets": { names: [ip(...LOOPBACK_6)], host: "[::1]" },
  "an IPv6 address with a zone": { names: [ip(...LOOPBACK_6)], host: "::1%lo" },
  "a subject that is no text": {
    names: [dns("a.example")],
    subject: rawName([[COMMON_NAME, "\xff", 0x0c]]),
  },
  "no subject": { names: [dns("a.example")], subject: rawName() },
  "itself, no authority": { names: [dns("a.example")], isOwn: true, trusts: "itself" },
  "itself, said to be no authority": {
    names: [dns("a.example")],
    isOwn: true,
    isAuthority: false,
    trusts: "itself",
  },
  "for servers": { names: [dns("a.example")], purpose: "1.3.6.1.5.5.7.3.1" },
  "any name where that is wanted": { names: [dns("b.example")], anyName: true },
  "no name where any will do": { subject: A, anyName: true },

  "another name": { names: [dns("b.example")], told: wrongName },
  "a URI with a separator in it": {
    names: [uri("http://x/, DNS:a.example")],
    told: wrongName,
  },
  "a DNS name with a separator in it": {
    names: [dns("b.example, DNS:a.example")],
    told: wrongName,
  },
  "a DNS name with a newline in it": { names: [dns("b.example\nDNS:a.example")], told: wrongName },
  "a DNS name with a NUL in it": { names: [dns("a.example\0.evil")], told: wrongName },
  "a URI of the host": { names: [uri("https://a.example/"), uri("a.example")], told: wrongName },
  "an email address": { names: [email("a.example")], told: wrongName },
  "a directory name": { names: [der(0xa4, A)], told: wrongName },
  "a common name only": { subject: A, told: wrongName },
  "a common name beside other names": { subject: A, names: [dns("b.example")], told: wrongName },
  "a common name beside names of other kinds": {
    subject: A,
    names: [email("a@a.example")],
    told: wrongName,
  },
  "no names": { subject: A, names: [], told: wrongName },
  "a common name that is an address": {
    subject: rawName([[COMMON_NAME, "127.0.0.1"]]),
    host: "127.0.0.1",
    told: wrongName,
  },
  "an address as a DNS name": { names: [dns("127.0.0.1")], host: "127.0.0.1", told: wrongName },
  "another address": { names: [ip(127, 0, 0, 2)], host: "127.0.0.1", told: wrongName },
  "an address with a mask": {
    names: [ip(127, 0, 0, 1, 255, 255, 255, 255)],
    host: "127.0.0.1",
    told: wrongName,
  },
  "an IPv4 address that is asked for as IPv6": {
    names: [ip(127, 0, 0, 1)],
    host: "::ffff:127.0.0.1",
  },
  "a wildcard for an address": { names: [dns("*.0.0.1")], host: "127.0.0.1", told: wrongName },
  "a wildcard for two labels": {
    names: [dns("*.b.example")],
    host: "x.a.b.example",
    told: wrongName,
  },
  "a wildcard for none": { names: [dns("*.b.example")], host: "b.example", told: wrongName },
  "a wildcard with one label behind it": { names: [dns("*.example")], told: wrongName },
  "a wildcard alone": { names: [dns("*")], host: "localhost", told: wrongName },
  "a wildcard in a label": { names: [dns("a*.b.example")], host: "ab.b.example", told: wrongName },
  "a wildcard in the middle": { names: [dns("a.*.example")], host: "a.b.example", told: wrongName },
  "two wildcards": { names: [dns("*.*.example")], host: "a.b.example", told: wrongName },
  "a name that ends with a dot": { names: [dns("a.example.")], told: wrongName },
  "a name that begins with a dot": { names: [dns(".example")], told: wrongName },
  "an international name in Latin-1": {
    names: [dns("m\xfcnchen.example")],
    host: "münchen.example",
    told: wrongName,
  },
  "garbage before the name": { names: [der(0x8a, [1]), dns("a.example")], told: garbage },
  "a length that is not the shortest": {
    rawNames: der(0x30, [0x82, 0x81, 9], new TextEncoder().encode("a.example")),
    told: garbage,
  },
  "a host that begins with a hyphen": {
    names: [dns("-a.example")],
    host: "-a.example",
    told: noName,
  },
  "version 1": { subject: A, isFirstVersion: true, told: oldVersion },
  "version 1 where any name will do": { isFirstVersion: true, anyName: true, told: oldVersion },
  "itself, of version 1": {
    isFirstVersion: true,
    isOwn: true,
    trusts: "itself",
    anyName: true,
    told: oldVersion,
  },
  "itself, an authority": {
    names: [dns("a.example")],
    isOwn: true,
    isAuthority: true,
    trusts: "itself",
    told: anAuthority,
  },
  "itself, an authority, where any name will do": {
    isOwn: true,
    isAuthority: true,
    trusts: "itself",
    anyName: true,
    told: anAuthority,
  },
  "an authority that another has signed": {
    names: [dns("a.example")],
    isAuthority: true,
    told: anAuthority,
  },
  "itself, and nobody trusts it": { names: [dns("a.example")], isOwn: true, told: unsigned },
  "signed by another, though it is trusted": {
    names: [dns("a.example")],
    trusts: "itself",
    told: unsigned,
  },
  "expired": { names: [dns("a.example")], days: -2, told: expired },
  "itself, expired": {
    names: [dns("a.example")],
    days: -2,
    isOwn: true,
    trusts: "itself",
    told: expired,
  },
  "for clients": { names: [dns("a.example")], purpose: "1.3.6.1.5.5.7.3.2", told: purpose },
  "for any purpose": { names: [dns("a.example")], purpose: "2.5.29.37.0", told: purpose },
};

/** What each end says. */
interface Ends {
  readonly client: Transport | Error;
  readonly server: Transport | Error;
}

const ENGINES = { "Deno's own": {}, "node:tls": { exposePeerCertificate: true } } as const;

/** A server that shows any certificate, also one that no listener would. */
function serverWith({ cert, key }: RawCertificate): TlsServer {
  const Unchecked = TlsServer as unknown as new (...args: unknown[]) => TlsServer;
  const options = () => ({ cert, key, allowHalfOpen: true, handshakeTimeout: -1 });
  return new Unchecked(options, false, "none", "", new Set());
}

async function meet(certificate: RawCertificate, of: Case, engine: object): Promise<Ends> {
  const { host = "a.example", trusts, anyName = false } = of;
  const [near, far] = await plainPair();
  const caCerts = [trusts === "itself" ? certificate.cert : authority.cert];
  const options = { caCerts, verifyHostname: !anyName, ...engine };
  const security = await clientSecurity(options, host);
  const caught = (error: Error) => error;
  const [client, server] = await Promise.all([
    security.secure(near).catch(caught),
    serverWith(certificate).accept(far).catch((error: Error) => {
      far.close();
      return error;
    }),
  ]);
  return { client, server };
}

function free(...ends: (Transport | Error)[]): void {
  for (const end of ends) if (!(end instanceof Error)) end.close();
}

for (const [name, of] of Object.entries(CASES)) {
  Deno.test(`ClientSecurity ${of.told === undefined ? "trusts" : "refuses"} on both engines: ${name}`, async () => {
    const certificate = await authority.sign(of);
    for (const [engine, options] of Object.entries(ENGINES)) {
      const { client, server } = await meet(certificate, of, options);
      free(client, server);
      if (of.told === undefined) {
        assertEquals([client instanceof Error, server instanceof Error], [false, false], engine);
      } else {
        assertEquals(client instanceof Error, true, engine);
        assertMatch((client as Error).message, of.told, engine);
        // It gets an alert, or an end before the handshake; never success.
        assertEquals(server instanceof Error, true, engine);
      }
    }
  });
}

Deno.test("ClientSecurity tells a server that its name is wrong by an alert, on both engines", async () => {
  const of = { names: [dns("b.example")] };
  const certificate = await authority.sign(of);
  for (const options of Object.values(ENGINES)) {
    const { server } = await meet(certificate, of, options);
    assertEquals((server as Error).message, "received fatal alert: BadCertificate");
  }
});

Deno.test("ClientSecurity tells the name that was asked for, and none for an address, on both engines", async () => {
  const names = [dns("a.example"), ip(127, 0, 0, 1), ip(...LOOPBACK_6)];
  const certificate = await authority.sign({ names });
  for (
    const [host, asked] of [
      ["A.example.", "a.example"],
      ["127.0.0.1", undefined],
      ["::1", undefined],
      ["[::1]", undefined],
    ] as const
  ) {
    for (const options of Object.values(ENGINES)) {
      const { client, server } = await meet(certificate, { host }, options);
      const told = [client, server].map((end) => (end as Transport).secure!.serverName);
      free(client, server);
      assertEquals(told, [asked, asked], host);
    }
  }
});

Deno.test("ClientSecurity trusts nobody for having trusted them before, with other options", async () => {
  const certificate = await authority.sign({ names: [dns("a.example")] });
  const stranger = await RawAuthority.make();
  const server = serverWith(certificate);
  const attempt = async (options: object, host: string) => {
    const [near, far] = await plainPair();
    const security = await clientSecurity({ exposePeerCertificate: true, ...options }, host);
    const accepting = server.accept(far).then(async (end) => {
      // The session ticket is sent after what is written.
      await end.write(Uint8Array.of(1));
      return end;
    }, () => far.close());
    try {
      const client = await security.secure(near);
      await client.read(new Uint8Array(1));
      client.close();
    } finally {
      (await accepting)?.close();
    }
  };
  const own = { caCerts: [authority.cert] };
  for (let i = 0; i < 3; i++) await attempt(own, "a.example");
  await assertRejects(() => attempt({ caCerts: [stranger.cert] }, "a.example"), Error, "trust");
  await attempt({ ...own, verifyHostname: false }, "b.example");
  await assertRejects(() => attempt(own, "b.example"), Error, "not valid for the name");
});

Deno.test("ClientSecurity trusts nobody for what is on Object.prototype, on both engines", async () => {
  const stranger = await RawAuthority.make();
  const names = [dns("a.example")];
  const right = await authority.sign({ names });
  const foreign = await stranger.sign({ names });
  const wrong = await authority.sign({ names: [dns("b.example")] });
  const everything = {
    ca: stranger.cert,
    caCerts: [stranger.cert],
    verifyHostname: false,
    rejectUnauthorized: false,
    unsafelyDisableHostnameVerification: true,
    checkServerIdentity: () => undefined,
    exposePeerCertificate: false,
    trustSystemCerts: false,
    serverName: "b.example",
    servername: "b.example",
    ALPNProtocols: ["x"],
    alpnProtocols: ["x"],
    cert: foreign.cert,
    key: foreign.key,
    passphrase: "p",
    requestCert: true,
    session: Uint8Array.of(1),
  };
  for (const options of Object.values(ENGINES)) {
    await withPollution(everything, async () => {
      for (
        const [certificate, isTrusted] of [[right, true], [foreign, false], [wrong, false]] as const
      ) {
        const { client, server } = await meet(certificate, {}, options);
        free(client, server);
        assertEquals([client, server].map((end) => !(end instanceof Error)), [
          isTrusted,
          isTrusted,
        ]);
        if (isTrusted) assertEquals((client as Transport).secure!.alpnProtocol, undefined);
      }
    });
  }
});
