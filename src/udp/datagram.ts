// A datagram as it is received, and as a service or a session sends one.

/** Bytes that travel alone, and the other end of their way. */
export interface Datagram {
  /** Host name or IP address of the peer. */
  readonly remoteHost: string;
  /** Port of the peer. */
  readonly remotePort: number;
  /** The content. What was received is yours: nobody else sees or changes these bytes. */
  readonly data: Uint8Array;
}
