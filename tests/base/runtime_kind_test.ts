import { assertEquals } from "@std/assert";
import { isRevoked, isRuntimeKind } from "../../src/base/runtime_kind.ts";
import { withPollution } from "../support/pollution.ts";

class Config {
  readonly host = "a";
}

class Named extends Config {
  readonly [Symbol.toStringTag] = "Config";
}

class Late {
  then(): void {}
}

Deno.test("isRuntimeKind() is for what has no options, and never for a user's object", async () => {
  const runtimes = [
    Promise.resolve(),
    [],
    new Map(),
    new Set(),
    new WeakMap(),
    new Date(),
    /a/,
    new Error("a"),
    new String("a"),
    Object(1n),
    new Uint8Array(1),
    new DataView(new ArrayBuffer(1)),
    new ArrayBuffer(1),
    new URL("tcp://a"),
    new Headers(),
    new AbortController(),
    AbortSignal.abort(),
    new ReadableStream(),
    new Proxy([], {}),
    new Late(),
    (function* () {})(),
  ];
  for (const value of runtimes) assertEquals(isRuntimeKind(value), true, Deno.inspect(value));
  const users = [
    {},
    Object.create(null),
    Object.create({ host: "a" }),
    new Config(),
    new Named(),
    new Proxy({}, {}),
    new Proxy(new Config(), {}),
    await import("../../src/base/runtime_kind.ts"),
  ];
  for (const value of users) assertEquals(isRuntimeKind(value), false, Deno.inspect(value));
  const then = () => {};
  await withPollution({ then }, () => {
    assertEquals(isRuntimeKind(new Config()), false);
  });
});

Deno.test("isRevoked() tells a revoked proxy, and runs no code of another", () => {
  const refuse = () => {
    throw new Error("do not look");
  };
  const strict = new Proxy({}, { get: refuse, getPrototypeOf: refuse, ownKeys: refuse });
  for (const value of [undefined, null, 1, "a", {}, [], strict]) {
    assertEquals(isRevoked(value), false);
  }
  for (const target of [{}, [], () => {}]) {
    const { proxy, revoke } = Proxy.revocable(target, {});
    revoke();
    assertEquals(isRevoked(proxy), true);
  }
});
