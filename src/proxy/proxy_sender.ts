// Sends a PROXY protocol header at the start of a stream, before everything else.

import { cut } from "../network/free.ts";
import type { Transport } from "../network/network.ts";
import { writeAll } from "../network/write_all.ts";
import type { Address, NetworkAddress } from "../base/address.ts";
import { parseIpAddress } from "../base/ip_address.ts";
import { ProxyHeader, type ProxyHeaderConfig, readHeaderConfig } from "./proxy_header.ts";
import { writeProxyHeader } from "./proxy_protocol.ts";

/**
 * Reads and checks what will be sent, before there is a stream.
 *
 * @throws {TypeError} If an option is misspelled, or the parts do not go together.
 * @throws {RangeError} If a value is out of its range.
 */
export function checkProxyHeader(config: ProxyHeaderConfig): ProxyHeader {
  const header = new ProxyHeader(readHeaderConfig("sendProxyHeader", config));
  writeProxyHeader(header);
  return header;
}

/**
 * Sends a header. Where that fails, the stream is of no use and is freed.
 *
 * @param transport The stream; nothing was written to it.
 * @param header What to send; without addresses, the ends of the stream are taken.
 * @param target Where the stream leads to, where that is not its own other end: through a tunnel.
 */
export async function sendHeader(
  transport: Transport,
  header: ProxyHeader,
  target?: Address,
): Promise<void> {
  try {
    await writeAll(transport, writeProxyHeader(headerFor(transport, header, target)));
  } catch (error) {
    cut(transport);
    throw error;
  }
}

function headerFor(
  transport: Transport,
  header: ProxyHeader,
  target: Address | undefined,
): ProxyHeader {
  const { localAddr: source, remoteAddr } = transport;
  const destination: NetworkAddress = target === undefined
    ? remoteAddr
    : { transport: "tcp", hostname: target.host, port: target.port };
  const hasOwn = header.source !== undefined || header.command === "local";
  const kinds = [source, destination].map((address) =>
    "hostname" in address ? parseIpAddress(address.hostname)?.bits : undefined
  );
  // A tunnel may lead to a name, or to an address of another family.
  const canTell = !kinds.includes(undefined) && (target === undefined || kinds[0] === kinds[1]);
  if (hasOwn || !canTell) return header;
  const { version, command, tlvs, checksum } = header;
  return new ProxyHeader({ version, command, tlvs, checksum, source, destination });
}
