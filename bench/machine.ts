// What this machine has: cores, tools, limits, and its description in a report.

/** Where a tool is, or `undefined` where it is not. */
export async function findTool(name: string): Promise<string | undefined> {
  const found = await outputOf(["sh", "-c", `command -v "$1"`, "sh", name]);
  return found === undefined || found === "" ? undefined : found;
}

/** What a command prints, or `undefined` when it fails or is not there. */
export async function outputOf(command: readonly string[]): Promise<string | undefined> {
  try {
    const { code, stdout } = await new Deno.Command(command[0]!, {
      args: command.slice(1),
      stdin: "null",
      stderr: "null",
    }).output();
    return code === 0 ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}

/** What the bench needs to know of the machine. */
export interface Machine {
  /** Processor, cores and system in one line. */
  readonly description: string;
  /** The core of the server and the one of the load generator, where processes can be pinned. */
  readonly cores: { readonly server: number; readonly load: number } | undefined;
  /** How many files a process may have open at most. */
  readonly openFiles: number;
}

/** Looks at the machine. */
export async function lookAtMachine(): Promise<Machine> {
  const count = navigator.hardwareConcurrency;
  const pins = count > 1 && await findTool("taskset") !== undefined;
  const limit = Number(await outputOf(["sh", "-c", "ulimit -H -n"]));
  const cpuInfo = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  const model = /^model name\s*:\s*(.*)$/m.exec(cpuInfo)?.[1] ?? Deno.build.arch;
  return {
    description: `${model}, ${count} cores, ${Deno.build.os} ${Deno.osRelease()}`,
    cores: pins ? { server: count - 1, load: 0 } : undefined,
    openFiles: Number.isNaN(limit) ? 1_000_000 : limit,
  };
}

/** The command that runs another one pinned to a core and with as many open files as there may be. */
export function wrapped(command: readonly string[], core: number | undefined): string[] {
  if (Deno.build.os === "windows") return [...command];
  const raise = `ulimit -n "$(ulimit -H -n)" 2>/dev/null; exec "$@"`;
  const pin = core === undefined ? [] : ["taskset", "-c", String(core)];
  return ["sh", "-c", raise, "sh", ...pin, ...command];
}
