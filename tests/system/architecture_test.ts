// How the repository is built, as far as a machine can check it.

import { assertEquals } from "@std/assert";
import * as checks from "../support/architecture.ts";
import { readSource, repositoryFiles, root } from "../support/source.ts";

/**
 * The folders of src/, lower to upper, then those inside one: a room imports only from its own folder and from those
 * below it, types included. Folders of one floor do not import each other.
 */
const FOLDERS = [
  "base < network, bytes < debug, events, proxy, tls < via < connection < framing, listener < udp, clients",
  "network < network/node < network/deno < network/linux",
  "listener/guard < listener",
];

/**
 * What may make sockets and read the time. The testing kit waits for one turn of the event loop, and so does the code
 * that waits for node:tls; the loop of the engine for Linux goes by turns. Certificates are valid by the calendar, the
 * packets of a capture and the spans of telemetry have a date, and OpenTelemetry is found at a symbol of globalThis.
 */
const SEAMS = [
  "src/base/time_of_day.ts",
  "src/events/otel_api.ts",
  "src/network/deno/deno_network.ts",
  "src/network/linux/loop.ts",
  "src/network/secure_info.ts",
  "src/tls/credentials.ts",
  "src/tls/next_turn.ts",
  "testing/microtasks.ts",
];

const paths = repositoryFiles();
const texts = paths.filter((path) =>
  /(\.(ts|js|json|md|txt|yml)|^LICENSE|^\.ci\/[\w-]+)$/.test(path)
)
  .map((path) => [path, Deno.readTextFileSync(new URL(path, root))] as const);
const sources = texts.filter(([path]) => path.endsWith(".ts"))
  .map(([path, text]) => readSource(path, text));
const within = (...folders: string[]) =>
  sources.filter(({ path }) => folders.some((folder) => path.startsWith(folder)));
/** What users import. */
const DOORS: readonly string[] = [
  "clients.ts",
  "codec.ts",
  "debug.ts",
  "linux/mod.ts",
  "mod.ts",
  "network.ts",
  "testing/mod.ts",
];

const doors = sources.filter(({ path }) => DOORS.includes(path));

Deno.test("src/ is in folders, and every import from one to another points down", () => {
  assertEquals(checks.folderProblems(within("src/"), FOLDERS), []);
  assertEquals(
    checks.folderProblems(
      [
        readSource("src/a/a.ts", `import "./b.ts"; import type { B } from "../b/inner/b.ts";`),
        readSource("src/b/b.ts", `export { type A } from "../a/a.ts"; import "./inner/b.ts";`),
        readSource("src/b/inner/b.ts", `type B = import("../b.ts").B; import "../../a/a.ts";`),
        readSource("src/c/c.ts", `import "../b/b.ts"; import "node:net";`),
        readSource("src/d/d.ts", `import "../b/inner/b.ts";\nawait import("../../mod.ts");`),
        readSource("src/f.ts", `import type { C } from "./a/a.ts";`),
      ],
      ["a < b, c < d < e", "b/inner < b"],
    ),
    [
      "src/f.ts is in no folder of the order",
      "e is in the order and has no room",
      "src/a/a.ts:1 imports ../b/inner/b.ts, which is not below it",
      "src/b/inner/b.ts:1 imports ../b.ts, which is not below it",
      "src/c/c.ts:1 imports ../b/b.ts, which is not below it",
      "src/d/d.ts:2 imports ../../mod.ts, which is not below it",
      "src/f.ts:1 imports ./a/a.ts, which is not below it",
    ],
  );
});

Deno.test("no room of src/ leads back to itself, types included", () => {
  assertEquals(checks.circleProblems(within("src/")), []);
  assertEquals(
    checks.circleProblems([
      readSource("src/a/a.ts", `import "./b.ts"; import "./c.ts";`),
      readSource("src/a/b.ts", `export { type C } from "./c.ts";`),
      readSource("src/a/c.ts", `type B = import("./b.ts").B; import "./d.ts";`),
      readSource("src/a/d.ts", `import "./d.ts"; import "../b/gone.ts";`),
    ]),
    [
      "src/a/b.ts -> src/a/c.ts -> src/a/b.ts is a circle",
      "src/a/d.ts -> src/a/d.ts is a circle",
    ],
  );
});

Deno.test("src/, testing/ and mod.ts import by relative path only", () => {
  assertEquals(
    checks.importProblems(within("src/", "testing/", ...DOORS)),
    [],
  );
  const imports = `import "@std/assert"; import "npm:x"; export * from "https://a.example/x.ts";
    import "node:net"; await import("./b"); await import(name); import "./b.ts"; import "../b.ts";`;
  assertEquals(checks.importProblems([readSource("src/a.ts", imports)]), [
    "src/a.ts:1 imports @std/assert",
    "src/a.ts:1 imports npm:x",
    "src/a.ts:1 imports https://a.example/x.ts",
    "src/a.ts:2 imports node:net",
    "src/a.ts:2 imports ./b",
    "src/a.ts:2 imports a computed specifier",
  ]);
  assertEquals(
    checks.importProblems([readSource("src/tls/a.ts", `import "node:net"; import "net";`)]),
    ["src/tls/a.ts:1 imports net"],
  );
});

