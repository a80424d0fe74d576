// Checks of how the repository is built. Each goes from files to problems, a line for each.

import type { Source } from "./source.ts";

/** What bypasses the seams. So does a bare namespace, which could be aliased. */
const AROUND_THE_SEAMS =
  /^(globalThis|self|((globalThis|self)\.)?(Deno|performance|Date|(set|clear)(Timeout|Interval)|setImmediate)|Deno\.(connect|listen|startTls)\w*|(performance|Date)\.now)$/;

/** The folders of the rooms that make transports. */
const IS_ENGINE = /^src\/(network\/(deno|node)|tls)\//;

/** What a transport may name all the same: it makes a stream of another one, and checks a certificate's dates. */
const IN_TRANSPORTS = /^(Deno\.startTls|setImmediate|Date\.now)$/;

/** The statements of a room that has nothing to run, and so nothing to test. */
const INERT = new Set([
  "ImportDeclaration",
  "TSInterfaceDeclaration",
  "TSTypeAliasDeclaration",
  "Constant",
]);

/** Tests of what is no room of src/. */
const OF_NO_ROOM = /^tests\/(examples|system|testing)\//;

/** As many lines as can be read at a glance. */
const LONGEST_EXAMPLE = 60;

/** What no file may contain, and why. The patterns do not match themselves. */
const UNSAYABLE: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/(?<=^|[\s"'`(=])\/(home|root|Users)\/\w+/gm, "a path of one machine"],
  [
    /\bissues? (no\. ?)?#?\d+\b|(?<![\w&/])#\d+\b/gi,
    "the number of an issue; say what it was about",
  ],
  [/\b(TO ?DO|FIX ?ME|X{3})\b/g, "something left open"],
  [/@ts-(ignore|expect-error|nocheck)\b/g, "a check of types switched off"],
  [/\bDeno\.test\.(only|ignore)\b|\b(ignore|only): true\b/g, "a test switched off"],
  [/\bsanitize(Ops|Resources|Exit): false\b/g, "a sanitizer switched off"],
];

function resolve(path: string, specifier: string): string {
  return new URL(specifier, `file:///${path}`).pathname.slice(1);
}

/** The folder that a room is in, from src/. */
function folderOf(path: string): string {
  return path.split("/").slice(1, -1).join("/");
}

/**
 * Whether a folder is below another one.
 *
 * @param orders Lines of folders, lower to upper: the first one of those of src/, the others of those inside one.
 */
function isBelow(lower: string, upper: string, orders: readonly string[]): boolean {
  const tops = [lower, upper].map((folder) => folder.split("/", 1)[0]!);
  const names = tops[0] === tops[1] ? [lower, upper] : tops;
  return orders.some((order) => {
    const floors = floorsOf(order);
    const [low, high] = names.map((name) => floors.findIndex((floor) => floor.includes(name)));
    return low! >= 0 && low! < high!;
  });
}

function floorsOf(order: string): string[][] {
  return order.split(" < ").map((floor) => floor.split(", "));
}

/** Rooms that are in no folder of the order, folders without a room, and imports that point up or sideways. */
export function folderProblems(sources: readonly Source[], orders: readonly string[]): string[] {
  const folders = new Set(orders.flatMap((order) => floorsOf(order).flat()));
  const missing = sources.filter(({ path }) => !folders.has(folderOf(path)))
    .map(({ path }) => `${path} is in no folder of the order`);
  const gone = [...folders].filter((name) => !sources.some(({ path }) => folderOf(path) === name))
    .map((name) => `${name} is in the order and has no room`);
  const up = sources.flatMap(({ path, imports }) =>
    imports.filter(({ text }) => {
      if (!text.startsWith(".")) return false;
      const target = resolve(path, text);
      const [from, to] = [folderOf(path), folderOf(target)];
      return !(target.startsWith("src/") && (from === to || isBelow(to, from, orders)));
    }).map(({ text, line }) => `${path}:${line} imports ${text}, which is not below it`)
  );
  return [...missing, ...gone, ...up];
}

/** Rooms that lead back to themselves. */
export function circleProblems(sources: readonly Source[]): string[] {
  const rooms = new Map(sources.map((source) => [source.path, source]));
  const done = new Set<string>();
  const way: string[] = [];
  const problems: string[] = [];
  const follow = (path: string) => {
    const room = rooms.get(path);
    if (room === undefined || done.has(path)) return;
    const start = way.indexOf(path);
    if (start >= 0) {
      problems.push(`${[...way.slice(start), path].join(" -> ")} is a circle`);
      return;
    }
    way.push(path);
    for (const { text } of room.imports) follow(resolve(path, text));
    way.pop();
    done.add(path);
  };
  for (const { path } of sources) follow(path);
  return problems;
}

/** Imports that do not work for a user who imports by URL. */
export function importProblems(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, imports }) =>
    imports.filter(({ text }) => {
      if (text.startsWith("node:")) return !IS_ENGINE.test(path);
      return !/^\.{1,2}\/.*\.ts$/.test(text);
    }).map(({ text, line }) => `${path}:${line} imports ${text}`)
  );
}

/** Modules of our own that are read only when they are needed: Deno ends the program where it has no descriptor then. */
export function lateImportProblems(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, lateImports }) =>
    lateImports.filter(({ text }) => !text.startsWith("node:"))
      .map(({ text, line }) => `${path}:${line} imports ${text} late`)
  );
}

