// Says who sends each packet of a capture. What has no IP address gets a made-up one of the loopback network:
//
//   127.85.0.1     whoever has no name: the end of a local socket that has connected; each has a port of its own
//   127.85.1.0 …   the path of a local socket, a name that was never looked up; each has an address of its own
//
// Decision record: where both ends of a stream belong to this program and this capture, both would tell of each byte.
// The end that is known first tells, and the other one adds only how it ends. A datagram is told by who sends it.

import { formatPath, hostOf, type NetworkAddress, portOf } from "../base/address.ts";
import {
  type IpAddress,
  isLoopback,
  isUnspecified,
  parseIpAddress,
  withoutZone,
} from "../base/ip_address.ts";
import { MAX_DATAGRAM_LENGTH, type PacketEnd, pairOf } from "./packet.ts";
import type { PacketLog } from "./packet_log.ts";
import { OtherEnd, StreamLog } from "./stream_packets.ts";
import type { DatagramTap, StreamTap, Tap, TappedStream, TrafficEnds } from "./tap.ts";

/** What a socket is bound to that has all addresses of the machine. */
const ANY_ADDRESSES: readonly string[] = ["0.0.0.0", "::"];
/** How many ends are remembered after they were freed: the other one may still have to come. */
const MOST_FREED = 1024;
/** How many made-up addresses there are. */
const MOST_NAMES = 254 * 256;
/** Each stream's numbers begin elsewhere, so that one that has the same ports is told from it. */
const FIRST_STEP = 0x01_00_03_01;

/** Names without an address, and the one each was given. */
class MadeUpAddresses {
  readonly #numbers = new Map<string, number>();
  #port = 0;

  /** @param name A path or a host name; `""` for whoever has none. */
  of(name: string): IpAddress {
    if (name === "") return parseIpAddress("127.85.0.1")!;
    let number = this.#numbers.get(name);
    if (number === undefined) {
      if (this.#numbers.size === MOST_NAMES) this.#numbers.clear();
      number = this.#numbers.size;
      this.#numbers.set(name, number);
    }
    return parseIpAddress(`127.85.${1 + (number >> 8)}.${number & 255}`)!;
  }

  /** A port for whoever has none. */
  nextPort(): number {
    this.#port = (this.#port + 1) % 16_384;
    return 49_152 + this.#port;
  }
}

interface Known {
  readonly tap: StreamLog;
  isFreed: boolean;
}

/** Who sends the packets of a capture. */
export class PacketTap implements Tap {
  readonly #log: PacketLog;
  readonly #isWanted: (ends: TrafficEnds) => boolean;
  readonly #madeUp = new MadeUpAddresses();
  readonly #streams = new Map<string, Known>();
  /** Freed ones, the oldest first. */
  readonly #freed: string[] = [];
  readonly #sockets = new Map<string, number>();
  #count = 0;

  /** @param log Where the packets go. @param isWanted Chooses; never throws. */
  constructor(log: PacketLog, isWanted: (ends: TrafficEnds) => boolean) {
    this.#log = log;
    this.#isWanted = isWanted;
  }

