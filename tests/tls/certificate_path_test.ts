import { assertEquals } from "@std/assert";
import { X509Certificate } from "node:crypto";
import { type ShownCertificate, TrustedCertificates } from "../../src/tls/certificate_path.ts";
import { Authority } from "../support/certificates.ts";

const authority = await Authority.make("Tests");
const stranger = await Authority.make("Strangers");

/** What node:tls gives for a chain in PEM form, with itself at the end. */
function shown(...pems: readonly string[]): ShownCertificate {
  const ones = pems.map((pem) =>
    ({ raw: new X509Certificate(pem).raw }) as {
      raw: Uint8Array;
      issuerCertificate?: ShownCertificate;
    }
  );
  for (const [i, one] of ones.entries()) one.issuerCertificate = ones[i + 1] ?? one;
  return ones[0]!;
}

function problem(chain: ShownCertificate, pems = [authority.cert], areAlone = true) {
  return new TrustedCertificates(pems, areAlone).problemOf(chain);
}

Deno.test("TrustedCertificates has nothing against what one of them has signed", async () => {
  const { cert } = await authority.sign();
  for (const areAlone of [true, false]) {
    assertEquals(problem(shown(cert), [authority.cert], areAlone), undefined);
    assertEquals(problem(shown(cert, authority.cert), [authority.cert], areAlone), undefined);
    const others = [stranger.cert, authority.cert];
    assertEquals(problem(shown(cert), others, areAlone), undefined);
    // Whoever has signed itself and is trusted itself.
    assertEquals(problem(shown(authority.cert), others, areAlone), undefined);
  }
});

Deno.test("TrustedCertificates refuses a certificate that only names one of them", async () => {
  const { cert } = await authority.sign({ isForged: true, isUnreadable: true });
  for (const areAlone of [true, false]) {
    for (const chain of [shown(cert), shown(cert, authority.cert)]) {
      assertEquals(problem(chain, [authority.cert], areAlone), "UnknownIssuer");
    }
  }
});

Deno.test("TrustedCertificates leaves to the engine what names none of them, unless they are alone", async () => {
  const { cert } = await stranger.sign();
  assertEquals(problem(shown(cert, stranger.cert), [authority.cert], true), "UnknownIssuer");
  assertEquals(problem(shown(cert, stranger.cert), [authority.cert], false), undefined);
});

Deno.test("TrustedCertificates follows a chain through authorities that are valid today", async () => {
  const middle = await authority.under("Middle");
  const lower = await middle.under("Lower");
  const { cert } = await lower.sign();
  assertEquals(problem(shown(cert, lower.cert, middle.cert)), undefined);
  assertEquals(problem(shown(cert, middle.cert, lower.cert)), undefined);
  // One is missing.
  assertEquals(problem(shown(cert, middle.cert)), "UnknownIssuer");
  assertEquals(problem(shown(cert, lower.cert)), "UnknownIssuer");
  for (const [isAuthority, days] of [[false, 7], [true, -1]] as const) {
    const bad = await authority.under("Bad", isAuthority, days);
    assertEquals(problem(shown((await bad.sign()).cert, bad.cert)), "UnknownIssuer");
  }
});

Deno.test("TrustedCertificates looks at the dates and the purposes of what cannot be read whole", async () => {
  for (
    const [wish, expected] of [
      [{ days: -1 }, "Expired"],
      [{ fromDays: 1 }, "NotValidYet"],
      [{ isForClients: true }, "InvalidPurpose"],
      [{}, undefined],
    ] as const
  ) {
    const { cert } = await authority.sign({ ...wish, isUnreadable: true });
    assertEquals(problem(shown(cert)), expected);
  }
});

Deno.test("TrustedCertificates survives a chain that is none", async () => {
  const { cert } = await authority.sign();
  const leaf = shown(cert) as { raw: Uint8Array; issuerCertificate: ShownCertificate };
  const junk: { raw: Uint8Array; issuerCertificate?: ShownCertificate } = {
    raw: Uint8Array.of(0x30, 0),
  };
  // In a circle.
  junk.issuerCertificate = leaf;
  leaf.issuerCertificate = junk;
  assertEquals([problem(leaf), problem(junk), problem({})], [
    undefined,
    "UnknownIssuer",
    "UnknownIssuer",
  ]);
});

Deno.test("TrustedCertificates knows the signatures of every kind of key that the engines know", async () => {
  const made = await Promise.all(["P-384", "P-521"].map((curve) => Authority.make("Keys", curve)));
  for (const one of made) {
    const { cert } = await one.sign();
    assertEquals(problem(shown(cert), [one.cert]), undefined);
    const { cert: forged } = await one.sign({ isForged: true });
    assertEquals(problem(shown(forged), [one.cert]), "UnknownIssuer");
  }
});
