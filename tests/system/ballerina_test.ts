// The tests of the module this one ports (Ballerina's `socket`), retold: what its users rely on. Each names
// its source: the test file and the test there. At the end: its names, fields and defaults.

import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import {
  type Caller,
  Client,
  GenericError,
  ReadTimedOutError,
  SocketError,
  UdpClient,
} from "../../mod.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { scriptedTransport, silence, VirtualClock } from "../../testing/mod.ts";
import { dial } from "../support/dial.ts";
import { echo } from "../support/echo.ts";
import { listening } from "../support/listening.ts";
import { text } from "../support/text.ts";
import { localClient, testOnEngines } from "../support/udp_engines.ts";

Deno.test("Client.write() one way (client_socket: testOneWayWrite)", async () => {
  const { promise: heard, resolve } = Promise.withResolvers<string>();
  await using listener = await listening({
    async onReadReady(caller) {
      const [content, length] = await caller.read();
      if (length > 0) resolve(text(content));
    },
  });
  await using client = await dial(listener);
  assertEquals(await client.write(new TextEncoder().encode("Hello Ballerina")), 15);
  assertEquals(await heard, "Hello Ballerina");
});

Deno.test("Client.write() after shutdownWrite() fails (client_socket: testShutdownWrite)", async () => {
  await using listener = await listening(echo);
  await using client = await dial(listener);
  await client.write("Hello Ballerina1");
  assertEquals(text((await client.read(16))[0]), "Hello Ballerina1");
  await client.shutdownWrite();
  const error = await assertRejects(() => client.write("Hello Ballerina2"), GenericError);
  assertEquals(error.code, "closed");
  assertMatch(error.message, /^Cannot write: .*(shut down|closed)/);
  assertEquals((await client.read())[1], -1, "nothing of the second message went out");
});

Deno.test("Client gets back what it writes (client_socket: testClientEcho)", async () => {
  await using listener = await listening(echo);
  await using client = await dial(listener);
  await client.write("Hello Ballerina Echo");
  const [content, length] = await client.read();
  assertEquals([text(content), length], ["Hello Ballerina Echo", 20]);
});

Deno.test("Client.read(0) is refused in the reference's words (client_socket: testInvalidReadParam)", async () => {
  await using listener = await listening(echo);
  await using client = await dial(listener);
  const error = await assertRejects(() => client.read(0), RangeError);
  assertMatch(error.message, /requested byte length .* 1 or more/i);
});

Deno.test("Client.connect() to a closed port fails (client_socket: testInvalidAddress)", async () => {
  const listener = await listening(echo);
  await listener.immediateStop();
  const error = await assertRejects(() => dial(listener), GenericError);
  assertEquals(error.code, "unreachable");
  assertMatch(error.message, /^Cannot connect to 127\.0\.0\.1:\d+: .*refused/);
});

Deno.test("Caller.read(length) takes 5, 4 and 6 bytes, then replies (server_socket: testPartialRead)", async () => {
  const parts: string[] = [];
  let total = 0;
  await using listener = await listening({
    async onReadReady(caller) {
      for (const length of [5, 4, 6]) {
        const [content, count] = await caller.read(length);
        if (count < 0) return;
        parts.push(text(content));
        total += count;
      }
      await caller.write("Hello Client");
    },
  });
  await using client = await dial(listener);
  for (const part of ["Hello", "from", "client"]) await client.write(part);
  assertEquals(text((await client.read())[0]), "Hello Client");
  assertEquals([parts, total], [["Hello", "from", "client"], 15]);
});

Deno.test("Caller.read(18) waits for both parts (server_socket: testBlockingRead)", async () => {
  await using listener = await listening({
    async onReadReady(caller) {
      const [content, length] = await caller.read(18);
      if (length > 0) await caller.write(content);
    },
  });
  await using client = await dial(listener);
  await client.write("ThisIs");
  await client.write("BlockingRead");
  assertEquals(text((await client.read(18))[0]), "ThisIsBlockingRead");
});

