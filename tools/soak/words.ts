// Amounts in words, as the table of results has them.

import type { Allowance } from "./memory.ts";
import type { ClientReport } from "./scenario.ts";

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;

/** A whole number for people. */
export function many(count: number | undefined): string {
  return Math.round(count ?? 0).toLocaleString("en");
}

/** An amount of bytes for people. */
export function amountOf(bytes: number): string {
  let unit = 0;
  for (; bytes >= 1024 && unit < UNITS.length - 1; unit++) bytes /= 1024;
  return `${unit === 0 || bytes >= 100 ? many(bytes) : bytes.toFixed(1)} ${UNITS[unit]}`;
}

/** How long the slowest answer took. */
export function slowest({ slowestMillis }: ClientReport): string {
  return `slowest answer ${many(slowestMillis)} ms`;
}

/** What memory may grow by in most scenarios: the engine's own code and tables. */
export const USUAL_ALLOWANCE: Allowance = {
  after: 2 * 2 ** 20,
  during: 16 * 2 ** 20,
  resident: 64 * 2 ** 20,
};
