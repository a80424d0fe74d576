// The one way to somebody who has several addresses: hosts in the order in which they are given, each with the
// addresses of its name, dialled until one answers. The next one is dialled when the last has failed or has not
// answered for a while, so that one that is never heard of costs little.
//
// Deno's own connect does the same for one name by itself, and is left to do so.

import { familyReachedFrom, ipVersion } from "../base/ip_address.ts";
import type { Clock, TimerId } from "./clock.ts";
import type { ResolvedName } from "./datagram_socket.ts";

/** For how long one address is tried alone, as RFC 8305 (section 8) recommends. */
const HEAD_START_IN_MILLIS = 250;

/** Whom to reach, and from where. */
export interface DialTarget {
  /** At least one host name or IP address, the best first. */
  readonly hosts: readonly string[];
  /** The port, the same for all. */
  readonly port: number;
  /** IP address of this end: only addresses of its family are reached from there. */
  readonly localAddress?: string | undefined;
  /** Which addresses of a name are tried first; in the system's order where it is left out. */
  readonly family?: 4 | 6 | undefined;
  /** Gives all attempts up, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How an engine does its part. */
export interface Dialing<T> {
  /** The clock of the head start. */
  readonly clock: Clock;
  /** Looks a name up, for addresses of one family or of both (0). */
  lookUp(hostname: string, port: number, family: 0 | 4 | 6): Promise<ResolvedName>;
  /** Dials an address, or a name that only the runtime may look up; the signal says that nobody wants it any more. */
  dial(host: string, signal: AbortSignal): Promise<T>;
  /** Frees what was connected too late. */
  discard(late: T): void;
}

/**
 * Dials until one answers.
 *
 * @returns What the first one that answered gave. The attempts at others are given up.
 * @throws What the last attempt to fail threw.
 */
export function dial<T>(target: DialTarget, dialing: Dialing<T>): Promise<T> {
  const dialHost = async (host: string, signal: AbortSignal) =>
    await dialEach(await addressesOf(host, target, dialing), signal, dialing);
  return dialEach(target.hosts, target.signal, { ...dialing, dial: dialHost });
}

async function addressesOf(
  host: string,
  { port, localAddress, family }: DialTarget,
  { lookUp }: Pick<Dialing<unknown>, "lookUp">,
): Promise<readonly string[]> {
  if (ipVersion(host) !== 0) return [host];
  const wanted = localAddress === undefined ? 0 : familyReachedFrom(localAddress);
  const { addresses, isDirect } = await lookUp(host, port, wanted);
  if (!isDirect) return [host];
  if (addresses.length === 0) {
    throw new Error(`the name ${host} has no ${wanted === 0 ? "" : `IPv${wanted} `}address`);
  }
  const isLater = (address: string) => family !== undefined && ipVersion(address) !== family;
  return addresses.toSorted((a, b) => Number(isLater(a)) - Number(isLater(b)));
}

/** How one of several is dialled. */
export interface DialingEach<Host, T> extends Pick<Dialing<T>, "clock" | "discard"> {
  /** Dials one; the signal says that nobody wants it any more. */
  dial(host: Host, signal: AbortSignal): Promise<T>;
}

/**
 * Dials one after the other until one answers, whatever they are.
 *
 * @param hosts At least one, the best first.
 * @param signal Gives all attempts up, with its reason.
 * @returns As {@linkcode dial}.
 */
export function dialEach<Host, T>(
  hosts: readonly Host[],
  signal: AbortSignal | undefined,
  { clock, dial, discard }: DialingEach<Host, T>,
): Promise<T> {
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
    const host = hosts[next++];
    if (host === undefined) return;
    underWay++;
    if (next < hosts.length) timer = clock.setTimeout(begin, HEAD_START_IN_MILLIS);
    // What it throws at once is a failure like any other.
    Promise.try(dial, host, giveUp.signal).then((connected) => {
      if (giveUp.signal.aborted) return discard(connected);
      end();
      resolve(connected);
    }, (error) => {
      if (giveUp.signal.aborted) return;
      underWay--;
      if (next < hosts.length) return begin();
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
