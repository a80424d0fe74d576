// A datagram client whose peer is reached from another address of this machine than the one before. In a network of its
// own, whose addresses come and go.

import { assertEquals } from "@std/assert";
import { hasLinuxEngine } from "../support/linux_engine.ts";
import { canMakeNetwork, runInNetwork } from "../support/own_network.ts";

const MOD = JSON.stringify(import.meta.resolve("../../mod.ts"));
const LINUX = JSON.stringify(import.meta.resolve("../../linux/mod.ts"));
/** What goes to 10.9.*.* leaves from the machine's first address, and stays here. */
const SETUP = [
  "ip link set lo up",
  "ip addr add 10.1.0.1/32 dev lo",
  "ip route add local 10.9.0.0/16 dev lo src 10.1.0.1",
].join(" && ");

const hasNamespaces = await canMakeNetwork("peers reached from other addresses", SETUP);

const script = (network: string) => `
  import { denoNetwork, nodeNetwork, SocketError, UdpClient, UdpListener } from ${MOD};
  import { linuxNetwork } from ${LINUX};
  const network = ${network};
  const ip = (words) => new Deno.Command("ip", { args: words.split(" ") }).output();
  const listeners = [];
  /** Answers with where the question came from. */
  const serve = async (host, port = 0) => {
    const listener = new UdpListener(port, { interface: host, network });
    listener.attach({ onDatagram: (caller) => caller.remoteAddress });
    await listener.start();
    listeners.push(listener);
    return listener.port;
  };
  const port = await serve("127.0.0.1");
  await serve("10.9.0.1", port);
  await using client = new UdpClient(undefined, { network, readTimeoutInMillis: 5_000 });
  const from = async (send) => {
    try {
      await send();
      return new TextDecoder().decode((await client.read())[0]);
    } catch (error) {
      return error instanceof SocketError ? error.code : String(error);
    }
  };
  const ask = () => from(() => client.write("from where?"));
  const results = [];
  for (const host of ["127.0.0.1", "10.9.0.1", "127.0.0.1", "10.9.0.1"]) {
    await client.connect({ host, port });
    results.push(await ask());
  }
  // Its own address changes, while it is connected.
  await ip("addr del 10.1.0.1/32 dev lo");
  await ip("addr add 10.1.0.2/32 dev lo");
  await ip("route replace local 10.9.0.0/16 dev lo src 10.1.0.2");
  results.push(await ask(), await ask());
  // There is no way to a peer, and later there is one.
  await client.connect({ host: "127.0.0.1", port });
  await client.connect({ host: "10.8.0.1", port });
  results.push(await ask());
  await ip("route add local 10.8.0.0/16 dev lo src 10.1.0.2");
  await serve("10.8.0.1", port);
  results.push(await ask());
  // Others than the peer.
  const heard = Promise.withResolvers();
  const other = new UdpListener(0, { interface: "10.9.0.1", network });
  other.attach({ onDatagram: (caller) => heard.resolve(caller.remoteAddress) });
  await other.start();
  listeners.push(other);
  await client.connect({ host: "127.0.0.1", port });
  await client.sendTo("x", { host: "10.9.0.1", port: other.port });
  results.push(await heard.promise, await ask());
  console.log(results.join(" "));
  for (const listener of listeners) await listener.gracefulStop();
`;

const ENGINES: readonly (readonly [string, readonly string[]])[] = [
  ["denoNetwork", ["--unstable-net"]],
  ["nodeNetwork", []],
  ...(hasLinuxEngine ? [["linuxNetwork", ["--allow-ffi"]] as const] : []),
];

for (const [network, flags] of ENGINES) {
  Deno.test({
    name: `UdpClient goes on where a peer is reached from another own address (${network})`,
    ignore: !hasNamespaces,
    async fn() {
      const printed = await runInNetwork(SETUP, script(network), [...flags, "--allow-run"]);
      assertEquals(printed.trimEnd().split(" "), [
        ...["127.0.0.1", "10.1.0.1", "127.0.0.1", "10.1.0.1"],
        ...["10.1.0.2", "10.1.0.2", "unreachable", "10.1.0.2", "10.1.0.2", "127.0.0.1"],
      ]);
    },
  });
}
