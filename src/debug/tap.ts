// What is told about the traffic of a network, and by whom: types only.
//
// The network is wrapped once (tapped_network.ts). What is done with what goes through is a tap's: one writes packets to
// a file, one prints lines.

import type { NetworkAddress } from "../base/address.ts";
import type { SecureInfo } from "../network/secure_info.ts";

/** Who talks with whom: what a filter chooses by. */
export interface TrafficEnds {
  /** What the bytes go by. A local (Unix) socket is `"unix"`, or a virtual machine's. */
  readonly protocol: "tcp" | "udp" | "unix";
  /** This end's IP address, or the path of a local socket; `""` where it has none. */
  readonly localAddress: string;
  /** This end's port, 0 where it has none. */
  readonly localPort: number;
  /** The peer's IP address or host name, or the path of a local socket; `""` where it has none. */
  readonly remoteAddress: string;
  /** The peer's port, 0 where it has none. */
  readonly remotePort: number;
}

/** A stream that was made. */
export interface TappedStream {
  /** Who talks with whom. */
  readonly ends: TrafficEnds;
  /** Whether the peer has connected, and not this end. */
  readonly isAccepted: boolean;
}

/** Is told what one stream does. All bytes are lent: they are valid only until the call returns. */
export interface StreamTap {
  /** This end has sent bytes. */
  sent(bytes: Uint8Array): void;
  /** Bytes were read. */
  received(bytes: Uint8Array): void;
  /** A handshake is over; what is told from now on is what TLS carries. */
  secured(secure: SecureInfo | undefined): void;
  /** This end sends no more. */
  ended(): void;
  /** The peer sends no more. */
  peerEnded(): void;
  /** This end has cut the stream. */
  cut(): void;
  /** The peer, or the network, has cut the stream. */
  peerCut(): void;
  /** The stream was freed by this end: after `ended` or `cut`, once. */
  freed(): void;
}

/** Is told what one datagram socket does. The bytes are lent, too. */
export interface DatagramTap {
  /** A datagram was sent. */
  sent(bytes: Uint8Array, host: string, port: number): void;
  /** A datagram has arrived. */
  received(bytes: Uint8Array, host: string, port: number): void;
  /** The socket was freed. */
  freed(): void;
}

/** Is told what a network does. None of its methods throws. */
export interface Tap {
  /** A stream was made. `undefined` where nothing shall be told of it: then it costs nothing. */
  stream(stream: TappedStream): StreamTap | undefined;
  /** A datagram socket was bound. */
  datagrams(local: NetworkAddress): DatagramTap;
}
