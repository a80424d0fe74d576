// Another program as a test's peer: what it prints, line by line, and its end. Never outlives its test.

const ROOT = new URL("../../", import.meta.url);

/** How a program is started. */
export interface ProgramOptions {
  /** How long it may live, in milliseconds; then it is killed, and all waits for it reject. */
  readonly lifetimeInMillis?: number;
  /** Variables besides those of this process. */
  readonly env?: Record<string, string>;
  /** The folder it runs in, the repository's root unless given. */
  readonly cwd?: string;
}

/** How a program ended, and all it printed. */
export interface Ending {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Stream = "stdout" | "stderr";

interface Waiter {
  readonly pattern: RegExp;
  resolve(match: RegExpExecArray): void;
  reject(error: Error): void;
}

/** One of a program's outputs, and the waits for its lines. */
class Printed {
  text = "";
  readonly waiters: Waiter[] = [];
  /** Up to where lines were given to a wait, or skipped. */
  #taken = 0;

  /** Gives lines to the waits for them, in order. */
  deal(): void {
    while (this.waiters.length > 0) {
      const end = this.text.indexOf("\n", this.#taken);
      if (end < 0) return;
      const line = this.text.slice(this.#taken, end);
      this.#taken = end + 1;
      const match = this.waiters[0]!.pattern.exec(line);
      if (match !== null) this.waiters.shift()!.resolve(match);
    }
  }
}

/** A running program. `await using` ends it. */
export class Program implements AsyncDisposable {
  readonly #name: string;
  readonly #child: Deno.ChildProcess;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #printed = { stdout: new Printed(), stderr: new Printed() };
  readonly #readers: ReadableStreamDefaultReader<string>[] = [];
  #hasEnded = false;
  #isOverdue = false;
  readonly #ended: Promise<Ending>;

  /** Starts a program; `"deno"` is the one that runs the tests. */
  constructor(command: string, args: readonly string[], options: ProgramOptions = {}) {
    this.#name = [command, ...args].join(" ");
    this.#child = new Deno.Command(command === "deno" ? Deno.execPath() : command, {
      args: [...args],
      cwd: options.cwd ?? ROOT,
      env: { NO_COLOR: "1", ...options.env },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#stdin = this.#child.stdin.getWriter();
    this.#stdin.closed.catch(() => {});
    this.#timer = setTimeout(() => {
      this.#isOverdue = true;
      this.#kill();
    }, options.lifetimeInMillis ?? 20_000);
    this.#ended = this.#watch();
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Waits for the next line on one of its outputs that matches; earlier ones are skipped. */
  line(pattern: RegExp, on: Stream = "stdout"): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    promise.catch(() => {});
    this.#printed[on].waiters.push({ pattern, resolve, reject });
    this.#printed[on].deal();
    if (this.#hasEnded) this.#disappoint();
    return promise;
  }

  /** Types something into it. */
  async type(content: string | Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#stdin.write(
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
  }

  /** Ends its standard input. */
  async endInput(): Promise<void> {
    await this.#stdin.close();
  }

  /** Sends it a signal. */
  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits until it has ended on its own. */
  async ending(): Promise<Ending> {
    const ending = await this.#ended;
    if (this.#isOverdue) throw new Error(this.#said("did not end in time"));
    return ending;
  }

  /** Ends it, if it has not. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#kill();
    await this.#ended;
  }

  #kill(): void {
    if (this.#hasEnded) return;
    try {
      this.#child.kill("SIGKILL");
    } catch { /* it has just ended by itself */ }
    // A child process may still hold the pipes, and is not waited for.
    for (const reader of this.#readers) void reader.cancel();
  }

  async #watch(): Promise<Ending> {
    const collecting = [this.#collect("stdout"), this.#collect("stderr")];
    const status = await this.#child.status;
    await Promise.all(collecting);
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    await this.#stdin.abort().catch(() => {});
    this.#disappoint();
    const { stdout, stderr } = this.#printed;
    return { code: status.code, signal: status.signal, stdout: stdout.text, stderr: stderr.text };
  }

  async #collect(name: Stream): Promise<void> {
    const reader = this.#child[name].pipeThrough(new TextDecoderStream()).getReader();
    this.#readers.push(reader);
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.#printed[name].text += value;
      this.#printed[name].deal();
    }
  }

  /** There will be no more lines. */
  #disappoint(): void {
    const how = this.#isOverdue ? "had to be killed" : "ended";
    for (const { waiters } of Object.values(this.#printed)) {
      for (const { pattern, reject } of waiters.splice(0)) {
        reject(new Error(this.#said(`${how} without a line like ${pattern}`)));
      }
    }
  }

  #said(what: string): string {
    const { stdout, stderr } = this.#printed;
    return `"${this.#name}" ${what}; it printed:\n${stdout.text}\n${stderr.text}`;
  }
}

/** Runs a program that must succeed to its end, and gives what it printed. */
export async function outputOf(
  name: string,
  args: readonly (string | number)[],
  input?: Uint8Array<ArrayBuffer>,
): Promise<string> {
  await using program = new Program(name, args.map(String));
  if (input !== undefined) {
    await program.type(input);
    await program.endInput();
  }
  const { code, stdout, stderr } = await program.ending();
  if (code !== 0 || stderr !== "") throw new Error(`${name} ended with ${code}: ${stderr}`);
  return stdout;
}

/** Whether there is such a program on this machine. */
export async function isInstalled(command: string): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("sh", { args: ["-c", `command -v ${command}`] })
      .output();
    return success;
  } catch {
    return false;
  }
}
