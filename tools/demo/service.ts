// The service to copy as a process: where it listens, what it logs, and its end.

import { samplesOf } from "./samples.ts";
import type { Samples } from "./samples.ts";

const ROOT = new URL("../../", import.meta.url);
const COMMAND = [
  ...[Deno.execPath(), "run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1", "--allow-read"],
  "examples/service/main.ts",
];

/** A line of the log of the service. */
export type LogLine = Readonly<Record<string, unknown>>;

/** A running service. */
export class DemoService {
  readonly #child: Deno.ChildProcess;
  readonly #started = Promise.withResolvers<void>();
  readonly #ended: Promise<number>;
  /** The last line of its log about a connection. */
  lastRecord = "";
  /** What it said when it started, and when it had stopped. */
  readonly said: { started?: LogLine; stopped?: LogLine } = {};

  /**
   * Starts it, on ports that the system chooses.
   *
   * @param args Further arguments; a later one wins.
   * @param command What its arguments go to, unless it is this Deno.
   */
  constructor(args: readonly string[] = [], command: readonly string[] = COMMAND) {
    const [program, ...rest] = command;
    this.#child = new Deno.Command(program!, {
      args: [...rest, "--interface=127.0.0.1", "--port=0", "--probe-port=0", ...args],
      cwd: ROOT,
      stdin: "null",
      stdout: "piped",
    }).spawn();
    this.#ended = this.#listen();
  }

  /** Resolves when it listens. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** Resolves when it has ended, with its exit code. */
  get ended(): Promise<number> {
    return this.#ended;
  }

  /** Where it listens. */
  get port(): number {
    return this.said.started?.port as number;
  }

  /** Where its probes and its numbers are. */
  get probed(): string {
    return `127.0.0.1:${this.said.started?.probePort}`;
  }

  /** Where its numbers are. */
  get url(): string {
    return `http://${this.probed}/metrics`;
  }

  /** What a probe is answered. */
  async probe(path: string): Promise<number> {
    const response = await fetch(`http://${this.probed}/${path}`);
    await response.body?.cancel();
    return response.status;
  }

  /** Its numbers. */
  async samples(): Promise<Samples> {
    return samplesOf(await (await fetch(this.url)).text());
  }

  /** Sends it a signal. */
  signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch { /* it has just ended */ }
  }

  async #listen(): Promise<number> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      lines.forEach((line) => this.#note(line));
    }
    const { code } = await this.#child.status;
    this.#started.reject(new Error("The service has ended before it listened"));
    // Nobody waits for it any more.
    this.#started.promise.catch(() => {});
    return code;
  }

  #note(line: string): void {
    const what = JSON.parse(line) as LogLine;
    if (what.event === "ended") this.lastRecord = line;
    if (what.event === "started" || what.event === "stopped") this.said[what.event] = what;
    if (what.event === "started") this.#started.resolve();
  }
}
