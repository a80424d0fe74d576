// What attackers have tried on the protocols of the examples: for each a question that must not work, and its answer.

import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { sendFile } from "../../examples/tftp_transfer.ts";
import { ReadTimedOutError, UdpClient } from "../../mod.ts";
import { dial } from "../support/dial.ts";
import { interrupt, portOfExample, startExample } from "../support/example.ts";
import { inFolder } from "../support/folder.ts";
import { joined } from "../support/joined.ts";
import type { Program } from "../support/program.ts";

const timeoutInMillis = 10_000;
const readTimeoutInMillis = timeoutInMillis;

/** A running example, with a folder of its own. */
async function withExample(
  name: string,
  work: (server: Program, port: number, folder: string) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const FILE = `${folder}/file`;
    await Deno.writeTextFile(FILE, "content");
    await using server = await startExample(name, { PORT: 0, FOLDER: folder, FILE });
    await work(server, await portOfExample(server), folder);
  });
}

/** Sends bytes, each given as a character, then an end, and reads all that comes. */
async function conversation(port: number, says: string): Promise<string> {
  await using client = await dial({ port });
  const bytes = new Uint8Array(says.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = says.charCodeAt(i);
  void client.write(bytes);
  const end = client.shutdownWrite();
  let heard = "";
  for (;;) {
    const [bytes, length] = await client.read(undefined, { timeoutInMillis });
    if (length < 0) break;
    heard += new TextDecoder().decode(bytes);
  }
  await end;
  return heard;
}

/** Sends datagrams and gives the first answer to any of them, as numbers. */
async function answerTo(port: number, ...questions: (string | Uint8Array)[]): Promise<number[]> {
  await using client = new UdpClient(undefined, { remoteHost: "127.0.0.1", remotePort: port });
  for (const question of questions) await client.write(question);
  return [...(await client.read(undefined, { timeoutInMillis }))[0]];
}

const MAIL = "EHLO a\r\nMAIL FROM:<a@example>\r\nRCPT TO:<b@example>\r\nDATA\r\n";

Deno.test("examples/smtp_server.ts ends a mail at CRLF.CRLF and nowhere else", () =>
  withExample("smtp_server", async (server, port) => {
    const after = "MAIL FROM:<smuggled@example>\r\n";
    for (const end of ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "a\nb"]) {
      const heard = await conversation(port, `${MAIL}text${end}${after}.\r\nQUIT\r\n`);
      assertMatch(
        heard,
        /354 End with a dot\r\n500 CR and LF go together\r\n$/,
        JSON.stringify(end),
      );
    }
    // Commands end this way, too.
    assertMatch(
      await conversation(port, "EHLO a\nNOOP\r\nNOOP\r\n"),
      /ESMTP\r\n500 CR and LF.*\r\n$/,
    );
    assert(!(await interrupt(server)).includes("bytes from"), "no mail was taken");
  }));

Deno.test("examples/smtp_server.ts takes any bytes, and dots in front", () =>
  withExample("smtp_server", async (server, port) => {
    const text = "gr\xfc\xdfe \x80\xff\0\r\n..\r\n..dots\r\n";
    const heard = await conversation(port, `${MAIL}${text}.\r\nQUIT\r\n`);
    assertMatch(heard, /354 End with a dot\r\n250 Taken\r\n221 Bye\r\n$/);
    // Twice two dots were one.
    assertMatch(
      await interrupt(server),
      new RegExp(`: ${text.length - 2} bytes from <a@example> to 1$`, "m"),
    );
  }));

Deno.test("examples/smtp_server.ts forgets a mail whose client leaves", () =>
  withExample("smtp_server", async (server, port) => {
    for (const rest of ["", ".", "text", "text\r\n", "text\r\n.", "text\r\n.\r"]) {
      assertMatch(await conversation(port, MAIL + rest), /354 End with a dot\r\n$/);
    }
    assert(!(await interrupt(server)).includes("bytes from"), "no mail was taken");
  }));

