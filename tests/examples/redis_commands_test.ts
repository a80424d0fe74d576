import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { run } from "../../examples/redis_commands.ts";
import { bytesOf } from "../support/text.ts";

Deno.test("run() keeps no more than there is room for", () => {
  const value = new Uint8Array(1_000_000);
  const names = Array.from({ length: 100 }, (_, i) => bytesOf(`key ${i}`));
  const answers = names.map((name) => run("SET", [name, value]));
  const kept = answers.indexOf(answers.find((answer) => answer instanceof Error)!);
  assertEquals(kept, 67);
  // A value can be replaced, counts once, and makes room when it is deleted.
  assertEquals(run("SET", [names[0]!, value]), "OK");
  assertEquals(run("GET", [names[0]!]), value);
  assertInstanceOf(run("SET", [names[99]!, value]), Error);
  assertInstanceOf(run("SET", [names[0]!, new Uint8Array(2_000_000)]), Error);
  assertEquals(run("GET", [names[0]!]), value);
  assertEquals(run("DEL", names), 67);
  assertEquals(run("SET", [names[99]!, value]), "OK");
  assertEquals(run("DEL", names), 1);
});

Deno.test("run() counts what a key needs besides its own bytes", () => {
  const names = Array.from({ length: 100_000 }, (_, i) => bytesOf(`${1_000_000 + i}`));
  const one = bytesOf("1");
  const kept = names.findIndex((name) => run("SET", [name, one]) instanceof Error);
  assertEquals(run("DEL", names), kept);
  // A short key with a short value was measured to need 720 bytes.
  assert(kept > 0 && kept * 720 <= 64 * 1024 * 1024, `${kept} keys`);
});

Deno.test("run() takes as many words as a command may have", () => {
  const key = bytesOf("none");
  const keys = Array<Uint8Array>(1_048_575).fill(key);
  for (const name of ["DEL", "EXISTS"]) assertEquals(run(name, keys), 0);
  assertInstanceOf(run("GET", keys), Error);
});

Deno.test("run() says of an unknown command no more than its beginning", () => {
  const error = run("X".repeat(10_000), []);
  assertInstanceOf(error, Error);
  assertEquals(error.message, `ERR unknown command '${"X".repeat(100)}'`);
});
