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
