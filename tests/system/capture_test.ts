// What tcpdump and tshark, which nobody here wrote, read in a capture.

import { assert, assertEquals } from "@std/assert";
import { Client, type ClientConfig, denoNetwork, type Listener, UdpClient } from "../../mod.ts";
import { captured, type CapturedNetwork } from "../../debug.ts";
import type { Transport } from "../../network.ts";
import { checkTransport, connectedTransports } from "../../testing/mod.ts";
import { Authority } from "../support/certificates.ts";
import { inFolder } from "../support/folder.ts";
import { listening } from "../support/listening.ts";
import { keptBytes } from "../support/packets.ts";
import { peerTest } from "../support/peers.ts";
import { Program } from "../support/program.ts";
import { loadDialer, loadServer } from "../support/secure_pair.ts";

const authority = await Authority.make("Captures");
const localhost = await authority.sign();
const CHECKED = ["tcp", "ip", "udp"].flatMap((name) => ["-o", `${name}.check_checksum:TRUE`]);
/** Whatever tshark has to say against a packet. */
const WRONG = "tcp.analysis.flags || _ws.malformed || tcp.checksum.status != 1 || " +
  "udp.checksum.status != 1 || ip.checksum.status != 1";

/** What a program prints; tshark also says that it is run by root. */
async function printedBy(name: string, args: readonly string[]): Promise<string> {
  await using program = new Program(name, args, { lifetimeInMillis: 60_000 });
  const { code, stdout, stderr } = await program.ending();
  assertEquals(code, 0, stderr);
  return stdout;
}

/** Captures what a function does to a file that a program then reads. */
async function capturing(
  body: (network: CapturedNetwork) => Promise<void>,
  check: (path: string) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const path = `${folder}/capture.pcapng`;
    await using network = captured(denoNetwork, { to: path });
    await body(network);
    await network.close();
    assertEquals(network.stats().droppedPackets, 0);
    await check(path);
  });
}

/** The packets that tshark has something against. */
function complaints(path: string): Promise<string> {
  return printedBy("tshark", ["-r", path, ...CHECKED, "-Y", WRONG]);
}

/** What streams carried in each direction, as tshark puts them together. */
async function followed(
  path: string,
  count: number,
): Promise<[there: Uint8Array, back: Uint8Array][]> {
  const wishes = Array.from({ length: count }, (_, i) => ["-z", `follow,tcp,raw,${i}`]).flat();
  const printed = await printedBy("tshark", ["-r", path, "-q", ...wishes]);
  const streams = printed.split(/^Filter: /m).slice(1).map((part) => {
    const lines = part.split("\n").filter((line) => /^\t?[\da-f]+$/.test(line));
    const carried = (isBack: boolean) =>
      Uint8Array.fromHex(
        lines.filter((line) => line.startsWith("\t") === isBack).map((line) => line.trim()).join(
          "",
        ),
      );
    return { number: Number(/tcp\.stream eq (\d+)/.exec(part)![1]), carried };
  });
  return streams.sort((one, other) => one.number - other.number)
    .map(({ carried }) => [carried(false), carried(true)]);
}

/** Fields of all packets, a line for each packet. */
async function fieldsOf(path: string, ...fields: string[]): Promise<string[]> {
  const wishes = fields.flatMap((field) => ["-e", field]);
  const printed = await printedBy("tshark", ["-r", path, "-T", "fields", ...wishes]);
  return printed.trimEnd().split("\n");
}

/** Bytes that are not the same anywhere. */
function recognizable(length: number, seed: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 7 + seed) & 255);
}

/** Sends content back, each time a little more of it, on several connections. */
async function talk(listener: Listener, config: object): Promise<Uint8Array[]> {
  const contents = [1, 64, 300_000].map(recognizable);
  for (const content of contents) {
    await using client = await Client.connect(config as ClientConfig);
    const writing = client.write(content);
    const [bytes] = await client.read(content.length);
    await writing;
    assertEquals(bytes, content);
    await client.close();
  }
  await listener.gracefulStop();
  return contents;
}

const echo = { onBytes: (_caller: unknown, bytes: Uint8Array) => bytes };

for (const side of ["listener", "client", "both sides"] as const) {
  const name = `tshark puts the streams of a capture together: ${side}`;
  await peerTest(name, ["tshark", "tcpdump", "IPv6"], () =>
    inFolder(async (folder) => {
      const contents: Uint8Array[] = [];
      await capturing(async (network) => {
        // The ends of a local socket have no names by which they could be told to belong together.
        const path = `${folder}/socket`;
        const secureSocket = { caCerts: [authority.cert] };
        for (
          const [place, dialled] of [
            [{ interface: "127.0.0.1" }, { host: "127.0.0.1" }],
            [{ interface: "::1" }, { host: "::1" }],
            [{ interface: "127.0.0.1", secureSocket: localhost }, {
              host: "localhost",
              secureSocket,
            }],
            ...(side === "both sides" ? [] : [[{ path }, { path }] as const]),
          ]
        ) {
          await using listener = await listening(echo, {
            ...place,
            ...(side === "client" ? {} : { network }),
          });
          const port = "path" in dialled ? {} : { port: listener.port };
          contents.push(
            ...await talk(listener, {
              ...dialled,
              ...port,
              ...(side === "listener" ? {} : { network }),
            }),
          );
        }
      }, async (path) => {
        assertEquals(await complaints(path), "");
        const { length } = contents;
        assertEquals(await followed(path, length), contents.map((content) => [content, content]));
        const fields = (await fieldsOf(path, "tcp.stream", "frame.comment"))
          .map((line) => line.split("\t"));
        assertEquals(new Set(fields.map(([stream]) => Number(stream))).size, length);
        const comments = fields.map(([, comment = ""]) => comment).filter((said) => said !== "");
        const clear = comments.filter((said) => said.startsWith("In the clear here, by TLS"));
        const local = comments.filter((said) => said === `Local socket ${folder}/socket`);
        assertEquals([clear.length, local.length, comments.length], [3, length - 9, length - 6]);
        const dump = await printedBy("tcpdump", ["-nr", path]);
        assertEquals(dump.match(/Flags \[S\]/g)?.length, length);
        assertEquals(dump.match(/IP6 ::1\.\d+ > ::1\.\d+: Flags \[S\]/g)?.length, 3);
      });
    }));
}

