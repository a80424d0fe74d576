// Every unit for systemd in this repository, in files and in the documentation, as systemd reads it.

import { assert, assertEquals } from "@std/assert";
import { inFolder } from "../support/folder.ts";
import { isInstalled, Program } from "../support/program.ts";
import { repositoryFiles, root } from "../support/source.ts";

/** The first line of a unit in the documentation: where it is to be put. */
const NAME = /^# \/etc\/systemd\/system\/(\S+)\n/m;
const SECTION = /^\[(?:Unit|Service|Socket|Timer|Install)\]$/m;

/** A unit by its file's name. */
type Unit = readonly [name: string, content: string];

/** What is in the documentation; a code block may have several. */
function* unitsIn(markdown: string): Generator<Unit> {
  for (const [, block] of markdown.matchAll(/^```ini\n(.*?)^```$/gms)) {
    for (const part of block!.split(new RegExp(`(?=${NAME.source})`, "m"))) {
      const name = NAME.exec(part)?.[1];
      assert(name !== undefined || !SECTION.test(part), `a unit without a name: ${part}`);
      if (name !== undefined) yield [name, part];
    }
  }
}

/** All of them, by where they are. Units of one place may name each other. */
function allUnits(): Map<string, Unit[]> {
  const units = new Map<string, Unit[]>();
  for (const path of repositoryFiles()) {
    const read = () => Deno.readTextFileSync(new URL(path, root));
    if (path.endsWith(".md")) units.set(path, [...unitsIn(read())]);
    else if (/\.(service|socket|timer)$/.test(path)) {
      units.set(path, [[path.split("/").at(-1)!, read()]]);
    }
  }
  for (const [path, { length }] of units) if (length === 0) units.delete(path);
  return units;
}

/** What systemd has to say of units. Programs of other machines are taken to be this one. */
async function complaints(units: readonly Unit[]): Promise<string> {
  let said = "";
  await inFolder(async (folder) => {
    const files: string[] = [];
    for (const [name, content] of units) {
      const file = `${folder}/${name}`;
      await Deno.writeTextFile(file, content.replace(/(?<=^ExecStart=)\S+/m, Deno.execPath()));
      files.push(file);
    }
    await using program = new Program("systemd-analyze", ["verify", ...files]);
    const { code, stdout, stderr } = await program.ending();
    said = stdout + stderr + (code === 0 ? "" : `ended with ${code}`);
  });
  return said;
}

const hasSystemd = await isInstalled("systemd-analyze");
if (!hasSystemd) {
  console.log("skipped: units: systemd-analyze is not installed (Debian: systemd)");
}

for (const [path, units] of allUnits()) {
  Deno.test({
    name: `systemd reads ${units.map(([name]) => name).join(" and ")} of ${path} without complaint`,
    ignore: !hasSystemd,
    fn: async () => assertEquals(await complaints(units), ""),
  });
}

Deno.test({
  name: "systemd complains of units that are wrong: a setting, and a service that is not there",
  ignore: !hasSystemd,
  async fn() {
    const wrong = await complaints([["a.service", "[Service]\nExecStart=/x\nLimitFiles=1\n"]]);
    assert(wrong.includes("LimitFiles"), wrong);
    const alone = await complaints([["b.socket", "[Socket]\nListenStream=127.0.0.1:1\n"]]);
    assert(alone.includes("b.service"), alone);
  },
});

Deno.test("units are found in files and in the documentation", () => {
  const names = [...allUnits().values()].flat().map(([name]) => name);
  for (const name of ["socket-service.service", "echo.socket", "echo.service", "chat@.service"]) {
    assert(names.includes(name), name);
  }
});
