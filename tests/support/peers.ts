// Which foreign programs this machine has, and tests that need them.

import { isInstalled, outputOf, Program } from "./program.ts";

/** What a test against foreign programs may need. */
export type Peer =
  | ("socat" | "nc" | "curl" | "dig" | "kdig" | "tftp" | "dnsmasq")
  | ("redis-cli" | "redis-benchmark" | "redis-server")
  | ("mosquitto" | "mosquitto_pub" | "mosquitto_sub")
  | "nats-server"
  | Unmistakable
  | "files of its own"
  | "IPv6";

/** Programs whose name is unique. */
type Unmistakable =
  | ("gnutls-cli" | "haproxy" | "nginx" | "openssl" | "perl" | "systemd-socket-activate")
  | ("danted" | "microsocks" | "squid" | "tinyproxy")
  | ("slowhttptest" | "swaks" | "tcpdump" | "testssl" | "tshark")
  | ("prometheus" | "promtool");

/** Where Debian has what nginx needs for streams. */
export const NGINX_STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so";

/** For each program the flag that prints its version, a word of that output, and its Debian package. */
const PROGRAMS: Partial<Record<Peer, readonly [flag: string, says: string, from: string]>> = {
  socat: ["-V", "socat", "socat"],
  nc: ["-h", "OpenBSD", "netcat-openbsd"],
  curl: ["--version", "curl", "curl"],
  "redis-cli": ["--version", "redis-cli", "redis-tools"],
  "redis-benchmark": ["--version", "redis-benchmark", "redis-tools"],
  "redis-server": ["--version", "Redis server", "redis-server"],
  mosquitto: ["-h", "MQTT", "mosquitto"],
  mosquitto_pub: ["--help", "mqtt client", "mosquitto-clients"],
  mosquitto_sub: ["--help", "mqtt client", "mosquitto-clients"],
  "nats-server": ["--version", "nats-server", "nats-server"],
  dig: ["-v", "DiG", "bind9-dnsutils"],
  kdig: ["--version", "Knot", "knot-dnsutils"],
  tftp: ["-V", "tftp-hpa", "tftp-hpa"],
  dnsmasq: ["--version", "Dnsmasq", "dnsmasq-base"],
};

async function missing(peer: Peer): Promise<string | undefined> {
  if (peer === "IPv6") {
    try {
      Deno.listen({ hostname: "::1", port: 0 }).close();
      return undefined;
    } catch (error) {
      return `this machine has no ::1 (${error instanceof Error ? error.message : error})`;
    }
  }
  if (peer === "files of its own") {
    const args = "--map-root-user --mount --pid --fork mount --bind /dev/null /etc/hosts".split(
      " ",
    );
    const can = await outputOf("unshare", args).then(() => true, () => false);
    return can ? undefined : "this machine gives no program files of its own (unshare, mount)";
  }
  const program = PROGRAMS[peer];
  if (program === undefined) {
    const isThere = await isInstalled(peer) &&
      (peer !== "nginx" || await Deno.stat(NGINX_STREAM).then(() => true, () => false));
    return isThere ? undefined : `${peer} is not installed`;
  }
  const [flag, says, debianPackage] = program;
  try {
    await using program = new Program(peer, [flag]);
    const { stdout, stderr } = await program.ending();
    if ((stdout + stderr).includes(says)) return undefined;
    return `${peer} is not the one of the Debian package ${debianPackage}`;
  } catch {
    return `${peer} is not installed (Debian: ${debianPackage})`;
  }
}

const reasons = new Map<Peer, Promise<string | undefined>>();

/** Makes a test that is skipped, with a printed reason, where what it needs cannot be had. */
export async function peerTest(
  name: string,
  needs: readonly Peer[],
  fn: () => Promise<void>,
): Promise<void> {
  let reason: string | undefined;
  for (const peer of needs) {
    if (!reasons.has(peer)) reasons.set(peer, missing(peer));
    reason ??= await reasons.get(peer);
  }
  if (reason !== undefined) console.log(`skipped: ${name}: ${reason}`);
  Deno.test({ name, ignore: reason !== undefined, fn });
}

/** The port that a program reports, on its standard error, to listen on. */
export async function portOf(program: Program): Promise<number> {
  const [, port] = await program.line(/(?:listening|bound) on .*[ :](\d+)$/i, "stderr");
  return Number(port);
}
