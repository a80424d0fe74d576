import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  AF_INET,
  AF_INET6,
  SOCKADDR_IN6_BYTES,
  SOCKADDR_IN_BYTES,
} from "../../../src/network/linux/abi.ts";
import {
  AddressBook,
  type LinuxDatagramAddress,
  NAME_WORDS,
} from "../../../src/network/linux/datagram_address.ts";
import type { DatagramAddress } from "../../../src/network/network.ts";
import { linuxTest } from "../../support/linux_engine.ts";
import { scriptOutput } from "../../support/script_output.ts";
import { bound, HERE, sendAll } from "../../support/linux_datagrams.ts";

linuxTest(
  "LinuxDatagramSocket gives the same object for a sender as long as it is known",
  async () => {
    using here = await bound();
    using there = await bound();
    const seen: DatagramAddress[] = [];
    for (let i = 0; i < 3; i++) {
      sendAll(there.socket, here.socket, ["x"]);
      seen.push((await here.socket.receive(new Uint8Array(9)))[1]);
    }
    assertEquals([seen[0] === seen[1], seen[1] === seen[2]], [true, true]);
    const { hostname, port, localAddress, networkInterface } = seen[0]!;
    assertEquals([hostname, port], [HERE, there.socket.addr.port]);
    // It is bound to one address: there is nothing to tell.
    assertEquals([localAddress, networkInterface], [undefined, undefined]);
  },
);

linuxTest("What binding and sending take is what they take on Deno's own", async () => {
  const printed = await scriptOutput(
    ["--unstable-net", "--allow-ffi", `--allow-net=${HERE}`, `--deny-net=${HERE}:9`],
    `import { denoNetwork, UdpClient } from "${new URL("../../../mod.ts", import.meta.url)}";
     import { linuxNetwork } from "${new URL("../../../linux/mod.ts", import.meta.url)}";
     for (const network of [denoNetwork, linuxNetwork]) {
       const refused = new UdpClient({ host: "127.0.0.2", port: 0 }, { network });
       console.log(await refused.bound.catch(({ message }) => message));
       const client = new UdpClient({ host: "${HERE}", port: 0 }, { network });
       for (const [host, port] of [["127.0.0.2", 8], ["${HERE}", 9], ["localhost", 8], ["${HERE}", 8]]) {
         console.log(await client.sendTo("x", { host, port }).catch(({ message }) => message));
       }
       console.log("--");
       await client.close();
     }`,
  );
  const [own, ours] = printed.split("--\n");
  assertEquals(ours!.replace(/\n?--$/, "\n"), own);
});

linuxTest(
  "A name that is granted for one port is enough, and its address is not granted",
  async () => {
    using here = await bound();
    const { port } = here.socket.addr;
    const printed = await scriptOutput(
      ["--allow-ffi", `--allow-net=${HERE}:0,localhost:${port}`],
      `import { UdpClient } from "${new URL("../../../mod.ts", import.meta.url)}";
     import { linuxNetwork as network } from "${new URL("../../../linux/mod.ts", import.meta.url)}";
     await using client = new UdpClient({ host: "${HERE}", port: 0 }, { network });
     for (let i = 0; i < 3; i++) client.sendTo(String(i), { host: "localhost", port: ${port} });
     await client.drained();
     console.log(await client.sendTo("x", { host: "${HERE}", port: ${port} }).catch(({ code }) => code));`,
    );
    assertEquals([await here.texts(3), printed.trim()], [["0", "1", "2"], "denied"]);
  },
);

linuxTest(
  "AddressBook knows an address in each of its spellings, and IPv4 on sockets of IPv6",
  () => {
    const ipv4 = new AddressBook(AF_INET);
    const ipv6 = new AddressBook(AF_INET6);
    const read = (book: AddressBook, hostname: string, port = 9) =>
      book.of({ transport: "udp", hostname, port });
    assertEquals(read(ipv4, "localhost"), undefined);
    const one = read(ipv4, "192.0.2.1")!;
    assertEquals([one.hostname, one.port, one.bytes], ["192.0.2.1", 9, SOCKADDR_IN_BYTES]);
    assertStrictEquals(read(ipv4, "192.0.2.1"), one);
    assertStrictEquals(ipv4.of(one), one);
    const mapped = read(ipv6, "192.0.2.1")!;
    assertEquals([mapped.hostname, mapped.bytes], ["192.0.2.1", SOCKADDR_IN6_BYTES]);
    assertStrictEquals(read(ipv6, "::ffff:192.0.2.1"), mapped);
    assertStrictEquals(read(ipv6, "2001:db8:0:0::1"), read(ipv6, "2001:db8::1"));
    // The zone is a part of it: by number or by name.
    const local = read(ipv6, "fe80::1%1")!;
    assertEquals(local.hostname, "fe80::1%1");
    assertStrictEquals(read(ipv6, "fe80::1%lo"), local);
    assertThrows(() => read(ipv6, "fe80::1%none"), TypeError, "no network interface none");
  },
);

linuxTest("AddressBook keeps apart what differs in one thing, however many there are", () => {
  const book = new AddressBook(AF_INET);
  const seen = new Map<number, LinuxDatagramAddress>();
  const names = new Int32Array(NAME_WORDS);
  const bytes = new Uint8Array(names.buffer);
  for (const round of [1, 2]) {
    for (let port = 1; port <= 10_000; port++) {
      bytes.set([AF_INET, 0, port >> 8, port & 255, 10, 0, 0, port & 7]);
      const found = book.find(names, 0, undefined);
      assertEquals([found.hostname, found.port], [`10.0.0.${port & 7}`, port]);
      if (round === 1) seen.set(port, found);
    }
  }
  const arrivals = [1, 2].map((networkInterface) => ({
    local: new Int32Array([1]),
    networkInterface,
  }));
  const [here, there] = arrivals.map((arrival) => book.find(names, 0, arrival));
  assertEquals([here!.networkInterface, there!.networkInterface], [1, 2]);
  assertEquals([here!.localAddress, here!.local.length], ["1.0.0.0", 1]);
  assertStrictEquals(book.find(names, 0, arrivals[1]), there);
});
