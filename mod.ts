/**
 * TCP and UDP for Deno: reads that time out without losing bytes, writes that go out whole and in order,
 * listeners that outlive their clients, and a stop that lets calls finish.
 *
 * @module
 */

export type { Address } from "./src/base/address.ts";
export { Client } from "./src/connection/client.ts";
export type {
  AnyClientConfig,
  ClientConfig,
  DialConfig,
  HostsClientConfig,
  LocalClientConfig,
  RemoteConfig,
  ServiceClientConfig,
} from "./src/connection/client_config.ts";
export type { Lookup, LookupOptions } from "./src/connection/lookup.ts";
export type { ChooseVia, Via } from "./src/via/via.ts";
export type { ProxyServerConfig } from "./src/via/proxy_server.ts";
export { Connection } from "./src/connection/connection.ts";
export type { ConnectionConfig } from "./src/connection/connection_config.ts";
export type {
  HeartbeatConfig,
  HeartbeatTimes,
  MessageHeartbeatConfig,
} from "./src/connection/heartbeat.ts";
export type { ConnectionEnd } from "./src/connection/connection_end.ts";
export type { CloseOptions, UpgradeOptions } from "./src/connection/hurried.ts";
export type { ReadLineOptions, ReadUntilOptions } from "./src/connection/delimited_reader.ts";
export {
  GenericError,
  ReadTimedOutError,
  SocketError,
  type SocketErrorCode,
} from "./src/base/errors.ts";
export type { GuardConfig, ProxyProtocolConfig } from "./src/listener/guard/guard_config.ts";
export type { ListenerStats, StageCounts } from "./src/listener/guard/listener_stats.ts";
export { ProxyHeader, type ProxyHeaderConfig } from "./src/proxy/proxy_header.ts";
export { ProxyHeaderError, type ProxyHeaderProblem } from "./src/proxy/proxy_header_error.ts";
export { PROXY_TLV, type ProxyTls, type ProxyTlv } from "./src/proxy/proxy_tlv.ts";
export type { RejectReason } from "./src/listener/guard/rejection.ts";
export { Listener } from "./src/listener/listener.ts";
export type { ListenerConfig } from "./src/listener/listener_config.ts";
export type { BufferSizeConfig, PacketConfig, TcpConfig } from "./src/network/socket_options.ts";
export type { BufferSizes, PeerCredentials, TcpInfo, TcpState } from "./src/network/socket_info.ts";
export type { ListenerEvent } from "./src/listener/listener_event.ts";
export type { IterationOptions } from "./src/listener/consumers.ts";
export type { ServiceOrFactory } from "./src/connection/service_factory.ts";
export type { CutOff, StopOptions, StopReport } from "./src/listener/life_cycle.ts";
export type { ReadOptions, ReadResult } from "./src/connection/pull.ts";
export type { AltName, NamePart, PeerCertificate, SecureInfo } from "./src/network/secure_info.ts";
export type { Handler, HandlerCallbacks } from "./src/connection/handler.ts";
export { relay, type RelayOptions, type RelayReport } from "./src/connection/relay.ts";
export type { ByteReply, Caller, Service } from "./src/connection/service.ts";
export type { ClientSecureSocketConfig } from "./src/tls/client_secure_socket_config.ts";
export type {
  ListenerCertificateConfig,
  ListenerSecureSocketConfig,
} from "./src/tls/listener_secure_socket_config.ts";
export type { CertificateConfig, SecureSocketConfig } from "./src/tls/secure_socket_config.ts";
export {
  TlsSessions,
  type TlsSessionsConfig,
  type TlsSessionsStats,
} from "./src/tls/tls_sessions.ts";
export { type Framed, framed, type FramedConfig } from "./src/framing/framed.ts";
export { framedService, type MessageService, type Reply } from "./src/framing/framed_service.ts";
export type { FrameConfig } from "./src/framing/frame_config.ts";
export { DelimiterCodec } from "./src/framing/delimiter_codec.ts";
export { FixedLengthCodec } from "./src/framing/fixed_length_codec.ts";
export {
  Group,
  type GroupReport,
  type GroupSendOptions,
  type GroupStats,
} from "./src/framing/group.ts";
export type { GroupConfig, SlowPolicy } from "./src/framing/group_config.ts";
export type { GroupMember, WritableMember } from "./src/framing/group_member.ts";
export { JsonLinesCodec, type JsonLinesCodecConfig } from "./src/framing/json_lines_codec.ts";
export {
  LengthPrefixCodec,
  type LengthPrefixCodecConfig,
} from "./src/framing/length_prefix_codec.ts";
export { mapCodec, type Mapping } from "./src/framing/map_codec.ts";
export { LineCodec, type LineCodecConfig } from "./src/framing/line_codec.ts";
export type { InvalidBytes } from "./src/bytes/utf8.ts";
export { NetstringCodec } from "./src/framing/netstring_codec.ts";
export type { Datagram } from "./src/udp/datagram.ts";
export type { GroupOptions } from "./src/udp/multicast.ts";
export type { DrainedOptions } from "./src/network/drained.ts";
export { denoNetwork, nodeNetwork } from "./src/network/deno/deno_network.ts";
export type { UdpCaller } from "./src/udp/udp_caller.ts";
export type { ReceiveOptions, UdpChannel } from "./src/udp/udp_channel.ts";
export { type ReceiveResult, UdpClient } from "./src/udp/udp_client.ts";
export type { UdpClientConfig, UdpSocketConfig } from "./src/udp/udp_config.ts";
export type { SessionHandler, SessionHandlerCallbacks } from "./src/udp/session_handler.ts";
export { UdpListener } from "./src/udp/udp_listener.ts";
export type { UdpListenerConfig } from "./src/udp/udp_listener_config.ts";
export type {
  DatagramCount,
  DropReason,
  SessionEndReason,
  UdpListenerStats,
} from "./src/udp/udp_stats.ts";
export type { UdpReply, UdpService, UdpServiceOrFactory } from "./src/udp/udp_service.ts";
export type { ReceivedDatagram } from "./src/udp/loose_datagrams.ts";
export type { UdpSession } from "./src/udp/udp_session.ts";
