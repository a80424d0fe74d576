// Why a secure connection could not be made, or was cut: the one translation of what the two engines say.
// Both are built on rustls and pass its messages on; node:tls adds codes like OpenSSL's.

import { GenericError, reasonOf, SocketError } from "./errors.ts";

/** What the peer found wrong, by the alert that it sent. */
const ALERTS: Readonly<Record<string, string>> = {
  AccessDenied: "the peer does not accept our certificate",
  BadCertificate: "the peer finds our certificate wrong",
  CertificateExpired: "the peer says that our certificate has expired",
  CertificateRequired: "the peer demands a certificate, give cert and key",
  CertificateRevoked: "the peer says that our certificate was revoked",
  CertificateUnknown: "the peer does not accept our certificate",
  HandshakeFailure: "the peer found nothing in common (version, cipher or certificate)",
  NoApplicationProtocol: "the peer speaks none of our application protocols (ALPN)",
  ProtocolVersion: "the peer speaks no protocol version of ours",
  UnknownCA: "the peer does not trust who signed our certificate",
  UnrecognizedName: "the peer has no certificate for the name",
  UnsupportedCertificate: "the peer cannot use our certificate",
};

/** What this side found wrong; the first match counts. */
const FINDINGS: readonly (readonly [RegExp, string])[] = [
  [
    /not valid for name|NotValidForName|ALTNAME_INVALID/,
    "the certificate is not valid for the name",
  ],
  [
    /NotValidYet|NOT_YET_VALID|certificate not valid yet/,
    "the peer's certificate is not valid yet",
  ],
  [/VERIFY_FAILED/, "the peer's certificate does not verify"],
  [/Expired|HAS_EXPIRED|certificate expired/, "the peer's certificate has expired"],
  [
    /InvalidPurpose|INVALID_PURPOSE|extended key usage/,
    "the peer's certificate is made for something else",
  ],
  [/Revoked|CERT_REVOKED/, "the peer's certificate was revoked"],
  [/CaUsedAsEndEntity/, "the peer's certificate is an authority's, which no server may show"],
  [/UnsupportedCertVersion/, "the peer's certificate has an old version, without extensions"],
  [/SelfSigned|SELF_SIGNED/, "the peer's certificate is signed by itself"],
  [/UnknownIssuer|UNABLE_TO_VERIFY/, "the peer's certificate is not signed by anybody we trust"],
  [/sent no certificates|NoCertificatesPresented/, "the peer has shown no certificate"],
  [/BER error|nom error/, "the peer's chain has something that is no certificate"],
  [/any known protocol/, "no application protocol in common (ALPN)"],
  [/corrupt message|InvalidContentType|WRONG_VERSION/, "the peer does not speak TLS"],
  [/unexpected end of file|close_notify/, "the peer ended the connection"],
  [/peer is incompatible/, "no protocol version or cipher in common"],
  [/invalid peer certificate/, "the peer's certificate is wrong"],
];

/**
 * Says why a handshake failed.
 *
 * @param action What was tried: "Cannot connect securely to 127.0.0.1:443".
 * @param cause What the engine threw; a `SocketError` passes untouched, unless it says that the stream below was cut:
 * with a stream to a proxy as that, nobody would know whose handshake it was.
 * @param code The engine's code, where it gives one.
 */
export function handshakeError(action: string, cause: unknown, code = ""): SocketError {
  if (cause instanceof SocketError && cause.code !== "broken") return cause;
  return new GenericError("handshake", `${action}: ${findingOf(cause, code)}`, { cause });
}

/**
 * Translates what a read of a secure stream threw, where only the engine's words say what it is.
 *
 * @param isConfirmed Whether the peer is known to have found nothing wrong with the handshake.
 */
export function secureReadError(cause: unknown, isConfirmed: boolean): unknown {
  const reason = reasonOf(cause);
  if (/close_notify/.test(reason)) return truncatedError(cause);
  // With TLS 1.3 a client has finished before the server has looked at its certificate.
  if (!/received fatal alert/.test(reason)) return cause;
  if (!isConfirmed) return handshakeError("Cannot read", cause);
  const why = firstLine(reason, "");
  return new GenericError("broken", `Cannot read: the peer ended the connection (${why})`, {
    cause,
  });
}

/** The stream ended without the peer's goodbye: somebody on the way may have cut it. */
export function truncatedError(cause?: unknown): GenericError {
  return new GenericError(
    "broken",
    "Cannot read: the connection ended without the peer's close_notify, bytes may be missing",
    { cause },
  );
}

function findingOf(cause: unknown, code: string): string {
  if (
    cause instanceof Deno.errors.ConnectionReset ||
    cause instanceof Deno.errors.ConnectionAborted ||
    cause instanceof Deno.errors.BrokenPipe
  ) {
    return "the peer ended the connection";
  }
  const reason = reasonOf(cause);
  const alert = /received fatal alert: (\w+)/.exec(reason)?.[1];
  if (alert !== undefined) return ALERTS[alert] ?? `the peer refused (${alert})`;
  const whole = `${code} ${(cause as { code?: unknown } | null | undefined)?.code} ${reason}`;
  const finding = FINDINGS.find(([pattern]) => pattern.test(whole))?.[1];
  return finding === undefined ? reason : `${finding} (${firstLine(reason, code)})`;
}

/** The engine's own words, to be looked up. */
function firstLine(reason: string, code: string): string {
  return `${reason.split("\n", 1)[0]}${code === "" ? "" : `, ${code}`}`;
}
