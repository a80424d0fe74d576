// The command line: `--name=value` and `--name`.

/** Reads the options that a program knows; anything else is a mistake and is named. */
export function readOptions<Known extends Record<string, string>>(known: Known): Known {
  const options: Record<string, string> = { ...known };
  for (const arg of Deno.args) {
    const [, name, value] = /^--([a-z]+)(?:=(.*))?$/.exec(arg) ?? [];
    if (name === undefined || !(name in known)) {
      const names = Object.keys(known).map((it) => `--${it}`).join(", ");
      console.error(`There is no such option: ${arg}. Known: ${names}`);
      Deno.exit(2);
    }
    options[name] = value ?? "yes";
  }
  return options as Known;
}

/** A whole number from an option. */
export function wholeNumber(text: string, atLeast = 1): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < atLeast) {
    throw new RangeError(`Not a whole number of at least ${atLeast}: ${text}`);
  }
  return number;
}

/** The parts of a list that commas separate. */
export function listOf(text: string): string[] {
  return text.split(",").map((part) => part.trim()).filter((part) => part !== "");
}