Deno.test("Listener sees five clients join and leave (server_socket: testSocketServerJoinLeave)", async () => {
  const heard: string[] = [];
  let joined = 0;
  let left = 0;
  const { promise: allHaveLeft, resolve } = Promise.withResolvers<void>();
  await using listener = await listening({
    onConnect() {
      joined++;
    },
    async onReadReady(caller) {
      const [content, length] = await caller.read();
      if (length > 0) heard.push(text(content));
      else if (++left === 5) resolve();
    },
  });
  for (let i = 0; i < 5; i++) {
    const client = await dial(listener);
    await client.write("Hello Ballerina\n");
    await client.close();
  }
  await allHaveLeft;
  assertEquals([joined, heard.join("")], [5, "Hello Ballerina\n".repeat(5)]);
});

Deno.test("Caller.read(18) times out after 15 bytes, and loses none (server_socket: testSocketReadTimeout)", async () => {
  const { promise: outcome, resolve } = Promise.withResolvers<[unknown, string]>();
  await using listener = await listening({
    async onReadReady(caller) {
      const error: unknown = await caller.read(18).catch((error) => error);
      // The reference loses the 15 bytes here.
      resolve([error, text((await caller.read())[0])]);
    },
  }, { readTimeoutInMillis: 50 });
  await using client = await dial(listener);
  await client.write("Hello Ballerina");
  const [error, rest] = await outcome;
  assertInstanceOf(error, ReadTimedOutError);
  assertEquals([error.code, rest], ["timed-out", "Hello Ballerina"]);
});

Deno.test("Client calls its callback service (server_socket: testHttpClientEcho)", async () => {
  await using listener = await listening(echo);
  const calls: string[] = [];
  const client = await dial(listener, {
    callbackService: {
      onConnect(caller) {
        calls.push(`connect: ${caller.remotePort === listener.port}`);
      },
      async onReadReady(caller) {
        const [content] = await caller.read();
        calls.push(text(content));
        await caller.close();
      },
    },
  });
  await client.write("Hello Ballerina");
  assertEquals(await client.closed, undefined);
  assertEquals(calls, ["connect: true", "Hello Ballerina"]);
});

Deno.test("Client with a service that has only onConnect reads by itself (its example)", async () => {
  await using listener = await listening(echo);
  let port = 0;
  await using client = await dial(listener, {
    callbackService: { onConnect: (caller) => void (port = caller.remotePort) },
  });
  await client.write("Hello Ballerina");
  assertEquals(text((await client.read())[0]), "Hello Ballerina");
  assertEquals(port, listener.port);
});

/** The reference's UDP echo server, on a port that the system chooses where it has 48829. */
async function echoingDatagrams(server: UdpClient): Promise<void> {
  for await (const { data, remoteHost: host, remotePort: port } of server) {
    await server.sendTo(data, { host, port });
  }
}

testOnEngines("UdpClient gets back what it sends (udp: testClientEcho)", async (network) => {
  await using server = localClient(network);
  const serving = echoingDatagrams(server);
  await using client = new UdpClient(undefined, { network }); // as there: without a local address
  const { port } = await server.bound;
  const message = "Hello Ballerina echo";
  assertEquals(
    await client.sendTo(new TextEncoder().encode(message), { host: "127.0.0.1", port }),
    message.length,
  );
  const [content, length, address] = await client.receiveFrom();
  assertEquals([text(content), length], [message, message.length]);
  assertEquals(address, { host: "127.0.0.1", port });
  await server.close();
  await serving;
});

testOnEngines("UdpClient receives on a bound port (udp: testContentReceive)", async (network) => {
  await using client = new UdpClient({ host: "127.0.0.1", port: 0 }, { network });
  const { port } = await client.bound;
  assertEquals(client.localPort, port);
  await using sender = localClient(network);
  await sender.sendTo("This is server", { host: "127.0.0.1", port });
  const [content, , address] = await client.receiveFrom();
  assertEquals([text(content), address], ["This is server", await sender.bound]);
});

testOnEngines(
  "UdpClient.receiveFrom(length) gives one datagram, cut to the length (udp: testContentReceiveWithLength)",
  async (network) => {
    await using client = localClient(network);
    await using sender = localClient(network);
    const target = await client.bound;
    const message = "This is going to be a tricky";
    await sender.sendTo(message, target);
    // There, this waits until 56 bytes have arrived; a datagram arrives whole or not at all.
    const [content, length] = await client.receiveFrom(56);
    assertEquals([text(content), length], [message, message.length]);

    await sender.sendTo(message, target);
    await sender.sendTo("next", target);
    assertEquals(text((await client.receiveFrom(7))[0]), "This is");
    assertEquals(text((await client.receiveFrom())[0]), "next", "the rest was dropped");
  },
);

