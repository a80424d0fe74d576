// A real Prometheus that scrapes.

import { freePort } from "./free_port.ts";
import { Program } from "./program.ts";

/** One series of an answer. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** The time, and the value. */
  readonly value: readonly [time: number, value: string];
}

/** One series of an answer about a stretch of time. */
export interface SeriesOverTime {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [time: number, value: string])[];
}

/** A running Prometheus. `await using` ends it. */
export class Prometheus implements AsyncDisposable {
  readonly #program: Program;
  readonly #at: string;

  private constructor(program: Program, at: string) {
    this.#program = program;
    this.#at = at;
  }

  /** Starts it with a config, in a folder for all that it keeps. */
  static async start(
    folder: string,
    config: string,
    lifetimeInMillis = 30_000,
  ): Promise<Prometheus> {
    const file = `${folder}/prometheus.yaml`;
    await Deno.writeTextFile(file, config);
    const at = `127.0.0.1:${await freePort()}`;
    const program = new Program("prometheus", [
      `--config.file=${file}`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=${at}`,
    ], { lifetimeInMillis });
    await program.line(/Server is ready to receive web requests/, "stderr");
    return new Prometheus(program, at);
  }

  /** Asks it. */
  query(query: string): Promise<readonly Series[]> {
    return this.#ask("query", { query });
  }

  /** Asks it about a stretch of time, all in seconds. */
  range(
    query: string,
    { start, end, step }: Readonly<Record<"start" | "end" | "step", number>>,
  ): Promise<readonly SeriesOverTime[]> {
    return this.#ask("query_range", { query, start: `${start}`, end: `${end}`, step: `${step}` });
  }

  /** Asks it for one value. */
  async value(query: string): Promise<string | undefined> {
    return (await this.query(query))[0]?.value[1];
  }

  /** Asks until there is an answer; its lifetime bounds this. */
  async whenThere(query: string): Promise<readonly Series[]> {
    for (;;) {
      const series = await this.query(query);
      if (series.length > 0) return series;
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  async #ask<T>(what: string, about: Record<string, string>): Promise<T> {
    const url = `http://${this.#at}/api/v1/${what}?${new URLSearchParams(about)}`;
    const { status, error, data } = await (await fetch(url)).json();
    if (status !== "success") throw new Error(`${about.query}: ${error}`);
    return data.result;
  }

  /** Ends it in peace. */
  async stop(): Promise<void> {
    this.#program.signal("SIGTERM");
    await this.#program.ending();
  }

  /** Ends it, if it has not. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#program[Symbol.asyncDispose]();
  }
}

/** What promtool finds wrong with a text, on its standard input. Nothing is "". */
export async function promtool(args: readonly string[], input = ""): Promise<string> {
  await using program = new Program("promtool", args);
  await program.type(input);
  await program.endInput();
  const { code, stdout, stderr } = await program.ending();
  return code === 0 ? "" : `${code}: ${stdout}${stderr}`;
}
