// Dials several addresses of one name until one answers: in their order, the next when the last failed or has not
// answered for a while, so that a dead address costs little.

import type { Clock, TimerId } from "./clock.ts";

/** For how long one address is tried alone, as RFC 8305 (section 8) recommends. */
const HEAD_START_IN_MILLIS = 250;

/** How addresses are dialled. */
export interface Dialing<T> {
  /** The clock of the head start. */
  readonly clock: Clock;
  /** Gives all attempts up, with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Dials one; the signal gives the attempt up. */
  dial(address: string, signal: AbortSignal): Promise<T>;
  /** Frees what was connected too late. */
  discard(late: T): void;
}

/**
 * Dials addresses until one answers.
 *
 * @param addresses At least one, the best first.
 * @returns What the first one that answered gave. The attempts at others are given up.
 * @throws What the last attempt to fail threw.
 */
export function dialEach<T>(addresses: readonly string[], dialing: Dialing<T>): Promise<T> {
  const { clock, signal } = dialing;
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const giveUp = new AbortController();
  let next = 0;
  let underWay = 0;
  let timer: TimerId | undefined;
  const endHeadStart = () => {
    if (timer !== undefined) clock.clearTimeout(timer);
    timer = undefined;
  };
  const end = () => {
    endHeadStart();
    signal?.removeEventListener("abort", onAbort);
    giveUp.abort();
  };
  const onAbort = () => {
    end();
    reject(signal!.reason);
  };
  const begin = () => {
    endHeadStart();
    const address = addresses[next++];
    if (address === undefined) return;
    underWay++;
    if (next < addresses.length) timer = clock.setTimeout(begin, HEAD_START_IN_MILLIS);
    dialing.dial(address, giveUp.signal).then((connected) => {
      if (giveUp.signal.aborted) return dialing.discard(connected);
      end();
      resolve(connected);
    }, (error) => {
      if (giveUp.signal.aborted) return;
      underWay--;
      if (next < addresses.length) return begin();
      if (underWay > 0) return;
      end();
      reject(error);
    });
  };
  if (signal?.aborted) return Promise.reject(signal.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  begin();
  return promise;
}
