// A datagram, as it is received and as it is sent.

import type { DatagramAddress } from "../network/network.ts";

/** The bytes of one datagram, and its peer. */
export interface Datagram {
  /** Host name or IP address of the peer. */
  readonly remoteHost: string;
  /** Port of the peer. */
  readonly remotePort: number;
  /** The content. Received bytes are yours: nothing else sees or changes them. */
  readonly data: Uint8Array;
}

/** A datagram that waits to be taken. */
export interface ArrivedDatagram {
  /** What its taker gets. */
  readonly datagram: Datagram;
  /** Its sender, as the engine has given it. */
  readonly from: DatagramAddress;
}
