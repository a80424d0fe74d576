// A file sent over datagrams that are lost, doubled and overtaken: numbered pieces, acknowledged one by one, some
// of them under way at the same time.

import { UdpClient } from "../../../mod.ts";
import type { SimulatedNetwork } from "../../../testing/mod.ts";
import { type Campaign, ensure } from "./campaign.ts";

const PORT = 69;
const PIECE = 512;
const WINDOW = 8;
const RETRY_IN_MILLIS = 700;

/** The file arrives whole, whatever happens to the datagrams; each of them comes unchanged or not at all. */
export const fileOverUdp: Campaign = {
  name: "file-over-udp",
  async run(net) {
    await using from = new UdpClient({ port: 0 }, { network: net.host("from") });
    await using to = new UdpClient({ port: PORT }, { network: net.host("to") });
    await to.bound;
    const file = net.random.bytes(net.random.integer(0, 20_000));
    const receiving = receive(to);
    await sendFile(net, from, file);
    await Promise.all([to.close(), from.close()]);
    const got = await receiving;
    ensure(got.length === file.length, `${got.length} of ${file.length} bytes came`);
    ensure(got.every((byte, index) => byte === file[index]), "other bytes came");
  },
};

/** Receives until the socket is closed: number, last number, checksum, content. */
async function receive(socket: UdpClient): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let last = Infinity;
  for await (const { data: bytes, remoteHost, remotePort } of socket) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const number = view.getUint16(0);
    last = view.getUint16(2);
    const content = bytes.slice(8);
    ensure(view.getUint32(4) === checksum(content), `piece ${number} has changed on its way`);
    pieces[number] = content;
    void socket.sendTo(bytes.subarray(0, 2), { host: remoteHost, port: remotePort });
  }
  ensure(pieces.filter(() => true).length === last + 1, "pieces are missing");
  return new Uint8Array(pieces.flatMap((piece) => [...piece]));
}

async function sendFile(net: SimulatedNetwork, socket: UdpClient, file: Uint8Array): Promise<void> {
  const last = Math.max(0, Math.ceil(file.length / PIECE) - 1);
  const acknowledged = Array.from({ length: last + 1 }, () => Promise.withResolvers<void>());
  void (async () => {
    for await (const { data: bytes } of socket) {
      acknowledged[(bytes[0]! << 8) | bytes[1]!]!.resolve();
    }
  })();
  let next = 0;
  const sendSome = async () => {
    while (next <= last) {
      const number = next++;
      const content = file.subarray(number * PIECE, (number + 1) * PIECE);
      const bytes = new Uint8Array(8 + content.length);
      const view = new DataView(bytes.buffer);
      view.setUint16(0, number);
      view.setUint16(2, last);
      view.setUint32(4, checksum(content));
      bytes.set(content, 8);
      let isKnown = false;
      const known = acknowledged[number]!.promise.then(() => void (isKnown = true));
      for (let tries = 0; !isKnown; tries++) {
        ensure(tries < 1000, `piece ${number} was sent ${tries} times in vain`);
        const sent = socket.sendTo(bytes, { host: "to", port: PORT });
        if (net.random.chance(0.5)) await sent;
        await Promise.race([known, net.delay(RETRY_IN_MILLIS)]);
      }
    }
  };
  await Promise.all(Array.from({ length: WINDOW }, sendSome));
}

function checksum(bytes: Uint8Array): number {
  let sum = bytes.length;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193) >>> 0;
  return sum;
}
