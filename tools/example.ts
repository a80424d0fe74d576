// Runs an example with the permissions that its own header states, and no others.
//
//   deno run --allow-read --allow-run tools/example.ts NAME [ARGUMENTS]
//
// The header is the example's first lines: what it is, then the command that runs it. Where a permission is
// for something the user names, the command says so: "--allow-read=FILE examples/file_sender.ts FILE [PORT]".

const folder = new URL("../examples/", import.meta.url);
const [name, ...args] = Deno.args;

interface Header {
  /** What the example is, in one line. */
  readonly purpose: string;
  /** The flags of `deno run`. */
  readonly flags: string[];
  /** The arguments as the command names them: "FILE [PORT]". */
  readonly usage: string;
}

async function readHeader(name: string): Promise<Header> {
  const text = await Deno.readTextFile(new URL(`${name}.ts`, folder));
  const [purpose = "", run = ""] = text.split("\n", 2);
  const [flags, usage] = run.split(` examples/${name}.ts`);
  if (usage === undefined || !flags!.startsWith("// Run: deno run")) {
    throw new Error(`The second line of examples/${name}.ts does not say how to run it: ${run}`);
  }
  return {
    purpose: purpose.replace(/^\/\/ */, ""),
    flags: flags!.split(/\s+/).slice(4),
    usage: usage.trim(),
  };
}

/** The names of all examples. A file that does not say how to run it is a part of others. */
async function names(): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const text = await Deno.readTextFile(new URL(name, folder));
    if (/^.*\n\/\/ Run: /.test(text)) found.push(name.replace(/\.ts$/, ""));
  }
  return found.sort();
}

if (name === undefined || !(await names()).includes(name)) {
  if (name !== undefined) console.error(`There is no example "${name}"\n`);
  console.log("deno task example NAME [ARGUMENTS]\n");
  for (const name of await names()) {
    const { purpose, usage } = await readHeader(name);
    console.log(`${`${name} ${usage}`.trim()}\n    ${purpose}`);
  }
  Deno.exit(name === undefined ? 0 : 1);
}

const { flags, usage } = await readHeader(name);
const parameters: readonly string[] = usage.match(/\w+/g) ?? [];
const granted = flags.map((flag) => {
  const [permission, names] = flag.split("=", 2);
  const values = names?.split(",").map((name) => args[parameters.indexOf(name)] ?? name);
  return values === undefined ? flag : `${permission}=${values.join(",")}`;
});
const command = ["run", ...granted, `examples/${name}.ts`, ...args];
console.log(`deno ${command.join(" ")}\n`);
const { code } = await new Deno.Command(Deno.execPath(), {
  args: command,
  cwd: new URL("../", import.meta.url),
}).spawn().status;
Deno.exit(code);
