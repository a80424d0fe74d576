// A source file's imports, globals and lines of code, by the linter's own parser: comments and strings are never
// taken for code.

/** The folder that holds the repository. */
export const root = new URL("../../", import.meta.url);

/** One thing found in a file. */
export interface Found {
  /** What was found: a specifier, a name. */
  readonly text: string;
  /** The line it is on, from 1. */
  readonly line: number;
}

/** What {@linkcode readSource} gives. */
export interface Source {
  /** Where it is, from the root of the repository. */
  readonly path: string;
  /** Its text. */
  readonly text: string;
  /** The specifiers of all imports and exports with a source, types and dynamic ones included. */
  readonly imports: readonly Found[];
  /** Of those, what is imported only when the program gets there. */
  readonly lateImports: readonly Found[];
  /** The globals it names: "setTimeout", "Deno.connect"; a namespace without a plain member stands alone. */
  readonly globals: readonly Found[];
  /** Kinds of the top-level statements that are not `export { ... } from "..."`. */
  readonly ownStatements: readonly Found[];
  /** Waits by the clock: timeouts that do nothing but resolve a promise, `delay` and its relatives. */
  readonly sleeps: readonly Found[];
  /** Function literals that are assigned to a property. */
  readonly oldFunctions: readonly Found[];
  /** How many lines hold code. */
  readonly codeLines: number;
}

/** Globals that are of interest by their members. */
const NAMESPACES = new Set(["Deno", "performance", "Date", "globalThis", "self"]);

/** Globals that are of interest themselves. */
const NAMES = new Set([
  "setTimeout",
  "clearTimeout",
  "setInterval",
  "clearInterval",
  "setImmediate",
]);

type Visitor = Deno.lint.LintVisitor;
type Name = Deno.lint.Identifier;

/** Parses a file. */
export function readSource(path: string, text: string): Source {
  const imports: Found[] = [];
  const lateImports: Found[] = [];
  const globals: Found[] = [];
  const ownStatements: Found[] = [];
  const sleeps: Found[] = [];
  const oldFunctions: Found[] = [];
  let comments: readonly { readonly range: readonly [number, number] }[] = [];
  const found = (text: string, node: { range: readonly [number, number] }): Found => ({
    text,
    line: lineAt(node.range[0]),
  });
  const lineAt = (offset: number) => text.slice(0, offset).split("\n").length;

  const onImport = (node: { source: unknown; range: readonly [number, number] }) => {
    const { value } = (node.source ?? {}) as { value?: unknown };
    imports.push(found(typeof value === "string" ? value : "a computed specifier", node));
  };
  const visitor: Visitor = {
    Program(node) {
      for (const statement of node.body) {
        if (statement.type === "ExportNamedDeclaration" && statement.source !== null) continue;
        const exported = statement.type === "ExportNamedDeclaration" ? statement.declaration : null;
        ownStatements.push(found(kindOf(exported ?? statement), statement));
      }
    },
    ImportDeclaration: onImport,
    ImportExpression(node) {
      onImport(node);
      lateImports.push(imports.at(-1)!);
    },
    ExportAllDeclaration: onImport,
    ExportNamedDeclaration(node) {
      if (node.source !== null) onImport(node);
    },
    TSImportType(node) {
      imports.push(found(typeImport(text.slice(...node.range)), node));
    },
    Identifier(node) {
      const name = globalName(node);
      if (name !== undefined) globals.push(found(name, node));
    },
    AssignmentExpression({ left, right }) {
      if (left.type !== "MemberExpression" || !/Function/.test(right.type)) return;
      oldFunctions.push(found(text.slice(...left.range), left));
    },
    CallExpression(node) {
      if (isSleep(node)) sleeps.push(found(text.slice(...node.range).split("\n", 1)[0]!, node));
    },
  };
  Deno.lint.runPlugin(
    {
      name: "source",
      rules: {
        read: {
          create(context) {
            comments = context.sourceCode.getAllComments();
            return visitor;
          },
        },
      },
    },
    path,
    text,
  );
  return {
    path,
    text,
    imports,
    lateImports,
    globals,
    ownStatements,
    sleeps,
    oldFunctions,
    codeLines: codeLines(text, comments),
  };
}

