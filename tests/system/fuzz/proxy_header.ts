// Throws made-up PROXY protocol headers at the parser and compares every result with the reference.
//
//   deno run tests/system/fuzz/proxy_header.ts [--count=1000000] [--seed=1]
//
// Half of them begin as good headers and are then damaged; the rest begins as something else. Each goes in
// whole and cut at random places. A case that fails prints its seed and its bytes, and the run ends.

import { ByteQueue } from "../../../src/bytes/byte_queue.ts";
import { ProxyHeader, type ProxyHeaderConfig } from "../../../src/proxy/proxy_header.ts";
import { ProxyHeaderError } from "../../../src/proxy/proxy_header_error.ts";
import { parseProxyHeader, writeProxyHeader } from "../../../src/proxy/proxy_protocol.ts";
import type { NetworkAddress } from "../../../src/base/address.ts";
import { referenceHeaderLength } from "../../support/proxy_reference.ts";

const MAX_LENGTH = 4_096;
/** What our writer does not write: other protocols, and headers of other writers. */
const UNWRITTEN = [
  "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
  "PROXY\r\n",
  "PROXY TCP5 1.2.3.4 1.2.3.4 1 1\r\n",
  "SSH-2.0-OpenSSH_9.6\r\n",
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  "\r\n\r\n\0\r\nQUIT\n",
  "QUIT\n",
  "PROXY TCP6 2001:db8::1 192.0.2.1 56324 443\r\n",
  "PROXY TCP4 192.0.2.7 ::1 56324 443\r\n",
  "PROXY UNKNOWN ::1 ::1 1 2\r\n",
  "\r\n\r\n\0\r\nQUIT\n\x21\0\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb",
  "\r\n\r\n\0\r\nQUIT\n\x20\x11\0\x0c\xc0\0\x02\x01\xc6\x33\x64\x01\xdc\x04\x01\xbb",
];

/** How the cases of a run ended. */
export interface FuzzTally {
  /** With a header. */
  headers: number;
  /** Waiting for more. */
  waiting: number;
  /** Refused, by problem. */
  readonly refused: Record<string, number>;
}

/** Runs `count` cases and throws at the first that goes wrong. */
export function fuzzProxyHeaders(
  count: number,
  seed: number,
  onProgress?: (done: number) => void,
): FuzzTally {
  const tally: FuzzTally = { headers: 0, waiting: 0, refused: {} };
  for (let i = 0; i < count; i++) {
    const random = generator(Math.imul(seed, 0x9e3779b1) + i);
    const bytes = damaged(random);
    try {
      judge(bytes, random, tally);
    } catch (error) {
      const shown = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
      throw new Error(`Case ${i} of seed ${seed} failed: ${error}\n${shown}`, { cause: error });
    }
    if (i % 10_000 === 9_999) onProgress?.(i + 1);
  }
  return tally;
}

type Outcome = { header: ProxyHeader; rest: number } | { problem: string } | undefined;

function judge(bytes: Uint8Array<ArrayBuffer>, random: () => number, tally: FuzzTally): void {
  const whole = feed(bytes, [bytes.length]);
  const expected = referenceHeaderLength(bytes, MAX_LENGTH);
  const length = whole !== undefined && "header" in whole ? bytes.length - whole.rest : undefined;
  expect(length === expected, `a header of ${length} bytes, the reference says ${expected}`);

  const cuts: number[] = [];
  for (let left = bytes.length; left > 0;) {
    const cut = 1 + Math.floor(random() * Math.min(left, random() < 0.5 ? 3 : 200));
    cuts.push(cut);
    left -= cut;
  }
  const cut = feed(bytes, cuts);
  expect(kindOf(cut) === kindOf(whole), `cut: ${kindOf(cut)}, whole: ${kindOf(whole)}`);

  if (whole === undefined) {
    tally.waiting++;
    expect(bytes.length < MAX_LENGTH, "waits for ever");
  } else if ("problem" in whole) {
    tally.refused[whole.problem] = (tally.refused[whole.problem] ?? 0) + 1;
  } else {
    tally.headers++;
    const again = feed(writeProxyHeader(new ProxyHeader(whole.header)), [Infinity]);
    expect(again !== undefined && "header" in again, "is not read back");
  }
}

/** Feeds bytes in pieces, as a connection does, and returns the outcome. */
function feed(bytes: Uint8Array<ArrayBuffer>, cuts: readonly number[]): Outcome {
  const queue = new ByteQueue();
  let fed = 0;
  for (const cut of cuts) {
    const piece = bytes.slice(fed, fed + cut);
    fed += piece.length;
    queue.push(piece);
    const before = queue.length;
    try {
      const header = parseProxyHeader(queue, MAX_LENGTH);
      if (header !== undefined) return { header, rest: queue.length + bytes.length - fed };
    } catch (error) {
      if (error instanceof ProxyHeaderError) return { problem: error.problem };
      throw error;
    }
    expect(queue.length === before, "bytes were taken without a header");
  }
  return undefined;
}

