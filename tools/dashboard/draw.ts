// Draws a dashboard as one picture: each panel where its grid position puts it, with what it had to show.

import * as echarts from "npm:echarts@6.1.0";
import { type Dashboard, escaped, type Panel } from "./panels.ts";
import { inUnit } from "./units.ts";

/** One line of a panel. */
export interface Line {
  readonly name: string;
  /** Seconds since the beginning, and values. */
  readonly points: readonly (readonly [seconds: number, value: number])[];
}

const COLUMNS = 24, COLUMN = 48, ROW = 26, GAP = 8, HEAD = 58;
const INK = "#24292e", FAINT = "#6e7781", GRID = "#e6e8eb";
const COLORS = ["#3e9651", "#d9a400", "#3274d9", "#f2720c", "#d8314a", "#9a4fc4", "#00919e"];
const FONT = "system-ui, 'DejaVu Sans', sans-serif";

/** The steps of an axis, where the library's own do not suit: for nothing but zeros, and for powers of two. */
function stepsOf(most: number, unit: string): { max?: number; interval?: number } {
  if (most === 0) return { max: 1 };
  if (unit !== "bytes") return {};
  const interval = 2 ** Math.ceil(Math.log2(most / 4));
  return { interval, max: interval * Math.ceil(most / interval) };
}

function chartOf(panel: Panel, lines: readonly Line[], width: number, height: number, to: number) {
  const { unit, min, custom } = panel.fieldConfig.defaults;
  const chart = echarts.init(null, null, { renderer: "svg", ssr: true, width, height });
  const text = { color: FAINT, fontFamily: FONT, fontSize: 11 };
  const axis = {
    axisLabel: text,
    axisLine: { lineStyle: { color: GRID } },
    axisTick: { show: false },
  };
  const splitLine = { lineStyle: { color: GRID } };
  const isFlat = ({ points }: Line) => points.every(([, value]) => value === 0);
  const most = Math.max(0, ...lines.flatMap(({ points }) => points.map(([, value]) => value)));
  chart.setOption({
    animation: false,
    color: COLORS,
    grid: { left: 62, right: 26, top: 12, bottom: lines.length > 6 ? 80 : 48 },
    legend: {
      bottom: 2,
      left: 8,
      itemWidth: 12,
      itemHeight: 4,
      itemGap: 18,
      icon: "rect",
      textStyle: text,
    },
    xAxis: {
      type: "value",
      min: 0,
      max: to,
      interval: 10,
      splitLine,
      ...axis,
      axisLabel: { ...text, formatter: "{value} s", showMaxLabel: to % 10 === 0 },
    },
    yAxis: {
      type: "value",
      min,
      splitNumber: 4,
      splitLine,
      ...axis,
      axisLabel: { ...text, formatter: (value: number) => inUnit(value, unit) },
      ...stepsOf(most, unit),
    },
    series: lines.map((line) => ({
      type: "line",
      name: line.name,
      data: line.points.map((point) => [...point]),
      showSymbol: false,
      silent: true,
      // Lines that stay at zero must not hide those that they are stacked on.
      z: isFlat(line) ? 1 : 2,
      lineStyle: { width: 1.3 },
      areaStyle: { opacity: custom.fillOpacity / 100 },
      ...(custom.stacking.mode === "normal" ? { stack: "all" } : {}),
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

/**
 * Draws it.
 *
 * @param lines What each panel shows, by its id.
 * @param what A sentence for below the title.
 * @param seconds How long the time axis is.
 */
export function drawDashboard(
  dashboard: Dashboard,
  lines: ReadonlyMap<number, readonly Line[]>,
  what: string,
  seconds: number,
): string {
  const width = COLUMNS * COLUMN + GAP;
  const rows = Math.max(...dashboard.panels.map(({ gridPos: { y, h } }) => y + h));
  const height = HEAD + rows * ROW + GAP;
  const panels = dashboard.panels.map((panel) => {
    const { x, y, w, h } = panel.gridPos;
    const box = { width: w * COLUMN - GAP, height: h * ROW - GAP };
    const chart = chartOf(panel, lines.get(panel.id) ?? [], box.width, box.height - 30, seconds);
    const queries = panel.targets.map(({ expr }) => escaped(expr)).join("\n");
    return `<g transform="translate(${GAP + x * COLUMN} ${HEAD + y * ROW})">
<desc>${queries}</desc>
<rect width="${box.width}" height="${box.height}" rx="3" fill="#fff" stroke="#d0d7de"/>
<text x="12" y="21" font-size="13" font-weight="600" fill="${INK}">${escaped(panel.title)}</text>
<g transform="translate(0 30)">${
      chart.replace(/^<svg[^>]*>/, "<g>").replace(/<\/svg>\s*$/, "</g>")
    }</g>
</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" font-family="${FONT}">
<title>${escaped(dashboard.title)}</title>
<rect width="${width}" height="${height}" fill="#f4f5f5"/>
<text x="12" y="25" font-size="17" font-weight="600" fill="${INK}">${
    escaped(dashboard.title)
  }</text>
<text x="12" y="45" font-size="12" fill="${FAINT}">${escaped(what)}</text>
${panels.join("\n")}
</svg>
`;
}