/** The kind of a statement; a number or a text with a name is a "Constant". */
function kindOf(node: Deno.lint.Node): string {
  return node.type === "VariableDeclaration" &&
      node.declarations.every(({ init }) => init?.type === "Literal")
    ? "Constant"
    : node.type;
}

/** The specifier in `import("./a.ts")`, where it is a type. */
function typeImport(text: string): string {
  return /^import\(\s*["']([^"']*)["']/.exec(text)?.[1] ?? "a computed specifier";
}

/** The global that an identifier names, if it is one of those of interest. */
function globalName(node: Name): string | undefined {
  const { name } = node;
  if (!(NAMESPACES.has(name) || NAMES.has(name)) || isLabel(node)) return undefined;
  if (NAMES.has(name)) return name;
  const { parent } = node;
  if (
    parent.type === "MemberExpression" && !parent.computed && parent.property.type === "Identifier"
  ) {
    return `${name}.${parent.property.name}`;
  }
  if (parent.type === "TSQualifiedName") return `${name}.${parent.right.name}`;
  if (parent.type === "TSTypeReference") return undefined;
  return name;
}

/** Whether an identifier is the name of a member, in `clock.setTimeout` or `{ setTimeout() {} }`. */
function isLabel(node: Name): boolean {
  const parent = node.parent as unknown as {
    type: string;
    computed?: boolean;
    shorthand?: boolean;
    property?: unknown;
    key?: unknown;
    right?: unknown;
  };
  if (parent.type === "TSQualifiedName") return parent.right === node;
  if (parent.computed || parent.shorthand) return false;
  return parent.property === node || parent.key === node;
}

/** Whether a call only lets time pass. */
function isSleep(node: Deno.lint.CallExpression): boolean {
  const { callee } = node;
  const name = callee.type === "Identifier"
    ? callee.name
    : callee.type === "MemberExpression" && callee.property.type === "Identifier" &&
        callee.object.type === "Identifier" &&
        ["globalThis", "Atomics"].includes(callee.object.name)
    ? callee.property.name
    : "";
  if (["delay", "sleep", "wait", "waitAsync"].includes(name)) return true;
  if (name !== "setTimeout") return false;
  const [callback, delay] = node.arguments;
  // A turn of the event loop is no sleep.
  if (delay?.type === "Literal" && delay.value === 0) return false;
  if (callback?.type !== "ArrowFunctionExpression") return true;
  const { body } = callback;
  const call = body.type === "BlockStatement" && body.body.length === 1 &&
      body.body[0]!.type === "ExpressionStatement"
    ? body.body[0]!.expression
    : body;
  // A rejection at a deadline is a guard, and so is a method (`controller.abort()`); a plain function wakes a sleeper.
  return call.type === "CallExpression" && call.callee.type === "Identifier" &&
    !/reject|fail/i.test(call.callee.name);
}

function codeLines(
  text: string,
  comments: readonly { readonly range: readonly [number, number] }[],
): number {
  let code = text;
  for (const { range: [start, end] } of comments) {
    code = code.slice(0, start) + code.slice(start, end).replace(/\S/g, " ") + code.slice(end);
  }
  return code.split("\n").filter((line) => line.trim() !== "").length;
}

/**
 * The paths of all files of the repository, from its root, sorted: not what .gitignore leaves out, which
 * names folders of the root only.
 */
export function repositoryFiles(): string[] {
  const ignored = Deno.readTextFileSync(new URL(".gitignore", root)).trim().split("\n");
  const left = new Set([".git", ...ignored.map((line) => line.replaceAll("/", ""))]);
  const walk = (folder: string): string[] =>
    [...Deno.readDirSync(new URL(folder, root))].flatMap(({ name, isDirectory }) => {
      if (left.has(name)) return [];
      return isDirectory ? walk(`${folder}${name}/`) : [`${folder}${name}`];
    });
  return walk("").sort();
}
