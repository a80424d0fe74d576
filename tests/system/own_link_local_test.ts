// A listener on all addresses does not answer itself by a link-local address, whether its engine gives zones or not. In a
// network of its own.

import { assertEquals } from "@std/assert";
import { hasLinuxEngine } from "../support/linux_engine.ts";
import { canMakeNetwork, runInNetwork } from "../support/own_network.ts";

const MOD = JSON.stringify(import.meta.resolve("../../mod.ts"));
const LINUX = JSON.stringify(import.meta.resolve("../../linux/mod.ts"));
const ADDRESS = "fe80::77";
/** Two interfaces on one cable, which know each other. */
const SETUP = [
  "ip link set lo up",
  "ip link add s0 address 02:00:00:00:00:01 type veth peer name s1 address 02:00:00:00:00:02",
  `ip addr add ${ADDRESS}/64 dev s0 nodad`,
  "ip addr add fe80::78/64 dev s1 nodad",
  "ip link set s0 up",
  "ip link set s1 up",
  `ip neigh replace ${ADDRESS} lladdr 02:00:00:00:00:01 dev s1 nud permanent`,
].join(" && ");

const hasNamespaces = await canMakeNetwork("link-local addresses", SETUP);

/** The listener sends to itself, once, as a forged datagram would come. It echoes what it hears, at most 50 times. */
const script = (network: string, host: string) => `
  import { denoNetwork, nodeNetwork, UdpClient, UdpListener } from ${MOD};
  import { linuxNetwork } from ${LINUX};
  const network = ${network};
  await using listener = new UdpListener(0, { interface: "::", network });
  let heard = 0;
  listener.attach({
    async onDatagram(caller, { data }) {
      const word = new TextDecoder().decode(data);
      if (word === "own") return heard++ < 50 ? data : undefined;
      if (word === "go") {
        const { port } = listener;
        const own = new TextEncoder().encode("own");
        await caller.sendDatagram({ remoteHost: "${host}", remotePort: port, data: own });
      }
      return word;
    },
  });
  await listener.start();
  await using client = new UdpClient({ host: "::1", port: 0 }, {
    network,
    remoteHost: "::1",
    remotePort: listener.port,
  });
  await client.write("go");
  await client.read();
  // It takes a while to come, or to be dropped.
  for (let i = 0; i < 10_000 && heard + listener.stats().dropped.sender === 0; i++) {
    await client.write("came?");
    await client.read();
  }
  await listener.gracefulStop();
  console.log(heard, listener.stats().dropped.sender);
`;

const ENGINES: readonly (readonly [string, string, readonly string[]])[] = [
  ["denoNetwork", ADDRESS, ["--unstable-net"]],
  ["denoNetwork", ADDRESS, ["--unstable-net", "--allow-sys"]],
  ["nodeNetwork", ADDRESS, []],
  // Sent by the other interface, it comes from the address of that one, in the zone of the first.
  ...(hasLinuxEngine
    ? ["s0", "s1"].map((zone) => ["linuxNetwork", `${ADDRESS}%${zone}`, ["--allow-ffi"]] as const)
    : []),
];

for (const [network, host, flags] of ENGINES) {
  Deno.test({
    name: `UdpListener does not answer itself by a link-local address (${
      [network, host, ...flags].join(" ")
    })`,
    ignore: !hasNamespaces,
    async fn() {
      assertEquals(await runInNetwork(SETUP, script(network, host), flags), "0 1\n");
    },
  });
}
