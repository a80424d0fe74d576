/**
 * Clients that last: they dial again, give each request its deadline, and keep connections ready.
 *
 * @module
 */

export type { RedialConfig } from "./src/clients/backoff.ts";
export type { ClientState, Setback } from "./src/clients/client_state.ts";
export { ReconnectingClient } from "./src/clients/reconnecting_client.ts";
export type { ReadyOptions } from "./src/clients/ready.ts";
export type {
  ReconnectingClientConfig,
  ReconnectingTarget,
} from "./src/clients/reconnecting_config.ts";
export type { ReconnectingStats } from "./src/clients/reconnecting_stats.ts";
export { RequestError } from "./src/clients/request_error.ts";
export { Requests } from "./src/clients/requests.ts";
export type { RequestsStats } from "./src/clients/requests_stats.ts";
export type { RequestId, RequestOptions, RequestsConfig } from "./src/clients/requests_config.ts";
export { ClientPool, type ClientPoolStats } from "./src/clients/client_pool.ts";
export type {
  AcquireOptions,
  ClientPoolConfig,
  PoolClientConfig,
  PoolCloseOptions,
} from "./src/clients/client_pool_config.ts";
export type { Lease } from "./src/clients/lease.ts";
