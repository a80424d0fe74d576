// What `deno doc` shows of the doors.

import { assertEquals } from "@std/assert";
import { outputOf } from "../support/program.ts";
import { root } from "../support/source.ts";

const DOORS = ["mod", "clients", "codec", "debug", "linux/mod", "network", "testing/mod"];

/** What is used here of a function as `deno doc --json` has it: the name of a constructor is missing. */
interface Shown {
  readonly name?: string;
  readonly params?: readonly { readonly kind: string }[];
  readonly functionDef?: { readonly params: readonly { readonly kind: string }[] };
}

interface Declaration {
  readonly kind: string;
  readonly def?: Shown & {
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

async function documentationOf(...paths: string[]): Promise<Documentation> {
  return JSON.parse(await outputOf("deno", ["doc", "--json", ...paths]));
}

Deno.test("The documentation shows each argument that may be left out as one", async () => {
  const files = DOORS.map((door) => new URL(`${door}.ts`, root).href);
  const doors = await documentationOf(...files);
  assertEquals(Object.keys(doors.nodes).length, DOORS.length);
  assertEquals(hidingDefaults(doors), []);
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
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(path, code);
    assertEquals(hidingDefaults(await documentationOf(path)), [
      "bad",
      "Box.close",
      "Box.constructor",
    ]);
  } finally {
    await Deno.remove(path);
  }
});
