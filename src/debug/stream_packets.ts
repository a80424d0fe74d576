// One stream as TCP packets: a handshake at its beginning, numbers for each byte, and how it ends.
//
// The packets are made up, because the system shows none: how the bytes were cut, and when each was acknowledged, is not
// known. What a packet carries is what one read or write had, in pieces where that is much.

import type { SecureInfo } from "../network/secure_info.ts";
import { ACK, FIN, type PacketEnd, PSH, RST, SYN } from "./packet.ts";
import type { PacketLog } from "./packet_log.ts";
import type { StreamTap } from "./tap.ts";

/** How much one packet carries at most: less than 65,535 bytes with its headers. */
const MOST_CONTENT = 32 * 1024;
/** After so much that went one way, the other end acknowledges it: a real one would have. */
const ACKNOWLEDGE_AFTER = 256 * 1024;
const NOTHING = new Uint8Array(0);

/** One direction. */
class Side {
  readonly end: PacketEnd;
  /** Number of the next byte. */
  next: number;
  /** Up to where the other side has acknowledged. */
  acknowledged: number;
  hasEnded = false;

  constructor(end: PacketEnd, first: number) {
    this.end = end;
    this.next = this.acknowledged = first;
  }

  advance(length: number): void {
    this.next = (this.next + length) >>> 0;
  }
}

/** The ends of a stream, and what is said about it. */
export interface StreamPackets {
  /** This end. */
  readonly local: PacketEnd;
  /** The peer. */
  readonly remote: PacketEnd;
  /** Whether the peer has connected. */
  readonly isAccepted: boolean;
  /** What to say about its first packet. */
  readonly comment: string | undefined;
  /** The number of the first byte of each direction. */
  readonly first: number;
}

/** The packets of one stream. */
export class StreamLog implements StreamTap {
  readonly #log: PacketLog;
  readonly #onFreed: () => void;
  readonly #local: Side;
  readonly #remote: Side;
  /** How the other end has ended, where this one may still read what that has sent before. */
  readonly #later: (() => void)[] = [];
  #isCut = false;
  #isFreed = false;
  #comment: string | undefined;

  /** @param log Where to. @param stream Its ends. @param onFreed Called when it was freed. */
  constructor(log: PacketLog, stream: StreamPackets, onFreed: () => void) {
    const { local, remote, isAccepted, comment, first } = stream;
    this.#log = log;
    this.#onFreed = onFreed;
    this.#local = new Side(local, first);
    this.#remote = new Side(remote, first);
    const [client, server] = isAccepted ? [this.#remote, this.#local] : [this.#local, this.#remote];
    this.#comment = comment;
    this.#add(client, server, SYN);
    this.#add(server, client, SYN | ACK);
    this.#add(client, server, ACK);
  }

  sent(bytes: Uint8Array): void {
    this.#carry(this.#local, this.#remote, bytes);
  }

  received(bytes: Uint8Array): void {
    this.#carry(this.#remote, this.#local, bytes);
  }

  secured(secure: SecureInfo | undefined): void {
    if (secure === undefined) return;
    const { protocol, alpnProtocol, serverName } = secure;
    const details = [protocol, alpnProtocol, serverName].filter((part) => part !== undefined);
    this.#comment = ["In the clear here, by TLS in the network", ...details].join(", ");
  }

  ended(): void {
    this.#end(this.#local, this.#remote);
  }

  peerEnded(): void {
    this.#end(this.#remote, this.#local);
  }

  cut(): void {
    this.#cut(this.#local, this.#remote);
  }

  peerCut(): void {
    this.#cut(this.#remote, this.#local);
  }

  freed(): void {
    this.#isFreed = true;
    for (const tell of this.#later.splice(0)) tell();
    this.#onFreed();
  }

  /** Tells something when this end reads no more. */
  afterLastRead(tell: () => void): void {
    if (this.#isFreed) tell();
    else this.#later.push(tell);
  }

  #carry(from: Side, to: Side, bytes: Uint8Array): void {
    if (this.#isCut || from.hasEnded) return;
    const { length } = bytes;
    for (let at = 0; at < length; at += MOST_CONTENT) {
      const end = Math.min(at + MOST_CONTENT, length);
      const content = at === 0 && end === length ? bytes : bytes.subarray(at, end);
      this.#add(from, to, end === length ? PSH | ACK : ACK, content);
      const unacknowledged = (from.next - from.acknowledged) >>> 0;
      if (unacknowledged >= ACKNOWLEDGE_AFTER) this.#add(to, from, ACK);
    }
  }

  #end(from: Side, to: Side): void {
    if (this.#isCut || from.hasEnded) return;
    from.hasEnded = true;
    this.#add(from, to, FIN | ACK);
    if (to.hasEnded) this.#add(to, from, ACK);
  }

  #cut(from: Side, to: Side): void {
    if (this.#isCut || (from.hasEnded && to.hasEnded)) return;
    this.#isCut = true;
    this.#add(from, to, RST | ACK);
  }

  #add(from: Side, to: Side, flags: number, content: Uint8Array = NOTHING): void {
    const isFirst = flags === SYN;
    this.#log.add(
      from.end,
      to.end,
      { seq: from.next, ack: isFirst ? 0 : to.next, flags },
      content,
      this.#comment,
    );
    this.#comment = undefined;
    if (!isFirst) to.acknowledged = to.next;
    // SYN and FIN have a number, too.
    from.advance(content.length + ((flags & (SYN | FIN)) === 0 ? 0 : 1));
  }
}

/**
 * The other end of a stream that is told of already, because this program has both: what it carries must not be
 * written twice. How it ends is told after all that the first one reads: that was sent before.
 */
export class OtherEnd implements StreamTap {
  readonly #first: StreamLog;
  readonly #onFreed: () => void;

  /** @param first The end that is told of. @param onFreed Called when this one was freed. */
  constructor(first: StreamLog, onFreed: () => void) {
    this.#first = first;
    this.#onFreed = onFreed;
  }

  sent(): void {}

  received(): void {}

  secured(): void {}

  ended(): void {
    this.#first.afterLastRead(() => this.#first.peerEnded());
  }

  peerEnded(): void {
    this.#first.ended();
  }

  cut(): void {
    this.#first.afterLastRead(() => this.#first.peerCut());
  }

  peerCut(): void {
    this.#first.afterLastRead(() => this.#first.cut());
  }

  freed(): void {
    this.#onFreed();
  }
}
