// A client of SOCKS 5 (RFC 1928), with a user name and a password where they are given (RFC 1929).

import type { Address } from "../base/address.ts";
import type { SocketErrorCode } from "../base/errors.ts";
import { ipAddressToBytes, parseIpAddress } from "../base/ip_address.ts";
import type { Transport } from "../network/network.ts";
import { writeAll } from "../network/write_all.ts";
import { nonsense, ProxyAnswer, ProxyFailure } from "./proxy_answer.ts";
import type { ProxyServer } from "./proxy_server.ts";

const VERSION = 5;
const CONNECT = 1;
const NO_CREDENTIALS = 0;
const WITH_CREDENTIALS = 2;
const NONE_ACCEPTABLE = 0xff;
const CREDENTIALS_VERSION = 1;
const IPV4 = 1;
const NAME = 3;
const IPV6 = 4;
/** More than any answers can have: 2, 2, and 4 with the longest name and a port. */
const MOST = 512;

/** What the codes of an answer mean (RFC 1928, 6). */
const REFUSALS: readonly (readonly [SocketErrorCode, string] | undefined)[] = [
  undefined,
  ["unreachable", "cannot reach it: general failure"],
  ["denied", "has refused it: not allowed by its rules"],
  ["unreachable", "cannot reach it: network unreachable"],
  ["unreachable", "cannot reach it: host unreachable"],
  ["unreachable", "cannot reach it: connection refused"],
  ["unreachable", "cannot reach it: time to live expired"],
  ["unreachable", "cannot connect: it knows no such command"],
  ["unreachable", "cannot reach it: it knows no addresses of this kind"],
];

/**
 * Asks a proxy to connect. Nothing is read that comes behind its answer.
 *
 * @param transport A stream to the proxy; nothing was written to it.
 * @param server The proxy.
 * @param target Where to: a name in ASCII, or an IP address without a zone.
 * @returns What was read behind the answer: nothing.
 * @throws {ProxyFailure} It cannot, does not want to, or speaks something else.
 */
export async function connectBySocks5(
  transport: Transport,
  server: ProxyServer,
  target: Address,
): Promise<Uint8Array> {
  const answer = new ProxyAnswer(transport, MOST);
  await logIn(transport, answer, server);
  await writeAll(transport, requestFor(target));
  const begin = await answer.exactly(2);
  const [version, code = 1] = begin;
  if (version !== VERSION) throw nonsense("SOCKS 5", begin);
  if (code !== 0) {
    const [errorCode, words] = REFUSALS[code] ?? ["unreachable", `cannot: it says code ${code}`];
    throw new ProxyFailure(errorCode, words);
  }
  // The address that it connects from, which tells nobody anything.
  const [, kind, first] = await answer.exactly(3);
  const lengths: Record<number, number | undefined> = { [IPV4]: 3, [NAME]: first, [IPV6]: 15 };
  const left = lengths[kind!];
  if (left === undefined) throw nonsense("SOCKS 5", begin);
  await answer.exactly(left + 2);
  return answer.rest;
}

async function logIn(
  transport: Transport,
  answer: ProxyAnswer,
  server: ProxyServer,
): Promise<void> {
  const credentials = server.credentials();
  const methods = credentials === undefined ? [NO_CREDENTIALS] : [NO_CREDENTIALS, WITH_CREDENTIALS];
  await writeAll(transport, Uint8Array.of(VERSION, methods.length, ...methods));
  const chosen = await answer.exactly(2);
  const [version, method = NONE_ACCEPTABLE] = chosen;
  if (version !== VERSION) throw nonsense("SOCKS 5", chosen);
  if (method === NONE_ACCEPTABLE) {
    throw new ProxyFailure(
      "denied",
      credentials === undefined
        ? "wants to know who connects: give a user name and a password"
        : "accepts neither a user name with a password nor nobody's",
    );
  }
  if (!methods.includes(method)) throw nonsense("SOCKS 5", chosen);
  if (method === NO_CREDENTIALS) return;
  const { user, password } = credentials!;
  await writeAll(
    transport,
    Uint8Array.of(CREDENTIALS_VERSION, ...prefixed(user), ...prefixed(password)),
  );
  const [, status] = await answer.exactly(2);
  if (status !== 0) {
    throw new ProxyFailure("denied", "does not accept the user name and the password");
  }
}

function requestFor({ host, port }: Address): Uint8Array {
  const address = parseIpAddress(host);
  const written = address === undefined
    ? [NAME, ...prefixed(host)]
    : [address.bits === 32 ? IPV4 : IPV6, ...ipAddressToBytes(address)];
  return Uint8Array.of(VERSION, CONNECT, 0, ...written, port >> 8, port & 0xff);
}

/** Text behind its length. */
function prefixed(text: string): readonly number[] {
  const bytes = new TextEncoder().encode(text);
  return [bytes.length, ...bytes];
}
