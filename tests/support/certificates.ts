// Certificates for tests, made when needed and never kept: an authority, and what it signs.

import "npm:reflect-metadata@0.2.2";
import * as x509 from "npm:@peculiar/x509@2.2.0";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY = 24 * 60 * 60 * 1000;

x509.cryptoProvider.set(crypto);

/** A certificate and its key in PEM form. */
export interface MadeCertificate {
  readonly cert: string;
  readonly key: string;
}

/** The contents of a certificate to make. */
export interface Wish {
  /** Common name. */
  readonly name?: string;
  /** DNS names and IP addresses it is valid for. */
  readonly hosts?: readonly string[];
  /** The end of its validity, in days from now; negative if it has expired. */
  readonly days?: number;
  /** The start of its validity, in days from now. */
  readonly fromDays?: number;
  /** Whether it names the authority as its issuer and is signed by its own key. */
  readonly isForged?: boolean;
  /** Whether it has an extension in it that nobody can read. */
  readonly isUnreadable?: boolean;
  /** Whether only clients may show it. */
  readonly isForClients?: boolean;
}

/** Signs certificates. */
export class Authority {
  readonly cert: string;
  readonly #certificate: x509.X509Certificate;
  readonly #keys: CryptoKeyPair;

  readonly #algorithm: typeof ALGORITHM;

  private constructor(
    certificate: x509.X509Certificate,
    keys: CryptoKeyPair,
    algorithm = ALGORITHM,
  ) {
    this.#algorithm = algorithm;
    this.cert = certificate.toString("pem") + "\n";
    this.#certificate = certificate;
    this.#keys = keys;
  }

  /** Makes an authority with a key of its own. */
  static async make(name: string, namedCurve = "P-256"): Promise<Authority> {
    const hash = namedCurve === "P-256" ? "SHA-256" : "SHA-384";
    const algorithm = { ...ALGORITHM, namedCurve, hash };
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      keys,
      signingAlgorithm: algorithm,
      notBefore: new Date(Date.now() - DAY),
      notAfter: new Date(Date.now() + 30 * DAY),
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(
          x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
          true,
        ),
      ],
    });
    return new Authority(certificate, keys, algorithm);
  }

  /** Makes an authority that this one has signed. @param isAuthority Whether it may sign others. */
  async under(name: string, isAuthority = true, days = 7): Promise<Authority> {
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=${name}`,
      issuer: this.#certificate.subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: this.#algorithm,
      notBefore: new Date(Date.now() - 9 * DAY),
      notAfter: new Date(Date.now() + days * DAY),
      extensions: [new x509.BasicConstraintsExtension(isAuthority, undefined, true)],
    });
    return new Authority(certificate, keys);
  }

  /** Makes a certificate for both sides of a connection. */
  async sign(wish: Wish = {}): Promise<MadeCertificate> {
    const { name = "localhost", hosts = ["localhost", "127.0.0.1"], days = 7, fromDays = -1 } =
      wish;
    const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
    const unreadable = new x509.Extension("2.5.29.31", false, Uint8Array.of(0xff, 0xff));
    const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=${name}, O=Tests`,
      issuer: this.#certificate.subject,
      publicKey: keys.publicKey,
      signingKey: wish.isForged === true ? keys.privateKey : this.#keys.privateKey,
      signingAlgorithm: wish.isForged === true ? ALGORITHM : this.#algorithm,
      notBefore: new Date(Date.now() + Math.min(fromDays, days - 1) * DAY),
      notAfter: new Date(Date.now() + days * DAY),
      extensions: [
        new x509.BasicConstraintsExtension(false),
        new x509.ExtendedKeyUsageExtension(
          wish.isForClients === true ? [clientAuth] : [serverAuth, clientAuth],
        ),
        new x509.SubjectAlternativeNameExtension(
          hosts.map((value) => ({ type: /^[\d.]+$|:/.test(value) ? "ip" : "dns", value } as const)),
        ),
        ...(wish.isUnreadable === true ? [unreadable] : []),
      ],
    });
    const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
    return {
      cert: certificate.toString("pem") + "\n",
      key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY") + "\n",
    };
  }
}
