// A program of the bench in its own process: it prints lines of JSON, may be sent lines, and is ended by its id when
// its time is over, at the latest.
import { wrapped } from "./machine.ts";

/** How a program is run. */
export interface Run {
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** The core it is pinned to, where it is. */
  readonly core: number | undefined;
  /** What is added to its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** After which time it is ended, whatever it does. */
  readonly deadlineInMillis: number;
}

/** A running program. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<string>;
  readonly #errors: Promise<string>;
  readonly #deadline: ReturnType<typeof setTimeout>;
  #rest = "";

  constructor({ command, core, env, deadlineInMillis }: Run) {
    const [program, ...args] = wrapped(command, core);
    this.#child = new Deno.Command(program!, {
      args,
      env: { ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#errors = new Response(this.#child.stderr).text();
    this.#deadline = setTimeout(() => this.#kill(), deadlineInMillis);
  }

  /** Its process id: the wrapping shell and the pinning tool become the program itself. */
  get pid(): number {
    return this.#child.pid;
  }

  /** The next line of JSON that it prints; an error with what it said when it has ended instead. */
  async nextLine(): Promise<unknown> {
    for (;;) {
      const newline = this.#rest.indexOf("\n");
      if (newline >= 0) {
        const line = this.#rest.slice(0, newline);
        this.#rest = this.#rest.slice(newline + 1);
        return JSON.parse(line);
      }
      const { value, done } = await this.#output.read();
      if (done) throw new Error(`ended early: ${(await this.#errors).trim().slice(-300)}`);
      this.#rest += value;
    }
  }

  /** Sends it an empty line. */
  async nudge(): Promise<void> {
    await this.#input.write(new TextEncoder().encode("\n"));
  }

  /** Ends its input, which ends it; kills it when it has not ended in two seconds. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close().catch(() => {});
    const patience = setTimeout(() => this.#kill(), 2000);
    await this.#output.cancel();
    await this.#errors;
    await this.#child.status;
    clearTimeout(patience);
    clearTimeout(this.#deadline);
  }

  #kill(): void {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}
