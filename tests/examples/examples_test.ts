// Runs every example as its own process, and checks what it says and does.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Client } from "../../mod.ts";
import { exampleNames, readExample } from "../../tools/example_header.ts";
import { assertCode } from "../support/assert_code.ts";
import { dial } from "../support/dial.ts";
import { argumentsOf, interrupt, portOfExample, startExample } from "../support/example.ts";
import { inFolder } from "../support/folder.ts";
import { hasLinuxEngine } from "../support/linux_engine.ts";
import { listening } from "../support/listening.ts";
import { messageExamples } from "../support/message_examples.ts";
import { readPackets } from "../support/packets.ts";
import { Program } from "../support/program.ts";
import { secureExamples } from "../support/secure_examples.ts";
import { observedExamples } from "../support/observed_examples.ts";
import { recognizable, udpExamples } from "../support/udp_examples.ts";

/** Reads until what has arrived ends with `end`. */
async function readUntil(client: Client, end: string): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  while (!text.endsWith(end)) {
    const [bytes, length] = await client.read(undefined, { timeoutInMillis: 10_000 });
    if (length < 0) throw new Error(`ended before ${JSON.stringify(end)}: ${JSON.stringify(text)}`);
    text += decoder.decode(bytes, { stream: true });
  }
  return text;
}

/** What each of the proxies does. */
async function proxies(name: string): Promise<void> {
  // Answers only after the end of what it is sent: the proxy must pass the end on, and what comes after it.
  await using target = await listening((caller) => {
    let heard = 0;
    return {
      async onReadReady() {
        const [, length] = await caller.read();
        if (length > 0) return void (heard += length);
        await caller.write(`heard ${heard} bytes`);
        await caller.shutdownWrite();
      },
    };
  }, { allowHalfOpen: true });
  await using proxy = await startExample(name, { TARGET_PORT: target.port, PORT: 0 });
  const port = await portOfExample(proxy);

  await using client = await dial({ port });
  await client.write(new Uint8Array(3_000_000));
  await client.shutdownWrite();
  assertEquals(await readUntil(client, "bytes"), "heard 3000000 bytes");
  assertEquals((await client.read())[1], -1);
  await proxy.line(/^3000000 bytes there, 19 back: ended by peer$/);

  // Nothing at the other end: the caller is told, and the proxy survives.
  await target.gracefulStop();
  await using refused = await dial({ port });
  await refused.read().catch(() => {});
  proxy.signal("SIGINT");
  const { code, stderr } = await proxy.ending();
  assertEquals(code, 0);
  assertMatch(stderr, /^Cannot connect to 127\.0\.0\.1:\d+: .*refused.*\n$/);
}

