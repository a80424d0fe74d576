import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { linuxNetwork } from "../../linux/mod.ts";
import { UdpClient } from "../../src/udp/udp_client.ts";
import { DATAGRAMS_PER_TURN } from "../../src/udp/datagram_share.ts";
import { GenericError, ReadTimedOutError } from "../../src/base/errors.ts";
import type { Network } from "../../src/network/network.ts";
import { assertCode } from "../support/assert_code.ts";
import { text } from "../support/text.ts";
import { localClient, testOnEngines } from "../support/udp_engines.ts";

/** Two clients, the second with its address. */
async function pair(network: Network) {
  const one = localClient(network);
  const other = localClient(network);
  const address = await other.bound;
  return {
    one,
    other,
    address,
    async [Symbol.asyncDispose]() {
      await Promise.all([one.close(), other.close()]);
    },
  };
}

testOnEngines("UdpClient.bound tells the address that the system chose", async (network) => {
  await using client = new UdpClient({ host: "127.0.0.1", port: 0 }, { network });
  const { host, port } = await client.bound;
  assertEquals(host, "127.0.0.1");
  assert(port > 0);
  assertEquals(client.localAddress, host);
  assertEquals(client.localPort, port);
});

testOnEngines("UdpClient() binds everywhere when nothing is asked for", async (network) => {
  await using client = new UdpClient(undefined, { network });
  assertEquals((await client.bound).host, "0.0.0.0");
});

testOnEngines("UdpClient gives what was sent, with its sender", async (network) => {
  await using sockets = await pair(network);
  const { one, other, address } = sockets;
  assertEquals(await one.sendTo("Hello", address), 5);
  const [bytes, length, from] = await other.receiveFrom();
  assertEquals(text(bytes), "Hello");
  assertEquals(length, 5);
  assertEquals(from, await one.bound);
  await other.sendTo(new Uint8Array([1, 2]), from);
  assertEquals((await one.receiveFrom())[0], new Uint8Array([1, 2]));
});

testOnEngines("UdpClient passes empty datagrams", async (network) => {
  await using sockets = await pair(network);
  const { one, other, address } = sockets;
  assertEquals(await one.sendTo("", address), 0);
  const [bytes, length, from] = await other.receiveFrom();
  assertEquals([bytes.length, length, from.port], [0, 0, one.localPort]);
});

testOnEngines("UdpClient passes the largest datagram and refuses a larger one", async (network) => {
  await using sockets = await pair(network);
  const { one, other, address } = sockets;
  const content = new Uint8Array(65_507).map((_, i) => i * 7);
  assertEquals(await one.sendTo(content, address), 65_507);
  assertEquals((await other.receiveFrom())[0], content);
  const error = await assertRejects(
    () => one.sendTo(new Uint8Array(65_508), address),
    RangeError,
  );
  assertEquals(
    error.message,
    "Content must be at most 65507 bytes for one datagram: got 65508",
  );
});

testOnEngines("UdpClient.receiveFrom() cuts to the length asked for", async (network) => {
  await using sockets = await pair(network);
  const { one, other, address } = sockets;
  await one.sendTo("Hello from client", address);
  await one.sendTo("next", address);
  const [bytes, length] = await other.receiveFrom(5);
  assertEquals([text(bytes), length], ["Hello", 5]);
  assertEquals(text((await other.receiveFrom(100))[0]), "next");
});

testOnEngines("UdpClient sends in call order what nobody awaits", async (network) => {
  await using sockets = await pair(network);
  const { one, other, address } = sockets;
  for (let i = 0; i < 50; i++) one.sendTo(`${i}`, address);
  for (let i = 0; i < 50; i++) assertEquals(text((await other.receiveFrom())[0]), `${i}`);
});

testOnEngines("UdpClient sends the content as it was at the call", async (network) => {
  await using sockets = await pair(network);
  const { one, other, address } = sockets;
  const content = new Uint8Array(3);
  for (let i = 0; i < 20; i++) {
    content.fill(i);
    one.sendTo(content, address);
  }
  content.fill(255);
  for (let i = 0; i < 20; i++) {
    assertEquals((await other.receiveFrom())[0], new Uint8Array(3).fill(i));
  }
});