await peerTest("tshark reads the datagrams of a capture", ["tshark", "tcpdump"], async () => {
  const ports: number[] = [];
  await capturing(async (network) => {
    await using one = new UdpClient({ host: "127.0.0.1", port: 0 }, { network });
    await using other = new UdpClient({ host: "127.0.0.1", port: 0 });
    await Promise.all([one.bound, other.bound]);
    const [here, there] = [one, other].map(({ localPort }) => ({
      host: "127.0.0.1",
      port: localPort,
    }));
    ports.push(here!.port, there!.port);
    for (const length of [0, 1, 2, 1_400, 60_000]) {
      const content = recognizable(length, length);
      await one.sendTo(content, there!);
      assertEquals((await other.receiveFrom())[0], content);
      await other.sendTo(content, here!);
      assertEquals((await one.receiveFrom())[0], content);
    }
  }, async (path) => {
    assertEquals(await complaints(path), "");
    const fields = await fieldsOf(path, "udp.srcport", "udp.dstport", "udp.length", "udp.payload");
    const expected = [0, 1, 2, 1_400, 60_000].flatMap((length) => {
      const content = recognizable(length, length).toHex();
      const [here, there] = ports;
      return [[here, there], [there, here]].map((way) => [...way, length + 8, content].join("\t"));
    });
    assertEquals(fields.map((line) => line.trimEnd()), expected.map((line) => line.trimEnd()));
    assertEquals(
      (await printedBy("tcpdump", ["-nr", path])).match(/UDP, length|\blength \d+/g)?.length,
      10,
    );
  });
});

await peerTest("tshark complains of a capture that is wrong", ["tshark"], async () => {
  await capturing(async (network) => {
    await using listener = await listening(echo, { network });
    await talk(listener, { host: "127.0.0.1", port: listener.port });
  }, async (path) => {
    const file = await Deno.readFile(path);
    const view = new DataView(file.buffer);
    // The fourth packet is the first with content: its number is one too many.
    let at = view.getUint32(4, true) + 20;
    for (let i = 0; i < 3; i++) at += view.getUint32(at + 4, true);
    view.setUint32(at + 28 + 24, view.getUint32(at + 28 + 24) + 1);
    await Deno.writeFile(path, file);
    assert(await complaints(path) !== "");
  });
});

/** Has a stream end the capture that it is part of. */
function ending(near: Transport, network: CapturedNetwork): Transport {
  const { close, reset } = near;
  near.close = () => {
    close.call(near);
    void network.close();
  };
  if (reset === undefined) return near;
  near.reset = () => {
    reset.call(near);
    void network.close();
  };
  return near;
}

/** A pair on loopback: the near end goes through a captured network. */
async function capturedPair(
  isAccepted: boolean,
): Promise<[near: Transport, far: Transport, network: CapturedNetwork]> {
  const network = captured(denoNetwork, { to: keptBytes().stream });
  const [below, above] = isAccepted ? [network, denoNetwork] : [denoNetwork, network];
  const listener = await below.listen({ hostname: "127.0.0.1", port: 0, backlog: 1 });
  const { port } = listener.addr as Deno.NetAddr;
  try {
    const [client, server] = await Promise.all([
      above.connect({ hostname: "127.0.0.1", port }),
      listener.accept(),
    ]);
    return isAccepted ? [server, client, network] : [client, server, network];
  } finally {
    listener.close();
  }
}

for (const isAccepted of [false, true]) {
  checkTransport(async () => {
    const [near, far, network] = await capturedPair(isAccepted);
    return { near: ending(near, network), far };
  }, { name: `TCP that is captured, ${isAccepted ? "accepted" : "dialled"}: ` });
}

for (const canTry of [false, true]) {
  checkTransport(async () => {
    const [inner, far] = connectedTransports({ canTry });
    const below = { ...denoNetwork, connect: () => Promise.resolve(inner) };
    const network = captured(below, { to: keptBytes().stream });
    const near = await network.connect({ hostname: "127.0.0.1", port: 1 });
    return { near: ending(near, network), far };
  }, { name: `captured in memory${canTry ? ", without promises" : ""}: `, reset: true, canTry });
}

checkTransport(async () => {
  const [client, far, network] = await capturedPair(false);
  const [dialer, server] = await Promise.all([
    loadDialer({ trustSystemCerts: false, caCerts: [authority.cert] }),
    loadServer(localhost),
  ]);
  const finish = client.beginTls!();
  const [near, secure] = await Promise.all([
    dialer.connect(client, "localhost"),
    server.accept(far),
  ]);
  return { near: ending(finish(near), network), far: secure };
}, { name: "TLS that is captured: ", reset: true });
