// What a secure connection tells about itself: types only.

/** A certificate that the peer has shown and that was verified. */
export interface PeerCertificate {
  /** Whom it was made for: `"O=Example, CN=client.example"`. */
  readonly subject: string;
  /** Who signed it, in the same form. */
  readonly issuer: string;
  /** What it is valid for, each with its kind: `"DNS:client.example"`, `"IP Address:127.0.0.1"`. */
  readonly subjectAltNames: readonly string[];
  /** SHA-256 of the certificate: hexadecimal bytes in capitals, separated by colons. */
  readonly fingerprint256: string;
  /** Its number with its issuer, hexadecimal. */
  readonly serialNumber: string;
  /** When it began to be valid. */
  readonly validFrom: Date;
  /** When it ends to be valid. */
  readonly validTo: Date;
}

/** What was agreed on with the peer of a secure connection. */
export interface SecureInfo {
  /** The protocol, where the engine tells it; see {@linkcode SecureInfo.peerCertificate}. */
  readonly protocol: "TLSv1.2" | "TLSv1.3" | undefined;
  /** The application protocol both ends speak, if they have agreed on one. */
  readonly alpnProtocol: string | undefined;
  /** The name that the client asked for, if it did. */
  readonly serverName: string | undefined;
  /**
   * The peer's certificate, verified: a listener has it where `clientAuth` asked for one and the client
   * showed it, a client where `exposePeerCertificate` asked for it.
   */
  readonly peerCertificate: PeerCertificate | undefined;
}
