// The service to copy, examples/service/, as a process of its own.

import { connect } from "node:net";
import { assertEquals } from "@std/assert";
import type { Client } from "../../mod.ts";
import { type Samples, samplesOf } from "../../tools/demo/samples.ts";
import { Program } from "./program.ts";

/** A line of its log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** The service, where it listens, and what it says of itself. */
export class Service implements AsyncDisposable {
  readonly program: Program;
  readonly port: number;
  readonly probePort: number;

  private constructor(program: Program, { port, probePort }: Pick<Service, "port" | "probePort">) {
    this.program = program;
    this.port = port;
    this.probePort = probePort;
  }

  /** Starts it. @param cwd The folder that has the library and the examples. */
  static async start(args: readonly string[] = [], cwd?: string): Promise<Service> {
    const run = ["run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1", "--allow-read"];
    const where = ["--interface=127.0.0.1", "--port=0", "--probe-port=0"];
    const all = [...run, "examples/service/main.ts", ...where, ...args];
    const program = new Program("deno", all, cwd === undefined ? {} : { cwd });
    const [line] = await program.line(/^.*"started".*$/);
    return new Service(program, JSON.parse(line));
  }

  /** What a probe is answered. */
  async probe(path: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.probePort}/${path}`);
    await response.body?.cancel();
    return response.status;
  }

  /** What Prometheus is answered. */
  async metrics(): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.probePort}/metrics`);
    const text = await response.text();
    assertEquals(
      [response.status, response.headers.get("content-type")],
      [200, "text/plain; version=0.0.4"],
    );
    return text;
  }

  /** Its numbers. */
  async samples(): Promise<Samples> {
    return samplesOf(await this.metrics());
  }

  /** Waits until it has ended in peace, and gives its log. */
  async log(): Promise<LogLine[]> {
    const { code, stdout, stderr } = await this.program.ending();
    assertEquals([code, stderr], [0, ""]);
    return stdout.trim().split("\n").map((line) => JSON.parse(line));
  }

  /** Ends it, if it has not. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.program[Symbol.asyncDispose]();
  }
}

/** Says some lines to it, and checks the answers. @returns How many there were. */
export async function talk(client: Client, lines: number): Promise<number> {
  for (let i = 0; i < lines; i++) {
    // The answer is shorter, so that nobody takes one number for the other.
    await client.write(`line ${i}\r\n`);
    assertEquals(await client.readLine(), `LINE ${i}`);
  }
  return lines;
}

/** A client that says a line of two bytes, gets the answer, and resets its connection. */
export async function breakOff({ port }: Pick<Service, "port">): Promise<void> {
  const answer = Promise.withResolvers<string>();
  const socket = connect(port, "127.0.0.1", () => socket.write("x\n"));
  socket.once("error", answer.reject);
  socket.once("close", () => answer.reject(new Error("The connection was refused")));
  socket.once("data", (bytes) => answer.resolve(String(bytes)));
  assertEquals(await answer.promise, "X\n");
  socket.resetAndDestroy();
}
