// What may be sent on a connection to Redis that many share: a part of redis_client.ts.

import { commandOf, type Resp } from "./resp_values.ts";

/** Commands that change nothing, and so may be sent again when it is unknown whether they were run. */
const READS = new Set(["GET", "MGET", "EXISTS", "TTL", "STRLEN", "ECHO", "PING"]);
/**
 * Commands that have no answer, several, or change what the next ones are answered: others would get wrong answers.
 * One that waits, such as BLPOP, only makes all others wait.
 */
const OWN =
  /^([PS]?(UN)?SUBSCRIBE|MONITOR|CLIENT REPLY|REPLCONF|P?SYNC|MULTI|SELECT|HELLO|AUTH|RESET|QUIT|SCRIPT DEBUG)( |$)/i;
const decoder = new TextDecoder();

/** A command that has one answer, and changes no other. */
export function sharedCommand(words: readonly string[]): Resp {
  if (words.length === 0) throw new TypeError("There is no command: Redis would not answer it");
  if (OWN.test(words.slice(0, 2).join(" "))) {
    throw new TypeError(`${words[0]} needs a connection of its own: others share this one`);
  }
  return commandOf(words);
}

/** Whether a command may be sent again. */
export function isRead(command: Resp): boolean {
  return READS.has(decoder.decode((command as Uint8Array[])[0]).toUpperCase());
}
