// Who sent a datagram, and how to answer.

import { optionOf } from "../base/options.ts";
import { checkObject } from "../base/arguments.ts";
import { checkPort } from "../base/address.ts";
import { rejected } from "../base/errors.ts";
import type { Datagram } from "./datagram.ts";
import type { DatagramAddress } from "../network/network.ts";
import type { UdpSocket } from "./udp_socket.ts";

/** Who sent a datagram, and how to answer. */
export interface UdpCaller {
  /** IP address of the peer. */
  readonly remoteAddress: string;
  /** Port of the peer. */
  readonly remotePort: number;
  /**
   * The local IP address that the datagram came to, where the engine knows it and the listener is bound to all; else
   * the one that the listener is bound to.
   */
  readonly localAddress: string;
  /** The local port. */
  readonly localPort: number;
  /** The index of the network interface that the datagram came in by; `undefined` where the engine does not know. */
  readonly networkInterface: number | undefined;
  /**
   * Sends content to the peer, in as many datagrams as needed: at most `datagramSize` bytes in each.
   *
   * @param content Bytes, or a string, which is sent as UTF-8. You may change it as soon as the call has
   * returned.
   * @returns How many bytes were sent. Resolves when the system has them all.
   * @throws {TypeError} The content is wrong.
   * @throws {SocketError} It could not be sent. The listener goes on.
   */
  sendBytes(content: Uint8Array | string): Promise<number>;
  /**
   * Sends one datagram from the listener's port to any address.
   *
   * @param datagram The target and the content.
   * @returns How many bytes were sent. Resolves when the system has them.
   * @throws {TypeError | RangeError} The datagram is wrong.
   * @throws {SocketError} It could not be sent. The listener goes on.
   */
  sendDatagram(datagram: Datagram): Promise<number>;
}

/** The caller of one datagram. */
export class DatagramCaller implements UdpCaller {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #socket: UdpSocket;
  readonly #from: DatagramAddress;

  constructor(socket: UdpSocket, from: DatagramAddress) {
    this.#socket = socket;
    this.#from = from;
    this.remoteAddress = from.hostname;
    this.remotePort = from.port;
  }

  get localAddress(): string {
    return this.#from.localAddress ?? this.#socket.local.host;
  }

  get networkInterface(): number | undefined {
    return this.#from.networkInterface;
  }

  get localPort(): number {
    return this.#socket.local.port;
  }

  sendBytes(content: Uint8Array | string): Promise<number> {
    try {
      return this.#socket.writeTo(content, this.#from);
    } catch (error) {
      return rejected(error);
    }
  }

  sendDatagram(datagram: Datagram): Promise<number> {
    return sendDatagram(this.#socket, datagram);
  }
}

/** Checks a datagram and sends it to its target. */
export function sendDatagram(socket: UdpSocket, datagram: Datagram): Promise<number> {
  try {
    checkObject("datagram", datagram);
    const remoteHost = optionOf(datagram, "remoteHost");
    const remotePort = optionOf(datagram, "remotePort");
    const data = optionOf(datagram, "data");
    const host = socket.checkHost("remoteHost", remoteHost);
    return socket.send(data, host, checkPort("remotePort", remotePort, 1));
  } catch (error) {
    return rejected(error);
  }
}