Deno.test("src/, testing/ and mod.ts import their own modules at the start", () => {
  assertEquals(checks.lateImportProblems(within("src/", "testing/", ...DOORS)), []);
  const imports = `import "./a.ts"; type B = import("./b.ts").B;
    await import("node:net"); await import("./c.ts"); await import(name);`;
  assertEquals(checks.lateImportProblems([readSource("src/a.ts", imports)]), [
    "src/a.ts:2 imports ./c.ts late",
    "src/a.ts:2 imports a computed specifier late",
  ]);
});

Deno.test("only the seams make sockets and tell the time", () => {
  assertEquals(checks.seamProblems(within("src/", "testing/"), SEAMS), []);
  for (
    const [code, ...names] of [
      ["setTimeout(f); clearTimeout(1)", "setTimeout", "clearTimeout"],
      ["`${setInterval(f)}`; clearInterval(1)", "setInterval", "clearInterval"],
      ["globalThis.setTimeout(f); const g = globalThis", "globalThis.setTimeout", "globalThis"],
      ["self.Deno.connect(x)", "self.Deno"],
      ["const x: Clock = { now, setTimeout }", "setTimeout", "setTimeout"],
      ["performance.now(); Date.now(); new Date()", "performance.now", "Date.now", "Date"],
      ["Deno.connect(x); Deno.connectTls(x)", "Deno.connect", "Deno.connectTls"],
      ["Deno.listen(x); Deno.listenDatagram?.(x)", "Deno.listen", "Deno.listenDatagram"],
      ["type Connect = typeof Deno.connect", "Deno.connect"],
      [`Deno["connect"](x)`, "Deno"],
      ["const { connect } = Deno", "Deno"],
      ["// setTimeout()\n'Date.now()'; /setTimeout/; clock.setTimeout(f); Deno.errors.Busy"],
      ["class A { setTimeout() {} }; interface B { setTimeout(): void }; x = { setTimeout: f }"],
      ["globalThis.addEventListener('unload', f); let d: Date | undefined"],
    ] as const
  ) {
    const source = readSource("src/a.ts", code);
    assertEquals(
      checks.seamProblems([source], SEAMS),
      names.map((name) => `src/a.ts:1 names ${name}`),
    );
    assertEquals(checks.seamProblems([source], ["src/a.ts"]), []);
  }
  const transport = readSource(
    "src/tls/a.ts",
    "Deno.startTls(c); Deno.connectTls(x); Date.now()",
  );
  assertEquals(checks.seamProblems([transport], SEAMS), [
    "src/tls/a.ts:1 names Deno.connectTls",
  ]);
});

Deno.test("src/ assigns functions to properties by young(), so that they keep nothing alive", () => {
  assertEquals(checks.oldFunctionProblems(within("src/")), []);
  for (const code of ["this.#f ??= (a) => a", "a.b.c = () => {}", "x.y = function () {}"]) {
    const name = code.split(" ")[0];
    assertEquals(checks.oldFunctionProblems([readSource("src/a.ts", code)]), [
      `src/a.ts:1 assigns ${name} without young()`,
    ]);
  }
  for (const code of ["this.#f = young(() => {})", "f = () => {}", "class A { f = () => {}; }"]) {
    assertEquals(checks.oldFunctionProblems([readSource("src/a.ts", code)]), []);
  }
});

Deno.test("every room is reached from a door", () => {
  assertEquals(checks.reachProblems(within("src/", "testing/"), doors), []);
  const rooms = [
    readSource("src/a.ts", `import "./b.ts"`),
    readSource("src/b.ts", `import "./a.ts"`),
    readSource("src/c.ts", `import "./a.ts"`),
  ];
  const door = readSource("mod.ts", `export { a } from "./src/a.ts"`);
  assertEquals(checks.reachProblems(rooms, [door]), ["src/c.ts is reached from no door"]);
});

Deno.test("the engine for Linux is loaded by its own door only", () => {
  const others = doors.filter(({ path }) => path !== "linux/mod.ts");
  for (const door of others) {
    assertEquals(checks.loadProblems(within("src/", "testing/"), door, "src/network/linux/"), []);
  }
  const rooms = [
    readSource("src/a.ts", `await import("./linux/b.ts")`),
    readSource("src/linux/b.ts", `import "./c.ts"`),
    readSource("src/linux/c.ts", ""),
  ];
  const door = readSource("mod.ts", `export { a } from "./src/a.ts"`);
  assertEquals(checks.loadProblems(rooms, door, "src/linux/"), [
    "mod.ts loads src/linux/b.ts",
    "mod.ts loads src/linux/c.ts",
  ]);
});

