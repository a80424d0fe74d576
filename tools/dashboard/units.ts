// Numbers with the units that a panel of Grafana names.

/** For each unit: by what it is divided again and again, and what is written then. */
const UNITS: Readonly<Record<string, readonly [base: number, words: readonly string[]]>> = {
  none: [1000, ["", " K", " Mil"]],
  cps: [1000, [" c/s", "K c/s", "M c/s"]],
  bytes: [1024, [" B", " KiB", " MiB", " GiB"]],
  Bps: [1000, [" B/s", " kB/s", " MB/s", " GB/s"]],
};

/** Writes a value in a unit. */
export function inUnit(value: number, unit: string): string {
  if (!Object.hasOwn(UNITS, unit)) throw new Error(`Cannot write values in ${unit}`);
  const [base, words] = UNITS[unit]!;
  let step = 0;
  for (; Math.abs(value) >= base && step < words.length - 1; step++) value /= base;
  return `${Number(value.toPrecision(3))}${words[step]}`;
}
