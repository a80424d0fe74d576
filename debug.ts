/**
 * For whoever wants to see what goes through sockets: a capture for Wireshark, and hex dumps for a terminal.
 *
 * **All of it shows secrets in the clear**, what TLS carries as well. Nothing of it is loaded by a program that does
 * not import this module.
 *
 * @module
 */

export {
  type CaptureConfig,
  captured,
  type CapturedNetwork,
  type CaptureStats,
} from "./src/debug/capture.ts";
export { hexDump, type HexDumpOptions } from "./src/debug/hex_dump.ts";
export { type PrintConfig, printed } from "./src/debug/printed.ts";
export type { TrafficEnds } from "./src/debug/tap.ts";
export type { TrafficChoice, TrafficFilter } from "./src/debug/traffic_filter.ts";