Deno.test("every room has a test file of its name, at the same place", () => {
  assertEquals(checks.testProblems(within("src/"), paths), []);
  const rooms = [
    readSource("src/d/a.ts", "export const a = 1;"),
    readSource("src/d/b.ts", `import "./a.ts"; export function b() {}`),
    readSource("src/d/c.ts", `import type { A } from "./a.ts"; export type C = A; const D = 1;`),
    readSource("src/d/e/f.ts", "export function f() {}"),
  ];
  const tests = [
    "tests/b_test.ts",
    "tests/d/a_test.ts",
    "tests/d/e/f_test.ts",
    "tests/d/g_test.ts",
    "tests/peers/g_test.ts",
  ];
  assertEquals(checks.testProblems(rooms, [...tests, "tests/d/h.ts", "tests/system/i_test.ts"]), [
    "src/d/b.ts has no tests/d/b_test.ts",
    "tests/b_test.ts is of no room; tests/system/ is for such",
    "tests/d/g_test.ts is of no room; tests/system/ is for such",
    "tests/peers/g_test.ts is of no room; tests/system/ is for such",
  ]);
});

Deno.test("the doors name what they export, and do nothing else", () => {
  assertEquals(doors.map(({ path }) => path), DOORS);
  assertEquals(checks.doorProblems(doors), []);
  const door = readSource(
    "mod.ts",
    `export * from "./a.ts";\nimport "./b.ts"; export const c = 1;`,
  );
  assertEquals(checks.doorProblems([door]), [
    "mod.ts does not begin with its doc",
    "mod.ts:1 has a ExportAllDeclaration",
    "mod.ts:2 has a ImportDeclaration",
    "mod.ts:2 has a Constant",
  ]);
});

Deno.test("every example is read at a glance", () => {
  assertEquals(checks.exampleProblems(within("examples/")), []);
  const lines = (count: number) => `// what\n/* why\n */\n\n${"f(); // and so on\n".repeat(count)}`;
  assertEquals(checks.exampleProblems([readSource("examples/a.ts", lines(60))]), []);
  assertEquals(checks.exampleProblems([readSource("examples/a.ts", lines(61))]), [
    "examples/a.ts has 61 lines of code",
  ]);
});

Deno.test("no test sleeps", () => {
  assertEquals(checks.sleepProblems(within("tests/")), []);
  for (
    const code of [
      "await new Promise((resolve) => setTimeout(resolve, 50))",
      "setTimeout(() => resolve(undefined), 50)",
      "setTimeout(() => { resolve(); }, 50)",
      "globalThis.setTimeout(done, 1)",
      "await delay(50)",
      "Atomics.wait(a, 0, 0, 50)",
    ]
  ) {
    assertEquals(checks.sleepProblems([readSource("tests/a_test.ts", code)]).length, 1, code);
  }
  for (
    const code of [
      "setTimeout(() => reject(new Error('too late')), 5_000)",
      "setTimeout(() => child.kill(), 5_000)",
      "setTimeout(resolve, 0)",
      "clock.setTimeout(resolve, 50)",
      "await network.delay(50)",
    ]
  ) {
    assertEquals(checks.sleepProblems([readSource("tests/a_test.ts", code)]), [], code);
  }
  assertEquals(
    checks.sleepProblems([readSource("tests/a_test.ts", `import "node:timers/promises"`)]),
    [
      "tests/a_test.ts:1 imports node:timers/promises",
    ],
  );
});

Deno.test("every file that the documentation names is there", () => {
  const guide = texts.filter(([path]) => /^(docs\/[\w/]+|README|CONTRIBUTING)\.md$/.test(path));
  assertEquals(guide.some(([, text]) => text.includes("src/connection/reader.ts")), true);
  assertEquals(checks.namedPathProblems(guide, paths), []);
  const text = "`src/a/b.ts` and src/a/c.ts\n[x](./tests/a/b_test.ts) (src/FOLDER/NAME.ts)\n" +
    "https://a.example/src/d.ts, ./socket/src/d.ts";
  assertEquals(checks.namedPathProblems([["docs/a.md", text]], ["src/a/b.ts"]), [
    "docs/a.md:1 names src/a/c.ts, which is not there",
    "docs/a.md:2 names tests/a/b_test.ts, which is not there",
  ]);
});

Deno.test("no file says what its readers cannot use", () => {
  assertEquals(checks.textProblems(texts), []);
  // In pieces, because this file is checked too.
  for (
    const [before, after] of [
      ["/ho", "me/x"],
      ["issue ", "12"],
      ["fixes #", "12"],
      ["TO", "DO"],
      ["@ts-", "ignore"],
      ["Deno.test.", "only("],
      ["ignore: ", "true"],
      ["sanitizeOps: ", "false"],
    ] as const
  ) {
    const text = `ok\n${before}${after}`;
    assertEquals(checks.textProblems([["a.md", text]]).length, 1, text);
  }
  assertEquals(checks.textProblems([["a.md", "deno#13688, ignore: !has, ./home/a, #fff"]]), []);
});
