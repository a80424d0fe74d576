import { assertEquals } from "@std/assert";
import { nearest } from "../../src/base/nearest.ts";

const NAMES = ["maxConnections", "maxConnectionsPerAddress", "backlog", "path"];

Deno.test("nearest() finds what was meant", () => {
  assertEquals(nearest("maxConection", NAMES), "maxConnections");
  assertEquals(nearest("maxconnections", NAMES), "maxConnections");
  assertEquals(nearest("MaxConnectionPerAddresses", NAMES), "maxConnectionsPerAddress");
  assertEquals(nearest("backlgo", NAMES), "backlog");
  assertEquals(nearest("pth", NAMES), "path");
  assertEquals(nearest("paht", NAMES), "path");
});

Deno.test("nearest() finds nothing where nothing is near", () => {
  for (const name of ["", "p", "timeout", "hostname", "x".repeat(100_000)]) {
    assertEquals(nearest(name, NAMES), undefined, name.slice(0, 20));
  }
  assertEquals(nearest("path", []), undefined);
});

Deno.test("nearest() finds the only name that the one written is a part of", () => {
  const names = ["timeoutInMillis", "signal", "maxBytes", "maxConnections"];
  assertEquals(nearest("timeout", names), "timeoutInMillis");
  assertEquals(nearest("Connections", names), "maxConnections");
  // Two have it, and a few letters are in anything.
  assertEquals(nearest("maxi", [...names, "maximum", "maximal"]), undefined);
  assertEquals(nearest("sig", names), undefined);
});
