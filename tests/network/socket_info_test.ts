import { assertEquals, assertThrows } from "@std/assert";
import { Client, Connection, GenericError, type TcpInfo } from "../../mod.ts";
import type { SystemSocket, Transport } from "../../network.ts";
import { ReplayedTransport } from "../../src/network/replayed_transport.ts";
import { ask } from "../../src/network/socket_info.ts";
import { TlsLayer } from "../../src/tls/tls_layer.ts";
import { connectedTransports } from "../../testing/mod.ts";
import { listening } from "../support/listening.ts";

const sizes = { receiveBufferSize: 2, sendBufferSize: 4 };
const credentials = { pid: 1, uid: 2, gid: 3 };
const info = { state: "established", roundTripTimeInMillis: 0.5 } as TcpInfo;

/** A stream of which the system can tell. */
function telling(system: SystemSocket, kind: "tcp" | "unix"): Transport {
  const [transport, other] = connectedTransports();
  other.close();
  const address = kind === "unix" ? { transport: kind, path: "/s" } : undefined;
  return Object.defineProperties(transport, {
    system: { value: system },
    ...(address === undefined ? {} : { localAddr: { value: address } }),
  });
}

Deno.test("ask() gives what the system says, and says why it cannot", () => {
  const system: SystemSocket = { bufferSizes: () => sizes };
  assertEquals(ask(system, "bufferSizes"), sizes);
  for (
    const [socket, question, message] of [
      [
        undefined,
        "tcpInfo",
        "Cannot read what TCP knows of the connection: this engine cannot, pass",
      ],
      [
        undefined,
        "bufferSizes",
        "Cannot read the sizes of the system's buffers: this engine cannot",
      ],
      [system, "tcpInfo", "it is no TCP"],
      [system, "peerCredentials", "Cannot read who the peer is: it is no local socket"],
    ] as const
  ) {
    const error = assertThrows(() => ask(socket, question), GenericError, message);
    assertEquals(error.code, "unsupported");
  }
  const cause = new Error("EINVAL");
  const broken: SystemSocket = {
    bufferSizes() {
      throw cause;
    },
  };
  const error = assertThrows(() => ask(broken, "bufferSizes"), GenericError, "EINVAL");
  assertEquals([error.code, error.cause], ["broken", cause]);
  const late = { bufferSizes: () => Promise.reject(cause) } as unknown as SystemSocket;
  assertThrows(() => ask(late, "bufferSizes"), GenericError, "bufferSizes must not be async");
});

Deno.test("Connection tells what the system says of its socket, through every layer", () => {
  const tcp = telling({ bufferSizes: () => sizes, tcpInfo: () => info }, "tcp");
  const layered = new TlsLayer(new ReplayedTransport(tcp, new Uint8Array(0)));
  const connection = new Connection(layered);
  assertEquals([connection.bufferSizes(), connection.tcpInfo()], [sizes, info]);
  assertEquals(connection.peerCredentials, undefined);
  connection.abort();
  for (const call of [() => connection.bufferSizes(), () => connection.tcpInfo()]) {
    assertEquals(assertThrows(call, GenericError, "already closed").code, "closed");
  }
  const local = new Connection(
    telling({ bufferSizes: () => sizes, peerCredentials: () => credentials }, "unix"),
  );
  assertEquals(local.peerCredentials, credentials);
  assertThrows(() => local.tcpInfo(), GenericError, "it is no TCP");
  local.abort();
  assertThrows(() => local.peerCredentials, GenericError, "already closed");
});

Deno.test("Connection on Deno's engine says that it cannot tell, and what to do", async () => {
  await using listener = await listening({ onConnect() {} });
  await using client = await Client.connect({ host: "127.0.0.1", port: listener.port });
  for (const call of [() => client.bufferSizes(), () => client.tcpInfo()]) {
    assertEquals(assertThrows(call, GenericError, "linuxNetwork").code, "unsupported");
  }
  assertEquals(client.peerCredentials, undefined);
});
