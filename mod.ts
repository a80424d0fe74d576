/**
 * TCP and UDP for Deno.
 *
 * @module
 */

export {
  GenericError,
  ReadTimedOutError,
  SocketError,
  type SocketErrorCode,
} from "./src/errors.ts";
