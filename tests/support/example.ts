// An example as its own process, by the very command line that its second line prints, with nothing filled in
// but the words in capitals.

import { Program } from "./program.ts";

const FOLDER = new URL("../../examples/", import.meta.url);

/** The names of all examples. A file that does not say how to run it is a part of others. */
export async function exampleNames(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(FOLDER)) {
    const source = await Deno.readTextFile(new URL(name, FOLDER));
    if (/^.*\n\/\/ Run: /.test(source)) names.push(name.replace(/\.ts$/, ""));
  }
  return names.sort();
}

/** What an example is and how it is run, from its first two lines. */
export async function readExample(
  name: string,
): Promise<{ source: string; what: string; command: string[] }> {
  const source = await Deno.readTextFile(new URL(`${name}.ts`, FOLDER));
  const [first = "", second = ""] = source.split("\n", 2);
  const what = /^\/\/ ([A-Z].*[.])$/.exec(first)?.[1];
  const command = /^\/\/ Run: (deno run .*)$/.exec(second)?.[1]?.split(" ");
  if (what === undefined) throw new Error(`${name}: the first line must say what it is`);
  if (command === undefined) throw new Error(`${name}: the second line must say how to run it`);
  return { source, what, command };
}

/** The arguments of `deno` for an example. */
export async function argumentsOf(
  name: string,
  words: Readonly<Record<string, string | number>>,
): Promise<string[]> {
  const { command } = await readExample(name);
  const filled = command.map((part) =>
    part.replace(/\[?\b([A-Z][A-Z_]+)\b\]?/g, (_, word: string) => {
      const value = words[word];
      if (value === undefined) throw new Error(`${name}: nothing to fill in for ${word}`);
      return String(value);
    })
  );
  // Without a terminal there is nobody to ask for a permission; said to make sure.
  return ["run", "--no-prompt", ...filled.slice(2)];
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
