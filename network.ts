/**
 * For whoever implements what this library stands on: another network, clock or stream, in the place of Deno's.
 *
 * Pass it as `network` in a config. `testing/mod.ts` has some that tests need, and a check for a `Transport` of
 * your own.
 *
 * @module
 */

export type { NetworkAddress } from "./src/base/address.ts";
export type {
  AdoptDatagramTarget,
  AdoptTarget,
  Arriving,
  BufferSizeConfig,
  BufferSizes,
  Clock,
  ConnectPathTarget,
  ConnectTarget,
  DatagramAddress,
  DatagramSocket,
  DatagramTarget,
  GroupMembership,
  ListenPathTarget,
  ListenTarget,
  NativeTlsOptions,
  Network,
  OutgoingDatagram,
  PacketConfig,
  PeerCredentials,
  ResolvedName,
  ServiceRecord,
  SocketOptionName,
  SocketOptions,
  SocketUse,
  SupportedOptions,
  SystemSocket,
  TcpConfig,
  TcpInfo,
  TimerId,
  Transport,
  TransportListener,
} from "./src/network/network.ts";
export type { PeerCertificate, SecureInfo } from "./src/network/secure_info.ts";
export type { Turn, Turns } from "./src/network/turns.ts";
