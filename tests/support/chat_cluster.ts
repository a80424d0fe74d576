// examples/chat_cluster on two hosts: two processes on each, HAProxy and the bus on the first.

import { freePort } from "./free_port.ts";
import type { Program } from "./program.ts";
import { root } from "./source.ts";
import { type Host, type TwoHosts, twoHosts } from "./two_hosts.ts";

const FOLDER = "examples/chat_cluster";
const RUN = ["run", "--quiet", "--no-prompt", "--allow-net", "--allow-env", "--allow-sys"];
const LISTENING = /^Listening on /;
/** The longest that any program of the cluster lives. */
const lives = { lifetimeInMillis: 110_000 };

/** What the guests of `tools/chat_guests.ts` have seen. */
export interface Books {
  /** Lines that came back to their author. */
  readonly said: number;
  /** Lines that came to a guest, its own ones too. */
  readonly heard: number;
  /** Lines that came twice, or before an earlier one of their author. */
  readonly unordered: number;
  /** Lines that were said and did not come, to guests who were told of no gap. */
  readonly missing: number;
  /** Lines that did not come back to their author. */
  readonly lost: number;
  /** Lines that the chat refused. */
  readonly refused: number;
  /** How often guests had to come back. */
  readonly returns: number;
}

/** What a process of the chat counts. */
export interface Stats {
  readonly accepted: number;
  readonly open: number;
  /** Lines that slow guests have missed. */
  readonly missed: number;
}

/** One process of the chat. */
export interface Member {
  readonly host: Host;
  readonly port: number;
  readonly health: number;
  program: Program;
}

/** A bus for the chat: how to start it, and its address. */
export interface BusProgram {
  start(host: Host, port: number): Promise<Program>;
  address(host: Host, port: number): string;
}

/** NATS. */
export const nats: BusProgram = {
  async start(host, port) {
    const args = ["-a", host.address, "-p", String(port)];
    const program = host.run("nats-server", args, lives);
    await program.line(/Server is ready/, "stderr");
    return program;
  },
  address: (host, port) => `nats://${host.address}:${port}`,
};

/** Redis, which keeps nothing. */
export const redis: BusProgram = {
  async start(host, port) {
    const settings = {
      bind: host.address,
      port,
      save: "",
      appendonly: "no",
      "protected-mode": "no",
    };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`]);
    const program = host.run("redis-server", args, lives);
    await program.line(/Ready to accept connections/);
    return program;
  },
  address: (host, port) => `redis://${host.address}:${port}`,
};

/** The whole cluster. */
export class Cluster implements AsyncDisposable {
  /** The processes of the chat: two on each host. */
  readonly members: Member[] = [];
  readonly #hosts: TwoHosts;
  readonly #kind: BusProgram;
  readonly #busPort: number;
  readonly #door: number;
  #bus: Program | undefined;
  #proxy: Program | undefined;

  private constructor(hosts: TwoHosts, kind: BusProgram, busPort: number, door: number) {
    this.#hosts = hosts;
    this.#kind = kind;
    this.#busPort = busPort;
    this.#door = door;
  }

  /** Starts all of it. HAProxy's configuration goes into the folder. */
  static async start(kind: BusProgram, folder: string): Promise<Cluster> {
    const cluster = new Cluster(await twoHosts(), kind, await freePort(), await freePort());
    try {
      await cluster.startBus();
      const { a, b } = cluster.#hosts;
      for (const host of [a, a, b, b]) {
        const [port, health] = [await freePort(), await freePort()];
        cluster.members.push({ host, port, health, program: cluster.#run(host, port, health) });
      }
      await Promise.all(cluster.members.map(({ program }) => program.line(LISTENING)));
      await cluster.#openTheDoor(folder);
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts the bus, or starts it again. */
  async startBus(): Promise<void> {
    this.#bus = await this.#kind.start(this.#hosts.a, this.#busPort);
  }

  /** Ends the bus in the middle of everything. */
  async killBus(): Promise<void> {
    await this.#bus?.[Symbol.asyncDispose]();
  }

  /** Starts a process again that has ended, and waits until it serves guests. */
  async startAgain(member: Member): Promise<void> {
    member.program = this.#run(member.host, member.port, member.health);
    await member.program.line(LISTENING);
  }

  /** What a process says of itself. */
  async statsOf({ host, health }: Member): Promise<Stats> {
    const url = `http://${host.address}:${health}/stats`;
    await using curl = host.run("curl", ["-sS", "--max-time", "5", url]);
    return JSON.parse((await curl.ending()).stdout);
  }

  /** Where guests come in; only programs on the first host reach it. */
  get door(): { readonly hostname: string; readonly port: number } {
    return { hostname: this.#hosts.a.address, port: this.#door };
  }

  /** The process ids of the bus and of HAProxy. */
  get pids(): { readonly bus: number; readonly proxy: number } {
    return { bus: this.#bus!.pid, proxy: this.#proxy!.pid };
  }

  /** Starts a program on the first host. */
  runInside(command: string, args: readonly string[]): Program {
    return this.#hosts.a.run(command, args, lives);
  }

  /** Lets guests in, and waits until they are all in their rooms. */
  guests(rooms: number, perRoom: number, lines?: number): Program {
    const { a } = this.#hosts;
    const numbers = [this.#door, rooms, perRoom, ...lines === undefined ? [] : [lines]];
    const args = ["run", "--quiet", "--allow-net", "tools/chat_guests.ts", a.address];
    return a.run("deno", [...args, ...numbers.map(String)], lives);
  }

  /** A guest that enters a room and reads nothing. */
  deafGuest(room: string): Program {
    const { a } = this.#hosts;
    const script = `exec 3<>/dev/tcp/${a.address}/${this.#door}; echo /join ${room} >&3; read _`;
    return a.run("bash", ["-c", script], lives);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const programs = [this.#proxy, ...this.members.map(({ program }) => program), this.#bus];
    for (const program of programs) await program?.[Symbol.asyncDispose]();
    await this.#hosts[Symbol.asyncDispose]();
  }

  #run(host: Host, port: number, health: number): Program {
    const { a } = this.#hosts;
    const bus = this.#kind.address(a, this.#busPort);
    const options = { bus, host: host.address, port, health, proxy: a.address, "accept-for": 500 };
    const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    return host.run("deno", [...RUN, `${FOLDER}/server.ts`, ...args], lives);
  }

  /** HAProxy with the example's own configuration, but for the addresses. */
  async #openTheDoor(folder: string): Promise<void> {
    const example = await Deno.readTextFile(new URL(`${FOLDER}/haproxy.cfg`, root));
    const config = this.members
      .reduce((text, { host, port, health }) => {
        return text.replace(/127\S+ port \d+/, `${host.address}:${port} port ${health}`);
      }, example)
      .replace(/bind \S+/, `bind ${this.#hosts.a.address}:${this.#door}`);
    await Deno.writeTextFile(`${folder}/haproxy.cfg`, config);
    this.#proxy = this.#hosts.a.run("haproxy", ["-f", `${folder}/haproxy.cfg`], lives);
  }
}
