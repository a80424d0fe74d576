// Sends a PROXY protocol header at the start of a stream, before everything else.

import { cut } from "../network/free.ts";
import type { Transport } from "../network/network.ts";
import { parseIpAddress } from "../base/ip_address.ts";
import { checkObject } from "../base/arguments.ts";
import { ProxyHeader, type ProxyHeaderConfig } from "./proxy_header.ts";
import { writeProxyHeader } from "./proxy_protocol.ts";

/**
 * Reads and checks what will be sent, before there is a stream.
 *
 * @throws {TypeError} If the parts do not go together.
 * @throws {RangeError} If a value is out of its range.
 */
export function checkProxyHeader(config: ProxyHeaderConfig): ProxyHeader {
  const header = new ProxyHeader(checkObject("sendProxyHeader", config));
  writeProxyHeader(header);
  return header;
}

/**
 * Sends a header. Where that fails, the stream is of no use and is freed.
 *
 * @param transport The stream; nothing was written to it.
 * @param header What to send; without addresses, the ends of the stream are taken.
 */
export async function sendHeader(
  transport: Transport,
  header: ProxyHeader,
): Promise<void> {
  try {
    let rest = writeProxyHeader(headerFor(transport, header));
    while (rest.length > 0) rest = rest.subarray(await transport.write(rest));
  } catch (error) {
    cut(transport);
    throw error;
  }
}

function headerFor(transport: Transport, header: ProxyHeader): ProxyHeader {
  const { localAddr: source, remoteAddr: destination } = transport;
  const hasOwn = header.source !== undefined || header.command === "local";
  const canTell = [source, destination].every((address) =>
    "hostname" in address && parseIpAddress(address.hostname) !== undefined
  );
  if (hasOwn || !canTell) return header;
  const { version, command, tlvs, checksum } = header;
  return new ProxyHeader({ version, command, tlvs, checksum, source, destination });
}
