// What a secure connection tells about itself: types only.

/** A part of the name of whom a certificate was made for. */
export interface NamePart {
  /**
   * What it is: `"CN"`, `"O"`, `"OU"`, `"C"`, `"emailAddress"` and so on; an identifier such as `"2.5.4.97"` where
   * it has no short name, or does not say text.
   */
  readonly type: string;
  /** What it says, as it is; with an identifier, `#` and its encoding in hexadecimal digits. */
  readonly value: string;
}

/** A name that a certificate is valid for. */
export interface AltName {
  /** What kind of name it is. */
  readonly type: "dns" | "ip" | "uri" | "email" | "other";
  /**
   * The name, as it is in the certificate: it may be of any characters. An IP address in its one spelling; of
   * `"other"`, `#` and its encoding in hexadecimal digits. What cannot be read is `"other"` with all that follows.
   */
  readonly value: string;
}

/** A certificate that the peer has shown and that was verified. */
export interface PeerCertificate {
  /**
   * Whom it was made for, in the certificate's order: `"O=Example, CN=client.example"`. What could be taken for
   * something else is escaped with a backslash, as RFC 4514 says: `"O=x\\, CN=admin"` is one part. So two texts
   * are equal only where the names are; to look at a part of it use `subjectParts`.
   */
  readonly subject: string;
  /** The parts of the subject, in the certificate's order. */
  readonly subjectParts: readonly NamePart[];
  /** Who signed it, in the form of `subject`. */
  readonly issuer: string;
  /** The names that it is valid for, in the certificate's order. */
  readonly subjectAltNames: readonly AltName[];
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
  /** The name that the client asked for, if it did: for an IP address none can. */
  readonly serverName: string | undefined;
  /**
   * The peer's certificate, verified: a listener has it where `clientAuth` asked for one and the client
   * showed it, a client where `exposePeerCertificate` asked for it.
   */
  readonly peerCertificate: PeerCertificate | undefined;
}
