// Multicast on this host: IPv4 on the loopback interface, IPv6 in the scope that never leaves the host.

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { GroupOptions } from "../../src/udp/multicast.ts";
import type { Network } from "../../src/network/network.ts";
import { denoNetwork, nodeNetwork } from "../../src/network/deno/deno_network.ts";
import { UdpClient } from "../../src/udp/udp_client.ts";
import type { UdpClientConfig } from "../../src/udp/udp_config.ts";
import { assertCode } from "../support/assert_code.ts";
import { peerTest } from "../support/peers.ts";
import { outputOf, Program } from "../support/program.ts";
import { scriptedDatagrams } from "../support/scripted_datagrams.ts";
import { text } from "../support/text.ts";
import { engines, hasDatagrams, localClient, testOnEngines } from "../support/udp_engines.ts";
import { droppedBy, localListener } from "../support/udp_listeners.ts";

const GROUP = "239.255.76.1";
const GROUP6 = "ff01::4c01";
const here: GroupOptions = { interface: "127.0.0.1" };

/** A client that hears every address of this host. */
function everywhere(network: Network, config: UdpClientConfig = {}, host = "0.0.0.0"): UdpClient {
  return new UdpClient({ host, port: 0 }, { readTimeoutInMillis: 10_000, network, ...config });
}

/** What arrives before the mark, which is sent last. */
async function heard(client: UdpClient): Promise<string[]> {
  const words: string[] = [];
  for (;;) {
    const word = text((await client.receiveFrom())[0]);
    if (word === "mark") return words;
    words.push(word);
  }
}

testOnEngines("MulticastGroups hear a group from join to leave", async (network) => {
  await using receiver = everywhere(network);
  await using sender = localClient(network);
  const { port } = await receiver.bound;
  const say = async (word: string) => {
    await sender.sendTo(word, { host: GROUP, port });
    await sender.sendTo("mark", { host: "127.0.0.1", port });
    return await heard(receiver);
  };
  assertEquals(await say("before"), []);
  await receiver.joinGroup(GROUP, here);
  assertEquals(await say("joined"), ["joined"]);
  await receiver.leaveGroup(GROUP, here);
  assertEquals(await say("left"), []);
  await receiver.joinGroup(GROUP, here);
  assertEquals(await say("again"), ["again"]);
});

testOnEngines("MulticastGroups let sockets that share a port all hear", async (network) => {
  await using one = everywhere(network, { reuseAddress: true });
  const { port } = await one.bound;
  await using other = new UdpClient({ port }, {
    network,
    reuseAddress: true,
    readTimeoutInMillis: 10_000,
  });
  await other.bound;
  await using sender = localClient(network);
  for (const receiver of [one, other]) await receiver.joinGroup(GROUP, here);
  await sender.sendTo("to all", { host: GROUP, port });
  for (const receiver of [one, other]) {
    assertEquals(text((await receiver.receiveFrom())[0]), "to all");
  }
});

testOnEngines("MulticastGroups of a UdpListener answer alone", async (network) => {
  const listener = localListener(network, { interface: "0.0.0.0" });
  listener.attach({ onDatagram: (_, { data }) => `${text(data)} back` });
  await listener.start();
  await listener.joinGroup(GROUP, here);
  await using client = localClient(network);
  await client.sendTo("who is there?", { host: GROUP, port: listener.port });
  const [answer, , from] = await client.receiveFrom();
  assertEquals([text(answer), from], ["who is there? back", {
    host: "127.0.0.1",
    port: listener.port,
  }]);
  await listener.leaveGroup(GROUP, here);
  await listener.gracefulStop();
});

testOnEngines("MulticastGroups are joined once and left as they were joined", async (network) => {
  await using client = everywhere(network);
  await client.joinGroup(GROUP, here);
  assertEquals(
    (await assertCode("busy", client.joinGroup(GROUP, here))).message,
    `Cannot join ${GROUP}: already joined`,
  );
  await assertRejects(() => client.leaveGroup(GROUP, { interface: "127.0.0.2" }), TypeError, GROUP);
  for (let tries = 0; tries < 2; tries++) {
    await assertCode("unreachable", client.joinGroup(GROUP, { interface: "192.0.2.77" }));
  }
  await client.leaveGroup(GROUP, here);
  await assertRejects(() => client.leaveGroup(GROUP, here), TypeError, "not joined");
  await client.close();
  await assertCode("closed", client.joinGroup(GROUP));
});

testOnEngines("MulticastGroups take an IPv4 interface as IPv6 writes it", async (network) => {
  await using client = everywhere(network);
  await client.joinGroup(GROUP, { interface: "::ffff:127.0.0.1" });
  await client.leaveGroup(GROUP, here);
  await using sender = everywhere(nodeNetwork, { multicastInterface: "::ffff:127.0.0.1" });
  await sender.bound;
});

