// The examples of UDP, run as processes of their own and checked.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { UdpClient, UdpListener } from "../../mod.ts";
import { interrupt, portOfExample, startExample } from "./example.ts";
import { inFolder } from "./folder.ts";
import { freePort } from "./free_port.ts";
import type { Program } from "./program.ts";
import { text } from "./text.ts";

/** Content that reveals swapped or missing pieces. */
export function recognizable(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).map((_, i) => i * 31 + (i >> 8));
}

/** A relay that loses every fifth datagram and doubles every seventh, whichever way they go. */
async function badLine(serverPort: number): Promise<UdpListener> {
  const relay = new UdpListener(0, { interface: "127.0.0.1" });
  let count = 0;
  const pass = async (data: Uint8Array, to: { write(content: Uint8Array): Promise<number> }) => {
    count++;
    if (count % 5 === 0) return;
    await to.write(data);
    if (count % 7 === 0) await to.write(data);
  };
  relay.attach({
    async onSession(session) {
      await using server = new UdpClient(undefined, {
        remoteHost: "127.0.0.1",
        remotePort: serverPort,
      });
      const back = (async () => {
        for await (const { data } of server) await pass(data, session);
      })();
      for await (const { data } of session) await pass(data, server);
      await server.close();
      await back;
    },
  });
  await relay.start();
  return relay;
}

async function fetchFile(size: number, isLineBad: boolean): Promise<void> {
  await inFolder(async (folder) => {
    const content = recognizable(size);
    await Deno.writeFile(`${folder}/sent`, content);
    await using server = await startExample("udp_file_server", { FILE: `${folder}/sent`, PORT: 0 });
    const port = await portOfExample(server);
    await using relay = isLineBad ? await badLine(port) : undefined;
    await using client = await startExample("udp_file_client", {
      FILE: `${folder}/received`,
      PORT: relay?.port ?? port,
    });
    const { code, stdout, stderr } = await client.ending();
    const pieces = Math.max(1, Math.ceil(size / 1024));
    assertEquals([code, stdout], [0, `Received ${size} bytes in ${pieces} pieces\n`]);
    assertMatch(stderr, new RegExp(`100% .* ${pieces}/${pieces}\\n\\n$`));
    const arrived = await Deno.readFile(`${folder}/received`);
    assertEquals(arrived.length, size);
    assert(arrived.every((byte, i) => byte === content[i]), "what arrived is what was sent");
    await interrupt(server);
  });
}

