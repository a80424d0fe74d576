// A client of HTTP's CONNECT (RFC 9110, 9.3.6), with Basic credentials (RFC 7617) where they are given.

import { type Address, formatAddress } from "../base/address.ts";
import { latin1Of } from "../bytes/latin1.ts";
import type { Transport } from "../network/network.ts";
import { writeAll } from "../network/write_all.ts";
import { nonsense, ProxyAnswer, ProxyFailure, quoted } from "./proxy_answer.ts";
import type { ProxyServer } from "./proxy_server.ts";

/** How long an answer may be, without the body of a refusal, which is not read. */
const MOST = 16_384;

const STATUS = /^HTTP\/1\.\d (\d{3})(?: (.*))?$/;
/** What says that the client may not: with other credentials it might. */
const DENIED: readonly number[] = [401, 403, 407, 451];
const CREDENTIALS_WANTED = 407;

/**
 * Asks a proxy to connect.
 *
 * @param transport A stream to the proxy; nothing was written to it.
 * @param server The proxy.
 * @param target Where to: a name in ASCII, or an IP address without a zone.
 * @returns What was read behind the answer, which belongs to the target's stream.
 * @throws {ProxyFailure} It cannot, does not want to, or speaks something else.
 */
export async function connectByHttp(
  transport: Transport,
  server: ProxyServer,
  target: Address,
): Promise<Uint8Array> {
  const authority = formatAddress(target.host, target.port);
  const token = server.basicToken;
  const lines = [
    `CONNECT ${authority} HTTP/1.1`,
    `Host: ${authority}`,
    ...(token === undefined ? [] : [`Proxy-Authorization: Basic ${token}`]),
  ];
  await writeAll(transport, new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
  const answer = new ProxyAnswer(transport, MOST);
  for (;;) {
    const line = await answer.line();
    const status = STATUS.exec(latin1Of(line));
    if (status === null) throw nonsense("HTTP", new TextEncoder().encode(redacted(server, line)));
    const code = Number(status[1]);
    const schemes = await restOfHead(answer);
    // That it wants to go on (100) is no answer yet; another protocol (101) is none at all.
    if (code >= 100 && code < 200 && code !== 101) continue;
    if (code >= 200 && code < 300) return answer.rest;
    throw refusal(server, code, status[2] ?? "", schemes);
  }
}

/** Reads up to the end of the head. Gives the ways to log in that it lists. */
async function restOfHead(answer: ProxyAnswer): Promise<readonly string[]> {
  const schemes: string[] = [];
  for (;;) {
    const line = latin1Of(await answer.line());
    if (line === "") return schemes;
    const scheme = /^proxy-authenticate:\s*([\w-]{1,30})/i.exec(line)?.[1];
    if (scheme !== undefined && schemes.length < 5) schemes.push(scheme);
  }
}

function refusal(
  server: ProxyServer,
  code: number,
  reason: string,
  schemes: readonly string[],
): ProxyFailure {
  const words = `${code} ${quoted(server.redacted(reason))}`;
  if (!DENIED.includes(code)) return new ProxyFailure("unreachable", `cannot: it says ${words}`);
  const advice = code === CREDENTIALS_WANTED ? adviceFor(server, schemes) : "";
  return new ProxyFailure("denied", `has refused it: it says ${words}${advice}`);
}

function adviceFor(server: ProxyServer, schemes: readonly string[]): string {
  if (schemes.length > 0 && !schemes.some((scheme) => scheme.toLowerCase() === "basic")) {
    const known = schemes.map((scheme) => server.redacted(scheme)).join(", ");
    return `; it wants one of ${known}, and only Basic is known here`;
  }
  return server.credentials() === undefined
    ? "; give a user name and a password"
    : "; it does not accept the user name and the password";
}

function redacted(server: ProxyServer, line: Uint8Array): string {
  return server.redacted(latin1Of(line));
}
