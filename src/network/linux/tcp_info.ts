// What the kernel's struct tcp_info says (linux/tcp.h): a record that grows at its end, of which the beginning stays.

import type { TcpInfo, TcpState } from "../socket_info.ts";

/** By the numbers of the kernel (include/net/tcp_states.h), from 1. */
const STATES: readonly TcpState[] = [
  "established",
  "syn-sent",
  "syn-received",
  "fin-wait-1",
  "fin-wait-2",
  "time-wait",
  "closed",
  "close-wait",
  "last-ack",
  "listen",
  "closing",
  "syn-received",
];

/** The offsets of its fields: two bytes, words of four bytes, and four words of eight. Times are in microseconds. */
export const OFFSETS = {
  tcpi_state: 0,
  tcpi_retransmits: 2,
  tcpi_rto: 8,
  tcpi_snd_mss: 16,
  tcpi_unacked: 24,
  tcpi_lost: 32,
  tcpi_pmtu: 60,
  tcpi_rtt: 68,
  tcpi_rttvar: 72,
  tcpi_snd_ssthresh: 76,
  tcpi_snd_cwnd: 80,
  tcpi_total_retrans: 100,
  tcpi_bytes_acked: 120,
  tcpi_bytes_received: 128,
  tcpi_notsent_bytes: 144,
  tcpi_min_rtt: 148,
  tcpi_delivery_rate: 160,
} as const;

/** How many bytes of it are read. */
export const TCP_INFO_BYTES = 168;

/** What stands for "none yet" (TCP_INFINITE_SSTHRESH, and all bits). */
const NO_THRESHOLD = 0x7fffffff;
const NO_TIME = 0xffffffff;

/**
 * Reads one.
 *
 * @param view At least {@linkcode TCP_INFO_BYTES}; zeros where an older system has written nothing.
 */
export function parseTcpInfo(view: DataView): TcpInfo {
  type Name = keyof typeof OFFSETS;
  const byte = (name: Name) => view.getUint8(OFFSETS[name]);
  const word = (name: Name) => view.getUint32(OFFSETS[name], true);
  const long = (name: Name) => Number(view.getBigUint64(OFFSETS[name], true));
  const millis = (name: Name) => word(name) / 1_000;
  const threshold = word("tcpi_snd_ssthresh");
  const shortest = word("tcpi_min_rtt");
  return Object.freeze({
    state: STATES[byte("tcpi_state") - 1] ?? "closed",
    roundTripTimeInMillis: millis("tcpi_rtt"),
    roundTripVarianceInMillis: millis("tcpi_rttvar"),
    minRoundTripTimeInMillis: shortest === NO_TIME || shortest === 0 ? undefined : shortest / 1_000,
    retransmitTimeoutInMillis: millis("tcpi_rto"),
    retransmits: byte("tcpi_retransmits"),
    totalRetransmits: word("tcpi_total_retrans"),
    unconfirmedSegments: word("tcpi_unacked"),
    lostSegments: word("tcpi_lost"),
    congestionWindow: word("tcpi_snd_cwnd"),
    slowStartThreshold: threshold >= NO_THRESHOLD ? Infinity : threshold,
    segmentSize: word("tcpi_snd_mss"),
    pathMtu: word("tcpi_pmtu"),
    confirmedBytes: long("tcpi_bytes_acked"),
    receivedBytes: long("tcpi_bytes_received"),
    unsentBytes: word("tcpi_notsent_bytes"),
    deliveryRateInBytesPerSecond: long("tcpi_delivery_rate"),
  });
}
