// The results as a picture: one panel of bars for each question that a reader has. Written by hand as SVG,
// because bars are all there is to draw; it follows the reader's light or dark theme.
import { memory, type Results, short, time } from "./report.ts";
import type { Figures } from "./figures.ts";
import type { Outcome } from "./rounds.ts";

interface Panel {
  readonly work: string;
  readonly title: string;
  readonly better: "higher" | "lower";
  readonly value: (figures: Figures) => number;
  readonly text: (value: number) => string;
}

const rate = (figures: Figures) => figures.rate;
const perSecond = (value: number) =>
  value >= 1e6
    ? `${short(value / 1e6)} M`
    : value >= 1e3
    ? `${short(value / 1e3)} k`
    : short(value);

const PANELS: readonly Panel[] = [
  {
    work: "ping-64-50",
    title: "50 connections, 64 B: messages/s",
    better: "higher",
    value: rate,
    text: perSecond,
  },
  {
    work: "ping-64-500",
    title: "500 connections, 64 B: messages/s",
    better: "higher",
    value: rate,
    text: perSecond,
  },
  {
    work: "ping-64-500",
    title: "500 connections, 64 B: p99.9 latency",
    better: "lower",
    value: (f) => f.p999Micros,
    text: time,
  },
  {
    work: "ping-16k-50",
    title: "50 connections, 16 KiB: messages/s",
    better: "higher",
    value: rate,
    text: perSecond,
  },
  {
    work: "lines-64-50",
    title: "64 B lines, one write each: lines/s",
    better: "higher",
    value: rate,
    text: perSecond,
  },
  {
    work: "mixed",
    title: "beside a bulk stream: p99 latency",
    better: "lower",
    value: (f) => f.p99Micros,
    text: time,
  },
  {
    work: "churn",
    title: "connect, echo, close: connections/s",
    better: "higher",
    value: rate,
    text: perSecond,
  },
  {
    work: "bulk",
    title: "bulk echo: CPU per MiB",
    better: "lower",
    value: (f) => f.cpuMicros,
    text: time,
  },
  {
    work: "broadcast",
    title: "broadcast to 1000: CPU per delivery",
    better: "lower",
    value: (f) => f.cpuMicros,
    text: time,
  },
  {
    work: "udp-64-50",
    title: "UDP echo, 50 peers, 64 B: datagrams/s",
    better: "higher",
    value: rate,
    text: perSecond,
  },
  {
    work: "udp-1400-1",
    title: "UDP echo, 1 peer, 1400 B: datagrams/s",
    better: "higher",
    value: rate,
    text: perSecond,
  },
  {
    work: "idle",
    title: "idle connections: memory of each",
    better: "lower",
    value: (f) => f.bytesPerConnection,
    text: memory,
  },
];

const COLUMNS = 3, WIDTH = 1340, MARGIN = 28, GAP = 28;
const PANEL_WIDTH = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GAP) / COLUMNS;
const LABEL_WIDTH = 204,
  VALUE_WIDTH = 62,
  BAR_HEIGHT = 15,
  BAR_STEP = 20,
  HEAD = 96,
  PANEL_HEAD = 46;
const AXIS_HEIGHT = 24;

const STYLE = `
  svg { font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
  .paper { fill: #ffffff } .card { fill: #f6f8fa; stroke: #d0d7de }
  .title, .panel { fill: #1f2328 } .quiet, .label, .value { fill: #57606a }
  .title { font-size: 22px; font-weight: 600 } .panel { font-size: 13.5px; font-weight: 600 }
  .quiet { font-size: 13px } .label, .value { font-size: 11.5px } .tick { font-size: 10px; fill: #6e7781 }
  .value { paint-order: stroke; stroke: #f6f8fa; stroke-width: 3px }
  .own { fill: #1f2328; font-weight: 600 } .grid { stroke: #d8dee4 } .axis { stroke: #8c959f }
  .ours { fill: #0969da } .base { fill: #bf6a02 } .peer { fill: #9aa4af }
  .limit { fill: none; stroke: #6e7781; stroke-dasharray: 3 2 }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117 } .card { fill: #161b22; stroke: #30363d }
    .title, .panel { fill: #e6edf3 } .quiet, .label, .value { fill: #9198a1 } .own { fill: #e6edf3 }
    .value { stroke: #161b22 } .tick { fill: #848d97 } .grid { stroke: #2b323a } .axis { stroke: #6e7681 }
    .ours { fill: #4493f8 } .base { fill: #db8a2b } .peer { fill: #656c76 } .limit { stroke: #9198a1 }
  }`;

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function text(kind: string, x: number, y: number, content: string, anchor = "start"): string {
  return `<text class="${kind}" x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${
    escaped(content)
  }</text>`;
}