testOnEngines("UdpClient.receiveFrom() serves concurrent calls in their order", async (network) => {
  await using sockets = await pair(network);
  const { one, other, address } = sockets;
  const received = [0, 1, 2, 3, 4].map(() => other.receiveFrom());
  for (let i = 0; i < 5; i++) one.sendTo(`${i}`, address);
  assertEquals((await Promise.all(received)).map(([bytes]) => text(bytes)), [
    "0",
    "1",
    "2",
    "3",
    "4",
  ]);
});

testOnEngines("UdpClient.receiveFrom() that times out loses no datagram", async (network) => {
  await using sockets = await pair(network);
  const { one, other, address } = sockets;
  const error = await assertRejects(
    () => other.receiveFrom({ timeoutInMillis: 5 }),
    ReadTimedOutError,
    "5 ms",
  );
  assertEquals(error.code, "timed-out");
  for (let i = 0; i < 3; i++) one.sendTo(`${i}`, address);
  for (let i = 0; i < 3; i++) assertEquals(text((await other.receiveFrom())[0]), `${i}`);
});

testOnEngines("UdpClient.receiveFrom() ended by a signal loses no datagram", async (network) => {
  await using sockets = await pair(network);
  const { one, other, address } = sockets;
  const controller = new AbortController();
  const reason = { why: "enough" };
  const first = other.receiveFrom(1, { signal: controller.signal });
  const second = other.receiveFrom();
  controller.abort(reason);
  assertEquals(await first.catch((error) => error), reason);
  await one.sendTo("kept", address);
  assertEquals(text((await second)[0]), "kept");
  assertEquals(
    await other.receiveFrom(1, { signal: controller.signal }).catch((error) => error),
    reason,
  );
});

testOnEngines(
  "UdpClient.readTimeoutInMillis bounds iteration, which can go on",
  async (network) => {
    await using sender = localClient(network);
    await using receiver = localClient(network, { readTimeoutInMillis: 5 });
    const address = await receiver.bound;
    await assertRejects(async () => {
      for await (const _ of receiver);
    }, ReadTimedOutError);
    await sender.sendTo("late", address);
    const client: AsyncIterable<{ data: Uint8Array }> = receiver;
    for (let tries = 0; tries < 100; tries++) {
      const next = await client[Symbol.asyncIterator]().next().catch(() => undefined);
      if (next !== undefined) return assertEquals(text(next.value.data), "late");
    }
    throw new Error("nothing came");
  },
);

testOnEngines("UdpClient iterates, and goes on after a break", async (network) => {
  await using sockets = await pair(network);
  const { one, other, address } = sockets;
  for (const word of ["a", "b", "c"]) one.sendTo(word, address);
  for await (const { data, remoteHost, remotePort } of other) {
    assertEquals([text(data), remoteHost, remotePort], ["a", "127.0.0.1", one.localPort]);
    break;
  }
  const seen: string[] = [];
  for await (const { data } of other) {
    seen.push(text(data));
    if (seen.length === 2) other.close();
  }
  assertEquals(seen, ["b", "c"]);
});

testOnEngines(
  "UdpClient.close() wakes who waits, ends iteration and is idempotent",
  async (network) => {
    const client = localClient(network);
    await client.bound;
    const waiting = client.receiveFrom();
    const iteration = (async () => {
      for await (const _ of client);
      return "ended";
    })();
    const closing = client.close();
    await assertCode("closed", waiting);
    assertEquals(await iteration, "ended");
    await closing;
    await client.close();
    assertEquals(await client.closed, undefined);
    const error = await assertCode("closed", client.receiveFrom());
    assertEquals(error.message, "Cannot receive: already closed");
    await assertCode("closed", client.sendTo("x", { host: "127.0.0.1", port: 9 }));
    await assertCode("closed", client.connect({ host: "127.0.0.1", port: 9 }));
  },
);

