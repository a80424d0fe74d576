// The tests of a connection, and of what sends and receives datagrams, once more: over doubles that can be read and
// written without a promise.

import { scriptedPeers } from "../support/scripted_connection.ts";
import { scriptedSockets } from "../support/scripted_datagrams.ts";

scriptedPeers.canTry = scriptedSockets.canTry = true;

await import("../connection/byte_iteration_test.ts");
await import("../connection/connection_test.ts");
await import("../connection/delimited_reader_test.ts");
await import("../connection/stream_core_test.ts");
await import("../connection/pull_test.ts");
await import("../connection/reader_test.ts");
await import("../connection/service_loop_test.ts");
await import("../connection/web_streams_test.ts");
await import("../connection/writer_test.ts");
await import("../framing/exchange_test.ts");
await import("../framing/framed_test.ts");
await import("../framing/framed_service_test.ts");
await import("./lent_bytes_test.ts");
await import("./transferred_test.ts");
await import("../udp/datagram_sender_test.ts");
await import("../udp/udp_client_test.ts");
await import("../udp/udp_listener_test.ts");
await import("../udp/udp_socket_test.ts");