/** The smallest step of 1, 2 or 5 and zeros that fits at most three times; in powers of two for bytes. */
function stepOf(whole: number, binary: boolean): number {
  const unit = binary ? 1024 ** Math.floor(Math.log2(Math.max(1, whole / 3)) / 10) : 1;
  const rough = whole / unit / 3;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((it) => it * power >= rough * 0.999) ?? 10;
  return factor * power * unit;
}

/** The label of a tick, as short as possible: `20 k`, not `20.0 k`. */
function tickText(panel: Panel, tick: number): string {
  return tick === 0
    ? "0"
    : panel.text(tick).replace(/\.(\d*?)0+(?= )/, (_, kept) => kept === "" ? "" : `.${kept}`);
}

/** A contestant's name as short as it can be: the colour says that it is this library. */
function shortName(label: string): string {
  return label.replace(/^socket /, "").replace(", lent bytes", ", lent");
}

function drawPanel(
  panel: Panel,
  outcomes: readonly Outcome[],
  x: number,
  y: number,
  height: number,
): string {
  const bars = outcomes.flatMap(({ label, side, figures }) =>
    figures === undefined ? [] : [{ label, side, value: Math.max(0, panel.value(figures)) }]
  );
  bars.sort((a, b) => panel.better === "higher" ? b.value - a.value : a.value - b.value);
  const most = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const left = x + 12 + LABEL_WIDTH;
  const room = PANEL_WIDTH - 24 - LABEL_WIDTH - VALUE_WIDTH;
  const top = y + PANEL_HEAD, bottom = top + bars.length * BAR_STEP;
  const parts = [
    `<rect class="card" x="${x}" y="${y}" width="${PANEL_WIDTH}" height="${height}" rx="8"/>`,
    text("panel", x + 12, y + 22, panel.title),
    text("tick", x + 12, y + 37, `${panel.better} is better`),
  ];
  const step = stepOf(most, panel.text === memory);
  for (let tick = 0; tick <= most * 1.001; tick += step) {
    const at = left + tick / most * room;
    parts.push(
      `<path class="${tick === 0 ? "axis" : "grid"}" d="M${at.toFixed(1)} ${top - 3}V${bottom}"/>`,
    );
    parts.push(text("tick", at, bottom + 13, tickText(panel, tick), "middle"));
  }
  bars.forEach(({ label, side, value }, i) => {
    const barTop = top + i * BAR_STEP, middle = barTop + BAR_HEIGHT - 3.5;
    const width = Math.max(1.5, value / most * room);
    parts.push(
      text(side === "ours" ? "label own" : "label", left - 8, middle, shortName(label), "end"),
    );
    parts.push(
      `<rect class="${side}" x="${left}" y="${barTop}" width="${
        width.toFixed(1)
      }" height="${BAR_HEIGHT}" rx="2"/>`,
    );
    parts.push(
      text(side === "ours" ? "value own" : "value", left + width + 6, middle, panel.text(value)),
    );
  });
  return parts.join("\n");
}

function drawLegend(y: number): string {
  const entries = [
    ["ours", "this library"],
    ["base", "Deno's raw sockets"],
    ["peer", "peers"],
    ["limit", "C and epoll, the limit"],
  ] as const;
  let x = MARGIN;
  const parts: string[] = [];
  for (const [kind, label] of entries) {
    parts.push(`<rect class="${kind}" x="${x}" y="${y - 10}" width="22" height="11" rx="2"/>`);
    parts.push(text("quiet", x + 30, y, label));
    x += 54 + label.length * 6.9;
  }
  return parts.join("\n");
}

/** Draws the results; panels whose work was not done are left out. */
export function chartOf(results: Results): string {
  const panels = PANELS.flatMap((panel) => {
    const found = results.works.find(({ work }) => work.name === panel.work);
    const outcomes = found?.outcomes.filter(({ figures }) => figures !== undefined) ?? [];
    return outcomes.length === 0 ? [] : [{ panel, outcomes }];
  });
  const parts: string[] = [];
  let y = HEAD;
  for (let i = 0; i < panels.length; i += COLUMNS) {
    const line = panels.slice(i, i + COLUMNS);
    const bars = Math.max(...line.map(({ outcomes }) => outcomes.length));
    const height = PANEL_HEAD + bars * BAR_STEP + AXIS_HEIGHT;
    line.forEach(({ panel, outcomes }, column) => {
      parts.push(drawPanel(panel, outcomes, MARGIN + column * (PANEL_WIDTH + GAP), y, height));
    });
    y += height + 20;
  }
  const subtitle =
    `${results.machine}; ${results.runtime}; one server core; medians of ${results.rounds} rounds`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 8}" role="img">`,
    `<title>Echo servers side by side</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="paper" width="${WIDTH}" height="${y + 8}"/>`,
    text("title", MARGIN, 36, "Echo servers side by side, each on one core"),
    text("quiet", MARGIN, 58, subtitle),
    drawLegend(82),
    ...parts,
    `</svg>`,
    "",
  ].join("\n");
}
