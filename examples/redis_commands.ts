// What a small Redis server can do: a part of examples/redis_server.ts, which knows nothing of Redis itself.

import { Buffer } from "node:buffer";
import type { Resp } from "./resp_values.ts";

type Command = (...args: Uint8Array[]) => Resp;

const encoder = new TextEncoder();
const values = new Map<string, Uint8Array>();

/** Each byte is one character, so that no two keys are taken for one. */
function textOf({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString("latin1");
}

/** Each command with the least and the most arguments it takes. */
const commands = new Map<string, [least: number, most: number, command: Command]>([
  ["PING", [0, 1, (message) => message ?? "PONG"]],
  ["ECHO", [1, 1, (message) => message!]],
  ["GET", [1, 1, (key) => values.get(textOf(key!)) ?? null]],
  ["SET", [2, 2, (key, value) => {
    values.set(textOf(key!), value!.slice()); // a copy: it has come in one buffer with other things
    return "OK";
  }]],
  ["DEL", [1, Infinity, (...keys) => countOf(keys, (key) => values.delete(key))]],
  ["EXISTS", [1, Infinity, (...keys) => countOf(keys, (key) => values.has(key))]],
  ["INCR", [1, 1, (key) => {
    const value = textOf(values.get(textOf(key!)) ?? encoder.encode("0"));
    if (!/^-?\d{1,15}$/.test(value)) {
      return new Error("ERR value is not an integer or out of range");
    }
    values.set(textOf(key!), encoder.encode(`${Number(value) + 1}`));
    return Number(value) + 1;
  }]],
  // Clients ask for it before anything else.
  ["INFO", [0, Infinity, () => encoder.encode("# Persistence\r\nloading:0\r\n")]],
]);

function countOf(keys: Uint8Array[], holds: (key: string) => boolean): number {
  return keys.filter((key) => holds(textOf(key))).length;
}

/** Runs a command. */
export function run(name: string, args: Uint8Array[]): Resp {
  const found = commands.get(name);
  if (found === undefined) return new Error(`ERR unknown command '${name}'`);
  const [least, most, command] = found;
  if (args.length >= least && args.length <= most) return command(...args);
  return new Error(`ERR wrong number of arguments for '${name.toLowerCase()}' command`);
}
