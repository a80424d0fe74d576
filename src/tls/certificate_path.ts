// Whether a trusted certificate has signed a server's, by signatures that are checked here, after the engine's verdict.
//
// Decision record: where a certificate has something in it that the engine of node:tls cannot read (an extension that
// is no DER, a date in the year 0), node:tls of Deno 2.9.6 takes it for signed as soon as it names a certificate of
// `ca` as its issuer, and looks at nothing else: not at the signature, the dates or the purposes. Anybody can write
// such a certificate. Of the system's certificates it does not: they count by the engine's verdict.

import { verify, X509Certificate } from "node:crypto";
import { hasExpired } from "./credentials.ts";
import { readNames } from "./certificate_names.ts";
import { DerReader, oidText, TAG } from "./der.ts";

/** A certificate as node:tls gives it: what it is, and the one that stands behind it. */
export interface ShownCertificate {
  /** Its DER. */
  readonly raw?: Uint8Array;
  /** The next one: one of the server's, or one that is trusted; itself at the end. */
  readonly issuerCertificate?: ShownCertificate;
}

/** More are no chain. */
const MOST = 16;
const SERVER = "1.3.6.1.5.5.7.3.1";
/** What ECDSA signs is hashed before, by the identifier of the signature. */
const HASHES: ReadonlyMap<string, string> = new Map([
  ["1.2.840.10045.4.3.2", "sha256"],
  ["1.2.840.10045.4.3.3", "sha384"],
  ["1.2.840.10045.4.3.4", "sha512"],
]);

/** Certificates that may sign a server's. */
export class TrustedCertificates {
  readonly #trusted: readonly X509Certificate[];
  readonly #areAlone: boolean;

  /** @param pems The certificates, each of which can be read. @param areAlone Whether no others are trusted. */
  constructor(pems: readonly string[], areAlone: boolean) {
    this.#trusted = pems.map((pem) => new X509Certificate(pem));
    this.#areAlone = areAlone;
  }

  /** What is wrong with a chain that the engine has accepted: the engine's own word for it, if anything is. */
  problemOf(shown: ShownCertificate): string | undefined {
    const [server, ...others] = chainOf(shown);
    if (server === undefined) return "UnknownIssuer";
    // One that the system's certificates have signed names none of these, unless they are the same.
    const isNamed = [server, ...others].some((one) => this.#signersOf(one).length > 0);
    if (!isNamed && !this.#areAlone) return undefined;
    const time = timeProblem(server);
    if (time !== undefined) return time;
    const { purposes } = readNames(server.raw);
    if (purposes !== undefined && !purposes.includes(SERVER)) return "InvalidPurpose";
    return this.#isSigned(server, others) ? undefined : "UnknownIssuer";
  }

  /** Those that it names as its issuer. */
  #signersOf(certificate: X509Certificate): X509Certificate[] {
    return this.#trusted.filter((one) => certificate.checkIssued(one));
  }

  #isSigned(certificate: X509Certificate, others: readonly X509Certificate[]): boolean {
    if (this.#signersOf(certificate).some((one) => isSignedBy(certificate, one))) return true;
    return others.some((one) => {
      if (!certificate.checkIssued(one) || !isAuthority(one)) return false;
      // Each is passed through once at most.
      const rest = others.filter((other) => other !== one);
      return isSignedBy(certificate, one) && this.#isSigned(one, rest);
    });
  }
}

/** The certificates of a chain that can be read, the server's first; none where that one cannot. */
function chainOf(shown: ShownCertificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  const seen = new Set<ShownCertificate>();
  for (
    let next: ShownCertificate | undefined = shown;
    next?.raw !== undefined && !seen.has(next) && seen.size < MOST;
    next = next.issuerCertificate
  ) {
    seen.add(next);
    try {
      chain.push(new X509Certificate(next.raw));
    } catch {
      if (chain.length === 0) return chain;
    }
  }
  return chain;
}

function isSignedBy(certificate: X509Certificate, signer: X509Certificate): boolean {
  for (const check of [isVerified, isVerifiedByEcdsa]) {
    try {
      if (check(certificate, signer)) return true;
    } catch { /* a kind of key that cannot be used in this way */ }
  }
  return false;
}

function isVerified(certificate: X509Certificate, { publicKey }: X509Certificate): boolean {
  return certificate.verify(publicKey);
}

/** A certificate cannot check signatures of P-521, but node:crypto can. */
function isVerifiedByEcdsa(certificate: X509Certificate, { publicKey }: X509Certificate): boolean {
  const fields = new DerReader(certificate.raw).enter(TAG.SEQUENCE);
  const { whole: signed } = fields.read(TAG.SEQUENCE);
  const hash = HASHES.get(oidText(fields.enter(TAG.SEQUENCE).read(TAG.OID).content));
  const { content } = fields.read(TAG.BIT_STRING);
  return hash !== undefined && verify(hash, signed, publicKey, content.subarray(1));
}

/** Whether a certificate may sign others now. */
function isAuthority(certificate: X509Certificate): boolean {
  try {
    return readNames(certificate.raw).isAuthority && timeProblem(certificate) === undefined;
  } catch {
    return false;
  }
}

function timeProblem(certificate: X509Certificate): string | undefined {
  const from = certificate.validFromDate.getTime();
  const to = certificate.validToDate.getTime();
  if (Number.isNaN(from) || Number.isNaN(to)) return "BadEncoding";
  if (Date.now() < from) return "NotValidYet";
  return hasExpired(certificate) ? "Expired" : undefined;
}