testOnEngines(
  "UdpClient.close() lets queued datagrams leave and the port free",
  async (network) => {
    await using receiver = localClient(network);
    const address = await receiver.bound;
    const sender = localClient(network);
    const { port } = await sender.bound;
    const waiting = assertCode("closed", sender.receiveFrom());
    for (let i = 0; i < 20; i++) sender.sendTo(`${i}`, address);
    await sender.close();
    await waiting;
    for (let i = 0; i < 20; i++) assertEquals(text((await receiver.receiveFrom())[0]), `${i}`);
    await using again = new UdpClient({ host: "127.0.0.1", port }, { network });
    assertEquals((await again.bound).port, port);
  },
);

testOnEngines("UdpClient that is closed while it binds frees what it bound", async (network) => {
  const client = localClient(network);
  await client.close();
  assertEquals(await client.closed, undefined);
});

testOnEngines(
  "UdpClient that cannot bind says so everywhere and throws nowhere",
  async (network) => {
    await using taken = localClient(network);
    const { port } = await taken.bound;
    const client = new UdpClient({ host: "127.0.0.1", port }, { network });
    const sent = client.sendTo("x", { host: "127.0.0.1", port: 9 });
    const received = client.receiveFrom().catch((reason) => reason);
    const error = await assertCode("in-use", client.bound);
    assertEquals(
      error.message,
      `Cannot bind to 127.0.0.1:${port}: the address is in use by another socket; ` +
        "stop that one, or take another port (0 for any free one)" +
        (network.socketOptions?.datagram.has("reusePort") ? ", or set reusePort in both" : ""),
    );
    assertEquals(await client.closed, error);
    for (const promise of [sent, received, client.receiveFrom()]) {
      assertEquals(await promise.catch((reason) => reason), error);
    }
    await client.close();
  },
);

testOnEngines("UdpClient cannot bind to an address of somebody else", async (network) => {
  const client = new UdpClient({ host: "192.0.2.77", port: 0 }, { network });
  await assertCode("unreachable", client.bound);
  await client.closed;
});

testOnEngines("UdpClient lets sockets share an address that all want to share", async (network) => {
  await using one = localClient(network, { reuseAddress: true });
  const { port } = await one.bound;
  await using other = new UdpClient({ host: "127.0.0.1", port }, { network, reuseAddress: true });
  assertEquals((await other.bound).port, port);
});

testOnEngines(
  "UdpClient.sendTo() checks every argument before anything is sent",
  async (network) => {
    await using sockets = await pair(network);
    const { one, other, address } = sockets;
    const host = "127.0.0.1";
    for (const port of [0, -1, 65_536, 70_000, 1.5, Infinity]) {
      await assertRejects(() => one.sendTo("x", { host, port }), RangeError, `${port}`);
    }
    for (const port of ["80", null, undefined, NaN, {}]) {
      await assertRejects(() => one.sendTo("x", { host, port: port as number }), TypeError, "port");
    }
    for (const bad of ["", " ", "a b", "127.0.0.1:80", "http://x", null, 7, undefined]) {
      await assertRejects(
        () => one.sendTo("x", { host: bad as string, port: 9 }),
        TypeError,
        "host",
      );
    }
    for (const content of [null, undefined, 7, [1], new ArrayBuffer(1)] as unknown[]) {
      await assertRejects(() => one.sendTo(content as string, address), TypeError, "Content");
    }
    await assertRejects(() => one.sendTo("x", undefined as unknown as typeof address), TypeError);
    await one.sendTo("alone", address);
    assertEquals(text((await other.receiveFrom())[0]), "alone");
  },
);

testOnEngines("UdpClient.receiveFrom() checks its arguments", async (network) => {
  await using client = localClient(network);
  const error = await assertRejects(() => client.receiveFrom(0), RangeError);
  assertEquals(error.message, "Requested byte length must be an integer 1 or more: got 0");
  await assertRejects(() => client.receiveFrom(1.5), RangeError);
  await assertRejects(() => client.receiveFrom("1" as unknown as number), TypeError);
  await assertRejects(() => client.receiveFrom(1, { timeoutInMillis: 0 }), RangeError);
  await assertRejects(() => client.receiveFrom(1, { signal: {} as AbortSignal }), TypeError);
  await assertRejects(() => client.read(-1), RangeError);
});

