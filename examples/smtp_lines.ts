// What comes from an SMTP client, line by line and bounded: a part of smtp_server.ts.

import { type Caller, SocketError } from "https://deno.land/x/socket@v0.1.0/mod.ts";

const LONGEST_COMMAND = 510; // without its CRLF, as RFC 5321 has it
const LONGEST_TEXT = 998;
/** The largest mail that is taken, in bytes. */
export const LARGEST_MAIL = 10 * 1024 * 1024;

const latin1 = new TextDecoder("latin1"); // a mail may be any bytes: each is one character

/** An answer after which there is no going on. */
class Refusal extends Error {}

/** What a client is told of an error that ends its session. */
export function lastWords(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  return error instanceof SocketError && error.code === "frame" ? "500 Line too long" : "421 Bye";
}

/** Reads a line. Only CRLF ends one: where LF does so too, one mail can hide another. */
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
  for (let line; (line = await lineOf(caller, LONGEST_TEXT)) !== ".";) {
    if (line === undefined) return undefined;
    length += line.length + (line.startsWith(".") ? 1 : 2); // a dot in front was doubled
    if (length > LARGEST_MAIL) throw new Refusal("552 Mail too large");
  }
  return length;
}
