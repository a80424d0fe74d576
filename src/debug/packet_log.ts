// Turns what happens into blocks of a file, each with its time; counts those that had to be dropped.

import type { Clock } from "../network/network.ts";
import type { CaptureQueue } from "./capture_queue.ts";
import { headersLength, type PacketEnd, type Segment, writePacket } from "./packet.ts";
import { BLOCK_HEAD_LENGTH, commentBytes, packetBlockLength, writePacketBlock } from "./pcapng.ts";
import { timeOfDay } from "../base/time_of_day.ts";

/** Packets on their way to a queue. */
export class PacketLog {
  readonly #queue: CaptureQueue;
  readonly #clock: Clock;
  readonly #snapLength: number;
  /** What the clock lacks to milliseconds since 1970. */
  readonly #offset: number;
  #packets = 0;
  #dropped = 0;

  /** @param queue Where to. @param clock Tells the time. @param snapLength How much of a packet is kept at most. */
  constructor(queue: CaptureQueue, clock: Clock, snapLength: number) {
    this.#queue = queue;
    this.#clock = clock;
    this.#snapLength = snapLength;
    this.#offset = timeOfDay() - clock.now();
  }

  /** How many packets were taken. */
  get packets(): number {
    return this.#packets;
  }

  /** How many packets there was no room for. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Adds a packet.
   *
   * @param from Who sends it.
   * @param to Who gets it.
   * @param segment What its TCP header says; `undefined` for a datagram of UDP.
   * @param content What it carries.
   * @param comment What to say about it.
   */
  add(
    from: PacketEnd,
    to: PacketEnd,
    segment: Segment | undefined,
    content: Uint8Array,
    comment: string | undefined,
  ): void {
    if (this.#queue.isClosed) return;
    const length = headersLength(from, segment) + content.length;
    const kept = Math.min(length, this.#snapLength);
    const said = commentBytes(comment);
    const place = this.#queue.reserve(packetBlockLength(kept, said));
    if (place === undefined) {
      this.#dropped++;
      return;
    }
    this.#packets++;
    const { page, at } = place;
    writePacket(page, at + BLOCK_HEAD_LENGTH, from, to, segment, content, kept);
    const micros = Math.floor((this.#offset + this.#clock.now()) * 1000);
    writePacketBlock(page, at, micros, kept, length, said);
  }
}
