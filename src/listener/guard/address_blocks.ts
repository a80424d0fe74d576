// Lists of CIDR blocks: whose addresses are trusted, let in or kept out.
//
// There is a set of prefixes for every prefix length that occurs, so a look-up costs one probe per length (33 and 129
// at most), however long the list.

import { refused, shown } from "../../base/arguments.ts";
import type { NetworkAddress } from "../../base/address.ts";
import {
  formatIpAddress,
  type IpAddress,
  parseIpAddress,
  unmapped,
  withoutZone,
} from "../../base/ip_address.ts";
import { isRevoked } from "../../base/runtime_kind.ts";

/** Stands for every peer on a Unix socket, which has no IP address. */
const UNIX = "unix:";

/** A set of IP addresses, given as addresses and CIDR blocks. */
export class AddressBlocks {
  readonly #prefixes: Readonly<Record<32 | 128, Map<number, Set<bigint>>>> = {
    32: new Map(),
    128: new Map(),
  };
  #hasUnix = false;

  /**
   * Reads a list.
   *
   * @param blocks Addresses (`"192.0.2.1"`, `"2001:db8::1"`) and blocks (`"10.0.0.0/8"`, `"fe80::/10"`). A
   * block inside `::ffff:0:0/96` is the IPv4 block it maps. `"unix:"` is every peer on a Unix socket.
   * @param name The name of the list in errors: that of its option.
   * @throws {TypeError} It is not an array of strings.
   * @throws {RangeError} One of them is not an address or block, or has bits set behind its prefix.
   */
  constructor(blocks: readonly string[], name: string) {
    if (isRevoked(blocks) || !Array.isArray(blocks)) {
      throw new TypeError(
        `${name} must be an array of addresses and blocks: got ${refused(blocks)}`,
      );
    }
    for (const block of blocks as readonly unknown[]) {
      if (typeof block !== "string") {
        throw new TypeError(`${name} must have strings only: got ${shown(block)}`);
      }
      if (block === UNIX) {
        this.#hasUnix = true;
        continue;
      }
      const [address, prefixLength] = parseBlock(block, name);
      const byLength = this.#prefixes[address.bits];
      let prefixes = byLength.get(prefixLength);
      if (prefixes === undefined) byLength.set(prefixLength, prefixes = new Set());
      prefixes.add(prefixOf(address, prefixLength));
    }
  }

  /**
   * Whether an address is in one of the blocks. IPv4 and IPv4-mapped addresses are the same; neither is in a
   * wider IPv6 block such as `::/0`. The zone of an address does not count. A host name is in none.
   */
  has(peer: NetworkAddress): boolean {
    if (!("hostname" in peer)) return this.#hasUnix && "path" in peer;
    const parsed = parseIpAddress(withoutZone(peer.hostname));
    if (parsed === undefined) return false;
    const address = unmapped(parsed);
    for (const [prefixLength, prefixes] of this.#prefixes[address.bits]) {
      if (prefixes.has(prefixOf(address, prefixLength))) return true;
    }
    return false;
  }
}

/** Whether a peer should have an IP address, and has none that any block could have. */
export function lacksIpAddress(peer: NetworkAddress): boolean {
  return "hostname" in peer && parseIpAddress(withoutZone(peer.hostname)) === undefined;
}

/**
 * Names the block that a peer is counted under; `undefined` for one that has no address.
 *
 * @param peer The peer's address.
 * @param ipv6PrefixLength How many leading bits of an IPv6 address distinguish one peer from another.
 */
export function blockName(peer: NetworkAddress, ipv6PrefixLength: number): string | undefined {
  if (!("hostname" in peer)) return undefined;
  const parsed = parseIpAddress(withoutZone(peer.hostname));
  if (parsed === undefined) return peer.hostname;
  const address = unmapped(parsed);
  if (address.bits === 32) return formatIpAddress(address);
  const shift = BigInt(128 - ipv6PrefixLength);
  return formatIpAddress({ bits: 128, value: address.value >> shift << shift });
}

function parseBlock(block: string, name: string): [IpAddress, prefixLength: number] {
  const slash = block.indexOf("/");
  const text = slash < 0 ? block : block.slice(0, slash);
  const parsed = parseIpAddress(text);
  if (parsed === undefined) {
    throw new RangeError(`${name} must have IP addresses and CIDR blocks: got ${shown(block)}`);
  }
  const length = slash < 0 ? String(parsed.bits) : block.slice(slash + 1);
  let prefixLength = Number(length);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(length) || prefixLength > parsed.bits) {
    throw new RangeError(
      `${name} must have prefix lengths from 0 to ${parsed.bits}: got ${shown(block)}`,
    );
  }
  const shift = BigInt(parsed.bits - prefixLength);
  const first = { bits: parsed.bits, value: parsed.value >> shift << shift };
  if (first.value !== parsed.value) {
    // Either the address or the length is a typing error, and a wrong guess lets in too many or too few.
    const meant = `${formatIpAddress(first)}/${prefixLength}`;
    throw new RangeError(
      `${name} must not have bits set behind a prefix, write "${meant}" or "${text}": got ${
        shown(block)
      }`,
    );
  }
  let address: IpAddress = parsed;
  if (prefixLength >= 96) {
    address = unmapped(parsed);
    prefixLength -= parsed.bits - address.bits;
  }
  return [address, prefixLength];
}

function prefixOf(address: IpAddress, prefixLength: number): bigint {
  return address.value >> BigInt(address.bits - prefixLength);
}
