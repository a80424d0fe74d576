// A chat server: what one member says, all of them hear, in the same order.

import { type Caller, Listener } from "../../../mod.ts";
import type { SimulatedNetwork } from "../../../testing/mod.ts";
import { type Campaign, dial, ensure, isGentle, survives } from "./campaign.ts";

/** Every member hears a part of the same conversation, without a gap, from the moment of joining on. */
export const chat: Campaign = {
  name: "chat",
  async run(net) {
    const log: string[] = [];
    const joinedAt = new Map<string, number>();
    const rest = new WeakMap<Caller, string>();
    const decoder = new TextDecoder();
    await using listener = new Listener(6667, {
      network: net.host("server"),
      closeTimeoutInMillis: 600_000,
    });
    listener.attach({
      async onReadReady(caller) {
        const [bytes, length] = await caller.read();
        if (length < 0) return;
        const lines = ((rest.get(caller) ?? "") + decoder.decode(bytes)).split("\n");
        rest.set(caller, lines.pop()!);
        for (const line of lines) {
          if (line.startsWith("join ")) joinedAt.set(line.slice(5), log.length);
          log.push(line);
          for (const member of listener.connections) void member.write(`${line}\n`);
        }
      },
      onError() {},
    });
    await listener.start();
    const names = Array.from({ length: net.random.integer(2, 5) }, (_, index) => `member${index}`);
    const perMember = net.random.integer(1, 6);
    const everybody = new Barrier(names.length);
    const heard = await Promise.all(
      names.map((name) => member(net, name, perMember, names.length * perMember, everybody)),
    );
    await listener.gracefulStop({ deadlineInMillis: 600_000 });
    names.forEach((name, index) => {
      const lines = heard[index]!;
      const own = log.filter((line) => line.startsWith(`${name} `));
      ensure(
        own.every((line, number) => line === said(name, number)),
        `${name} was heard as ${own.join()}`,
      );
      const ownJoin = lines.indexOf(`join ${name}`);
      if (ownJoin < 0) return ensure(!isGentle(net), `${name} never heard itself join`);
      // It may have heard others before the server read its own line, since its connection was accepted.
      const from = joinedAt.get(name)! - ownJoin;
      const expected = log.slice(from, from + lines.length);
      ensure(lines.join() === expected.join(), `${name} heard ${lines.join()} of ${log.join()}`);
      ensure(
        !isGentle(net) || from + lines.length === log.length,
        `${name} missed ${log.length - from - lines.length} of ${log.length} lines`,
      );
    });
  },
};

/** Opens when all have arrived, or are known not to. */
class Barrier {
  readonly #opens = Promise.withResolvers<void>();
  #missing: number;

  constructor(missing: number) {
    this.#missing = missing;
  }

  come(): Promise<void> {
    if (--this.#missing === 0) this.#opens.resolve();
    return this.#opens.promise;
  }
}

function said(name: string, number: number): string {
  return `${name} ${number} ${"la".repeat((number * 7) % 20)}`;
}

/** Joins, waits for the others, speaks, and listens until all is said or five minutes are silent. */
async function member(
  net: SimulatedNetwork,
  name: string,
  messages: number,
  total: number,
  everybody: Barrier,
): Promise<string[]> {
  await net.delay(net.random.integer(0, 300));
  const client = await survives(
    net,
    dial(net, name, { host: "server", port: 6667 }),
  );
  if (client === undefined) return void everybody.come(), [];
  const heard: string[] = [];
  const joined = Promise.withResolvers<void>();
  const listening = (async () => {
    const decoder = new TextDecoder();
    let rest = "";
    while (heard.filter((line) => !line.startsWith("join ")).length < total) {
      const read = await survives(net, client.read());
      if (read === undefined || read[1] < 0) break;
      const lines = (rest + decoder.decode(read[0])).split("\n");
      rest = lines.pop()!;
      heard.push(...lines);
      if (heard.includes(`join ${name}`)) joined.resolve();
    }
    joined.resolve();
  })();
  await survives(net, client.write(`join ${name}\n`));
  await joined.promise;
  await everybody.come();
  for (let number = 0; number < messages; number++) {
    if (net.random.chance(0.5)) await net.delay(net.random.integer(0, 100));
    const written = survives(net, client.write(`${said(name, number)}\n`));
    if (net.random.chance(0.5)) await written;
  }
  await listening;
  await client.close();
  return heard;
}
