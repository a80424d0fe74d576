// The code blocks of the documentation: which of them are servers, and each as a program of its own.

import { Program } from "./program.ts";
import { repositoryFiles, root } from "./source.ts";

/** From where what is printed imports the library; the README's programs lie beside it instead. */
const PRINTED = "socket/";

/** A code block. */
export interface Block {
  /** Where it is, by file and line. */
  readonly name: string;
  /** Its code. */
  readonly code: string;
  /** Whether it is marked not to run as it stands. */
  readonly isIgnored: boolean;
  /** What it is said to print: line by line behind `console.log`, or as a text block below it. */
  readonly prints: string;
}

/** The code blocks of a file, in markdown or in comments. */
function* blocksOf(path: string, text: string): Generator<Block> {
  const isMarkdown = path.endsWith(".md");
  const plain = isMarkdown ? text : text.replaceAll(/^ *\*(?: |$)/gm, "");
  const blocks = /^```ts( ignore)?\n(.*?)^```$(?:[^`]*^```text\n(.*?)^```$)?/gms;
  for (const { 1: ignore, 2: code = "", 3: text, index } of plain.matchAll(blocks)) {
    const line = plain.slice(0, index).split("\n").length;
    const logged = [...code.matchAll(/^console\.log\(.*\); \/\/ ("?)(.*)\1$/gm)];
    const prints = text ?? logged.map(([, , said]) => `${said}\n`).join("");
    yield { name: `${path}:${line}`, code, isIgnored: ignore !== undefined, prints };
  }
}

/** Every block that is printed for users. */
function allBlocks(): Block[] {
  return repositoryFiles()
    .filter((path) => /^(README\.md|docs\/\w+\.md|(src|testing)\/.*\.ts|mod\.ts)$/.test(path))
    .flatMap((path) => [...blocksOf(path, Deno.readTextFileSync(new URL(path, root)))]);
}

/** Every block that starts a server on a real network. */
export function serverBlocks(): Block[] {
  return allBlocks()
    .filter(({ code }) =>
      /\bnew (Udp)?Listener\(/.test(code) && /\.(start|serve)\(/.test(code) &&
      !/\bnetwork\b/.test(code)
    );
}

/** Every block that says what it prints, and runs as it stands. */
export function printingBlocks(): Block[] {
  return allBlocks().filter(({ prints, isIgnored }) => prints !== "" && !isIgnored);
}

/** What makes `deno` load this library, or another module in its place. */
export function libraryFrom(name?: "held_socket" | "skipping_socket"): string {
  const mod = name === undefined ? new URL("mod.ts", root) : new URL(`${name}.ts`, import.meta.url);
  const own = new URL("mod.ts", root).href;
  const imports = { [PRINTED]: root.href, [`${PRINTED}mod.ts`]: mod.href, [own]: mod.href };
  const scopes = { [import.meta.resolve("./")]: { [own]: own } };
  return `--import-map=data:application/json,${
    encodeURIComponent(JSON.stringify({ imports, scopes }))
  }`;
}

/** Starts a block in a folder, on the library as {@linkcode libraryFrom} says it. */
export async function startBlock(block: Block, folder: string, library: string): Promise<Program> {
  const args = ["run", "--quiet", "--no-config", "--no-lock", "--no-prompt", "--allow-all"];
  const program = new Program("deno", [...args, library, "--ext=ts", "-"], { cwd: folder });
  await program.type(block.code.replaceAll(`from "./mod.ts"`, `from "${PRINTED}mod.ts"`));
  await program.endInput();
  return program;
}

/** The last time that was made to pass for a program. */
const passes = new WeakMap<Program, Promise<unknown>>();

/**
 * Lets five minutes pass for the sockets of a program with {@linkcode libraryFrom}. One after the other where
 * several ask at once: the system makes one signal of two that the program has not seen yet.
 */
export async function letTimePass(program: Program): Promise<void> {
  const passed = (passes.get(program) ?? Promise.resolve()).then(() => {
    program.signal("SIGUSR2");
    return program.line(/^Five minutes have passed$/);
  });
  passes.set(program, passed);
  await passed;
}
