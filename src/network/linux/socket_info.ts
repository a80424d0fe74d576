// What the system tells of an open socket.

import { young } from "../../base/young.ts";
import type { BufferSizes, PeerCredentials, SystemSocket, TcpInfo } from "../socket_info.ts";
import * as abi from "./abi.ts";
import { option, structureOf } from "./socket.ts";
import { parseTcpInfo, TCP_INFO_BYTES } from "./tcp_info.ts";

/** Of which kind a socket is. */
export type InfoKind = "tcp" | "unix" | "udp";

/** Room for what is asked. */
const room = new Uint8Array(TCP_INFO_BYTES);
const view = new DataView(room.buffer);

/** Asks the system about one socket. */
class LinuxSocketInfo implements SystemSocket {
  readonly #descriptor: () => number;
  declare readonly tcpInfo?: () => TcpInfo;
  declare readonly peerCredentials?: () => PeerCredentials;

  constructor(descriptor: () => number, kind: InfoKind) {
    this.#descriptor = descriptor;
    if (kind === "tcp") this.tcpInfo = young(() => readTcpInfo(descriptor()));
    if (kind === "unix") this.peerCredentials = young(() => readCredentials(descriptor()));
  }

  bufferSizes(): BufferSizes {
    const descriptor = this.#descriptor();
    return Object.freeze({
      receiveBufferSize: option(descriptor, abi.SOL_SOCKET, abi.SO_RCVBUF),
      sendBufferSize: option(descriptor, abi.SOL_SOCKET, abi.SO_SNDBUF),
    });
  }
}

/**
 * What can be asked about a socket.
 *
 * @param descriptor Gives its descriptor, and throws once it is closed: the number may be another one's by then.
 * @param kind Of which kind it is.
 */
export function systemSocket(descriptor: () => number, kind: InfoKind): SystemSocket {
  return new LinuxSocketInfo(descriptor, kind);
}

/** Asks into the room, and clears what the system did not write. */
function read(descriptor: number, level: number, name: number): void {
  room.fill(0);
  structureOf(descriptor, level, name, room);
}

function readCredentials(descriptor: number): PeerCredentials {
  read(descriptor, abi.SOL_SOCKET, abi.SO_PEERCRED);
  // struct ucred: three words.
  return Object.freeze({
    pid: view.getInt32(0, true),
    uid: view.getUint32(4, true),
    gid: view.getUint32(8, true),
  });
}

function readTcpInfo(descriptor: number): TcpInfo {
  read(descriptor, abi.IPPROTO_TCP, abi.TCP_INFO);
  return parseTcpInfo(view);
}