/**
 * Cut or whole, a header is the same header and a wait is a wait. Of two faults the first may be reported where the
 * rest has not arrived yet.
 */
function kindOf(outcome: Outcome): string {
  if (outcome === undefined) return "waiting";
  if ("problem" in outcome) return "refused";
  return JSON.stringify([outcome.header, outcome.rest]);
}

function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** A header, damaged in some ways or none. */
function damaged(random: () => number): Uint8Array<ArrayBuffer> {
  const pick = (count: number) => Math.floor(random() * count);
  const text = UNWRITTEN[pick(UNWRITTEN.length * 6)];
  let bytes: number[] = text === undefined
    ? [...writeProxyHeader(new ProxyHeader(randomConfig(random)))]
    : Array.from(text, (character) => character.charCodeAt(0));
  for (let damages = pick(4); damages > 0; damages--) {
    const at = pick(bytes.length);
    const where = random();
    if (where < 0.15) bytes[pick(Math.min(17, bytes.length))] = pick(256);
    else if (where < 0.3) bytes[at] = pick(256);
    else if (where < 0.4) bytes[at]! ^= 1 << pick(8);
    else if (where < 0.5) bytes.splice(at, 1 + pick(8));
    else if (where < 0.6) bytes.splice(at, 0, ...bytes.slice(at, at + 1 + pick(20)));
    else if (where < 0.7) bytes.splice(at, 0, [13, 10, 32, 46, 58, 48, 0, 80][pick(8)]!);
    else if (where < 0.8) bytes = bytes.slice(0, at);
    else if (where < 0.9) bytes.push(...Array.from({ length: pick(300) }, () => pick(256)));
    else if (bytes.length > 15) [bytes[14], bytes[15]] = [pick(4) === 0 ? pick(256) : 0, pick(256)];
  }
  return Uint8Array.from(bytes);
}

function randomConfig(random: () => number): ProxyHeaderConfig {
  const pick = (count: number) => Math.floor(random() * count);
  if (pick(12) === 0) return { command: "local" };
  const version = pick(2) === 0 ? 1 : 2;
  const kind = pick(version === 1 ? 3 : 5);
  const text = (length: number) =>
    Array.from({ length }, () => "ab/é.-"[pick(6)]).join("").slice(0, 54);
  const address = (): NetworkAddress => {
    const transport = (["tcp", "tcp", "udp", "unix", "unixpacket"] as const)[kind]!;
    if (transport === "unix" || transport === "unixpacket") {
      return { transport, path: (pick(2) === 0 ? "" : "\0") + text(1 + pick(40)) };
    }
    const groups = Array.from({ length: 8 }, () => pick(2) * pick(0x10000));
    const ipv4 = [pick(256), pick(256), pick(256), pick(256)].join(".");
    const hostname = kind === 1 ? groups.map((group) => group.toString(16)).join(":") : ipv4;
    return { transport: version === 1 ? "tcp" : transport, hostname, port: pick(65536) };
  };
  const addresses = pick(10) === 0 ? {} : { source: address(), destination: address() };
  if (version === 1) return { version, ...addresses };
  const tlvs = Array.from({ length: pick(4) }, () => {
    const bytes = (length: number) => Uint8Array.from({ length }, () => pick(256));
    const type = [1, 2, 5, 0x20, 0x30, 0xe0 + pick(32)][pick(6)]!;
    if (type !== 0x20) return { type, value: bytes(pick(60)) };
    return { type, value: Uint8Array.of(pick(8), 0, 0, 0, pick(2), 0x21, 0, 3, 49, 46, 51) };
  });
  return { version, ...addresses, tlvs, checksum: pick(3) === 0 };
}

/** Numbers from 0 to 1 that look random and are the same for the same seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = state + 0x6d2b79f5 >>> 0;
    let mixed = Math.imul(state ^ state >>> 15, state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return ((mixed ^ mixed >>> 14) >>> 0) / 0x1_0000_0000;
  };
}

if (import.meta.main) {
  const option = (name: string, otherwise: number) => {
    const found = Deno.args.find((arg) => arg.startsWith(`--${name}=`));
    return found === undefined ? otherwise : Number(found.slice(name.length + 3));
  };
  const [count, seed] = [option("count", 1_000_000), option("seed", 1)];
  const began = performance.now();
  const tally = fuzzProxyHeaders(count, seed, (done) => {
    if (!Deno.stderr.isTerminal()) return;
    const filled = Math.round(40 * done / count);
    const bar = "#".repeat(filled).padEnd(40);
    Deno.stderr.writeSync(new TextEncoder().encode(`\r[${bar}] ${done} of ${count}`));
  });
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  console.log(`\n${count} headers with seed ${seed} in ${seconds} s, none misjudged`);
  console.log(tally);
}
