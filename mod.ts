/**
 * TCP and UDP for Deno: reads that time out without losing bytes, writes that go out whole and in order,
 * listeners that outlive their clients, and a stop that lets calls finish.
 *
 * @module
 */

export type { Address } from "./src/base/address.ts";
export {
  Client,
  type ClientConfig,
  type DialConfig,
  type LocalClientConfig,
} from "./src/connection/client.ts";
export { Connection } from "./src/connection/connection.ts";
export type { ConnectionConfig } from "./src/connection/connection_config.ts";
export type { ReadLineOptions, ReadUntilOptions } from "./src/connection/delimited_reader.ts";
export {
  GenericError,
  ReadTimedOutError,
  SocketError,
  type SocketErrorCode,
} from "./src/base/errors.ts";
export type { GuardConfig, ProxyProtocolConfig } from "./src/listener/guard/guard_config.ts";
export type { ListenerStats } from "./src/listener/guard/listener_stats.ts";
export { ProxyHeader, type ProxyHeaderConfig } from "./src/proxy/proxy_header.ts";
export { ProxyHeaderError, type ProxyHeaderProblem } from "./src/proxy/proxy_header_error.ts";
export { PROXY_TLV, type ProxyTls, type ProxyTlv } from "./src/proxy/proxy_tlv.ts";
export type { RejectInfo, RejectReason } from "./src/listener/guard/rejection.ts";
export { Listener } from "./src/listener/listener.ts";
export type { ListenerConfig } from "./src/listener/listener_config.ts";
export type { ServiceOrFactory } from "./src/connection/service_factory.ts";
export type { CutOff, StopOptions, StopReport } from "./src/listener/life_cycle.ts";
export type { ReadOptions, ReadResult } from "./src/connection/pull.ts";
export type { AltName, NamePart, PeerCertificate, SecureInfo } from "./src/network/secure_info.ts";
export type { Caller, Service } from "./src/connection/service.ts";
export type { StageCounts } from "./src/listener/stage.ts";
export type {
  CertificateConfig,
  ClientSecureSocketConfig,
  ListenerCertificateConfig,
  ListenerSecureSocketConfig,
  SecureSocketConfig,
} from "./src/tls/secure_socket.ts";
export { Framed, framed } from "./src/framing/framed.ts";
export { framedService, type MessageService, type Reply } from "./src/framing/framed_service.ts";
export type { FrameConfig } from "./src/framing/frame_config.ts";
export { DelimiterCodec } from "./src/framing/delimiter_codec.ts";
export { FixedLengthCodec } from "./src/framing/fixed_length_codec.ts";
export { JsonLinesCodec, type JsonLinesCodecConfig } from "./src/framing/json_lines_codec.ts";
export {
  LengthPrefixCodec,
  type LengthPrefixCodecConfig,
} from "./src/framing/length_prefix_codec.ts";
export { LineCodec, type LineCodecConfig } from "./src/framing/line_codec.ts";
export type { InvalidBytes } from "./src/bytes/utf8.ts";
export { NetstringCodec } from "./src/framing/netstring_codec.ts";
export type { Datagram } from "./src/udp/datagram.ts";
export type { GroupOptions } from "./src/udp/multicast.ts";
export { denoNetwork, nodeNetwork } from "./src/network/deno/deno_network.ts";
export type { UdpCaller } from "./src/udp/udp_caller.ts";
export type { ReceiveOptions, UdpChannel } from "./src/udp/udp_channel.ts";
export { type ReceiveResult, UdpClient, type UdpClientConfig } from "./src/udp/udp_client.ts";
export type { UdpSocketConfig } from "./src/udp/udp_config.ts";
export { UdpListener, type UdpListenerConfig } from "./src/udp/udp_listener.ts";
export type { UdpReply, UdpService } from "./src/udp/udp_service.ts";
export type { ReceivedDatagram } from "./src/udp/udp_serving.ts";
export { UdpSession } from "./src/udp/udp_session.ts";