/** Sockets made and clocks read outside a seam. */
export function seamProblems(sources: readonly Source[], seams: readonly string[]): string[] {
  return sources.filter(({ path }) => !seams.includes(path)).flatMap(({ path, globals }) =>
    globals.filter(({ text }) => AROUND_THE_SEAMS.test(text))
      .filter(({ text }) => !(IS_ENGINE.test(path) && IN_TRANSPORTS.test(text)))
      .map(({ text, line }) => `${path}:${line} names ${text}`)
  );
}

/** Functions that V8 would keep among what is old. */
export function oldFunctionProblems(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, oldFunctions }) =>
    oldFunctions.map(({ text, line }) => `${path}:${line} assigns ${text} without young()`)
  );
}

/** Rooms that the public doors do not lead to. */
export function reachProblems(sources: readonly Source[], doors: readonly Source[]): string[] {
  const reached = reachedFrom(sources, doors);
  return sources.filter(({ path }) => !reached.has(path))
    .map(({ path }) => `${path} is reached from no door`);
}

/** What a door must not load, and does. */
export function loadProblems(
  sources: readonly Source[],
  door: Source,
  folder: string,
): string[] {
  return [...reachedFrom(sources, [door])].filter((path) => path.startsWith(folder))
    .map((path) => `${door.path} loads ${path}`);
}

/** The paths of all that is imported from somewhere, by whatever ways. */
function reachedFrom(sources: readonly Source[], doors: readonly Source[]): Set<string> {
  const reached = new Set<string>();
  const follow = ({ path, imports }: Source) => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const { text } of imports) {
      const target = sources.find((source) => source.path === resolve(path, text));
      if (target !== undefined) follow(target);
    }
  };
  doors.forEach(follow);
  return reached;
}

/** Rooms with something to run and without a test file at the same place, and test files of no room. */
export function testProblems(sources: readonly Source[], paths: readonly string[]): string[] {
  const testOf = (path: string) => path.replace("src/", "tests/").replace(/\.ts$/, "_test.ts");
  const rooms = sources.filter(({ ownStatements }) =>
    !ownStatements.every(({ text }) => INERT.has(text))
  ).map(({ path }) => [path, testOf(path)] as const);
  const untested = rooms.filter(([, test]) => !paths.includes(test))
    .map(([path, test]) => `${path} has no ${test}`);
  const mirrored = new Set(sources.map(({ path }) => testOf(path)));
  const stray = paths.filter((path) =>
    path.startsWith("tests/") && path.endsWith("_test.ts") && !mirrored.has(path) &&
    !OF_NO_ROOM.test(path)
  ).map((path) => `${path} is of no room; tests/system/ is for such`);
  return [...untested, ...stray];
}

/** Doors that do more than name what they export. */
export function doorProblems(doors: readonly Source[]): string[] {
  return doors.flatMap(({ path, text, ownStatements }) => [
    ...(/^\/\*\*[^]*?@module\b[^]*?\*\//.test(text) ? [] : [`${path} does not begin with its doc`]),
    ...ownStatements.map((found) => `${path}:${found.line} has a ${found.text}`),
  ]);
}

/** Examples that are too long to be read at a glance. */
export function exampleProblems(examples: readonly Source[]): string[] {
  return examples.filter(({ codeLines }) => codeLines > LONGEST_EXAMPLE)
    .map(({ path, codeLines }) => `${path} has ${codeLines} lines of code`);
}

/** Tests that sleep and hope. */
export function sleepProblems(tests: readonly Source[]): string[] {
  return tests.flatMap(({ path, sleeps, imports }) => [
    ...sleeps.map(({ text, line }) => `${path}:${line} sleeps: ${text}`),
    ...imports.filter(({ text }) => /^node:timers|\/delay\b/.test(text))
      .map(({ text, line }) => `${path}:${line} imports ${text}`),
  ]);
}

/** A path of a file here, as texts write it; a name in capitals stands for any. */
const NAMED_PATH =
  /(?<![\w/.@-])(?:\.\/)?((?:src|tests|testing|examples|bench|tools)\/[a-z\d_/]+\.ts)\b/g;

/** Files that a text names and that are not there. */
export function namedPathProblems(
  files: readonly (readonly [path: string, text: string])[],
  paths: readonly string[],
): string[] {
  const there = new Set(paths);
  return files.flatMap(([path, text]) =>
    [...text.matchAll(NAMED_PATH)].filter(({ 1: named }) => !there.has(named!)).map((found) => {
      const line = text.slice(0, found.index).split("\n").length;
      return `${path}:${line} names ${found[1]}, which is not there`;
    })
  );
}

/** Text that is of no use to readers of the repository, and what was left open or switched off. */
export function textProblems(files: readonly (readonly [path: string, text: string])[]): string[] {
  return files.flatMap(([path, text]) =>
    UNSAYABLE.flatMap(([pattern, why]) =>
      [...text.matchAll(pattern)].map(({ 0: said, index }) => {
        const line = text.slice(0, index).split("\n").length;
        return `${path}:${line} says "${said.trim()}": ${why}`;
      })
    )
  );
}
