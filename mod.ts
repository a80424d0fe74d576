/**
 * TCP and UDP for Deno: reads that time out without losing bytes, writes that go out whole and in order,
 * listeners that outlive their clients, and a stop that lets calls finish.
 *
 * @module
 */

export type { Address } from "./src/address.ts";
export { Client, type ClientConfig } from "./src/client.ts";
export { Connection, type ReadOptions, type ReadResult } from "./src/connection.ts";
export type { ConnectionConfig } from "./src/connection_config.ts";
export {
  GenericError,
  ReadTimedOutError,
  SocketError,
  type SocketErrorCode,
} from "./src/errors.ts";
export { Listener, type ListenerConfig, type ServiceOrFactory } from "./src/listener.ts";
export type {
  Clock,
  ConnectTarget,
  DatagramSocket,
  DatagramTarget,
  ListenTarget,
  Network,
  NetworkAddress,
  TimerId,
  Transport,
  TransportListener,
} from "./src/network.ts";
export type { StopOptions, StopReport } from "./src/open_connections.ts";
export type { Caller, Service } from "./src/service.ts";