Deno.test("UdpClient() checks its arguments and binds nothing", () => {
  const make = (address: unknown, config?: unknown) => () =>
    new UdpClient(address as { port: number }, config as { remoteHost: string });
  assertThrows(make({ port: 70_000 }), RangeError, "70000");
  assertThrows(make({ port: "1" }), TypeError, "port");
  assertThrows(make({}), TypeError, "port");
  assertThrows(make({ host: "", port: 0 }), TypeError, "host");
  assertThrows(make(null), TypeError, "localAddress");
  const port = { port: 0 };
  assertThrows(make(port, { readTimeoutInMillis: 0 }), RangeError, "readTimeoutInMillis");
  assertThrows(make(port, { maxUnreadBytes: -1 }), RangeError, "maxUnreadBytes");
  assertThrows(make(port, { receiveQueueDrop: "all" }), TypeError, '"all"');
  assertThrows(make(port, { maxQueuedBytes: "1" }), TypeError, "maxQueuedBytes");
  assertThrows(make(port, { datagramSize: 65_508 }), RangeError, "65508");
  assertThrows(make(port, { timeToLive: 256 }), RangeError, "256");
  assertThrows(make(port, { multicastTimeToLive: 0 }), RangeError, "multicastTimeToLive");
  assertThrows(make(port, { multicastLoopback: 1 }), TypeError, "multicastLoopback");
  assertThrows(make(port, { multicastInterface: -1 }), RangeError, "multicastInterface");
  assertThrows(make(port, { multicastInterface: "lo" }), TypeError, "address of an IPv4 interface");
  assertThrows(make(port, { reuseAddress: "yes" }), TypeError, "reuseAddress");
  assertThrows(make(port, { remoteHost: "127.0.0.1" }), TypeError, "remotePort");
  assertThrows(make(port, { remotePort: 9 }), TypeError, "remoteHost");
  assertThrows(make(port, { remoteHost: "127.0.0.1", remotePort: 0 }), RangeError, "remotePort");
  assertThrows(make(port, { closeTimeoutInMillis: 1.5 }), RangeError, "closeTimeoutInMillis");
  assertThrows(make(port, 7), TypeError, "config");
});

testOnEngines("UdpClient that is connected hears only its peer", async (network) => {
  await using server = localClient(network);
  await using stranger = localClient(network);
  const { host, port } = await server.bound;
  await using client = localClient(network, { remoteHost: host, remotePort: port });
  const own = await client.bound;
  assertEquals([client.remoteAddress, client.remotePort], [host, port]);
  await stranger.sendTo("noise", own);
  assertEquals(await client.write("ask"), 3);
  const [question, , from] = await server.receiveFrom();
  await server.sendTo(`${text(question)}ed`, from);
  const [bytes, length] = await client.read();
  assertEquals([text(bytes), length], ["asked", 5]);
  // The engine for Linux has the system drop it.
  assertEquals(client.droppedDatagrams, network === linuxNetwork ? 0 : 1);
});

