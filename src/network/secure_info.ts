// What is known of a secure connection: types only.

/** A part of a certificate's subject. */
export interface NamePart {
  /**
   * What it is: `"CN"`, `"O"`, `"OU"`, `"C"`, `"emailAddress"` and so on; an identifier such as `"2.5.4.97"` where it
   * has no short name, or its value is not text.
   */
  readonly type: string;
  /** Its value as it is; with an identifier, `#` and its encoding in hexadecimal digits. */
  readonly value: string;
}

/** A name that a certificate is valid for. */
export interface AltName {
  /** What kind of name it is. */
  readonly type: "dns" | "ip" | "uri" | "email" | "other";
  /**
   * The name as it is in the certificate: it may contain any characters. An IP address in canonical spelling; for
   * `"other"`, `#` and its encoding in hexadecimal digits. What cannot be read is `"other"`, with all that follows.
   */
  readonly value: string;
}

/** A verified certificate of the peer. */
export interface PeerCertificate {
  /**
   * Its subject, in the certificate's order: `"O=Example, CN=client.example"`. Special characters are escaped with a
   * backslash as in RFC 4514: `"O=x\\, CN=admin"` is one part. So two texts are equal only where the subjects are; to
   * look at one part use `subjectParts`.
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
  /** Its serial number, hexadecimal. */
  readonly serialNumber: string;
  /** The start of its validity. */
  readonly validFrom: Date;
  /** The end of its validity. */
  readonly validTo: Date;
}

/** What was agreed on with the peer of a secure connection. */
export interface SecureInfo {
  /** The protocol, where the engine reports it; see {@linkcode SecureInfo.peerCertificate}. */
  readonly protocol: "TLSv1.2" | "TLSv1.3" | undefined;
  /** The application protocol that both ends agreed on, if any. */
  readonly alpnProtocol: string | undefined;
  /** The server name that the client asked for, if any: there is none for an IP address. */
  readonly serverName: string | undefined;
  /**
   * The peer's verified certificate: on a listener where `clientAuth` asked for one and the client showed it, on a
   * client where `exposePeerCertificate` asked for it.
   */
  readonly peerCertificate: PeerCertificate | undefined;
}
