// An example as its own process, by the command of its second line, in which only the words in capitals are replaced.

import { assertEquals } from "@std/assert";
import { readExample } from "../../tools/example_header.ts";
import { Program } from "./program.ts";

/** The arguments of `deno` for an example. */
export async function argumentsOf(
  name: string,
  words: Readonly<Record<string, string | number>>,
): Promise<string[]> {
  const { command } = await readExample(name);
  const filled = command.map((part) =>
    // The names of variables that a permission is for stay as they are.
    part.startsWith("--allow-env")
      ? part
      : part.replace(/\[?\b([A-Z][A-Z_]+)\b\]?/g, (_, word: string) => {
        const value = words[word];
        if (value === undefined) throw new Error(`${name}: nothing to fill in for ${word}`);
        return String(value);
      })
  );
  // Without a terminal nobody can be prompted; this makes sure. The runtime's downloads must not appear in the
  // example's output.
  return ["run", "--quiet", "--no-prompt", ...filled.slice(2)];
}

/** Starts an example. */
export async function startExample(
  name: string,
  words: Readonly<Record<string, string | number>> = {},
): Promise<Program> {
  return new Program("deno", await argumentsOf(name, words));
}

/** Waits until an example says where it listens. */
export async function portOfExample(server: Program): Promise<number> {
  const [, port] = await server.line(/^Listening on 127\.0\.0\.1:(\d+)$/);
  return Number(port);
}

/** Ends an example as a user does, checks that it went in peace, and gives what it printed. */
export async function interrupt(example: Program): Promise<string> {
  example.signal("SIGINT");
  const { code, stdout, stderr } = await example.ending();
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}