testOnEngines("MulticastGroups check what they get", async (network) => {
  await using client = everywhere(network);
  const join = (group: unknown, options?: unknown) =>
    client.joinGroup(group as string, options as GroupOptions);
  for (const group of ["10.0.0.1", "::1", "223.255.255.255", "240.0.0.1", "example.com"]) {
    await assertRejects(() => join(group), RangeError, group);
  }
  for (const group of [null, "", 7]) await assertRejects(() => join(group), TypeError, "group");
  await assertRejects(() => join(GROUP, { interface: 1 }), TypeError, "interface");
  await assertRejects(() => join(GROUP6, { interface: "::1" }), TypeError, "interface");
  await assertRejects(() => join(GROUP6, { interface: -1 }), RangeError, "interface");
  // More than the system has room for would be another one's index.
  for (const index of [2_147_483_648, 4_294_967_297]) {
    await assertRejects(() => join(GROUP6, { interface: index }), RangeError, `${index}`);
  }
  await assertRejects(() => join("ff02::4c01%1"), RangeError, "group must have no zone");
  await assertRejects(() => join(GROUP, { source: "::1" }), TypeError, "source");
  await assertRejects(() => join(GROUP6, { source: "10.0.0.1" }), TypeError, "source");
  await assertRejects(() => join(GROUP, 7), TypeError, "options");
});

testOnEngines(
  "MulticastGroups of the other family are heard, or it is said what to do",
  async (network) => {
    await using both = everywhere(network, {}, "::");
    const joining = both.joinGroup(GROUP, here);
    if (hasDatagrams && network !== nodeNetwork) {
      await joining;
      await using sender = localClient(network);
      await sender.sendTo("joined", { host: GROUP, port: (await both.bound).port });
      assertEquals(text((await both.receiveFrom())[0]), "joined");
    } else {
      assertEquals(
        (await assertCode("unsupported", joining)).message,
        `Cannot join ${GROUP}: this engine hears no IPv4 groups on "::"; bind to "0.0.0.0"`,
      );
    }
    if (hasDatagrams && network !== nodeNetwork) {
      // It is not the family that is wrong.
      await assertCode("unreachable", both.joinGroup(GROUP, { interface: "192.0.2.77" }));
    }
    await using ipv4 = everywhere(network);
    assertEquals(
      (await assertCode("unsupported", ipv4.joinGroup(GROUP6, { interface: 1 }))).message,
      `Cannot join ${GROUP6}: this engine hears no IPv6 groups on "0.0.0.0"; bind to "::"`,
    );
  },
);

testOnEngines("MulticastGroups say when a socket can be in no more", async (network) => {
  const limit = outputOf("cat", ["/proc/sys/net/ipv4/igmp_max_memberships"]);
  const most = Number(await limit.catch(() => ""));
  if (!(most >= 20 && most <= 200)) return console.log(`skipped: ${most || "no"} groups at most`);
  await using client = everywhere(network);
  for (let i = 1; i <= most; i++) await client.joinGroup(`239.255.77.${i}`, here);
  const error = await assertCode("limit", client.joinGroup(GROUP, here));
  assertStringIncludes(error.message, `more groups than the ${most} it is in`);
  await client.leaveGroup("239.255.77.1", here);
  await client.joinGroup(GROUP, here);
});

Deno.test("MulticastGroups say when a network has none", async () => {
  await using client = everywhere(scriptedDatagrams());
  await assertCode("unsupported", client.joinGroup(GROUP));
  await assertCode("unsupported", client.leaveGroup(GROUP));
});

/** IPv6 multicast needs a route for it, which a host with nothing but loopback lacks. */
async function missingIpv6Multicast(): Promise<string | undefined> {
  await using client = everywhere(engines[0]![1], {}, "::");
  return await client.sendTo("", { host: GROUP6, port: 9 }).then(() => undefined, String);
}

const missing = await missingIpv6Multicast();
if (missing !== undefined) console.log(`skipped: multicast over IPv6: ${missing}`);

for (const [engine, network] of engines) {
  Deno.test({
    name: `MulticastGroups hear IPv6 groups (${engine})`,
    ignore: missing !== undefined,
    async fn() {
      await using receiver = everywhere(network, {}, "::");
      await using sender = everywhere(network, {}, "::");
      await using silent = everywhere(network, { multicastLoopback: false }, "::");
      const { port } = await receiver.bound;
      const group = { host: GROUP6, port };
      await receiver.joinGroup(GROUP6);
      await silent.sendTo("not for this host", group);
      await sender.sendTo("joined", group);
      await receiver.leaveGroup(GROUP6);
      await sender.sendTo("left", group);
      await sender.sendTo("mark", { host: "::1", port });
      assertEquals(await heard(receiver), ["joined"]);
    },
  });
}

