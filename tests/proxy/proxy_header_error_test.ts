import { assertEquals, assertInstanceOf } from "@std/assert";
import { GenericError } from "../../src/base/errors.ts";
import { ProxyHeaderError, proxyHeaderError } from "../../src/proxy/proxy_header_error.ts";

Deno.test("proxyHeaderError() tells a program what is wrong, and a reader why", () => {
  const error = proxyHeaderError("port", 'not a port: "x"');
  assertInstanceOf(error, GenericError);
  assertEquals([error.code, error.problem, error.name], ["frame", "port", "GenericError"]);
  assertEquals(error.message, 'Cannot read the PROXY protocol header: not a port: "x"');
});

Deno.test("ProxyHeaderError keeps what caused it", () => {
  const cause = new Error("reset");
  assertEquals(new ProxyHeaderError("truncated", "cut", { cause }).cause, cause);
});
