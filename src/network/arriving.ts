// What a stream has received and cannot give yet.

/**
 * A part of something of which nothing can be read until all of it is there, such as a TLS record. Its peer is neither
 * idle nor silent, and may have begun a message: stops, timeouts and limits go by that.
 */
export interface Arriving {
  /**
   * How many bytes a read will give of what has arrived so far, at least; 1 where that is not known, 0 where nothing is
   * under way.
   */
  readonly length: number;
  /**
   * Called when more has arrived, and the read under way still has to wait: also where nothing is to be read of it. Set
   * by whoever reads.
   */
  onMore?: (() => void) | undefined;
}
