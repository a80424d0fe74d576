// Numbers as a text for Prometheus has them, and a table of them for people.

import { many } from "../soak/words.ts";

/** What a text for Prometheus says: a value for each line, by its name and label. */
export type Samples = Readonly<Record<string, number>>;

/** Reads the samples of a text for Prometheus. */
export function samplesOf(text: string): Samples {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(lines.map((line) => {
    const end = line.lastIndexOf(" ");
    return [line.slice(0, end), Number(line.slice(end + 1))];
  }));
}

/**
 * A table of what is not zero: each value, and of counters how much they grow.
 *
 * @param last What was there some time ago.
 * @param seconds How long ago that was.
 */
export function tableOf(samples: Samples, last: Samples, seconds: number): string {
  const rows = Object.entries(samples).filter(([, value]) => value !== 0).map(([name, value]) => {
    const growth = (value - (last[name] ?? 0)) / seconds;
    const perSecond = /_total\b/.test(name) ? many(growth) : "";
    return [name, many(value), perSecond] as const;
  });
  return [["", "now", "per second"] as const, ...rows].map(([name, value, perSecond]) =>
    `${name.padEnd(40)}${value.padStart(12)}${perSecond.padStart(12)}`.trimEnd()
  ).join("\n");
}
