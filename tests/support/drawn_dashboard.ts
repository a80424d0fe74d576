// Draws the dashboard with a line for each panel, named after its id, and prints it: a process of its own, because
// the library that draws leaves a timer behind.

import { drawDashboard } from "../../tools/dashboard/draw.ts";
import { readDashboard } from "../../tools/dashboard/panels.ts";

const dashboard = await readDashboard();
const lines = new Map(dashboard.panels.map(({ id }) => [id, [
  { name: `line <${id}>`, points: [[0, id], [5, 2 * id], [10, 0]] as const },
]]));
console.log(drawDashboard(dashboard, lines, "what & when", 10));
