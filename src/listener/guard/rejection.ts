// Why a listener refuses or ends a connection.

/**
 * Why a listener refused or ended a connection.
 *
 * | Reason | Meaning |
 * | --- | --- |
 * | `"denied"` | its address is in `deny`; or there is a `deny`, and it came over the network without an IP address |
 * | `"not-allowed"` | its address is not in `allow`, or is no IP address |
 * | `"address-limit"` | its address has `maxConnectionsPerAddress` connections |
 * | `"address-rate"` | its address has made `maxConnectionsPerSecondPerAddress` within a second |
 * | `"untrusted-proxy"` | a PROXY protocol header is required and its address is not in `trusted` |
 * | `"proxy-header"` | the PROXY protocol header is wrong, too long, or cut off by the end of the stream |
 * | `"proxy-timeout"` | the PROXY protocol header did not arrive in time, or another connection needed its place |
 * | `"slow-sender"` | it was accepted before and sends less than `minBytesPerSecond` |
 * | `"queue-limit"` | it was accepted before and has the most bytes queued when `maxTotalQueuedBytes` is reached |
 */
export type RejectReason =
  | "denied"
  | "not-allowed"
  | "address-limit"
  | "address-rate"
  | "untrusted-proxy"
  | "proxy-header"
  | "proxy-timeout"
  | "slow-sender"
  | "queue-limit";

/** Every reason. */
export const REJECT_REASONS: readonly RejectReason[] = [
  "denied",
  "not-allowed",
  "address-limit",
  "address-rate",
  "untrusted-proxy",
  "proxy-header",
  "proxy-timeout",
  "slow-sender",
  "queue-limit",
];