for (const [engine, network] of engines) {
  Deno.test({
    name: `MulticastGroups hear IPv6 groups on the interface that is named, or say so (${engine})`,
    ignore: missing !== undefined,
    async fn() {
      await using receiver = everywhere(network, {}, "::");
      // The system chooses.
      await receiver.joinGroup(GROUP6, { interface: 0 });
      await receiver.leaveGroup(GROUP6, { interface: 0 });
      const group = "ff02::4c02";
      if (network === nodeNetwork || !hasDatagrams) {
        for (const index of [1, 2_147_483_647]) {
          const { message } = await assertCode(
            "unsupported",
            receiver.joinGroup(group, { interface: index }),
          );
          assertEquals(
            message,
            `Cannot join ${group} on interface ${index}: node:dgram cannot choose the interface ` +
              "of an IPv6 group, start Deno with --unstable-net and pass network: denoNetwork",
          );
        }
        return;
      }
      await assertCode("unreachable", receiver.joinGroup(group, { interface: 2_147_483_647 }));
      await receiver.joinGroup(group, { interface: 1 });
      // The loopback interface of Linux has the index 1, and mostly no route to groups: nothing could be sent.
      if (Deno.build.os !== "linux") return;
      const joined = (await outputOf("cat", ["/proc/net/igmp6"])).split("\n")
        .map((line) => line.split(/\s+/))
        .filter(([, , address]) => address === "ff020000000000000000000000004c02");
      assertEquals(joined.map(([index]) => index), ["1"]);
    },
  });
}

if (hasDatagrams) {
  Deno.test("MulticastGroups of Deno's sockets refuse what only node:dgram can", async () => {
    await using client = everywhere(denoNetwork);
    const { message } = await assertCode(
      "unsupported",
      client.joinGroup("232.1.2.3", { source: "127.0.0.1" }),
    );
    assertEquals(
      message,
      "Cannot set the source of a group: Deno's own datagram sockets cannot, pass network: nodeNetwork",
    );
    for (const config of [{ timeToLive: 3 }, { multicastInterface: "127.0.0.1" }]) {
      await assertCode("unsupported", everywhere(denoNetwork, config).bound);
    }
  });
}

Deno.test("MulticastGroups of nodeNetwork hear one source of a group", async () => {
  const group = "232.255.76.1";
  await using receiver = everywhere(nodeNetwork);
  await using wanted = localClient(nodeNetwork);
  await using other = localClient(nodeNetwork, {}, "127.0.0.2");
  const { port } = await receiver.bound;
  await receiver.joinGroup(group, { ...here, source: "127.0.0.1" });
  await other.sendTo("other", { host: group, port });
  await wanted.sendTo("wanted", { host: group, port });
  await receiver.leaveGroup(group, { ...here, source: "127.0.0.1" });
  await wanted.sendTo("left", { host: group, port });
  await wanted.sendTo("mark", { host: "127.0.0.1", port });
  assertEquals(await heard(receiver), ["wanted"]);
});

Deno.test("MulticastGroups of nodeNetwork are reached by a chosen interface", async () => {
  await using receiver = everywhere(nodeNetwork);
  await using sender = everywhere(nodeNetwork, { multicastInterface: "127.0.0.1" });
  const { port } = await receiver.bound;
  await receiver.joinGroup(GROUP, here);
  await sender.sendTo("by loopback", { host: GROUP, port });
  assertEquals(text((await receiver.receiveFrom())[0]), "by loopback");
});

Deno.test("MulticastGroups of nodeNetwork refuse an interface of the other family", async () => {
  await using client = everywhere(nodeNetwork, { multicastInterface: "127.0.0.1" }, "::");
  assertStringIncludes((await assertCode("unsupported", client.bound)).message, '"0.0.0.0"');
});

/** socat, printing the time to live of the first datagram. */
async function ttlPrinter(options: string): Promise<{ socat: Program; port: number }> {
  // socat does not print which port the system chose.
  const chooser = everywhere(nodeNetwork);
  const { port } = await chooser.bound;
  await chooser.close();
  const socat = new Program("socat", [
    "-d",
    "-d",
    `UDP4-RECVFROM:${port},${options},ip-recvttl`,
    "SYSTEM:echo ttl $SOCAT_IP_TTL >&2",
  ]);
  await socat.line(/receiving on/, "stderr");
  return { socat, port };
}

