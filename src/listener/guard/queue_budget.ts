// A ceiling for what all connections of a listener have queued together.
//
// Where the ceiling is reached, whoever queued most has to go, not whoever comes next: a few peers that never
// read must not end everybody else.

/** Somebody who queues bytes. */
export interface QueueMember {
  /** Bytes that are queued. */
  readonly queuedBytes: number;
}

/** Counts the bytes queued by many and makes room by ending the one who queued most. */
export class QueueBudget<Member extends QueueMember> {
  readonly #limit: number;
  readonly #members: Iterable<Member>;
  readonly #evict: (member: Member) => void;
  #queuedBytes = 0;

  /**
   * Begins with nothing queued.
   *
   * @param limit How many bytes may be queued in all.
   * @param members Who queues.
   * @param evict Ends one of them; what it has queued is given back by {@linkcode QueueBudget.remove} before
   * it returns.
   */
  constructor(limit: number, members: Iterable<Member>, evict: (member: Member) => void) {
    this.#limit = limit;
    this.#members = members;
    this.#evict = evict;
  }

  /** Bytes queued by everybody. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /**
   * Counts bytes that somebody is about to queue, after making room for them where needed.
   *
   * @param length How many bytes.
   * @param queuedBefore How many the same one has queued already.
   * @returns Whether they may be queued. They may not where nobody has queued more than this one would have
   * then; they may always where nothing is queued at all.
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
