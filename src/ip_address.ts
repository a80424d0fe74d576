// IP addresses as text: which kind one is, and whether two texts mean the same one.

const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.|$)){4}(?<!\.)$/;
const MAPPED = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/;

/** 4 or 6 for an IP address, 0 for anything else: a host name. Expects what `checkHost` let pass. */
export function ipVersion(host: string): 0 | 4 | 6 {
  if (host.includes(":")) return 6;
  return IPV4.test(host) ? 4 : 0;
}

/**
 * The one spelling of an IP address by which it is compared: IPv6 compressed and in lower case, without its
 * zone; IPv4 that came through an IPv6 socket (`::ffff:127.0.0.1`) as IPv4.
 *
 * @throws {TypeError} It is no IP address.
 */
export function canonicalIp(host: string): string {
  if (!host.includes(":")) return host;
  const zone = host.indexOf("%");
  const text = new URL(`http://[${zone < 0 ? host : host.slice(0, zone)}]`).hostname.slice(1, -1);
  const mapped = MAPPED.exec(text);
  if (mapped === null) return text;
  const high = parseInt(mapped[1]!, 16);
  const low = parseInt(mapped[2]!, 16);
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** Whether an IP address is that of a multicast group. */
export function isMulticast(host: string): boolean {
  if (host.includes(":")) return canonicalIp(host).startsWith("ff");
  const first = Number(host.slice(0, host.indexOf(".")));
  return first >= 224 && first <= 239;
}