/** Waits until so many datagrams have reached a client. */
async function reached(client: UdpClient, datagrams: number): Promise<void> {
  while (client.stats().received.datagrams < datagrams) {
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

testOnEngines("UdpClient.connect() drops what others have sent before", async (network) => {
  for (const maxUnreadBytes of [0, 1_000_000]) {
    await using client = localClient(network, { maxUnreadBytes });
    await using peer = localClient(network);
    await using stranger = localClient(network);
    const to = await client.bound;
    // Where nothing is read ahead, a receive that was given up still gets one, or leaves it to the system.
    await assertRejects(() => client.read({ timeoutInMillis: 1 }), ReadTimedOutError);
    const kept = maxUnreadBytes === 0 ? 1 : 3;
    for (let i = 0; i < kept; i++) await stranger.sendTo("forged", to);
    if (maxUnreadBytes > 0 || network !== linuxNetwork) await reached(client, kept);
    await client.connect(await peer.bound);
    const reading = client.read();
    await peer.sendTo("honest", to);
    assertEquals(text((await reading)[0]), "honest");
    assertEquals([client.droppedDatagrams, client.stats().dropped.sender], [kept, kept]);
    if (maxUnreadBytes === 0) continue;
    // What waits from the same peer stays, with a change of the peer it goes.
    for (let i = 0; i < 2; i++) await peer.sendTo(`${i}`, to);
    await reached(client, kept + 3);
    await client.connect(await peer.bound);
    assertEquals(text((await client.read())[0]), "0");
    await client.connect(await stranger.bound);
    await stranger.sendTo("new", to);
    assertEquals(text((await client.read())[0]), "new");
    assertEquals(client.stats().dropped.sender, kept + 1);
  }
});

testOnEngines(
  "UdpClient.connect() leaves those waiting who let others go first",
  async (network) => {
    await using client = localClient(network, { maxUnreadBytes: 10_000_000 });
    await using peer = localClient(network);
    await using stranger = localClient(network);
    const to = await client.bound;
    // So many taken in a row that the next one has to let others go first, although something waits for it.
    let taken = 0;
    for (; taken < DATAGRAMS_PER_TURN; taken += 32) {
      for (let i = 0; i < 32; i++) await stranger.sendTo("?", to);
      await reached(client, taken + 32);
    }
    for (let i = 0; i < 9; i++) await stranger.sendTo("?", to);
    await reached(client, taken + 9);
    const strange = Array.from({ length: DATAGRAMS_PER_TURN }, () => client.read());
    const stepsBack = client.read();
    await client.connect(await peer.bound);
    await Promise.all(strange);
    await peer.sendTo("honest", to);
    assertEquals(text((await stepsBack)[0]), "honest");
    assertEquals(client.stats().dropped.sender, 9);
  },
);

testOnEngines("UdpClient.connect() changes the peer", async (network) => {
  await using sockets = await pair(network);
  const { one, other, address } = sockets;
  await using third = localClient(network);
  await assertRejects(() => one.write("x"), TypeError, "not connected");
  await one.connect(address);
  await one.write("one");
  assertEquals(text((await other.receiveFrom())[0]), "one");
  await one.connect(await third.bound);
  await one.write("two");
  assertEquals(text((await third.receiveFrom())[0]), "two");
  await other.sendTo("old peer", await one.bound);
  await third.sendTo("new peer", await one.bound);
  assertEquals(text((await one.read())[0]), "new peer");
});

testOnEngines("UdpClient.write() splits what does not fit in one datagram", async (network) => {
  await using server = localClient(network);
  const { host, port } = await server.bound;
  await using client = localClient(network, { remoteHost: host, remotePort: port });
  const content = new Uint8Array(20_000).map((_, i) => i);
  const written = client.write(content);
  content.fill(0);
  assertEquals(await written, 20_000);
  const lengths: number[] = [];
  let at = 0;
  while (at < 20_000) {
    const [bytes, length] = await server.receiveFrom();
    lengths.push(length);
    for (const byte of bytes) assertEquals(byte, at++ & 255);
  }
  assertEquals(lengths, [8_192, 8_192, 3_616]);
  assertEquals(await client.write(""), 0);
  assertEquals((await server.receiveFrom())[1], 0);
});

testOnEngines("UdpClient resolves the name of its peer", async (network) => {
  await using server = localClient(network);
  const { port } = await server.bound;
  await using client = localClient(network, { remoteHost: "localhost", remotePort: port });
  client.write("before it is bound");
  assertEquals(text((await server.receiveFrom())[0]), "before it is bound");
  assertEquals(client.remoteAddress, "127.0.0.1");
});

testOnEngines("UdpClient sends to a host name in order", async (network) => {
  await using sockets = await pair(network);
  const { one, other, address } = sockets;
  for (let i = 0; i < 20; i++) one.sendTo(`${i}`, { host: "localhost", port: address.port });
  for (let i = 0; i < 20; i++) assertEquals(text((await other.receiveFrom())[0]), `${i}`);
});

testOnEngines(
  "UdpClient.sendTo() an unknown host is unreachable and harms nothing",
  async (network) => {
    await using sockets = await pair(network);
    const { one, other, address } = sockets;
    const error = await assertCode(
      "unreachable",
      one.sendTo("x", { host: "no-such.invalid", port: 9 }),
    );
    assert(error.message.startsWith("Cannot send to no-such.invalid:9: "), error.message);
    await one.sendTo("still here", address);
    assertEquals(text((await other.receiveFrom())[0]), "still here");
  },
);

testOnEngines("UdpClient that nobody answers stays usable", async (network) => {
  await using sockets = await pair(network);
  const { one, other, address } = sockets;
  const gone = localClient(network);
  const nobody = await gone.bound;
  await gone.close();
  for (let i = 0; i < 5; i++) await one.sendTo("anybody?", nobody);
  await other.sendTo("yes", await one.bound);
  assertEquals(text((await one.receiveFrom())[0]), "yes");
  await one.sendTo("good", address);
  assertEquals(text((await other.receiveFrom())[0]), "good");
});

testOnEngines("UdpClient refuses to queue more than maxQueuedBytes", async (network) => {
  await using receiver = localClient(network);
  const address = await receiver.bound;
  await using sender = localClient(network, { maxQueuedBytes: 1_000 });
  await sender.bound;
  const sent = [1, 2, 3, 4].map((i) => sender.sendTo(`${i}`, address));
  assertEquals(sender.queuedBytes, 3 * 257);
  const error = await assertCode("overflow", sent[3]!);
  assertEquals(error.message, "Cannot send: 771 bytes are queued already and the limit is 1000");
  assertEquals(await Promise.all(sent.slice(0, 3)), [1, 1, 1]);
  assertEquals(sender.queuedBytes, 0);
  await sender.sendTo("5", address);
  for (const i of [1, 2, 3, 5]) assertEquals(text((await receiver.receiveFrom())[0]), `${i}`);
});

testOnEngines(
  "UdpClient with maxUnreadBytes keeps the oldest and counts the rest",
  async (network) => {
    await using sender = localClient(network);
    await using receiver = localClient(network, { maxUnreadBytes: 3 * 257 });
    const address = await receiver.bound;
    for (let i = 0; i < 8; i++) await sender.sendTo(`${i}`, address);
    while (receiver.droppedDatagrams < 5) await new Promise((resolve) => setTimeout(resolve, 0));
    for (let i = 0; i < 3; i++) assertEquals(text((await receiver.receiveFrom())[0]), `${i}`);
  },
);

testOnEngines("UdpClient with receiveQueueDrop keeps the newest", async (network) => {
  await using sender = localClient(network);
  await using receiver = localClient(network, {
    maxUnreadBytes: 3 * 257,
    receiveQueueDrop: "oldest",
  });
  const address = await receiver.bound;
  for (let i = 0; i < 8; i++) await sender.sendTo(`${i}`, address);
  while (receiver.droppedDatagrams < 5) await new Promise((resolve) => setTimeout(resolve, 0));
  for (let i = 5; i < 8; i++) assertEquals(text((await receiver.receiveFrom())[0]), `${i}`);
});

testOnEngines("UdpClient speaks IPv6, and IPv4 on a socket for both", async (network) => {
  await using six = localClient(network, {}, "::1");
  await using both = localClient(network, {}, "::");
  await using four = localClient(network);
  await six.bound;
  const { port } = await both.bound;
  await four.bound;
  await six.sendTo("six", { host: "::1", port });
  const [bytes, , from] = await both.receiveFrom();
  assertEquals([text(bytes), from], ["six", { host: "::1", port: six.localPort }]);
  await four.sendTo("four", { host: "127.0.0.1", port });
  const [more, , sender] = await both.receiveFrom();
  assertEquals([text(more), sender.port], ["four", four.localPort]);
  await both.sendTo("back", { host: "127.0.0.1", port: four.localPort });
  assertEquals(text((await four.receiveFrom())[0]), "back");
  await both.connect({ host: "127.0.0.1", port: four.localPort });
  await four.sendTo("known", { host: "127.0.0.1", port });
  assertEquals(text((await both.read())[0]), "known");
  await assertCode("unreachable", four.sendTo("x", { host: "::1", port }));
});

testOnEngines("UdpClient goes from a peer to one of the other family", async (network) => {
  await using six = localClient(network, {}, "::1");
  await using four = localClient(network);
  await using client = localClient(network, {}, "::");
  const { port } = await client.bound;
  const peers = [await six.bound, await four.bound];
  const exchange = async (server: UdpClient, send: () => Promise<number>) => {
    await send();
    const [, , from] = await server.receiveFrom();
    assertEquals(from.port, port);
    await server.sendTo("answer", from);
  };
  for (const [i, server] of [six, four, six, four].entries()) {
    await client.connect(peers[i % 2]!);
    await exchange(server, () => client.write("question"));
    assertEquals(text((await client.read())[0]), "answer");
  }
  // Others than the peer are reached, too, and the peer after that.
  await exchange(six, () => client.sendTo("aside", peers[0]!));
  await exchange(four, () => client.write("question"));
  assertEquals(text((await client.read())[0]), "answer");
  assertEquals(client.localPort, port);
});

testOnEngines("UdpClient with an IPv6 peer binds for IPv6", async (network) => {
  await using server = localClient(network, {}, "::1");
  const { port } = await server.bound;
  await using client = new UdpClient(undefined, {
    network,
    remoteHost: "0:0:0:0:0:0:0:1",
    remotePort: port,
  });
  await client.write("x");
  const [, , from] = await server.receiveFrom();
  await server.sendTo("y", from);
  assertEquals(text((await client.read())[0]), "y");
});

testOnEngines("UdpClient gives bytes that nobody else writes to", async (network) => {
  await using sockets = await pair(network);
  const { one, other, address } = sockets;
  await one.sendTo("first", address);
  await one.sendTo("second", address);
  const [first] = await other.receiveFrom();
  const pending = other.receiveFrom();
  structuredClone(first.buffer, { transfer: [first.buffer as ArrayBuffer] });
  assertEquals(text((await pending)[0]), "second");
  await one.sendTo("third", address);
  assertEquals(text((await other.receiveFrom())[0]), "third");
});

Deno.test("UdpClient errors are of this library", async () => {
  await using client = new UdpClient({ host: "127.0.0.1", port: 0 });
  await client.close();
  assertInstanceOf(await client.receiveFrom().catch((error) => error), GenericError);
});

testOnEngines("UdpClient on :: reaches names whatever addresses they have", async (network) => {
  await using server = localClient(network, {}, "::");
  await using client = localClient(network, {}, "::");
  const { port } = await server.bound;
  await client.sendTo("x", { host: "localhost", port });
  const [, , from] = await server.receiveFrom();
  await server.sendTo("y", from);
  assertEquals(text((await client.receiveFrom())[0]), "y");
  await client.connect({ host: "localhost", port });
  await client.write("z");
  assertEquals(text((await server.receiveFrom())[0]), "z");
});

testOnEngines(
  "UdpClient on :: tells an IPv4 sender so that anybody can answer",
  async (network) => {
    await using server = localClient(network, {}, "::");
    await using asking = localClient(network);
    await asking.sendTo("x", { host: "127.0.0.1", port: (await server.bound).port });
    const [, , from] = await server.receiveFrom();
    assertEquals(from, { host: "127.0.0.1", port: asking.localPort });
    await using answering = new UdpClient(undefined, {
      network,
      remoteHost: from.host,
      remotePort: from.port,
    });
    await answering.write("y");
    const [answer, , back] = await asking.receiveFrom();
    assertEquals(text(answer), "y");
    await asking.sendTo("z", back);
    assertEquals(text((await answering.read())[0]), "z");
  },
);

testOnEngines("UdpClient takes every spelling of a peer for the same", async (network) => {
  await using server = localClient(network);
  await using server6 = localClient(network, {}, "::1");
  for (
    const [peer, host] of [
      [server, "::ffff:127.0.0.1"],
      [server, "[::FFFF:7F00:1]"],
      [server6, "0:0:0::0:1"],
    ] as const
  ) {
    const { port } = await peer.bound;
    await using client = new UdpClient(undefined, { network, remoteHost: host, remotePort: port });
    await client.write("x");
    const [, , from] = await peer.receiveFrom();
    await peer.sendTo("y", from);
    assertEquals(text((await client.read())[0]), "y");
    assertEquals(client.remoteAddress, peer.localAddress);
    await using other = localClient(network, {}, peer.localAddress);
    await other.connect({ host, port });
    await other.write("again");
    assertEquals(text((await peer.receiveFrom())[0]), "again");
    await peer.sendTo("there", { host, port: other.localPort });
    assertEquals(text((await other.read())[0]), "there");
  }
});

Deno.test("UdpClient refuses what is no address in its one spelling, and no name", async () => {
  await using client = new UdpClient({ host: "127.0.0.1", port: 0 });
  for (const host of ["127.0.0.01", "127.1", "0x7f.0.0.1"]) {
    await assertRejects(() => client.sendTo("x", { host, port: 9 }), TypeError, host);
    await assertRejects(() => client.connect({ host, port: 9 }), TypeError, host);
    await assertRejects(() => client.joinGroup(host), TypeError, host);
    assertThrows(() => new UdpClient({ host, port: 0 }), TypeError, host);
    assertThrows(() => new UdpClient(undefined, { remoteHost: host, remotePort: 9 }), TypeError);
  }
});

testOnEngines("UdpClient whose send was refused is closed at once", async (network) => {
  await using client = localClient(network, { closeTimeoutInMillis: 600_000 });
  const { port } = await client.bound;
  const content = new Uint8Array(100);
  structuredClone(content.buffer, { transfer: [content.buffer] });
  await assertRejects(() => client.sendTo(content, { host: "127.0.0.1", port }), TypeError);
  assertEquals(client.queuedBytes, 0);
  await client.close();
});

testOnEngines("UdpClient hears itself, as a socket of the system does", async (network) => {
  for (const host of ["127.0.0.1", "0.0.0.0", "::"]) {
    await using client = localClient(network, {}, host);
    const { port } = await client.bound;
    await client.sendTo("own", { host: host === "::" ? "::1" : "127.0.0.1", port });
    assertEquals(text((await client.receiveFrom())[0]), "own");
  }
});

testOnEngines(
  "UdpClient leaves nobody who does not wait with an unhandled rejection",
  async (network) => {
    const client = localClient(network);
    const { port } = await client.bound;
    const [host, nobody] = ["127.0.0.1", "name.invalid"];
    const send = (content: unknown, address: unknown) =>
      void client.sendTo(content as string, address as { host: string; port: number });
    send(7, { host, port });
    send(new Uint8Array(65_508), { host, port });
    send("x", { host, port: 0 });
    send("x", { host: "a b", port });
    send("x", undefined);
    send("x", { host: nobody, port });
    void client.write("not connected");
    await client.connect({ host, port });
    void client.write(7 as unknown as string);
    await client.close();
    send("x", { host, port });
    void client.write("closed");
    // Unhandled rejections are reported when this turn is over.
    await new Promise((resolve) => setTimeout(resolve, 0));
  },
);

Deno.test("UdpClient() refuses a config in the place of its address", () => {
  assertThrows(
    () => new UdpClient({ port: 0, reuseAddress: true } as { port: number }),
    TypeError,
    'localAddress has no option "reuseAddress"',
  );
});