for (const [engine, network] of engines) {
  await peerTest(`multicastTimeToLive is what socat sees (${engine})`, ["socat"], async () => {
    const { socat, port } = await ttlPrinter(`ip-add-membership=${GROUP}:127.0.0.1`);
    await using _ = socat;
    await using client = localClient(network, { multicastTimeToLive: 9 });
    await client.sendTo("x", { host: GROUP, port });
    await socat.line(/^ttl 9$/, "stderr");
  });
}

await peerTest("timeToLive of nodeNetwork is what socat sees", ["socat"], async () => {
  const { socat, port } = await ttlPrinter("bind=127.0.0.1");
  await using _ = socat;
  await using client = localClient(nodeNetwork, { timeToLive: 17 });
  await client.sendTo("x", { host: "127.0.0.1", port });
  await socat.line(/^ttl 17$/, "stderr");
});

testOnEngines(
  "MulticastGroups hear what their own socket sends, where it shall come back",
  async (network) => {
    const listener = localListener(network, { interface: "0.0.0.0" });
    await listener.start();
    const { port } = listener;
    const received = listener[Symbol.asyncIterator]();
    await using client = localClient(network, { remoteHost: "127.0.0.1", remotePort: port });
    await listener.joinGroup("::ffff:239.255.76.1", here);
    await assertCode("busy", listener.joinGroup(GROUP, here));
    await client.write("mark");
    const [caller] = (await received.next()).value!;
    // As if from a group: neither engine reports where a datagram was sent to.
    const sendToItself = (word: string) =>
      caller.sendDatagram({
        remoteHost: "127.0.0.1",
        remotePort: port,
        data: new TextEncoder().encode(word),
      });
    await sendToItself("own");
    assertEquals(text((await received.next()).value![1].data), "own");
    await listener.leaveGroup(GROUP, here);
    await sendToItself("forged");
    await client.write("mark");
    assertEquals(text((await received.next()).value![1].data), "mark");
    assertEquals(droppedBy(listener), 1);
    // A loop that does not ask for the next one is busy with the last, and a stop would wait for it.
    await received.return!();
    await listener.gracefulStop();
  },
);

testOnEngines(
  "UdpClient.leaveGroup() beside a close resolves: that leaves all groups",
  async (network) => {
    for (let turns = 0; turns < 4; turns++) {
      const client = new UdpClient({ port: 0 }, { network });
      await client.joinGroup(GROUP, here);
      const leaving = client.leaveGroup(GROUP, here);
      for (let turn = 0; turn < turns; turn++) await undefined;
      await Promise.all([leaving, client.close()]);
      // Who asks for it later learns that it is closed.
      await assertCode("closed", client.leaveGroup(GROUP, here));
    }
  },
);

testOnEngines("UdpClient leaves a group that it is still joining", async (network) => {
  await using client = everywhere(network);
  await client.bound;
  for (let i = 0; i < 3; i++) {
    await Promise.all([client.joinGroup(GROUP, here), client.leaveGroup(GROUP, here)]);
  }
  await client.joinGroup(GROUP, here);
  await client.leaveGroup(GROUP, here);
});

testOnEngines(
  "MulticastGroups join and leave in the order of the calls, awaited or not",
  async (network) => {
    const client = everywhere(network);
    const { port } = await client.bound;
    await client.joinGroup(GROUP, here);
    await Promise.all([client.leaveGroup(GROUP, here), client.joinGroup(GROUP, here)]);
    await using sender = localClient(network);
    await sender.sendTo("heard", { host: GROUP, port });
    assertEquals(text((await client.receiveFrom())[0]), "heard");
    // A close leaves all groups: earlier requests need not be awaited.
    void client.leaveGroup(GROUP, here);
    void client.joinGroup(GROUP, here);
    await client.close();
    await assertCode("closed", client.leaveGroup(GROUP, here));
  },
);

testOnEngines(
  "MulticastGroups of a UdpListener may be left un-awaited before a stop",
  async (network) => {
    const listener = localListener(network, { interface: "0.0.0.0" });
    await listener.start();
    await listener.joinGroup(GROUP, here);
    // A request that ends meanwhile is no unhandled rejection, which would fail this test.
    for (let i = 0; i < 5; i++) {
      void listener.leaveGroup(GROUP, here);
      void listener.joinGroup(GROUP, here);
    }
    await listener.immediateStop();
    await assertCode("closed", listener.leaveGroup(GROUP, here));
  },
);

testOnEngines("MulticastGroups read what they are given at the call", async (network) => {
  await using client = everywhere(network);
  const options = { ...here };
  const joining = client.joinGroup(GROUP, options);
  options.interface = "not an address";
  await joining;
  await client.leaveGroup(GROUP, here);
});
