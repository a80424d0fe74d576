// What an SMTP client sends, line by line and with limits: a part of smtp_server.ts.

import { type Caller, SocketError } from "../mod.ts";

const LONGEST_COMMAND = 510; // without its CRLF, as RFC 5321 has it
const LONGEST_TEXT = 998; // a dot that was doubled at its beginning does not count
/** The largest mail that is accepted, in bytes. */
export const LARGEST_MAIL = 10 * 1024 * 1024;

const latin1 = new TextDecoder("latin1"); // a mail may contain any bytes: each is one character

/** An answer that ends the session. */
class Refusal extends Error {}

/** The answer to a client when an error ends its session. */
export function lastWords(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  return error instanceof SocketError && error.code === "frame" ? "500 Line too long" : "421 Bye";
}

/** Reads a line. Only CRLF ends one: if LF did so, too, one mail could hide another. */
async function lineOf(caller: Caller, limit: number): Promise<string | undefined> {
  const [bytes] = await caller.readUntil("\r\n", { limit });
  const text = latin1.decode(bytes);
  if (!text.endsWith("\r\n")) return undefined; // the client has left
  if (/[\r\n]/.test(text.slice(0, -2))) throw new Refusal("500 CR and LF go together");
  return text.slice(0, -2);
}

/** Reads a command, undefined when the client has left. */
export function readCommand(caller: Caller): Promise<string | undefined> {
  return lineOf(caller, LONGEST_COMMAND);
}

/** Reads a mail's text up to a line with a dot, and gives its length; undefined when the client has left. */
export async function readText(caller: Caller): Promise<number | undefined> {
  let length = 0;
  for (let line; (line = await lineOf(caller, LONGEST_TEXT + 1)) !== ".";) {
    if (line === undefined) return undefined;
    const own = line.length - (line.startsWith(".") ? 1 : 0);
    if (own > LONGEST_TEXT) throw new Refusal("500 Line too long");
    length += own + 2;
    if (length > LARGEST_MAIL) throw new Refusal("552 Mail too large");
  }
  return length;
}
