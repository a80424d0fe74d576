// A maximum for what all connections of a listener have queued together.
//
// At the maximum, the connection with the most queued has to go, not the next one that writes: a few peers that never
// read must not end all others.

/** A connection that queues bytes. */
export interface QueueMember {
  /** Bytes that are queued. */
  readonly queuedBytes: number;
}

/** Counts the bytes queued by many members and makes room by ending the one with the most queued. */
export class QueueBudget<Member extends QueueMember> {
  readonly #limit: number;
  readonly #members: Iterable<Member>;
  readonly #evict: (member: Member) => void;
  #queuedBytes = 0;

  /**
   * Begins with nothing queued.
   *
   * @param limit How many bytes all of them may queue together.
   * @param members All of them.
   * @param evict Ends one of them. It must return the bytes of that member with {@linkcode QueueBudget.remove} before
   * it returns.
   */
  constructor(limit: number, members: Iterable<Member>, evict: (member: Member) => void) {
    this.#limit = limit;
    this.#members = members;
    this.#evict = evict;
  }

  /** Bytes queued by all members. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /**
   * Counts bytes that a member is about to queue, after making room for them if needed.
   *
   * @param length How many bytes.
   * @param queuedBefore How many bytes that member has queued already.
   * @returns Whether they may be queued. They may not if no other member has queued more than this one would have then;
   * they always may if nothing is queued at all.
   */
  add(length: number, queuedBefore: number): boolean {
    while (this.#queuedBytes > 0 && this.#queuedBytes + length > this.#limit) {
      const heaviest = this.#heaviest();
      if (heaviest === undefined || heaviest.queuedBytes <= queuedBefore + length) return false;
      const before = this.#queuedBytes;
      this.#evict(heaviest);
      if (this.#queuedBytes >= before) return false;
    }
    this.#queuedBytes += length;
    return true;
  }

  /** Bytes have been sent or dropped. */
  remove(length: number): void {
    this.#queuedBytes -= length;
  }

  #heaviest(): Member | undefined {
    let heaviest: Member | undefined;
    for (const member of this.#members) {
      if (heaviest === undefined || member.queuedBytes > heaviest.queuedBytes) heaviest = member;
    }
    return heaviest;
  }
}
