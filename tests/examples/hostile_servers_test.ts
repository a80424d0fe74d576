// What servers may do to the examples that are clients.

import { assertEquals } from "@std/assert";
import { type Caller, Listener, UdpListener } from "../../mod.ts";
import { makeCertificates } from "../../examples/own_certificates.ts";
import { printable } from "../../examples/printable.ts";
import { startExample } from "../support/example.ts";
import { inFolder } from "../support/folder.ts";

const TITLE = "a\x1b]0;x\x07b\x9b2Jü";
const SHOWN = "a?]0;x?b?2Jü";

/** Serves one client of an example, and gives how that has ended. */
async function served(
  name: string,
  serve: (caller: Caller) => Promise<void>,
  words: Readonly<Record<string, string>> = {},
) {
  await using listener = new Listener(0, { interface: "127.0.0.1" });
  await listener.serve(serve);
  await using client = await startExample(name, { ...words, PORT: listener.port });
  return await client.ending();
}

/** The same for one whose work succeeds: gives what it has printed. */
async function printedBy(name: string, serve: (caller: Caller) => Promise<void>) {
  const { code, stdout, stderr } = await served(name, serve);
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

Deno.test("printable() leaves letters of all kinds, and nothing that a terminal obeys", () => {
  assertEquals(printable(`${TITLE}\r\n\u202e\u{1f469}\u200d\u{1f680}`), `${SHOWN}???👩‍🚀`);
  for (const mark of "\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069") {
    assertEquals(printable(`a${mark}b`), "a?b", mark.codePointAt(0)!.toString(16));
  }
});

Deno.test("examples/tcp_client.ts, udp_client.ts and redis_client.ts print nothing that a terminal obeys", async () => {
  await using echo = new UdpListener(0, { interface: "127.0.0.1" });
  echo.attach({ onDatagram: () => TITLE });
  await echo.start();
  const udp = async () => {
    await using client = await startExample("udp_client", { PORT: echo.port });
    return (await client.ending()).stdout;
  };
  const redis = printedBy("redis_client", async (caller) => {
    for await (const bytes of caller) {
      const commands = new TextDecoder().decode(bytes).match(/^\*/gm)!.length;
      await caller.write(`+${TITLE}\r\n`.repeat(commands));
    }
  });
  const tcp = printedBy("tcp_client", async (caller) => void await caller.write(TITLE));
  const lines = (await Promise.all([udp(), redis, tcp])).join("").split("\n");
  assertEquals(lines.filter((line) => /[^\P{Cc}]/u.test(line)), []);
  assertEquals(lines.filter((line) => line.endsWith(SHOWN)).length, 3);
});

Deno.test("examples/json_client.ts waits for nothing that a server cannot have meant", async () => {
  const answers = ['{"id":1,"error":{"toString":1}}', '{"id":1}', '{"id":1,"result":"3"}', "null"];
  await Promise.all(answers.map(async (answer) => {
    const { code, stdout } = await served("json_client", async (caller) => {
      await caller.readLine();
      await caller.write(`${answer}\n`);
      for await (const _ of caller);
    });
    const refused = "Cannot decode: the line at byte 0 was refused: not a reply";
    assertEquals(
      stdout,
      `add(1, 2): ${refused}\nmultiply(3, 4): ${refused}\ndivide(1, 0): ${refused}\n`,
    );
    assertEquals(code, 1);
  }));
});

Deno.test("examples/json_client.ts prints nothing that a terminal obeys", async () => {
  const stdout = await printedBy("json_client", async (caller) => {
    const errors = [1, 2, 3].map((id) => `${JSON.stringify({ id, error: TITLE })}\n`);
    await caller.write(errors.join(""));
    for await (const _ of caller);
  });
  assertEquals(stdout.match(new RegExp(SHOWN.replaceAll(/[?\]]/g, "\\$&"), "g"))?.length, 3);
});

Deno.test("examples/tcp_client.ts, tls_client.ts and json_client.ts fail where no answer comes", async () => {
  const gone = async (caller: Caller) => void await caller.read();
  const tcp = await served("tcp_client", gone);
  assertEquals([tcp.code, tcp.stderr], [1, "No answer\n"]);
  const json = await served("json_client", gone);
  assertEquals([json.code, json.stdout.match(/: The server has ended$/gm)?.length], [1, 3]);
  await inFolder(async (FOLDER) => {
    await makeCertificates(FOLDER, "localhost");
    await using listener = new Listener(0, {
      interface: "127.0.0.1",
      secureSocket: { certFile: `${FOLDER}/localhost.pem`, keyFile: `${FOLDER}/localhost.key` },
    });
    await listener.serve(gone);
    await using client = await startExample("tls_client", { FOLDER, PORT: listener.port });
    const { code, stderr } = await client.ending();
    assertEquals([code, stderr], [1, "No answer\n"]);
  });
});

Deno.test("examples/file_sender.ts fails where not all of the file has arrived", () =>
  inFolder(async (folder) => {
    const FILE = `${folder}/sent`;
    await Deno.writeTextFile(FILE, "hello");
    for (
      const [answer, have] of [["", "nobody says how many"], ["4", "4"], ["50", "50"], [
        "\x1b5",
        "?5",
      ]]
    ) {
      const { code, stdout, stderr } = await served("file_sender", async (caller) => {
        for await (const _ of caller);
        for (const piece of answer!) await caller.write(piece);
      }, { FILE });
      assertEquals([code, stdout], [1, ""]);
      assertEquals(stderr.split("\n").at(-2), `Sent 5 bytes, ${have} have arrived`);
    }
    const { code, stdout } = await served("file_sender", async (caller) => {
      for await (const _ of caller);
      await caller.write("5");
    }, { FILE });
    assertEquals([code, stdout], [0, "Sent 5 bytes, 5 have arrived\n"]);
  }));
