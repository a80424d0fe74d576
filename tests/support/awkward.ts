// Things that are hard to deal with once somebody has thrown them.

import { GenericError } from "../../mod.ts";

/** What may be thrown and cannot be looked at, printed or put into words without care. */
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

/** Errors of the library's own kind that do not want to be looked at. */
export function awkwardErrors(): unknown[] {
  const refuse = () => {
    throw new Error("do not look");
  };
  class Own extends GenericError {}
  const codeThrows = new Own("frame", "mine");
  Object.defineProperty(codeThrows, "code", { get: refuse });
  return [codeThrows, new Proxy(new GenericError("frame", "mine"), { get: refuse })];
}
