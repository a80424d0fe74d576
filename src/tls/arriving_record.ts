// The TLS record of which a part has arrived. Nobody can say whether it has content before all of it is there: a key
// update or a ticket looks the same.

import { young } from "../base/young.ts";
import type { Arriving } from "../network/network.ts";
import type { TlsRecords } from "./tls_records.ts";

/** The record under way of one stream. */
export class ArrivingRecord implements Arriving {
  readonly #records: TlsRecords;
  readonly #below: Arriving | undefined;
  onMore: (() => void) | undefined;

  /**
   * @param records The records of the stream.
   * @param below What is arriving of the stream that they come through, which may be secure itself.
   */
  constructor(records: TlsRecords, below: Arriving | undefined) {
    this.#records = records;
    this.#below = below;
    if (below !== undefined) below.onMore = young(() => this.onMore?.());
  }

  get length(): number {
    const { partLength } = this.#records;
    if (partLength > 0 || this.#below === undefined) return partLength;
    return Math.min(this.#below.length, 1);
  }
}