Deno.test("UdpClient has the reference's methods and timeout", async () => {
  const clock = new VirtualClock();
  await using client = new UdpClient({ host: "127.0.0.1", port: 0 }, {
    network: { ...denoNetwork, clock },
  });
  for (const name of ["sendTo", "receiveFrom", "close"] as const) {
    assertEquals(typeof client[name], "function", name);
  }
  await client.bound;
  let error: unknown;
  const receive = client.receiveFrom().catch((e) => error = e);
  await clock.advance(299_999);
  assertEquals(error, undefined);
  await clock.advance(1);
  await receive;
  assertInstanceOf(error, ReadTimedOutError);
});

Deno.test("Client and Caller have the reference's fields", async () => {
  const { promise: accepted, resolve } = Promise.withResolvers<Caller>();
  await using listener = await listening({ onConnect: resolve });
  await using client = await dial(listener);
  const caller = await accepted;
  assertEquals(
    [client.remotePort, client.localPort, client.remoteAddress, client.localAddress],
    [caller.localPort, caller.remotePort, caller.localAddress, caller.remoteAddress],
  );
  assertEquals([client.remotePort, client.remoteAddress], [listener.port, "127.0.0.1"]);
  assert(client.localPort > 0 && Number.isInteger(client.id) && client.id !== caller.id);
  // A field is not to be set: that is an error, not a wish.
  for (const name of ["remotePort", "localPort", "remoteAddress", "localAddress"] as const) {
    assert(!Reflect.set(client, name, 1), name);
  }
});

Deno.test("Client, Caller and Listener have the reference's methods", async () => {
  await using listener = await listening(echo);
  await using client = await dial(listener);
  for (const name of ["read", "write", "close", "shutdownRead", "shutdownWrite"] as const) {
    assertEquals(typeof client[name], "function", name);
  }
  for (const name of ["attach", "detach", "start", "gracefulStop", "immediateStop"] as const) {
    assertEquals(typeof listener[name], "function", name);
  }
});

Deno.test("readTimeoutInMillis is 300000 by default, and idle time, as in the reference", async () => {
  const clock = new VirtualClock();
  using peer = scriptedTransport(["15 of 18 bytes", silence()], { clock });
  const client = await Client.connect({
    host: "localhost",
    port: 61598,
    network: {
      clock,
      connect: () => Promise.resolve(peer),
      listen: () => Promise.reject(new Error("not here")),
      listenDatagram: () => {
        throw new Error("not here");
      },
    },
  });
  let error: unknown;
  const read = client.read(18).catch((e) => error = e);
  await clock.advance(299_999);
  assertEquals(error, undefined);
  await clock.advance(1);
  await read;
  assertInstanceOf(error, ReadTimedOutError);
  client.abort();
});

Deno.test("Listener applies interface and config, and detaches, where the reference does not", async () => {
  await using listener = await listening(echo);
  assertEquals(listener.address, "127.0.0.1");
  await using running = await dial(listener);
  await running.write("one");
  assertEquals(text((await running.read())[0]), "one");

  listener.detach(echo);
  await running.write("two");
  assertEquals(text((await running.read())[0]), "two", "it keeps its service");
  listener.attach({ onConnect: (caller) => void caller.write("another service") });
  await using next = await dial(listener);
  assertEquals(text((await next.read())[0]), "another service");
});

Deno.test("closing one client leaves all others alone, where the reference stops them", async () => {
  await using listener = await listening(echo);
  await using one = await dial(listener);
  await using other = await dial(listener);
  await one.close();
  await other.write("still here");
  assertEquals(text((await other.read())[0]), "still here");
});

Deno.test("GenericError and ReadTimedOutError have the reference's names and one base", () => {
  const errors = [new GenericError("closed", "a"), new ReadTimedOutError("b")];
  assertEquals(errors.map(({ name }) => name), ["GenericError", "ReadTimedOutError"]);
  for (const error of errors) assertInstanceOf(error, SocketError);
});
