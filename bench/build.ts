// Builds what is not written in JavaScript: the load generator, the servers in C and Go, and Bun. Everything goes to
// a folder that git ignores; what cannot be built is reported, not fatal.
import { findTool, outputOf } from "./machine.ts";

const here = new URL("./", import.meta.url);
const folder = new URL("../.cache/bench/", import.meta.url).pathname;
const BUN = "1.4.5";

/** The path of a program that was built, or why there is none. */
export type Made = { readonly path: string } | { readonly missing: string };

async function run(command: string, args: readonly string[]): Promise<string | undefined> {
  const { code, stderr } = await new Deno.Command(command, {
    args: [...args],
    cwd: here,
    stdin: "null",
    stdout: "null",
  }).output();
  return code === 0 ? undefined : new TextDecoder().decode(stderr).trim().slice(-400);
}

async function compileC(sources: readonly string[], name: string): Promise<Made> {
  const compiler = await findTool("cc") ?? await findTool("gcc") ?? await findTool("clang");
  if (compiler === undefined) return { missing: "no C compiler" };
  if (Deno.build.os !== "linux") return { missing: "epoll is Linux's" };
  await Deno.mkdir(folder, { recursive: true });
  const path = folder + name;
  const problem = await run(compiler, ["-O2", "-std=gnu11", ...sources, "-o", path, "-lm"]);
  return problem === undefined ? { path } : { missing: `does not compile: ${problem}` };
}

/** The load generator in C. */
export async function makeLoad(): Promise<Made> {
  const sources: string[] = [];
  for await (const entry of Deno.readDir(new URL("load/", here))) {
    if (entry.name.endsWith(".c")) sources.push(`load/${entry.name}`);
  }
  return await compileC(sources, "load");
}

/** The server in C. */
export function makeEpoll(): Promise<Made> {
  return compileC(["servers/epoll.c"], "epoll");
}

/** The server in Go. */
export async function makeGo(): Promise<Made> {
  const compiler = await findTool("go");
  if (compiler === undefined) return { missing: "no Go compiler" };
  await Deno.mkdir(folder, { recursive: true });
  const path = `${folder}echo-go`;
  const problem = await run(compiler, ["build", "-o", path, "servers/echo.go"]);
  return problem === undefined ? { path } : { missing: `does not compile: ${problem}` };
}

/** Node, as it is installed. */
export async function makeNode(): Promise<Made> {
  const path = await findTool("node");
  return path === undefined ? { missing: "not installed" } : { path };
}

/** Bun, as npm installs it. */
export async function makeBun(): Promise<Made> {
  const path = `${folder}node_modules/.bin/bun`;
  if (await outputOf([path, "--version"]) === BUN) return { path };
  const npm = await findTool("npm");
  if (npm === undefined) return { missing: "no npm to install it" };
  await Deno.mkdir(folder, { recursive: true });
  const args = ["install", "--silent", "--no-audit", "--no-fund", "--prefix", folder];
  const problem = await run(npm, [...args, `bun@${BUN}`]);
  return problem === undefined ? { path } : { missing: `npm install: ${problem}` };
}
