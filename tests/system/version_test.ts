// One version everywhere, and one version of Deno.

import { assertEquals, assertMatch } from "@std/assert";
import { versionProblem } from "../../src/network/deno/deno_network.ts";
import { repositoryFiles, root } from "../support/source.ts";

const read = (path: string) => Deno.readTextFileSync(new URL(path, root));
const { version } = JSON.parse(read("deno.json"));

/** The matches of a pattern's first group in all files that people read or run, with the files. */
function said(pattern: RegExp): Map<string, string[]> {
  const paths = repositoryFiles().filter((path) => /\.(ts|md|json)$|^\.ci\/run$/.test(path));
  const found = paths.flatMap((path) =>
    [...read(path).matchAll(pattern)].map(([, what]) => [what!, path] as const)
  );
  const grouped = Map.groupBy(found, ([what]) => what);
  return new Map(
    [...grouped].map(([what, where]) => [what, [...new Set(where.map(([, path]) => path))]]),
  );
}

Deno.test("every import URL names the version of deno.json", () => {
  const versions = said(/\bsocket(?:@|\/raw\/)v(\d[\w.-]*\w)/g);
  assertEquals([...versions.keys()], [version], Deno.inspect(versions));
  assertEquals(versions.get(version)?.includes("docs/streams.md"), true);
});

Deno.test("the newest version of the changelog is that of deno.json", () => {
  const [, newest, date] = /^## \[(.+?)\] - (.+)$/m.exec(read("CHANGELOG.md")) ?? [];
  assertEquals(newest, version);
  assertMatch(date!, /^(unreleased|\d{4}-\d\d-\d\d)$/);
});

Deno.test("the README names the oldest Deno that the library runs with, and one Deno for all commands", () => {
  const [oldest] = /\d+\.\d+\.\d+(?= or newer)/.exec(versionProblem("0.0.0")!)!;
  const needed = said(/Deno \(?(\d+\.\d+\.\d+) or newer/g);
  assertEquals([...needed.keys()], [oldest], Deno.inspect(needed));
  const commands = said(/\bdeno@(\d+\.\d+\.\d+)/g);
  assertEquals(commands.size, 1, Deno.inspect(commands));
  for (const where of [needed, commands]) {
    assertEquals([...where.values()].flat().includes("README.md"), true);
  }
  assertEquals(versionProblem([...commands.keys()][0]!), undefined);
});
