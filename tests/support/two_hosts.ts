// Two machines for a test: network namespaces that a cable connects, where this one may make them; else two addresses
// of the loopback interface.

import { Program, type ProgramOptions } from "./program.ts";

/** One of the two. */
export interface Host {
  /** Its address. */
  readonly address: string;
  /** Starts a program on it. */
  run(command: string, args: readonly string[], options?: ProgramOptions): Program;
}

/** The two, until they are disposed of. */
export interface TwoHosts extends AsyncDisposable {
  /** Whether they are namespaces; else they share all ports, and what is sent does not leave the loopback interface. */
  readonly areSeparate: boolean;
  readonly a: Host;
  readonly b: Host;
}

async function ip(...args: string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("ip", { args, stdout: "null", stderr: "null" })
      .output();
    return success;
  } catch {
    return false;
  }
}

function namespace(name: string, address: string): Host {
  return {
    address,
    run(command, args, options) {
      const program = command === "deno" ? Deno.execPath() : command;
      return new Program("ip", ["netns", "exec", name, program, ...args], options);
    },
  };
}

function loopback(address: string): Host {
  return { address, run: (command, args, options) => new Program(command, args, options) };
}

async function connect(a: string, b: string): Promise<boolean> {
  const [endA, endB] = [`${a}0`, `${b}0`];
  const steps = [
    ["netns", "add", a],
    ["netns", "add", b],
    ["link", "add", endA, "netns", a, "type", "veth", "peer", "name", endB, "netns", b],
    ["-n", a, "addr", "add", "10.77.0.1/24", "dev", endA],
    ["-n", b, "addr", "add", "10.77.0.2/24", "dev", endB],
    ["-n", a, "link", "set", "lo", "up"],
    ["-n", b, "link", "set", "lo", "up"],
    ["-n", a, "link", "set", endA, "up"],
    ["-n", b, "link", "set", endB, "up"],
  ];
  for (const step of steps) if (!await ip(...step)) return false;
  return true;
}

/** Makes two hosts, and says which kind where they are not separate. */
export async function twoHosts(): Promise<TwoHosts> {
  const [a, b] = ["a", "b"].map((end) => `s${Deno.pid}${end}`) as [string, string];
  const remove = async () => {
    await ip("netns", "del", a);
    await ip("netns", "del", b);
  };
  const areSeparate = await connect(a, b);
  if (!areSeparate) {
    await remove();
    console.log("no network namespaces here: two loopback addresses are the two hosts");
  }
  return {
    areSeparate,
    a: areSeparate ? namespace(a, "10.77.0.1") : loopback("127.0.0.2"),
    b: areSeparate ? namespace(b, "10.77.0.2") : loopback("127.0.0.3"),
    [Symbol.asyncDispose]: areSeparate ? remove : () => Promise.resolve(),
  };
}
