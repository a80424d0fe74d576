// The code blocks of the documentation: which of them are servers, and each as a program of its own.

import { Program } from "./program.ts";
import { repositoryFiles, root } from "./source.ts";

/** The address from which the documentation imports the library. */
const PUBLISHED = "https://deno.land/x/socket@v0.1.0/";

/** A code block. */
export interface Block {
  /** Where it is, by file and line. */
  readonly name: string;
  /** Its code. */
  readonly code: string;
  /** Whether it is marked not to run as it stands. */
  readonly isIgnored: boolean;
}

/** The code blocks of a file, in markdown or in comments. */
function* blocksOf(path: string, text: string): Generator<Block> {
  const isMarkdown = path.endsWith(".md");
  const plain = isMarkdown ? text : text.replaceAll(/^ *\*(?: |$)/gm, "");
  for (const match of plain.matchAll(/^```ts( ignore)?\n(.*?)^```$/gms)) {
    const line = plain.slice(0, match.index).split("\n").length;
    yield { name: `${path}:${line}`, code: match[2]!, isIgnored: match[1] !== undefined };
  }
}

/** Every block that starts a server on a real network. */
export function serverBlocks(): Block[] {
  return repositoryFiles()
    .filter((path) => /^(README\.md|docs\/\w+\.md|(src|testing)\/.*\.ts|mod\.ts)$/.test(path))
    .flatMap((path) => [...blocksOf(path, Deno.readTextFileSync(new URL(path, root)))])
    .filter(({ code }) => /\bnew (Udp)?Listener\(/.test(code) && !/\bnetwork:/.test(code));
}

/** What makes `deno` load another module in the library's place. */
export function libraryFrom(name: "held_socket" | "skipping_socket"): string {
  const mod = new URL(`${name}.ts`, import.meta.url).href;
  const imports = { [PUBLISHED]: root.href, [`${PUBLISHED}mod.ts`]: mod };
  return `--import-map=data:application/json,${encodeURIComponent(JSON.stringify({ imports }))}`;
}

/** Starts a block in a folder. */
export async function startBlock(block: Block, folder: string): Promise<Program> {
  const args = ["run", "--quiet", "--no-config", "--no-lock", "--no-prompt", "--allow-all"];
  const program = new Program("deno", [...args, libraryFrom("held_socket"), "--ext=ts", "-"], {
    cwd: folder,
  });
  await program.type(block.code);
  await program.endInput();
  return program;
}

/** Lets five minutes pass for the sockets of a program with {@linkcode libraryFrom}. */
export async function letTimePass(program: Program): Promise<void> {
  program.signal("SIGUSR2");
  await program.line(/^Five minutes have passed$/);
}
