// What a proxy says about a connection that it makes for a client, in either version.

import type { NetworkAddress } from "../base/address.ts";
import { checkBoolean, checkObject, shown } from "../base/arguments.ts";
import { optionNames, partOf, readList, readOptions } from "../base/options.ts";
import { formatIpAddress, type IpAddress, mapped, parseIpAddress } from "../base/ip_address.ts";
import { parseTls, PROXY_TLV, type ProxyTls, type ProxyTlv, textOf, valueOf } from "./proxy_tlv.ts";

/** What a {@linkcode ProxyHeader} is made from. */
export interface ProxyHeaderConfig {
  /**
   * 1 is one line of text, addresses of TCP only; 2 is binary and carries everything.
   *
   * @default {2}
   */
  readonly version?: 1 | 2;
  /**
   * Whether the proxy speaks for a client (`"proxy"`) or for itself, as health checks do (`"local"`).
   *
   * @default {"proxy"}
   */
  readonly command?: "proxy" | "local";
  /** The client's address, as the proxy sees it; together with `destination`, or unknown. */
  readonly source?: NetworkAddress | undefined;
  /** The address the client connected to. */
  readonly destination?: NetworkAddress | undefined;
  /**
   * Further values.
   *
   * @default {[]}
   */
  readonly tlvs?: readonly ProxyTlv[];
  /**
   * Whether it carries a checksum.
   *
   * @default {false}
   */
  readonly checksum?: boolean;
}

/** The longest path of a Unix socket, in bytes. */
export const UNIX_PATH_LENGTH = 108;

const LONGEST_VALUE = 0xffff;

const OPTIONS = optionNames<ProxyHeaderConfig>({
  version: true,
  command: true,
  source: true,
  destination: true,
  tlvs: true,
  checksum: true,
});

const TLV_OPTIONS = optionNames<ProxyTlv>({ type: true, value: true });

/**
 * A header of HAProxy's PROXY protocol: which client a connection is made for.
 *
 * @see {@link https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt The PROXY protocol}
 */
export class ProxyHeader {
  /** 1 or 2. */
  readonly version: 1 | 2;
  /** Whether the proxy speaks for a client or for itself. */
  readonly command: "proxy" | "local";
  /** The client's address as the proxy sees it, IP addresses in canonical form; `undefined` if it does not say. */
  readonly source: NetworkAddress | undefined;
  /** The address the client connected to; `undefined` if the proxy does not say. */
  readonly destination: NetworkAddress | undefined;
  /**
   * Everything else that the proxy says, except the checksum and padding. Empty for a received header without
   * addresses: it does not say where the values would begin.
   */
  readonly tlvs: readonly ProxyTlv[];
  /** Whether it carries a checksum; in a received header, a correct one. */
  readonly checksum: boolean;
  readonly #tls: ProxyTls | undefined;

  /**
   * Checks that its parts fit together.
   *
   * @param config What it says. One address may be IPv4 and the other IPv6; the IPv4 one is then written as
   * IPv4-mapped. TLVs and a checksum are also written without addresses, but not every receiver reads them then.
   * @throws {TypeError} If an option is misspelled, or the parts do not go together: addresses of two kinds, or
   * something that the version or the command does not carry.
   * @throws {RangeError} If a value is out of its range.
   */
  constructor(config: ProxyHeaderConfig) {
    const { version = 2, command = "proxy", source, destination, tlvs = [], checksum = false } =
      readHeaderConfig("config", config);
    if (version !== 1 && version !== 2) invalid(`the version must be 1 or 2: ${String(version)}`);
    if (command !== "proxy" && command !== "local") {
      invalid(`the command must be "proxy" or "local": ${String(command)}`);
    }
    const list = readList("tlvs", tlvs) as readonly ProxyTlv[];
    checkBoolean("checksum", checksum);
    if (command === "local" && (source ?? destination ?? list[0]) !== undefined) {
      mismatch(`"local" goes without addresses and TLVs`);
    }
    if ((version === 1 || command === "local") && checksum) {
      mismatch(`a checksum goes with version 2 and "proxy" only`);
    }
    if (version === 1 && (command === "local" || list.length > 0)) {
      mismatch(`"local" and TLVs need version 2`);
    }
    this.version = version;
    this.command = command;
    [this.source, this.destination] = checkedPair(source, destination);
    if (version === 1 && source !== undefined && source.transport !== "tcp") {
      mismatch(`version 1 carries addresses of TCP only: ${source.transport}`);
    }
    this.tlvs = list.map(checkedTlv);
    this.checksum = checksum;
    const tls = valueOf(this.tlvs, PROXY_TLV.TLS);
    this.#tls = tls === undefined ? undefined : parseTls(tls);
  }

  /** How the connection between the client and the proxy is secured, where the proxy says so. */
  get tls(): ProxyTls | undefined {
    return this.#tls;
  }

  /** The host name that the client asked for (TLS server name), where the proxy says so. */
  get authority(): string | undefined {
    return textOf(this.tlvs, PROXY_TLV.AUTHORITY);
  }

