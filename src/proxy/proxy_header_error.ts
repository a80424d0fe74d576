// Why bytes are no PROXY protocol header.

import { GenericError } from "../base/errors.ts";

/**
 * Why a PROXY protocol header was refused.
 *
 * | Problem | Meaning |
 * | --- | --- |
 * | `"signature"` | it does not begin as a header does |
 * | `"version"` | neither version 1 nor 2 |
 * | `"command"` | neither LOCAL nor PROXY |
 * | `"family"` | an address family or a transport protocol that is not defined |
 * | `"length"` | the length it announces is too short for its addresses |
 * | `"too-long"` | longer than allowed |
 * | `"line"` | version 1: not the six words, or not ended by CR LF |
 * | `"address"` | not an address of the family announced |
 * | `"port"` | version 1: not a port |
 * | `"tlv"` | a type-length-value triple is cut off or has the wrong length |
 * | `"checksum"` | its checksum is wrong |
 * | `"truncated"` | the stream ended inside it, or before it |
 */
export type ProxyHeaderProblem =
  | "signature"
  | "version"
  | "command"
  | "family"
  | "length"
  | "too-long"
  | "line"
  | "address"
  | "port"
  | "tlv"
  | "checksum"
  | "truncated";

/** The bytes are not a PROXY protocol header; its code is `"frame"`. */
export class ProxyHeaderError extends GenericError {
  /** What is wrong with them. */
  readonly problem: ProxyHeaderProblem;

  /**
   * Says what is wrong.
   *
   * @param problem What is wrong with the bytes.
   * @param message The action first, then why.
   * @param options May hold the `cause`.
   */
  constructor(problem: ProxyHeaderProblem, message: string, options?: ErrorOptions) {
    super("frame", message, options);
    this.problem = problem;
  }
}

/** Makes the error for bytes that are no header. */
export function proxyHeaderError(problem: ProxyHeaderProblem, why: string): ProxyHeaderError {
  return new ProxyHeaderError(problem, `Cannot read the PROXY protocol header: ${why}`);
}