const tests: Record<string, () => Promise<void>> = {
  async demo() {
    await using demo = await startExample("demo");
    const { code, stdout, stderr } = await demo.ending();
    assertEquals([code, stderr], [0, ""]);
    for (const message of ["Hello", "How are you?", "Good bye"]) {
      assertStringIncludes(stdout, `client      sends "${message}"`);
      assertStringIncludes(stdout, `  listener  received "${message}"`);
      assertStringIncludes(stdout, `client      received "${message} back"`);
    }
    assertMatch(stdout, /client {6}closed\n {2}listener {2}stopped\n/);
  },

  async tcp_listener() {
    await using server = await startExample("tcp_listener", { PORT: 0 });
    await using client = await dial({ port: await portOfExample(server) });
    await client.write("one");
    assertEquals(await readUntil(client, "back"), "one back");
    await client.write("two");
    assertEquals(await readUntil(client, "back"), "two back");
    await client.close();
    await server.line(/^Client \d+ left$/);
    assertMatch(await interrupt(server), /^Client (\d+) joined\nClient \1 left\n$/m);
  },

  async shared_port() {
    await using first = await startExample("shared_port", { PORT: 0 });
    const port = await portOfExample(first);
    await using second = await startExample("shared_port", { PORT: port });
    assertEquals(await portOfExample(second), port);
    await interrupt(first);
    await using client = await dial({ port });
    await client.write("hello");
    assertEquals(await readUntil(client, "hello"), `${second.pid}: hello`);
    await interrupt(second);
  },

  async many_cores() {
    // Under load, replaced and killed: many_cores_test.ts.
    await using server = await startExample("many_cores", { PORT: 0, PROCESSES: 1 });
    await using client = await dial({ port: await portOfExample(server) });
    await client.write("hello");
    assertEquals(await readUntil(client, "hello"), "hello");
    await client.close();
    assertMatch(await interrupt(server), /{"messages":1,"accepted":1,"died":0}\n$/);
  },

  async socket_activation() {
    // By systemd: tests/system/inherited_test.ts.
    await using server = await startExample("socket_activation", { PORT: 0 });
    await using client = await dial({ port: await portOfExample(server) });
    await client.write("hello");
    assertEquals(await readUntil(client, "hello"), "hello");
    await interrupt(server);
  },

  async tcp_client() {
    await using server = await startExample("tcp_listener", { PORT: 0 });
    const port = await portOfExample(server);
    await using client = await startExample("tcp_client", { PORT: port });
    const { code, stdout, stderr } = await client.ending();
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout, `Connected to port ${port}\nReceived: Hello Ballerina back\nClosed\n`);
    await interrupt(server);
  },

  traffic_capture: () =>
    inFolder(async (folder) => {
      const FILE = `${folder}/traffic.pcapng`;
      await using server = await startExample("traffic_capture", { FILE, PORT: 0 });
      await using client = await dial({ port: await portOfExample(server) });
      await client.write("hello");
      assertEquals(await readUntil(client, "hello"), "hello");
      await client.close();
      await server.line(/^\d+\.\d{3} tcp 127\.0\.0\.1:\d+ < .* 5 bytes$/);
      await server.line(/^00000000 {2}68 65 6c 6c 6f +\|hello\|$/);
      await server.line(/ > .* end$/);
      assertMatch(await interrupt(server), /^8 packets, 0 dropped\n$/m);
      const packets = readPackets(await Deno.readFile(FILE));
      assertEquals(packets.map(({ flags }) => flags), [
        "S",
        "SA",
        "A",
        "PA",
        "PA",
        "FA",
        "FA",
        "A",
      ]);
    }),

  async chat_server() {
    await using server = await startExample("chat_server", { PORT: 0 });
    const port = await portOfExample(server);
    await using ann = await dial({ port });
    assertEquals(await readUntil(ann, "\n"), "1 guest 1 has joined\n");
    await using bob = await dial({ port });
    assertEquals(await readUntil(bob, "\n"), "2 guest 2 has joined\n");
    assertEquals(await readUntil(ann, "\n"), "2 guest 2 has joined\n");

    // Two lines in one piece, the third in two, cut in the middle of a letter.
    const lines = new TextEncoder().encode("all\nof you\nGrüß Gott\n");
    const cut = lines.indexOf(0xc3) + 1; // the first byte of ü
    await ann.write(lines.subarray(0, cut));
    for (const guest of [ann, bob]) {
      assertMatch(await readUntil(guest, "of you\n"), /3 guest 1: all\n4 guest 1: of you\n$/);
    }
    await ann.write(lines.subarray(cut));
    for (const guest of [ann, bob]) {
      assertEquals(await readUntil(guest, "\n"), "5 guest 1: Grüß Gott\n");
    }

    await bob.close();
    assertEquals(await readUntil(ann, "\n"), "6 guest 2 has left\n");
    // A line without an end is passed on to nobody, and ends its connection.
    await using eve = await dial({ port });
    await eve.write("x".repeat(2000));
    assertEquals(await readUntil(ann, "left\n"), "7 guest 3 has joined\n8 guest 3 has left\n");
    await server.line(/^guest 3: Cannot decode: the line at byte 0 is longer than 1000/, "stderr");
    server.signal("SIGINT");
    assertEquals((await server.ending()).code, 0);
    assertEquals((await ann.read())[1], -1);
  },

  linux_proxy: () => proxies("linux_proxy"),

  async connect_proxy() {
    await using target = await listening({ onBytes: (_, bytes) => bytes });
    await using proxy = await startExample("connect_proxy", { TARGET_PORT: target.port, PORT: 0 });
    const via = `http://127.0.0.1:${await portOfExample(proxy)}`;
    const client = await dial(target, { via });
    await client.write("hello");
    assertEquals((await client.read(5))[1], 5);
    await client.close();
    await proxy.line(/^5 bytes there, 5 back$/);
    await assertCode("denied", dial({ port: 1 }, { via }));
    // Lines without an end, and heads without one.
    for (const head of ["x".repeat(5_000), `CONNECT a:1 HTTP/1.1\r\n${"a: b\r\n".repeat(101)}`]) {
      await using rude = await dial({ port: Number(new URL(via).port) });
      await rude.write(head);
      assertMatch(await readUntil(rude, "\n"), /^HTTP\/1\.1 400 Bad Request\r\n/);
    }
    await interrupt(proxy);
  },

  async socks_proxy() {
    await using target = await listening({ onBytes: (_, bytes) => bytes });
    await using proxy = await startExample("socks_proxy", {
      ...{ TARGET_PORT: target.port, PASSWORD: "hunter2", PORT: 0 },
    });
    const at = `127.0.0.1:${await portOfExample(proxy)}`;
    const via = `socks5://me:hunter2@${at}`;
    const client = await dial(target, { via });
    await client.write("hello");
    assertEquals((await client.read(5))[1], 5);
    await client.close();
    // Names have no case; a client of this library would send small letters.
    await using named = await dial({ port: Number(at.split(":")[1]) });
    await named.write("\x05\x01\x02\x01\x02me\x07hunter2\x05\x01\0\x03\x09LocalHost");
    await named.write(Uint8Array.of(target.port >> 8, target.port & 255));
    assertEquals([...(await named.read(6))[0]], [5, 2, 1, 0, 5, 0]);
    await named.close();
    for (
      const [wrong, port] of [
        [`socks5://me:hunter1@${at}`, target.port],
        [`socks5://${at}`, target.port],
        [via, 1],
      ] as const
    ) {
      await assertCode("denied", dial({ port }, { via: wrong }));
    }
    await interrupt(proxy);
  },

  tcp_proxy: () => proxies("tcp_proxy"),

  async file_receiver() {
    await sendFile(1_234_567);

    // A sender that goes away in the middle: half a file is recognized, and the next sender may send all of it.
    await inFolder(async (folder) => {
      const FILE = `${folder}/received`;
      await using receiver = await startExample("file_receiver", { FILE, PORT: 0 });
      const port = await portOfExample(receiver);
      for (const [content, end] of [["half of it", "10"], ["x".repeat(20), "20"]] as const) {
        await using sender = await dial({ port });
        await sender.write("FILE\0\0\0\0\0\0\0\x14");
        await sender.write(content);
        await sender.shutdownWrite();
        assertEquals(await readUntil(sender, end), end);
        await receiver.line(new RegExp(`^Received ${end} of 20 bytes$`));
      }
      assertEquals((await receiver.ending()).code, 0);
      assertEquals(await Deno.readTextFile(FILE), "x".repeat(20));
    });
  },

  async file_sender() {
    await sendFile(0);
  },

  ...udpExamples,
  ...messageExamples,
  ...secureExamples,
  ...observedExamples,

  async redis_client() {
    await using server = await startExample("redis_server", { PORT: 0 });
    const port = await portOfExample(server);
    await using client = await startExample("redis_client", { PORT: port });
    const { code, stdout, stderr } = await client.ending();
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout, 'OK\n[ "hello", "bye" ]\n');
    await interrupt(server);
  },

  // With a server: in postgres_test.ts.
  async postgres_client() {
    const words = { PORT: 1, USER: "nobody", PASSWORD: "none" };
    await using client = await startExample("postgres_client", words);
    const { code, stderr } = await client.ending();
    assertEquals(code, 1);
    assertStringIncludes(stderr, "Cannot connect to 127.0.0.1:1");
  },
};

