// Checks of how the repository is built. Each goes from files to problems, a line for each.

import type { Source } from "./source.ts";

/** What goes around the seams. A namespace alone does too: it could be given another name. */
const AROUND_THE_SEAMS =
  /^(globalThis|self|((globalThis|self)\.)?(Deno|performance|Date|(set|clear)(Timeout|Interval)|setImmediate)|Deno\.(connect|listen|startTls)\w*|(performance|Date)\.now)$/;

/** The folders of the rooms that make transports. */
const IS_ENGINE = /^src\/(network|tls)\//;

/** What a transport may name all the same: it makes a stream out of another, and looks at a certificate's dates. */
const IN_TRANSPORTS = /^(Deno\.startTls|setImmediate|Date\.now)$/;

/** The statements of a room that has nothing to run, and so nothing to test. */
const INERT = new Set([
  "ImportDeclaration",
  "TSInterfaceDeclaration",
  "TSTypeAliasDeclaration",
  "Constant",
]);

/** Lines of code that are read in one sitting. */
const LONGEST_EXAMPLE = 60;

/** What no file says, and why. The patterns are written so that they do not find themselves. */
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

/** Rooms that are in no layer, layers without a room, and imports that point up or sideways. */
export function layerProblems(sources: readonly Source[], layers: readonly string[]): string[] {
  const missing = sources.map(({ path }) => path).filter((path) => !layers.includes(path));
  const gone = layers.filter((layer) => !sources.some(({ path }) => path === layer))
    .map((layer) => `${layer} is a layer and no file`);
  // A room in no layer is named already; whatever else is in no layer is not below any.
  const isBelow = (target: string, path: string) =>
    missing.includes(target) ||
    layers.includes(target) && layers.indexOf(target) < layers.indexOf(path);
  const up = sources.filter(({ path }) => layers.includes(path)).flatMap(({ path, imports }) =>
    imports.filter(({ text }) => text.startsWith(".") && !isBelow(resolve(path, text), path))
      .map(({ text, line }) => `${path}:${line} imports ${text}, which is not below it`)
  );
  return [...missing.map((path) => `${path} is in no layer`), ...gone, ...up];
}

/** Imports that somebody who imports by URL does not have. */
export function importProblems(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, imports }) =>
    imports.filter(({ text }) => {
      if (text.startsWith("node:")) return !IS_ENGINE.test(path);
      return !/^\.{1,2}\/.*\.ts$/.test(text);
    }).map(({ text, line }) => `${path}:${line} imports ${text}`)
  );
}

/** Sockets made and time told elsewhere than in a seam. */
export function seamProblems(sources: readonly Source[], seams: readonly string[]): string[] {
  return sources.filter(({ path }) => !seams.includes(path)).flatMap(({ path, globals }) =>
    globals.filter(({ text }) => AROUND_THE_SEAMS.test(text))
      .filter(({ text }) => !(IS_ENGINE.test(path) && IN_TRANSPORTS.test(text)))
      .map(({ text, line }) => `${path}:${line} names ${text}`)
  );
}

/** Rooms that the public doors do not lead to. */
export function reachProblems(sources: readonly Source[], doors: readonly Source[]): string[] {
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
  return sources.filter(({ path }) => !reached.has(path))
    .map(({ path }) => `${path} is reached from no door`);
}

/** Rooms with something to run and without a test file of the same name. */
export function testProblems(sources: readonly Source[], paths: readonly string[]): string[] {
  return sources.filter(({ ownStatements }) => !ownStatements.every(({ text }) => INERT.has(text)))
    .map(({ path }) => [path, path.replace("src/", "tests/").replace(/\.ts$/, "_test.ts")] as const)
    .filter(([, test]) => !paths.includes(test))
    .map(([path, test]) => `${path} has no ${test}`);
}

/** Doors that do more than to name what they export. */
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

/** Tests that let time go by and hope. */
export function sleepProblems(tests: readonly Source[]): string[] {
  return tests.flatMap(({ path, sleeps, imports }) => [
    ...sleeps.map(({ text, line }) => `${path}:${line} sleeps: ${text}`),
    ...imports.filter(({ text }) => /^node:timers|\/delay\b/.test(text))
      .map(({ text, line }) => `${path}:${line} imports ${text}`),
  ]);
}

/** What no reader of the repository can use, and what was left open or switched off. */
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