  stream({ ends, isAccepted }: TappedStream): StreamTap | undefined {
    if (!this.#isWanted(ends)) return undefined;
    const { protocol, localAddress, localPort, remoteAddress, remotePort } = ends;
    const [there, back] = [`${remoteAddress} ${remotePort}`, `${localAddress} ${localPort}`];
    const other = protocol === "tcp" ? this.#streams.get(`${there} ${back}`) : undefined;
    if (other !== undefined) {
      this.#streams.delete(`${there} ${back}`);
      return new OtherEnd(other.tap, () => {});
    }
    const key = `${back} ${there}`;
    const [local, remote] = this.#endsOf(ends, isAccepted);
    const tap = new StreamLog(this.#log, {
      local,
      remote,
      isAccepted,
      comment: commentOn(ends),
      first: Math.imul(++this.#count, FIRST_STEP) >>> 0,
    }, () => this.#onFreed(key, tap));
    if (protocol === "tcp") this.#streams.set(key, { tap, isFreed: false });
    return tap;
  }

  #onFreed(key: string, tap: StreamTap): void {
    const known = this.#streams.get(key);
    if (known?.tap !== tap || known.isFreed) return;
    known.isFreed = true;
    this.#freed.push(key);
    if (this.#freed.length <= MOST_FREED) return;
    const oldest = this.#freed.shift()!;
    if (this.#streams.get(oldest)?.isFreed) this.#streams.delete(oldest);
  }

  datagrams(local: NetworkAddress): DatagramTap {
    const [host, port] = [hostOf(local), portOf(local)];
    const key = `${host} ${port}`;
    this.#sockets.set(key, (this.#sockets.get(key) ?? 0) + 1);
    const tell = (bytes: Uint8Array, remoteHost: string, remotePort: number, isSent: boolean) => {
      const remoteAddress = hostOf({ transport: "udp", hostname: remoteHost, port: remotePort });
      const ends: TrafficEnds = {
        protocol: "udp",
        localAddress: host,
        localPort: port,
        remoteAddress,
        remotePort,
      };
      if (!isSent && this.#isOwn(remoteAddress, remotePort)) return;
      if (bytes.length > MAX_DATAGRAM_LENGTH || !this.#isWanted(ends)) return;
      const [near, far] = this.#endsOf(ends, false);
      const [from, to] = isSent ? [near, far] : [far, near];
      this.#log.add(from, to, undefined, bytes, commentOn(ends));
    };
    return {
      sent: (bytes, remoteHost, remotePort) => tell(bytes, remoteHost, remotePort, true),
      received: (bytes, remoteHost, remotePort) => tell(bytes, remoteHost, remotePort, false),
      freed: () => {
        const count = this.#sockets.get(key)!;
        if (count === 1) this.#sockets.delete(key);
        else this.#sockets.set(key, count - 1);
      },
    };
  }

  /** Whether a datagram comes from a socket of this capture, which has told of it. */
  #isOwn(host: string, port: number): boolean {
    if (this.#sockets.has(`${host} ${port}`)) return true;
    return isLoopback(host) && ANY_ADDRESSES.some((any) => this.#sockets.has(`${any} ${port}`));
  }

  #endsOf(ends: TrafficEnds, isAccepted: boolean): [local: PacketEnd, remote: PacketEnd] {
    const { protocol, localPort, remotePort } = ends;
    const remote = addressOf(ends.remoteAddress) ?? this.#madeUp.of(ends.remoteAddress);
    let local = addressOf(ends.localAddress) ?? this.#madeUp.of(ends.localAddress);
    // Bound to all addresses, a datagram socket has each of them: on this machine, the loopback's own.
    if (protocol === "udp" && isUnspecified(ends.localAddress)) {
      local = remote.bits === 32 ? addressOf("0.0.0.0")! : local;
      if (isLoopback(ends.remoteAddress)) local = remote;
    }
    const [localIp, remoteIp] = pairOf(local, remote);
    if (protocol !== "unix") {
      return [{ ip: localIp, port: localPort }, { ip: remoteIp, port: remotePort }];
    }
    const ports = [1, this.#madeUp.nextPort()];
    return [{ ip: localIp, port: ports[isAccepted ? 0 : 1]! }, {
      ip: remoteIp,
      port: ports[isAccepted ? 1 : 0]!,
    }];
  }
}

function addressOf(host: string): IpAddress | undefined {
  return parseIpAddress(withoutZone(host));
}

/** What the addresses do not say. */
function commentOn({ protocol, localAddress, remoteAddress }: TrafficEnds): string | undefined {
  const names = [localAddress, remoteAddress].filter((name) =>
    name !== "" && addressOf(name) === undefined
  );
  if (protocol === "unix") return `Local socket ${names.map(formatPath).join(" ")}`;
  return names.length === 0 ? undefined : `Not looked up: ${names.join(" ")}`;
}