async function sendFile(size: number): Promise<void> {
  await inFolder(async (folder) => {
    const content = recognizable(size);
    await Deno.writeFile(`${folder}/sent`, content);
    await using receiver = await startExample("file_receiver", {
      FILE: `${folder}/received`,
      PORT: 0,
    });
    const port = await portOfExample(receiver);
    await using sender = await startExample("file_sender", { FILE: `${folder}/sent`, PORT: port });
    const sent = await sender.ending();
    const received = await receiver.ending();
    assertEquals([sent.code, sent.stdout], [0, `Sent ${size} bytes, ${size} have arrived\n`]);
    assertEquals([received.code, received.stdout.split("\n")[1]], [
      0,
      `Received ${size} of ${size} bytes`,
    ]);
    for (const { stderr } of [sent, received]) {
      assertMatch(stderr, new RegExp(`100% .* ${size}/${size}\\n\\n$`));
    }
    const arrived = await Deno.readFile(`${folder}/received`);
    assertEquals(arrived.length, size);
    assert(arrived.every((byte, i) => byte === content[i]), "what arrived is what was sent");
  });
}

for (const [name, test] of Object.entries(tests)) {
  Deno.test({
    name: `examples/${name}.ts does what its first line says`,
    ignore: name.startsWith("linux_") && !hasLinuxEngine,
    fn: test,
  });
}

