// A datagram, as it is received and as it is sent.

/** The bytes of one datagram, and its peer. */
export interface Datagram {
  /** Host name or IP address of the peer. */
  readonly remoteHost: string;
  /** Port of the peer. */
  readonly remotePort: number;
  /** The content. Received bytes are yours: nothing else sees or changes them. */
  readonly data: Uint8Array;
}
