// Things that are hard to handle once they are thrown.

import { GenericError } from "../../mod.ts";

/** Values that may be thrown, and cannot be inspected or printed without care. */
export function awkwardThings(): unknown[] {
  const revoked = Proxy.revocable(new Error("revoked"), {});
  revoked.revoke();
  const refuse = () => {
    throw new Error("do not look");
  };
  const messageThrows = new Error("hidden");
  Object.defineProperty(messageThrows, "message", { get: refuse });
  const stackThrows = new Error("stackless");
  Object.defineProperty(stackThrows, "stack", { get: refuse });
  return [
    undefined,
    null,
    "text",
    Symbol("a symbol"),
    Object.create(null),
    new Error("plain"),
    messageThrows,
    stackThrows,
    revoked.proxy,
    new Proxy(new Error("proxy"), { get: refuse, getPrototypeOf: refuse, ownKeys: refuse }),
    { [Symbol.for("Deno.customInspect")]: refuse, toString: refuse },
  ];
}

/** Errors of the library's own classes that cannot be inspected without care. */
export function awkwardErrors(): unknown[] {
  const refuse = () => {
    throw new Error("do not look");
  };
  class Own extends GenericError {}
  const codeThrows = new Own("frame", "mine");
  Object.defineProperty(codeThrows, "code", { get: refuse });
  return [codeThrows, new Proxy(new GenericError("frame", "mine"), { get: refuse })];
}
