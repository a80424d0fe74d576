// Sends a PROXY protocol header at the begin of a stream, before everything that stands on it.

import { cut } from "../free.ts";
import type { Transport } from "../network.ts";
import { parseIpAddress } from "../ip_address.ts";
import { ProxyHeader, type ProxyHeaderConfig } from "./proxy_header.ts";
import { writeProxyHeader } from "./proxy_protocol.ts";

/**
 * Checks what shall be sent, before there is a stream.
 *
 * @throws {TypeError} If the parts do not go together.
 * @throws {RangeError} If a value is out of its range.
 */
export function checkProxyHeader(config: ProxyHeaderConfig): void {
  writeProxyHeader(new ProxyHeader(config));
}

/**
 * Sends a header. Where that fails, the stream is of no use and is freed.
 *
 * @param transport The stream; nothing was written to it.
 * @param config What to tell; the ends of the stream where it has no addresses.
 */
export async function sendProxyHeader(
  transport: Transport,
  config: ProxyHeaderConfig,
): Promise<void> {
  try {
    let rest = writeProxyHeader(headerFor(transport, config));
    while (rest.length > 0) rest = rest.subarray(await transport.write(rest));
  } catch (error) {
    cut(transport);
    throw error;
  }
}

function headerFor(transport: Transport, config: ProxyHeaderConfig): ProxyHeader {
  const { localAddr: source, remoteAddr: destination } = transport;
  const hasOwn = config.source !== undefined || config.command === "local";
  const canTell = [source, destination].every((address) =>
    "hostname" in address && parseIpAddress(address.hostname) !== undefined
  );
  return new ProxyHeader(hasOwn || !canTell ? config : { ...config, source, destination });
}
