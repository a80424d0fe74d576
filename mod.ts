/**
 * TCP and UDP for Deno: reads that time out without losing bytes, writes that go out whole and in order,
 * listeners that outlive their clients, and a stop that lets calls finish.
 *
 * @module
 */

export type { Address } from "./src/address.ts";
export {
  Client,
  type ClientConfig,
  type DialConfig,
  type LocalClientConfig,
} from "./src/client.ts";
export { Connection } from "./src/connection.ts";
export type { ConnectionConfig } from "./src/connection_config.ts";
export type { ReadLineOptions, ReadUntilOptions } from "./src/delimited_reader.ts";
export {
  GenericError,
  ReadTimedOutError,
  SocketError,
  type SocketErrorCode,
} from "./src/errors.ts";
export type { GuardConfig, ProxyProtocolConfig } from "./src/guard/guard_config.ts";
export type { ListenerStats } from "./src/guard/listener_stats.ts";
export { ProxyHeader, type ProxyHeaderConfig } from "./src/guard/proxy_header.ts";
export { ProxyHeaderError, type ProxyHeaderProblem } from "./src/guard/proxy_header_error.ts";
export { PROXY_TLV, type ProxyTls, type ProxyTlv } from "./src/guard/proxy_tlv.ts";
export type { RejectInfo, RejectReason } from "./src/guard/rejection.ts";
export { Listener } from "./src/listener.ts";
export type { ListenerConfig } from "./src/listener_config.ts";
export type { ServiceOrFactory } from "./src/service_factory.ts";
export type {
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
  NetworkAddress,
  ResolvedName,
  TimerId,
  Transport,
  TransportListener,
} from "./src/network.ts";
export type { CutOff, StopOptions, StopReport } from "./src/life_cycle.ts";
export type { ReadOptions, ReadResult } from "./src/pull.ts";
export type { AltName, NamePart, PeerCertificate, SecureInfo } from "./src/secure_info.ts";
export type { Caller, Service } from "./src/service.ts";
export type { Turn, Turns } from "./src/turns.ts";
export type { StageCounts } from "./src/stage.ts";
export type {
  CertificateConfig,
  ClientSecureSocket,
  ListenerCertificates,
  ListenerSecureSocket,
  SecureSocketConfig,
} from "./src/transport/secure_socket.ts";
export { ByteQueue } from "./src/byte_queue.ts";
export type { Codec, Decoder } from "./src/framing/codec.ts";
export { Framed, framed } from "./src/framing/framed.ts";
export { framedService, type MessageService, type Reply } from "./src/framing/framed_service.ts";
export type { FrameConfig } from "./src/framing/frame.ts";
export { type Encoder, FrameBuffer } from "./src/framing/frame_buffer.ts";
export { DelimiterCodec } from "./src/framing/delimiter_codec.ts";
export { FixedLengthCodec } from "./src/framing/fixed_length_codec.ts";
export { JsonLinesCodec, type JsonLinesCodecConfig } from "./src/framing/json_lines_codec.ts";
export {
  LengthPrefixCodec,
  type LengthPrefixCodecConfig,
} from "./src/framing/length_prefix_codec.ts";
export { LineCodec, type LineCodecConfig } from "./src/framing/line_codec.ts";
export type { InvalidBytes } from "./src/framing/utf8.ts";
export { NetstringCodec } from "./src/framing/netstring_codec.ts";
export type { Datagram } from "./src/datagram.ts";
export type { GroupOptions } from "./src/multicast.ts";
export { denoNetwork, nodeNetwork } from "./src/network.ts";
export type { UdpCaller } from "./src/udp_caller.ts";
export type { ReceiveOptions, UdpChannel } from "./src/udp_channel.ts";
export { type ReceiveResult, UdpClient, type UdpClientConfig } from "./src/udp_client.ts";
export type { UdpSocketConfig } from "./src/udp_config.ts";
export { UdpListener, type UdpListenerConfig } from "./src/udp_listener.ts";
export type { UdpReply, UdpService } from "./src/udp_service.ts";
export type { ReceivedDatagram } from "./src/udp_serving.ts";
export { UdpSession } from "./src/udp_session.ts";
