// What docs/telemetry.md says of the events, beside their types.

import { assert, assertEquals } from "@std/assert";
import { root } from "../support/source.ts";

const text = (path: string) => Deno.readTextFile(new URL(path, root));

Deno.test("docs/telemetry.md names each event with all of its fields", async () => {
  const source = await text("src/events/socket_event.ts");
  const fields = new Map<string, string[]>();
  for (const [, name, body] of source.matchAll(/^export interface (\w+)[^{]*\{\n([^]*?)^\}/gm)) {
    const names = [...body!.matchAll(/^ {2}readonly (\w+\??):/gm)].map(([, field]) => field!);
    fields.set(name!, names.filter((field) => field !== "kind"));
  }
  const rows = [
    ...(await text("docs/telemetry.md")).matchAll(/^\| (`(\w+Event)`|all of these) +\| (.*)\|$/gm),
  ];
  const subjects = ["EventSubject", "ListenerSubject"];
  const said = rows.map(([, , name, row]) => {
    // In parentheses are values.
    const fields = row!.replaceAll(/\([^)]*\)/g, "").matchAll(/`(\w+\??)`/g);
    return [name ?? subjects.shift(), [...fields].map(([, field]) => field!).sort()] as const;
  });
  const events = [...fields].filter(([name]) => /Event$|EventSubject|ListenerSubject/.test(name));
  assert(events.length === 10);
  assertEquals(
    Object.fromEntries(said),
    Object.fromEntries(events.map(([name, names]) => [name, [...names].sort()])),
  );
});
