// What `deno doc` shows of the doors.

import { assertEquals } from "@std/assert";
import { outputOf } from "../support/program.ts";
import { root } from "../support/source.ts";

const DOORS = ["mod", "clients", "codec", "debug", "linux/mod", "network", "testing/mod"]
  .map((door) => new URL(`${door}.ts`, root).href);

/** What is used here of a function as `deno doc --json` has it: the name of a constructor is missing. */
interface Shown {
  readonly name?: string;
  readonly params?: readonly { readonly kind: string }[];
  readonly functionDef?: { readonly params: readonly { readonly kind: string }[] };
}

interface Property {
  readonly name: string;
  readonly jsDoc?: { readonly doc?: string };
  readonly tsType?: { readonly repr: string };
}

interface Declaration {
  readonly kind: string;
  readonly def?: Shown & {
    readonly properties?: readonly Property[];
    readonly methods?: readonly Shown[];
    readonly constructors?: readonly Shown[];
  };
}

interface Documentation {
  readonly nodes: Readonly<
    Record<
      string,
      { readonly symbols: readonly { name: string; declarations: readonly Declaration[] }[] }
    >
  >;
}

/** The functions that show a parameter with a default as one that is required: `deno doc` drops the default. */
function hidingDefaults({ nodes }: Documentation): string[] {
  const problems: string[] = [];
  const check = (of: string, all: readonly Shown[]) => {
    for (const [name, shown] of Map.groupBy(all, (one) => one.name ?? "constructor")) {
      // Where there are overloads, only these are shown, and the last one is what implements them.
      if (shown.length > 1) continue;
      const params = shown[0]!.params ?? shown[0]!.functionDef?.params ?? [];
      if (params.some(({ kind }) => kind === "assign")) problems.push(`${of}${name}`);
    }
  };
  for (const { symbols } of Object.values(nodes)) {
    for (const { name, declarations } of symbols) {
      const functions = declarations.filter(({ kind }) => kind === "function");
      check("", functions.map(({ def }) => ({ ...def, name })));
      for (const { def } of declarations) {
        check(`${name}.`, [...def?.methods ?? [], ...def?.constructors ?? []]);
      }
    }
  }
  return problems;
}

/** The numbers among options that do not say which values are allowed: the least, or each of them. */
function withoutRange({ nodes }: Documentation): string[] {
  const problems = new Set<string>();
  for (const { name, declarations } of Object.values(nodes).flatMap(({ symbols }) => symbols)) {
    if (!/(Config|Options|Times)$/.test(name)) continue;
    for (
      const { name: option, tsType, jsDoc } of declarations.flatMap((one) =>
        one.def?.properties ?? []
      )
    ) {
      const doc = jsDoc?.doc?.replaceAll("\n", " ") ?? "";
      const says = /\bfrom -?\d|\bat least `|\b\d (or|is) /i.test(doc);
      if (tsType?.repr === "number" && !says) problems.add(`${name}.${option}`);
    }
  }
  return [...problems];
}

async function documentationOf(...paths: string[]): Promise<Documentation> {
  const documentation: Documentation = JSON.parse(
    await outputOf("deno", ["doc", "--json", ...paths]),
  );
  assertEquals(Object.keys(documentation.nodes).length, paths.length);
  return documentation;
}

async function documentationOfCode(code: string): Promise<Documentation> {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(path, code);
    return await documentationOf(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("The documentation shows each argument that may be left out as one", async () => {
  assertEquals(hidingDefaults(await documentationOf(...DOORS)), []);
  const code = `
    export function bad(a: string, b: number = 1): void {}
    export function good(a?: number): void;
    export function good(a: number = 1): void {}
    export class Box {
      constructor(options: object = {}) {}
      open(options?: object): void;
      open(options: object = {}): void {}
      close(options: object = {}): void {}
    }`;
  assertEquals(hidingDefaults(await documentationOfCode(code)), [
    "bad",
    "Box.close",
    "Box.constructor",
  ]);
});

Deno.test("The documentation of each number that is an option says from where to where it may go", async () => {
  assertEquals(withoutRange(await documentationOf(...DOORS)), []);
  const code = `
    export interface BoxConfig {
      /** How wide it is. */
      readonly width?: number;
      /** How high it is, from 1. */
      readonly height?: number;
      /** The family: 4 or 6. */
      readonly family: number;
      readonly depth: number;
      readonly name: string;
    }`;
  assertEquals(withoutRange(await documentationOfCode(code)), [
    "BoxConfig.width",
    "BoxConfig.depth",
  ]);
});