Deno.test("examples/ has a test for each of its files", async () => {
  assertEquals(await exampleNames(), Object.keys(tests).sort());
});

Deno.test("examples/ has files that import the library beside them, to run from a clone and by URL", async () => {
  for (const name of Object.keys(tests)) {
    const { source } = await readExample(name);
    for (const [, from] of source.matchAll(/ from "([^"]+)";$/gm)) {
      assertMatch(from!, /^(\.\.?\/|node:|npm:)/, name);
    }
  }
});

Deno.test("examples/ ask for no permission that they do not need", async () => {
  await inFolder(async (FOLDER) => {
    const FILE = `${FOLDER}/file`;
    await Deno.writeTextFile(FILE, "");
    const SOCKET = `${FOLDER}/socket`;
    const words = {
      PORT: "1",
      METRICS_PORT: "1",
      PROCESSES: "1",
      TARGET_PORT: "1",
      NAME: "x",
      USER: "x",
      PASSWORD: "x",
      FILE,
      FOLDER,
      SOCKET,
    };
    for (const name of Object.keys(tests)) {
      if (name.startsWith("linux_") && !hasLinuxEngine) continue;
      const all = await argumentsOf(name, words);
      for (const flag of all.filter((part) => part.startsWith("--allow-"))) {
        // Without it, this one goes on with Deno's own sockets.
        if (name === "linux_udp" && flag.startsWith("--allow-ffi")) continue;
        await using program = new Program("deno", all.filter((part) => part !== flag));
        const { code, stderr } = await program.ending();
        assertEquals(code, 1, `${name} without ${flag}`);
        assertMatch(stderr, new RegExp(`run (with|again with the) ${flag.split("=")[0]}`));
      }
    }
  });
});

Deno.test("examples/ hear Ctrl+C before they say that they listen: whoever reads it may send it at once", async () => {
  const names = [...Object.keys(tests), "chat_cluster/server", "service/main"];
  const sources = await Promise.all(
    names.map((name) => Deno.readTextFile(new URL(`../../examples/${name}.ts`, import.meta.url))),
  );
  const late = sources.flatMap((source, i) => {
    const said = source.search(/console\.log\(`Listening|log\("started"/);
    return said >= 0 && source.indexOf("addSignalListener(", said) >= 0 ? [names[i]] : [];
  });
  assertEquals(late, []);
});
