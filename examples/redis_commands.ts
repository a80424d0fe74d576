// What a small Redis server can do: a part of examples/redis_server.ts.

import { Buffer } from "node:buffer";
import type { Resp } from "./resp_values.ts";

/** Gets its words as one array: there may be more of them than a call may have arguments. */
type Command = (args: readonly Uint8Array[]) => Resp;

const encoder = new TextEncoder();
const MOST_BYTES = 64 * 1024 * 1024;
const EACH = 800; // measured: what two objects, their memory, a string and a place in the map need besides the content
const values = new Map<string, Uint8Array>();
let used = 0;

/** Each byte becomes one character, so that different keys stay different. */
function textOf({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString("latin1");
}

/** An estimate of the memory that a key with its value needs. */
function sizeOf(key: string, value: Uint8Array | undefined): number {
  return value === undefined ? 0 : key.length + value.length + EACH;
}

/** Sets a value, or says why it cannot. */
function set(key: string, value: Uint8Array): Error | undefined {
  const more = sizeOf(key, value) - sizeOf(key, values.get(key));
  if (used + more > MOST_BYTES) return new Error("OOM too much is kept already");
  used += more;
  values.set(key, value);
  return undefined;
}

function remove(key: string): boolean {
  used -= sizeOf(key, values.get(key));
  return values.delete(key);
}

/** Each command with the least and the most arguments it takes. */
const commands = new Map<string, [least: number, most: number, command: Command]>([
  ["PING", [0, 1, ([message]) => message ?? "PONG"]],
  ["ECHO", [1, 1, ([message]) => message!]],
  ["GET", [1, 1, ([key]) => values.get(textOf(key!)) ?? null]],
  ["SET", [2, 2, ([key, value]) => {
    return set(textOf(key!), value!.slice()) ?? "OK"; // a copy: its buffer holds other things, too
  }]],
  ["DEL", [1, Infinity, (keys) => countOf(keys, remove)]],
  ["EXISTS", [1, Infinity, (keys) => countOf(keys, (key) => values.has(key))]],
  ["INCR", [1, 1, ([key]) => {
    const value = textOf(values.get(textOf(key!)) ?? encoder.encode("0"));
    if (!/^-?\d{1,15}$/.test(value)) {
      return new Error("ERR value is not an integer or out of range");
    }
    return set(textOf(key!), encoder.encode(`${Number(value) + 1}`)) ?? Number(value) + 1;
  }]],
  // Some clients ask for this first.
  ["INFO", [0, Infinity, () => encoder.encode("# Persistence\r\nloading:0\r\n")]],
]);

function countOf(keys: readonly Uint8Array[], holds: (key: string) => boolean): number {
  return keys.filter((key) => holds(textOf(key))).length;
}

/** Runs a command. */
export function run(name: string, args: readonly Uint8Array[]): Resp {
  const found = commands.get(name);
  if (found === undefined) return new Error(`ERR unknown command '${name.slice(0, 100)}'`);
  const [least, most, command] = found;
  if (args.length >= least && args.length <= most) return command(args);
  return new Error(`ERR wrong number of arguments for '${name.toLowerCase()}' command`);
}