/** The test of each example. */
export const udpExamples: Record<string, () => Promise<void>> = {
  async udp_echo() {
    await using server = await startExample("udp_echo", { PORT: 0 });
    const address = { host: "127.0.0.1", port: await portOfExample(server) };
    await using client = new UdpClient({ host: "127.0.0.1", port: 0 });
    for (const text of ["one", "", "three"]) {
      await client.sendTo(text, address);
      const [bytes, length, from] = await client.receiveFrom(undefined, {
        timeoutInMillis: 10_000,
      });
      assertEquals([new TextDecoder().decode(bytes), length, from], [text, text.length, address]);
      await server.line(new RegExp(`^${length} bytes from 127.0.0.1:${client.localPort}$`));
    }
    await interrupt(server);
  },

  async linux_udp() {
    // Where the engine cannot be had, the example says so, and goes on.
    await using server = await startExample("linux_udp", { PORT: 0 });
    const config = {
      remoteHost: "127.0.0.1",
      remotePort: await portOfExample(server),
      readTimeoutInMillis: 10_000,
    };
    await using one = new UdpClient(undefined, config);
    await using other = new UdpClient(undefined, config);
    const word = async (client: UdpClient) => {
      await client.write("join ???????? anywhere");
      const [, word] = /^(\w{8}) where\?\n$/.exec(text((await client.read())[0]))!;
      return word;
    };
    await one.write(`join ${await word(one)} north`);
    await other.write(`join ${await word(other)} south\n${"!".repeat(99)}`);
    for (const client of [one, other]) {
      let round = "";
      while (!round.includes("north") || !round.includes("south")) {
        round = text((await client.read())[0]);
      }
      assertMatch(round, /^\d+ north\n\d+ south !{26}\n$/m);
    }
    await interrupt(server);
  },

  async udp_client() {
    await using server = await startExample("udp_echo", { PORT: 0 });
    const port = await portOfExample(server);
    await using client = await startExample("udp_client", { PORT: port });
    const { code, stdout, stderr } = await client.ending();
    assertEquals([code, stderr], [0, ""]);
    assertEquals(
      stdout,
      `Sent: 21 bytes\nReceived: Hello from UDP client\n21 bytes from 127.0.0.1:${port}\n`,
    );
    await interrupt(server);
  },

  async udp_file_server() {
    await fetchFile(0, false);
    await fetchFile(100_000, false);
  },

  async udp_file_client() {
    await fetchFile(40_000, true);
  },

  async dns_server() {
    await using server = await startExample("dns_server", { PORT: 0 });
    const PORT = await portOfExample(server);
    await using client = new UdpClient(undefined, { remoteHost: "127.0.0.1", remotePort: PORT });
    await client.write("garbage");
    await using lookup = await startExample("dns_lookup", { NAME: "many.example", PORT });
    const { code, stdout } = await lookup.ending();
    assertEquals([code, stdout], [
      0,
      "many.example has address 192.0.2.2 for 60 s\nmany.example has address 192.0.2.3 for 60 s\n",
    ]);
    assertEquals((await interrupt(server)).split("\n").slice(1), [
      "A many.example: 2",
      "AAAA many.example: 0",
      "",
    ]);
  },

  async dns_lookup() {
    await using server = await startExample("dns_server", { PORT: 0 });
    const PORT = await portOfExample(server);
    const ask = async (NAME: string) => {
      await using lookup = await startExample("dns_lookup", { NAME, PORT });
      const { code, stdout, stderr } = await lookup.ending();
      assertEquals(stderr, "");
      return [code, ...stdout.trimEnd().split("\n")];
    };
    assertEquals(await ask("one.example"), [
      0,
      "one.example has address 192.0.2.1 for 60 s",
      "one.example has address 2001:db8::1 for 60 s",
    ]);
    assertEquals(await ask("none.example"), [1, "none.example has no address"]);
    await using lookup = await startExample("dns_lookup", { NAME: "other.zone", PORT });
    const { code, stdout, stderr } = await lookup.ending();
    assertEquals([code, stdout, stderr], [1, "", "The server answers REFUSED\n".repeat(2)]);
    await interrupt(server);
  },

  async tftp_server() {
    await inFolder(async (FOLDER) => {
      const content = recognizable(1_024); // a last block that is empty
      await Deno.writeFile(`${FOLDER}/file`, content);
      await using server = await startExample("tftp_server", { FOLDER, PORT: 0 });
      const address = { host: "127.0.0.1", port: await portOfExample(server) };
      await using client = new UdpClient({ host: "127.0.0.1", port: 0 });
      const receive = async () => await client.receiveFrom(undefined, { timeoutInMillis: 10_000 });

      await client.sendTo("\0\x01../secret\0octet\0", address);
      assertEquals((await receive())[0].subarray(0, 4), new Uint8Array([0, 5, 0, 2]));
      await client.sendTo("\0\x01missing\0octet\0", address);
      assertEquals((await receive())[0].subarray(0, 4), new Uint8Array([0, 5, 0, 1]));

      await client.sendTo("\0\x01file\0octet\0", address);
      const received: number[] = [];
      for (let number = 1; number <= 3; number++) {
        let [block, , peer] = await receive();
        if (number === 2) [block, , peer] = await receive(); // not acknowledged: it comes again
        assertEquals([...block.subarray(0, 4)], [0, 3, 0, number]);
        received.push(...block.subarray(4));
        await client.sendTo(new Uint8Array([0, 4, 0, number]), peer);
      }
      assertEquals(new Uint8Array(received), content);
      await server.line(/^127\.0\.0\.1 got .*\/file, 1024 bytes$/);
      await interrupt(server);
    });
  },

  async multicast_discovery() {
    const PORT = await freePort();
    const names = ["printer", "kettle"];
    const services: Program[] = [];
    try {
      for (const NAME of names) {
        const service = await startExample("multicast_discovery", { NAME, PORT });
        services.push(service);
        await service.line(new RegExp(`^${NAME} hears 239\\.255\\.76\\.67:${PORT}$`));
      }
      await using seeker = await startExample("multicast_discovery", { NAME: "", PORT });
      const { code, stdout, stderr } = await seeker.ending();
      assertEquals([code, stderr], [0, ""]);
      const lines = stdout.trimEnd().split("\n");
      assertEquals(lines.at(-1), "2 found");
      assertEquals(lines.slice(0, -1).sort(), [
        `127.0.0.1:${PORT} says "I am kettle"`,
        `127.0.0.1:${PORT} says "I am printer"`,
      ]);
      for (const service of services) await interrupt(service);
    } finally {
      for (const service of services) await service[Symbol.asyncDispose]();
    }
  },

  async statsd() {
    await using server = await startExample("statsd", { PORT: 0 });
    const PORT = await portOfExample(server);
    await using client = new UdpClient(undefined, { remoteHost: "127.0.0.1", remotePort: PORT });
    await client.write("hits:1|c\nhits:2|c|@0.5\n");
    await client.write("load:0.25|g");
    await client.write("load:0.5|g");
    await client.write("answer:10|ms\nanswer:20|ms\nwhat is this?");
    await client.write("show");
    await server.line(/not understood/);
    const printed = await interrupt(server);
    assertEquals(printed.match(/not understood/g)?.length, 2);
    for (
      const row of [
        `│ answer │ "timer"   │     2 │ 30    │ 15    │ 20   │`,
        `│ hits   │ "counter" │     2 │ 5     │ 2.5   │ 2    │`,
        `│ load   │ "gauge"   │     2 │ 0.75  │ 0.375 │ 0.5  │`,
      ]
    ) assertStringIncludes(printed, row);
    assertMatch(printed, /1 lines not understood, 0 datagrams dropped\n$/);
  },
};
