// Which examples there are, and what their first two lines say: what one is, and the command that runs it.

const FOLDER = new URL("../examples/", import.meta.url);

/** What an example says of itself. */
export interface ExampleHeader {
  /** Its text. */
  readonly source: string;
  /** What it is, in one sentence. */
  readonly what: string;
  /** The words of the command that runs it. Those in capitals are for the user to fill in. */
  readonly command: readonly string[];
}

/**
 * The names of all examples of one command. A file that does not say how to run it is a part of others, and a folder is
 * a service of several programs, with a test of its own.
 */
export async function exampleNames(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(FOLDER)) {
    if (!isFile) continue;
    const source = await Deno.readTextFile(new URL(name, FOLDER));
    if (/^.*\n\/\/ Run: /.test(source)) names.push(name.replace(/\.ts$/, ""));
  }
  return names.sort();
}

/** Reads what an example says of itself. */
export async function readExample(name: string): Promise<ExampleHeader> {
  const source = await Deno.readTextFile(new URL(`${name}.ts`, FOLDER));
  const [first = "", second = ""] = source.split("\n", 2);
  const what = /^\/\/ ([A-Z].*[.])$/.exec(first)?.[1];
  const command = /^\/\/ Run: (deno run .*)$/.exec(second)?.[1]?.split(" ");
  if (what === undefined) throw new Error(`${name}: the first line must say what it is`);
  if (command === undefined) throw new Error(`${name}: the second line must say how to run it`);
  return { source, what, command };
}