Deno.test("examples/smtp_server.ts bounds lines and mails", () =>
  withExample("smtp_server", async (server, port) => {
    assertMatch(await conversation(port, `${MAIL}${"x".repeat(2_000)}`), /500 Line too long\r\n$/);
    // The longest line, and one that begins with a dot, which is doubled on the way.
    for (const [line, answer] of [["x".repeat(998), 250], ["x".repeat(999), 500]] as const) {
      const end = new RegExp(`\\r\\n${answer} [^\\r]*\\r\\n(221[^\\r]*\\r\\n)?$`);
      const rest = "\r\n.\r\nQUIT\r\n";
      assertMatch(await conversation(port, `${MAIL}${line}${rest}`), end);
      assertMatch(await conversation(port, `${MAIL}..${line.slice(1)}${rest}`), end);
    }
    assertMatch(await conversation(port, `NOOP ${"x".repeat(600)}\r\n`), /500 Line too long\r\n$/);
    const lines = `${"x".repeat(990)}\r\n`.repeat(10_600);
    assertMatch(await conversation(port, `${MAIL}${lines}.\r\n`), /552 Mail too large\r\n$/);
    await interrupt(server);
  }));

Deno.test("examples/http_echo.ts takes no body for a request", () =>
  withExample("http_echo", async (server, port) => {
    const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    const head = "POST / HTTP/1.1\r\nHost: a\r\n";
    for (
      const lines of [
        `Content-Length: 0\r\nContent-Length: ${smuggled.length}`,
        `Content-Length: +${smuggled.length}`,
        `Content-Length: 0x1f`,
        `Content-Length : ${smuggled.length}`,
        `Transfer-Encoding: chunked`,
        `Transfer-Encoding: chunked\r\nContent-Length: ${smuggled.length}`,
        `X: y\r\n Content-Length: ${smuggled.length}`,
        `X: y\nContent-Length: ${smuggled.length}`,
      ]
    ) {
      const heard = await conversation(port, `${head}${lines}\r\n\r\n${smuggled}`);
      assertMatch(heard, /^HTTP\/1\.1 4\d\d .*connection: close\r\n\r\n$/s, lines);
      assertEquals(heard.split("HTTP/1.1").length, 2, lines);
    }
    const whole = await conversation(
      port,
      `${head}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
    );
    assert(whole.endsWith(`\r\n\r\n${smuggled}`));
    assertEquals(await conversation(port, `${head}Content-Length: 5\r\n\r\nhalf`), "");
    const twice = await conversation(port, `${head}Content-Length: 00\r\n\r\n`.repeat(2));
    assertEquals(twice.match(/ 200 OK\r\n/g)?.length, 2);
    const noBody = await conversation(
      port,
      "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
    );
    assertMatch(noBody, /content-length: 2\r\n\r\n$/);
    await interrupt(server);
  }));

Deno.test("examples/tftp_server.ts answers requests, and no answers", () =>
  withExample("tftp_server", async (server, port) => {
    const silent = [
      "",
      "\0",
      "\0\x05\0\0x\0",
      "\0\x04\0\x01",
      "\0\x03\0\x01x",
      "\x01\x01a\0octet\0",
      "\0\x09ab",
    ];
    const answer = await answerTo(port, ...silent, "\0\x02file\0octet\0");
    assertEquals(answer.slice(0, 4), [0, 5, 0, 2]);
    for (
      const name of [
        "../file",
        "/etc/passwd",
        "a/../../file",
        ".hidden",
        "a\\..\\b",
        "C:x",
        "",
        "a//b",
      ]
    ) {
      const refused = await answerTo(port, `\0\x01${name}\0octet\0`);
      assertEquals(refused.slice(0, 4), [0, 5, 0, 2], name);
    }
    assertEquals((await answerTo(port, "\0\x01file\0netascii\0")).slice(0, 4), [0, 5, 0, 4]);
    await interrupt(server);
  }));

Deno.test("examples/tftp_server.ts sends on for the right acknowledgement only", () =>
  withExample("tftp_server", async (server, port, folder) => {
    await Deno.writeFile(`${folder}/long`, new Uint8Array(600));
    await using client = new UdpClient({ host: "127.0.0.1", port: 0 });
    for (let i = 0; i < 2; i++) {
      await client.sendTo("\0\x01long\0octet\0", { host: "127.0.0.1", port }); // twice is once
    }
    const receive = () => client.receiveFrom(undefined, { timeoutInMillis });
    const [first, , peer] = await receive();
    assertEquals([...first.subarray(0, 4)], [0, 3, 0, 1]);
    for (
      const stray of [
        "\0\x03\0\x01",
        "\0\x04\0\x02",
        "\0\x04",
        "\x01\x04\0\x01",
        "",
        "\0\x01long\0octet\0",
      ]
    ) {
      await client.sendTo(stray, peer);
    }
    const [again, , same] = await receive(); // not the second block, and no other client's first
    assertEquals([[...again.subarray(0, 4)], same], [[0, 3, 0, 1], peer]);
    await client.sendTo("\0\x04\0\x01", peer);
    const [second, length] = await receive();
    assertEquals([[...second.subarray(0, 4)], length], [[0, 3, 0, 2], 92]);
    await client.sendTo("\0\x04\0\x02", peer);
    await server.line(/got .*\/long, 600 bytes$/);
    await interrupt(server);
  }));

Deno.test("examples/tftp_server.ts ends whatever a client does with its transfer", () =>
  withExample("tftp_server", async (server, port, folder) => {
    await Deno.writeFile(`${folder}/long`, new Uint8Array(6_000));
    await using client = new UdpClient({ host: "127.0.0.1", port: 0 });
    await client.sendTo("\0\x01long\0octet\0", { host: "127.0.0.1", port });
    await client.receiveFrom(undefined, { timeoutInMillis });
    // Neither for its answers, nor until it is given up.
    assertMatch(await interrupt(server), /^127\.0\.0\.1 did not get .*long: .*closed/m);
  }));

Deno.test("examples/tftp_server.ts serves beside many who ask and say nothing more", () =>
  withExample("tftp_server", async (server, port, folder) => {
    await Deno.writeFile(`${folder}/long`, new Uint8Array(600));
    await using clients = new AsyncDisposableStack();
    const begin = async () => {
      const client = clients.use(new UdpClient({ host: "127.0.0.1", port: 0 }));
      await client.sendTo("\0\x01long\0octet\0", { host: "127.0.0.1", port });
      const [data, , peer] = await client.receiveFrom(undefined, { timeoutInMillis: 3_000 });
      assertEquals([...data.subarray(0, 4)], [0, 3, 0, 1]);
      return { client, peer };
    };
    const goOn = async ({ client, peer }: Awaited<ReturnType<typeof begin>>) => {
      await client.sendTo("\0\x04\0\x01", peer);
      // The first block may have arrived again meanwhile.
      const number = async () =>
        (await client.receiveFrom(undefined, { timeoutInMillis: 3_000 }))[0][3];
      while (await number() !== 2);
    };
    const early = await begin();
    for (let i = 0; i < 40; i++) await begin();
    await goOn(early);
    for (let i = 0; i < 40; i++) await begin();
    await goOn(await begin());
    // A transfer that goes on keeps the place that others asked for.
    await early.client.sendTo("\0\x04\0\x02", early.peer);
    await server.line(/got .*\/long, 600 bytes$/);
  }));

/** Sends a file of so many blocks to a client that lets so many tries pass, and acknowledges the next one that late. */
async function sendSlowly(blocks: number, tries: number, lateByMillis: number): Promise<number> {
  let [now, number, left] = [0, 0, tries];
  const peer = {
    write(packet: Uint8Array): Promise<number> {
      number = packet[2]! << 8 | packet[3]!;
      return Promise.resolve(packet.length);
    },
    read(): Promise<[Uint8Array, number]> {
      now += left > 0 ? 1_000 : lateByMillis;
      if (left-- > 0) return Promise.reject(new ReadTimedOutError("Nothing came"));
      left = tries;
      return Promise.resolve([Uint8Array.of(0, 4, number >> 8, number), 4]);
    },
  };
  return await inFolder(async (folder) => {
    const path = `${folder}/long`;
    await Deno.writeFile(path, new Uint8Array(blocks * 512 - 1));
    Object.defineProperty(performance, "now", { value: () => now, configurable: true });
    try {
      return await sendFile(path, peer as unknown as UdpClient, () => {});
    } finally {
      delete (performance as Partial<Performance>).now;
    }
  });
}

Deno.test("examples/tftp_server.ts sends a long file over a slow network, and to nobody for ever", async () => {
  assertEquals(await sendSlowly(2_000, 0, 990), 2_000 * 512 - 1);
  assertEquals(await sendSlowly(10, 4, 990), 10 * 512 - 1);
  await assertRejects(() => sendSlowly(2_000, 4, 990), Error, "the client is too slow");
  await assertRejects(() => sendSlowly(2_000, 5, 0), Error, "the client does not answer");
});

Deno.test("examples/statsd.ts counts what makes sense", () =>
  withExample("statsd", async (server, port) => {
    await using client = new UdpClient(undefined, { remoteHost: "127.0.0.1", remotePort: port });
    const garbage = [
      ...[
        "a:1|c|@.0",
        "a:1|c|@0",
        "a:0|c|@0",
        "a:1|c|@1.1",
        "a:1|c|@-1",
        "a:1|c|@",
        "a:1|c|@0.5|@0.5",
      ],
      ...[
        "a:|c",
        "a:.|c",
        "a:NaN|c",
        "a:Infinity|c",
        "a:1e999|c",
        "a:1e99|c",
        "a:0x1|c",
        "a:--1|c",
      ],
      ...[
        "a:1|C",
        "a:1|x",
        "a:1",
        "a|c",
        ":1|c",
        "a:1:2|c",
        "a b:1|c",
        "\x1b[2J:1|c",
        `${"n".repeat(101)}:1|c`,
      ],
    ];
    await client.write(garbage.join("\n"));
    await client.write(
      "once:1|c|@1\nonce:1|c|@1.0\nten:1|c|@.1\nten:1|c|@0.1\nsmall:1e-2|ms\nsmall:1E-2|ms",
    );
    await client.write(
      "level:5|g\nlevel:+2.5|g\nlevel:-.5|g\n__proto__:1|c\nconstructor:1|c\ntoString:-1|g",
    );
    await client.write("once:1|g\nshow\nshow\nshow"); // a name has one kind
    await server.line(new RegExp(`^${garbage.length + 1} lines not understood`));
    const names = Array.from({ length: 3_000 }, (_, i) => `name.${i}:1|c`);
    for (let at = 0; at < 3_000; at += 100) {
      await client.write(names.slice(at, at + 100).join("\n"));
    }
    const printed = await interrupt(server);
    for (
      const row of [
        /│ once +│ "counter" +│ +2 +│ 2 +│ 1 +│ 1 +│/,
        /│ ten +│ "counter" +│ +2 +│ 20 +│ 10 +│ 1 +│/,
        /│ small +│ "timer" +│ +2 +│ 0\.02 +│ 0\.01 +│ 0\.01 +│/,
        /│ level +│ "gauge" +│ +3 +│ 7 +│ 2\.33\d+ +│ 7 +│/,
        /│ __proto__ +│ "counter" +│ +1 +│/,
        /│ constructor +│ "counter" +│ +1 +│/,
      ]
    ) assertMatch(printed, row);
    assertEquals(printed.match(/not understood/g)?.length, 2);
    assert(
      (printed.match(/│ name\.\d/g)?.length ?? 0) < 1_000,
      "whoever makes up names is not kept",
    );
  }));

Deno.test("examples/linux_udp.ts sends nothing but a short answer to who may be another", () =>
  withExample("linux_udp", async (server, port) => {
    const config = { remoteHost: "127.0.0.1", remotePort: port, readTimeoutInMillis };
    await using player = new UdpClient(undefined, config);
    const heard = async (client: UdpClient) => new TextDecoder().decode((await client.read())[0]);
    await player.write("join 12345678 x");
    await player.write("join 12345678 xy");
    const word = (await heard(player)).slice(0, 9);
    await player.write(`join ${word}here`);
    while (!(await heard(player)).endsWith(" here\n"));
    // The word is that of one address.
    await using stranger = new UdpClient(undefined, { ...config, maxUnreadBytes: 100_000 });
    let own = "";
    // Not answered: what is shorter than its answer, an echo, and the answer and the round of another such server.
    for (
      const said of [
        "x",
        "join 1 x",
        `${word}where?\n`,
        "12345678 where?\n",
        "1 somewhere far away\n",
      ]
    ) {
      await stranger.write(said);
    }
    for (const said of ["join 12345678 x2", `join ${word}there`]) {
      await stranger.write(said);
      const answer = await heard(stranger);
      own = answer.slice(0, 9);
      assertMatch(answer, /^\w{8} where\?\n$/);
      // A round would have come to the stranger, too.
      for (let i = 0; i < 2; i++) assertMatch(await heard(player), /^\d+ here\n$/);
    }
    // Had any of the others been answered, that would come first.
    await stranger.write(`join ${own}there`);
    assertMatch(await heard(stranger), /^\d+ here\n\d+ there\n$/);
    await interrupt(server);
  }));

Deno.test("examples/linux_udp.ts sends rounds that fit into one packet, whatever letters they have", () =>
  withExample("linux_udp", async (server, port) => {
    const config = { remoteHost: "127.0.0.1", remotePort: port, readTimeoutInMillis };
    const players = Array.from({ length: 20 }, () => new UdpClient(undefined, config));
    // Each of these bytes is shown as a letter of three.
    const place = new Uint8Array(32).fill(0xff);
    for (const player of players) {
      await player.write("join ???????? anywhere");
      const word = (await player.read())[0].subarray(0, 8);
      await player.write(
        joined([new TextEncoder().encode("join "), word, Uint8Array.of(32), place]),
      );
    }
    const lengths: number[] = [];
    // The rounds come again and again, to the last one with all that fits.
    while (lengths.length < 3) lengths.push((await players.at(-1)!.read())[1]);
    assertEquals(lengths.map((length) => length > 600 && length <= 1_200), [true, true, true]);
    for (const player of players) await player.close();
    await interrupt(server);
  }));

Deno.test("examples/dns_server.ts answers questions, each as RFC 1035 says", () =>
  withExample("dns_server", async (server, port) => {
    const question = (
      flags: number,
      counts = [1, 0, 0, 0],
      type = 1,
      network = 1,
      name = "one",
    ) => [
      ...[0xab, 0xcd, flags >> 8, flags & 0xff, ...counts.flatMap((count) => [0, count])],
      ...[
        name.length,
        ...new TextEncoder().encode(name),
        7,
        ...new TextEncoder().encode("example"),
      ],
      ...[0, 0, type, 0, network],
    ];
    const ask = async (...bytes: number[]) => {
      const answer = await answerTo(port, new Uint8Array(bytes));
      assertEquals(answer.slice(0, 2), [0xab, 0xcd]);
      return { flags: answer[2]! << 8 | answer[3]!, answers: answer[7], bytes: answer };
    };
    const RD = 0x0100;
    const found = await ask(...question(0));
    assertEquals([found.flags, found.answers], [0x8400, 1]);
    assertEquals((await ask(...question(RD))).flags, 0x8500); // RD is copied
    assertEquals((await ask(...question(0x0010))).flags, 0x8400); // and nothing else
    for (const opcode of [1, 2, 4, 5, 15]) {
      const { flags } = await ask(...question(opcode << 11 | RD));
      assertEquals(flags, 0x8000 | opcode << 11 | RD | 4, `operation ${opcode}`);
    }
    for (const counts of [[0, 0, 0, 0], [2, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1]]) {
      assertEquals((await ask(...question(RD, counts))).flags, 0x8101, `${counts}`);
    }
    assertEquals((await ask(...question(0).slice(0, 20))).flags, 0x8001); // cut
    const head = question(0).slice(0, 12);
    assertEquals((await ask(...head, 0xc0, 12, 0, 1, 0, 1)).flags, 0x8001); // a name that points at itself
    assertEquals((await ask(...head, 0xff, 0xff, 0, 1, 0, 1)).flags, 0x8001);
    assertEquals((await ask(...head, 0x80, 0, 0, 1, 0, 1)).flags, 0x8001);
    assertEquals((await ask(...question(0, [1, 0, 0, 0], 1, 3))).flags, 0x8005); // another class
    assertEquals((await ask(...question(0, [1, 0, 0, 0], 255, 1, "many"))).answers, 2); // ANY
    assertEquals((await ask(...question(0, [1, 0, 0, 0], 99))).answers, 0);
    assertEquals((await ask(...question(0, [1, 0, 0, 0], 1, 1, "ONE"))).answers, 1);
    assertEquals((await ask(...question(0, [1, 0, 0, 0], 1, 1, "\x1b[2"))).flags, 0x8403);
    const options = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];
    const edns = await ask(...question(0, [1, 0, 0, 1]), ...options);
    assertEquals([edns.flags, edns.bytes[11]], [0x8400, 1]);
    assertEquals([...edns.bytes.slice(-11, -2)], [0, 0, 41, 4, 208, 0, 0, 0, 0]);
    // RFC 6891: one set of options, of version 0; the code of another version has its upper bits in the options.
    const twice = await ask(...question(0, [1, 0, 0, 2]), ...options, ...options);
    assertEquals([twice.flags, twice.answers], [0x8001, 0]);
    const version1 = await ask(...question(0, [1, 0, 0, 1]), ...options.with(6, 1));
    assertEquals([version1.flags, version1.answers, version1.bytes[11]], [0x8000, 0, 1]);
    assertEquals([...version1.bytes.slice(-11, -2)], [0, 0, 41, 4, 208, 1, 0, 0, 0]);
    // A refusal has options where the question has, and the question.
    for (
      const [flags, network, code] of [[0, 3, 0x8005], [2 << 11, 1, 0x9004]] as const
    ) {
      const refused = await ask(...question(flags, [1, 0, 0, 1], 1, network), ...options);
      assertEquals([refused.flags, refused.bytes[5], refused.bytes[11]], [code, 1, 1]);
    }
    // Of names that are not below "example" nothing is known; "example" exists (RFC 8020), but has no records.
    const named = (...labels: string[]) => [
      ...[...question(0).slice(0, 12)],
      ...labels.flatMap((label) => [label.length, ...[...label].map((c) => c.charCodeAt(0))]),
      ...[0, 0, 1, 0, 1],
    ];
    for (
      const [labels, flags] of [
        [["example"], 0x8400],
        [["EXAMPLE"], 0x8400],
        [["none", "example"], 0x8403],
        [["one", "one", "example"], 0x8403],
        [["google", "com"], 0x8005],
        [["notexample"], 0x8005],
        [[], 0x8005],
        // These are one label, or two: no names that anybody has.
        [["one.example"], 0x8005],
        [["a.one", "example"], 0x8403],
        [["\xff\xfe", "example"], 0x8403],
      ] as const
    ) {
      const bytes = named(...labels);
      const answer = await ask(...bytes);
      assertEquals([answer.flags, answer.answers], [flags, 0], `${labels}`);
      // The question comes back as it was asked.
      assertEquals(answer.bytes.slice(12), bytes.slice(12), `${labels}`);
    }
    // What takes long to read is not read: thousands of records, or options without end.
    const many = Array.from({ length: 3 }, () => options).flat();
    assertEquals((await ask(...question(0, [1, 0, 0, 3]), ...many)).flags, 0x8001);
    const empty = Array.from({ length: 4_000 }, () => [0, 9, 0, 0]).flat();
    const filled = [...options.slice(0, -2), empty.length >> 8, empty.length & 0xff, ...empty];
    // An answer is never answered, whatever is wrong with it.
    const silent = [
      [...question(0, [1, 0, 0, 1]), ...filled],
      question(0x8000),
      question(0x8000 | 5 << 11),
      question(0x8000, [0, 0, 0, 0]),
      [1, 2, 3],
    ];
    const answer = await answerTo(
      port,
      ...silent.map((bytes) => new Uint8Array(bytes)),
      new Uint8Array(question(0)),
    );
    assertEquals(answer.slice(2, 4), [0x84, 0]);
    assertStringIncludes(await interrupt(server), "A ??2.example: not known\n");
  }));
