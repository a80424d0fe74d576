// Runs an example with the permissions that its own header states, and no others.
//
//   deno run --allow-read --allow-run tools/example.ts NAME [ARGUMENTS]
//
// Where a permission is for something that the user names, the header says so by the same word in capitals:
// "deno run --allow-read=FILE examples/file_sender.ts FILE [PORT]".

import { exampleNames, readExample } from "./example_header.ts";

const [name, ...args] = Deno.args;
const names = await exampleNames();

if (name === undefined || !names.includes(name)) {
  if (name !== undefined) console.error(`There is no example "${name}"\n`);
  console.log("deno task example NAME [ARGUMENTS]\n");
  for (const name of names) {
    const { what, command } = await readExample(name);
    const parameters = command.slice(command.indexOf(`examples/${name}.ts`) + 1);
    console.log(`${[name, ...parameters].join(" ")}\n    ${what}`);
  }
  Deno.exit(name === undefined ? 0 : 1);
}

const { command } = await readExample(name);
const file = command.indexOf(`examples/${name}.ts`);
const parameters = command.slice(file + 1).map((word) => word.replace(/\W/g, ""));
const flags = command.slice(2, file).map((flag) =>
  flag.replace(/[A-Z][A-Z_]+/g, (word) => args[parameters.indexOf(word)] ?? word)
);
const filled = ["run", ...flags, command[file]!, ...args];
console.log(`deno ${filled.join(" ")}\n`);
const { code } = await new Deno.Command(Deno.execPath(), {
  args: filled,
  cwd: new URL("../", import.meta.url),
}).spawn().status;
Deno.exit(code);