  /** The protocol that the client and the proxy agreed on, such as `h2`, where the proxy says so. */
  get alpnProtocol(): string | undefined {
    return textOf(this.tlvs, PROXY_TLV.ALPN);
  }

  /** What the proxy calls this connection, where it says so. */
  get uniqueId(): Uint8Array<ArrayBuffer> | undefined {
    return valueOf(this.tlvs, PROXY_TLV.UNIQUE_ID);
  }
}

/**
 * Reads what a header is to say.
 *
 * @param name What it is, for the message.
 * @param config What was passed: options, or another header.
 * @throws {TypeError} It is neither, or has an option that there is not.
 */
export function readHeaderConfig(
  name: string,
  config: ProxyHeaderConfig,
): Readonly<ProxyHeaderConfig> {
  // A header may be of a subclass, with fields of its own.
  return checkObject(name, config) instanceof ProxyHeader
    ? partOf<ProxyHeaderConfig>(name, config, OPTIONS)
    : readOptions<ProxyHeaderConfig>(name, config, OPTIONS);
}

function checkedPair(
  source: NetworkAddress | undefined,
  destination: NetworkAddress | undefined,
): [NetworkAddress | undefined, NetworkAddress | undefined] {
  if (source === undefined && destination === undefined) return [undefined, undefined];
  if (source === undefined || destination === undefined) {
    mismatch("the source and the destination go together");
  }
  checkObject("source", source);
  checkObject("destination", destination);
  if (source.transport !== destination.transport) {
    mismatch(`addresses of ${source.transport} and ${destination.transport}`);
  }
  if ("hostname" in source && "hostname" in destination) {
    return [withHost(source, checkedIp(source)), withHost(destination, checkedIp(destination))];
  }
  if ("path" in source && "path" in destination) {
    const { transport } = source;
    return [
      { transport, path: checkedPath(source.path) },
      { transport, path: checkedPath(destination.path) },
    ];
  }
  mismatch(`an address of ${source.transport}`);
}

/** Both addresses in one family: where only one of them is IPv4, it becomes IPv4-mapped. */
export function inOneFamily(
  { source, destination }: ProxyHeader,
): [source: NetworkAddress | undefined, destination: NetworkAddress | undefined] {
  if (source === undefined || destination === undefined) return [source, destination];
  if (!("hostname" in source) || !("hostname" in destination)) return [source, destination];
  const [from, to] = [parseIpAddress(source.hostname)!, parseIpAddress(destination.hostname)!];
  if (from.bits === to.bits) return [source, destination];
  return [withHost(source, mapped(from)), withHost(destination, mapped(to))];
}

type IpNetworkAddress = Extract<NetworkAddress, { hostname: string }>;

function withHost({ transport, port }: IpNetworkAddress, address: IpAddress): NetworkAddress {
  return { transport, hostname: formatIpAddress(address), port };
}

function checkedIp(address: { hostname: string; port: number }): IpAddress {
  const { hostname, port } = address;
  const parsed = typeof hostname === "string" ? parseIpAddress(hostname) : undefined;
  if (parsed === undefined) invalid(`not an IP address: "${hostname}"`);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    invalid(`the port must be 0 to 65535: ${port}`);
  }
  return parsed;
}

function checkedPath(path: string): string {
  if (typeof path !== "string") mismatch(`the path must be a string: got ${shown(path)}`);
  const length = new TextEncoder().encode(path).length;
  if (length > UNIX_PATH_LENGTH) {
    invalid(`the path must have at most ${UNIX_PATH_LENGTH} bytes: ${length}`);
  }
  // Zeros pad the path, so it cannot end with one. An abstract name begins with one.
  if (path.startsWith("\0") ? path.endsWith("\0") : path.includes("\0")) {
    invalid(`the path has a zero byte: ${JSON.stringify(path)}`);
  }
  return path;
}

function checkedTlv(tlv: ProxyTlv, i: number): ProxyTlv {
  const { type, value } = readOptions<ProxyTlv>(`tlvs[${i}]`, tlv, TLV_OPTIONS);
  if (!Number.isInteger(type) || type < 0 || type > 255) {
    invalid(`the type of a TLV must be 0 to 255: ${type}`);
  }
  if (type === PROXY_TLV.CRC32C || type === PROXY_TLV.NOOP) {
    invalid(`a checksum is asked for with "checksum", padding is not written: ${type}`);
  }
  if (!(value instanceof Uint8Array)) mismatch(`the value of a TLV must be a Uint8Array`);
  if (value.length > LONGEST_VALUE) {
    invalid(`the value of a TLV must have at most ${LONGEST_VALUE} bytes: ${value.length}`);
  }
  return { type, value };
}

function invalid(why: string): never {
  throw new RangeError(`Cannot make a PROXY protocol header: ${why}`);
}

function mismatch(why: string): never {
  throw new TypeError(`Cannot make a PROXY protocol header: ${why}`);
}
