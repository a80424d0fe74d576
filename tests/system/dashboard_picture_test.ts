// The picture of the dashboard of examples/service: how it is drawn, and that it shows the dashboard as it is now.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { escaped, filledIn, nameOf, readDashboard } from "../../tools/dashboard/panels.ts";
import { inUnit } from "../../tools/dashboard/units.ts";
import { outputOf } from "../support/program.ts";
import { root } from "../support/source.ts";

/** What a picture says of each panel: its title and its queries, in order. */
function panelsIn(picture: string): [title: string, queries: string][] {
  const panels = picture.matchAll(/<desc>([^]*?)<\/desc>\n<rect[^>]*>\n<text[^>]*>(.*?)<\/text>/g);
  return [...panels].map(([, queries, title]) => [title!, queries!]);
}

Deno.test("docs/dashboard.svg shows each panel of the dashboard with its queries of today, and is small", async () => {
  const picture = await Deno.readTextFile(new URL("docs/dashboard.svg", root));
  const { panels } = await readDashboard();
  assertEquals(
    panelsIn(picture),
    panels.map(({ title, targets }) => [
      escaped(title),
      targets.map(({ expr }) => escaped(expr)).join("\n"),
    ]),
  );
  assert(picture.length < 150 * 1024);
});

Deno.test("drawDashboard() puts each panel where its grid position says, with its lines and their names", async () => {
  const dashboard = await readDashboard();
  const script = new URL("../support/drawn_dashboard.ts", import.meta.url).pathname;
  const permissions = ["--allow-read", "--allow-env"];
  const picture = await outputOf("deno", ["run", "--quiet", "--no-check", ...permissions, script]);
  const places = [...picture.matchAll(/<g transform="translate\((\d+) (\d+)\)">\n<desc>/g)]
    .map(([, x, y]) => [Number(x), Number(y)]);
  const [[left, top]] = places as [[number, number]];
  assertEquals(
    places,
    dashboard.panels.map(({ gridPos: { x, y } }) => [left + 48 * x, top + 26 * y]),
  );
  assert(picture.includes("what &amp; when"));
  for (const { id } of dashboard.panels) assert(picture.includes(`line &lt;${id}&gt;`), `${id}`);
});

Deno.test("inUnit() writes values as a panel does", () => {
  assertEquals(inUnit(0, "none"), "0");
  assertEquals(inUnit(1_500, "none"), "1.5 K");
  assertEquals(inUnit(2_000_000, "Bps"), "2 MB/s");
  assertEquals(inUnit(98_304, "bytes"), "96 KiB");
  assertEquals(inUnit(12.345, "cps"), "12.3 c/s");
  assertThrows(() => inUnit(1, "parsec"), Error, "parsec");
});

Deno.test("filledIn() and nameOf() leave no variable and no brace", async () => {
  const { panels } = await readDashboard();
  const queries = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  for (const query of queries) {
    assert(!filledIn(query, { instance: ".*", rateInterval: "4s" }).includes("$"), query);
  }
  assertEquals(nameOf("{{by}} per second", { by: "peer" }), "peer per second");
});
