// What an HTTP request asks for (RFC 9112), if it can be read in one way only: a part of http_echo.ts.

const LONGEST_BODY = 1024 * 1024;
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const REQUEST = new RegExp(`^(${TOKEN}) [!-~]+ HTTP/1\\.([01])$`);
const HOST = /^([!$%&'()*+,;=.~\w-]*|\[[\w:.]+\])(:\d*)?$/;
const FIELD = new RegExp(`^(${TOKEN}):([^\\x00-\\x08\\n-\\x1f\\x7f]*)$`);

/** What the server needs to know of a request. */
export interface Request {
  readonly method: string;
  /** How long its body is, in bytes. */
  readonly length: number;
  /** Whether the client waits for "100 Continue" before it sends its body. */
  readonly isWaiting: boolean;
  /** Whether another request may follow. */
  readonly isPersistent: boolean;
}

/** An answer after which the connection ends, because it is not known where the next request begins. */
export class Refusal extends Error {}

/** The text without blanks around it. A pattern would take a time that grows with the square of the blanks. */
function trimmed(value: string): string {
  let [from, to] = [0, value.length];
  while (" \t".includes(value[from] ?? "-")) from++;
  while (to > from && " \t".includes(value[to - 1]!)) to--;
  return value.slice(from, to);
}

/** Reads a head, up to its empty line; each byte is a character. */
export function requestOf(head: string): Request {
  const [first = "", ...lines] = head.replace(/^(\r\n)+/, "").slice(0, -4).split("\r\n");
  const [, method, minor] = REQUEST.exec(first) ?? [];
  if (method === undefined) throw new Refusal("400 Bad Request");
  const fields = new Map<string, string[]>();
  for (const line of lines) {
    // No space before the colon, no folded line, no single CR or LF: others may read those in another way.
    const [, name, value] = FIELD.exec(line) ?? [];
    if (name === undefined) throw new Refusal("400 Bad Request");
    const values = fields.get(name.toLowerCase());
    if (values === undefined) fields.set(name.toLowerCase(), [trimmed(value!)]);
    else values.push(trimmed(value!));
  }
  const all = (name: string) => fields.get(name) ?? [];
  const isNew = minor === "1";
  const [lengths, codings, hosts] = [all("content-length"), all("transfer-encoding"), all("host")];
  const isAmbiguous = lengths.length > 1 || !/^\d+$/.test(lengths[0] ?? "0") ||
    codings.length > 0 && (lengths.length > 0 || !isNew) ||
    hosts.length > 1 || isNew && hosts.length === 0 || !HOST.test(hosts[0] ?? "");
  if (isAmbiguous) throw new Refusal("400 Bad Request");
  if (method === "CONNECT") throw new Refusal("501 Not Implemented");
  if (codings.length > 0) throw new Refusal("411 Length Required");
  const length = Number(lengths[0] ?? 0);
  if (length > LONGEST_BODY) throw new Refusal("413 Content Too Large");
  return {
    method,
    length,
    isWaiting: isNew && all("expect").some((what) => what.toLowerCase() === "100-continue"),
    isPersistent: isNew &&
      !all("connection").some((options) => /(^|,)\s*close\s*(,|$)/i.test(options)),
  };
}
