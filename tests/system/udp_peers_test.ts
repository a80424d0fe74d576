// UDP against foreign programs: socat, nc, dig, kdig, tftp and dnsmasq.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { UdpListener } from "../../src/udp/udp_listener.ts";
import { interrupt, portOfExample, startExample } from "../support/example.ts";
import { inFolder } from "../support/folder.ts";
import { startDnsmasq } from "../support/dnsmasq.ts";
import { freePort } from "../support/free_port.ts";
import { peerTest } from "../support/peers.ts";
import { Program } from "../support/program.ts";
import { text } from "../support/text.ts";
import { recognizable } from "../support/udp_examples.ts";
import { engines } from "../support/udp_engines.ts";
import { localListener } from "../support/udp_listeners.ts";

for (const [engine, network] of engines) {
  await peerTest(`UdpListener answers socat and nc (${engine})`, ["socat", "nc"], async () => {
    await using listener = localListener(network);
    listener.attach({ onDatagram: (_, { data }) => `${text(data).trimEnd()} back\n` });
    await listener.start();
    await using socat = new Program("socat", ["-", `UDP4:127.0.0.1:${listener.port}`]);
    await using nc = new Program("nc", ["-u", "127.0.0.1", `${listener.port}`]);
    for (const word of ["one", "two", "three"]) {
      for (const peer of [socat, nc]) {
        await peer.type(`${word}\n`);
        await peer.line(new RegExp(`^${word} back$`));
      }
    }
  });

  await peerTest(`UdpSession counts for socat and nc (${engine})`, ["socat", "nc"], async () => {
    await using listener = localListener(network);
    listener.attach({
      async onSession(session) {
        let count = 0;
        for await (const { data } of session) {
          await session.write(`${++count}: ${text(data).trimEnd()}\n`);
        }
      },
    });
    await listener.start();
    await using socat = new Program("socat", ["-", `UDP4:127.0.0.1:${listener.port}`]);
    await using nc = new Program("nc", ["-u", "127.0.0.1", `${listener.port}`]);
    for (let count = 1; count <= 3; count++) {
      for (const peer of [socat, nc]) {
        await peer.type("word\n");
        await peer.line(new RegExp(`^${count}: word$`));
      }
    }
  });

  await peerTest(
    `UdpListener gets a file from socat (${engine})`,
    ["socat"],
    () =>
      inFolder(async (folder) => {
        // At most what the system's buffer holds at once: nothing makes socat wait.
        const content = recognizable(60_000);
        await Deno.writeFile(`${folder}/file`, content);
        await using listener: UdpListener = localListener(network);
        await listener.start();
        await using socat = new Program("socat", [
          "-u",
          "-b",
          "1000",
          `OPEN:${folder}/file,rdonly`,
          `UDP4:127.0.0.1:${listener.port}`,
        ]);
        const received: number[] = [];
        for await (const [, { data }] of listener) {
          assertEquals(data.length, 1_000);
          received.push(...data);
          if (received.length === content.length) break;
        }
        assertEquals(new Uint8Array(received), content);
        assertEquals((await socat.ending()).code, 0);
      }),
  );
}

for (const resolver of ["dig", "kdig"] as const) {
  await peerTest(`examples/dns_server.ts answers ${resolver}`, [resolver], async () => {
    await using server = await startExample("dns_server", { PORT: 0 });
    const port = await portOfExample(server);
    const ask = async (...question: string[]) => {
      const args = ["@127.0.0.1", "-p", `${port}`, "+retry=0", "+time=5", ...question];
      await using program = new Program(resolver, args);
      const { code, stdout } = await program.ending();
      assertEquals(code, 0);
      return stdout;
    };
    assertEquals(await ask("one.example", "A", "+short"), "192.0.2.1\n");
    assertEquals(await ask("one.example", "AAAA", "+short"), "2001:db8::1\n");
    assertEquals(
      (await ask("MANY.example", "A", "+short")).trim().split("\n").sort(),
      ["192.0.2.2", "192.0.2.3"],
    );
    assertEquals(await ask("text.example", "TXT", "+short"), '"Hello" "from Deno"\n');
    const unknown = await ask("none.example", "A");
    assertMatch(unknown, /status: NXDOMAIN/);
    assertMatch(unknown, /flags: [^;]*\baa\b/i);
    assertStringIncludes(await interrupt(server), "A none.example: not known\n");
  });
}

await peerTest("examples/dns_lookup.ts asks dnsmasq", ["dnsmasq"], async () => {
  const port = await freePort();
  await using _dnsmasq = await startDnsmasq(
    port,
    "--host-record=both.example,192.0.2.7,2001:db8::7,33",
    "--host-record=four.example,192.0.2.8,44",
  );
  const ask = async (NAME: string) => {
    await using lookup = await startExample("dns_lookup", { NAME, PORT: port });
    const { code, stdout, stderr } = await lookup.ending();
    return [code, stdout, stderr];
  };
  assertEquals(await ask("both.example"), [
    0,
    "both.example has address 192.0.2.7 for 33 s\nboth.example has address 2001:db8::7 for 33 s\n",
    "",
  ]);
  // It knows nobody whom it could ask for more.
  const refused = "The server answers REFUSED\n";
  const four = "four.example has address 192.0.2.8 for 44 s\n";
  assertEquals(await ask("four.example"), [0, four, refused]);
  assertEquals(await ask("none.example"), [1, "", refused.repeat(2)]);
});

await peerTest(
  "examples/tftp_server.ts gives tftp a file, byte for byte",
  ["tftp"],
  () =>
    inFolder(async (FOLDER) => {
      await using server = await startExample("tftp_server", { FOLDER, PORT: 0 });
      const port = await portOfExample(server);
      for (const size of [0, 1, 511, 512, 513, 200_000]) {
        const content = recognizable(size);
        await Deno.writeFile(`${FOLDER}/sent${size}`, content);
        const got = `${FOLDER}/got${size}`;
        const words = ["-m", "binary", "127.0.0.1", `${port}`, "-c", "get", `sent${size}`, got];
        await using tftp = new Program("tftp", words);
        const { code, stdout } = await tftp.ending();
        assertEquals([code, stdout], [0, ""]);
        const arrived = await Deno.readFile(got);
        assertEquals(arrived.length, size);
        assert(arrived.every((byte, i) => byte === content[i]), "what arrived is what was sent");
      }
      await using tftp = new Program("tftp", [
        ..."-m binary 127.0.0.1".split(" "),
        `${port}`,
        ..."-c get missing".split(" "),
        `${FOLDER}/none`,
      ]);
      const { stdout, stderr } = await tftp.ending();
      assertStringIncludes(stdout + stderr, "File not found");
      await interrupt(server);
    }),
);
