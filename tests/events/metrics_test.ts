import { assertEquals } from "@std/assert";
import { allMetrics } from "../../src/events/metrics.ts";

Deno.test("the metrics are those of docs/telemetry.md, with their units", async () => {
  const guide = await Deno.readTextFile(new URL("../../docs/telemetry.md", import.meta.url));
  const rows = [...guide.matchAll(/^\| `(socket\.[\w.]+)`\s*\| ([\w ]+?)\s*\| `([^`]+)`/gm)];
  const documented = rows.map(([, name, kind, unit]) => `${name} ${kind} ${unit}`);
  const words = { counter: "counter", upDown: "up-down counter", histogram: "histogram" };
  const metrics = allMetrics().map(([name, { kind, unit }]) =>
    `${name} ${words[kind].replace("up-down", "up down")} ${unit}`
  );
  assertEquals(documented, metrics);
});
