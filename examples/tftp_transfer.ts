// Sends one file as TFTP does, each block again until it is acknowledged: a part of tftp_server.ts.

import { ReadTimedOutError, type UdpClient } from "../mod.ts";

const [DATA, ACK, ERROR] = [3, 4, 5] as const;
const BLOCK = 512;
const TRIES = 5;
/** A transfer may take this long, and a second for each block: a client that acknowledges late has an end, too. */
const GRACE_IN_MILLIS = 60_000;

function packet(kind: number, number: number, content: Uint8Array): Uint8Array {
  return new Uint8Array([0, kind, number >> 8, number, ...content]);
}

/** The packet that says why there is no file. */
export function refusal(code: number, why: string): Uint8Array {
  return packet(ERROR, code, new TextEncoder().encode(`${why}\0`));
}

/** Waits a second for the acknowledgement of a block, and no longer, whatever else arrives. */
async function isAcknowledged(peer: UdpClient, number: number): Promise<boolean> {
  const end = performance.now() + 1_000;
  try {
    for (let left; (left = Math.ceil(end - performance.now())) > 0;) {
      const [answer] = await peer.read(undefined, { timeoutInMillis: left });
      if (answer[0] !== 0) continue;
      if (answer[1] === ERROR) throw new Error("the client has given up");
      if (answer[1] === ACK && (answer[2]! << 8 | answer[3]!) === (number & 0xffff)) return true;
    }
  } catch (error) {
    if (!(error instanceof ReadTimedOutError)) throw error;
  }
  return false;
}

/** Sends a file to the peer of the socket, reports each block that has arrived, and gives the file's length. */
export async function sendFile(
  path: string,
  peer: UdpClient,
  onArrived: () => void,
): Promise<number> {
  const info = await Deno.stat(path).catch(() => undefined);
  if (!info?.isFile) {
    await peer.write(refusal(1, "File not found"));
    throw new Error("there is no such file");
  }
  using file = await Deno.open(path);
  const block = new Uint8Array(BLOCK);
  const end = performance.now() + GRACE_IN_MILLIS + info.size / BLOCK * 1_000;
  for (let number = 1, sent = 0;; number++) {
    let length = 0;
    while (length < BLOCK) {
      const more = await file.read(block.subarray(length));
      if (more === null) break;
      length += more;
    }
    const data = packet(DATA, number, block.subarray(0, length));
    for (let tries = 0;; tries++) {
      if (tries === TRIES) throw new Error("the client does not answer");
      if (performance.now() > end) throw new Error("the client is too slow");
      await peer.write(data);
      if (await isAcknowledged(peer, number)) break;
    }
    onArrived();
    sent += length;
    if (length < BLOCK) return sent; // a block that is not full is the last one
  }
}
