// More clients than a listener's limits let in at once.

import {
  type Caller,
  Client,
  Listener,
  type ListenerConfig,
  type SocketError,
} from "../../../mod.ts";
import type { SimulatedHost, SimulatedNetwork } from "../../../testing/mod.ts";
import { type Campaign, ensure, isGentle } from "./campaign.ts";

const PORT = 110;

/** No limit is ever exceeded, clients that only have to wait are served in the end, and the counts are right. */
export const crowd: Campaign = {
  name: "crowd",
  async run(net) {
    const server = net.host("server");
    const hosts = ["one", "two", "three"].map((name) => net.host(name));
    const told = new Map<string, number>();
    const limits = drawLimits(net, hosts);
    await using listener = new Listener(PORT, {
      ...limits,
      network: server,
      idleTimeoutInMillis: 60_000,
      onEvent(event) {
        if (event.kind === "refused") told.set(event.reason, (told.get(event.reason) ?? 0) + 1);
      },
    });
    const seen = { connections: 0, bytesRead: 0, bytesWritten: 0 };
    const open = new Set<Caller>();
    const problems: Error[] = [];
    listener.attach({
      onConnect(caller) {
        seen.connections++;
        open.add(caller);
        const { maxConnections = Infinity, maxConnectionsPerAddress = Infinity } = limits;
        ensure(open.size <= maxConnections, `${open.size} connections are open`);
        const same = [...open].filter(({ remoteAddress: a }) => a === caller.remoteAddress).length;
        ensure(same <= maxConnectionsPerAddress, `${same} of one address are open`);
        ensure(!limits.deny?.includes(caller.remoteAddress), "somebody denied has come in");
      },
      async onReadReady(caller) {
        const [bytes, length] = await caller.read();
        if (length > 0) await caller.write(bytes);
      },
      onError(_caller, error) {
        // An error found in onConnect ends only its connection; it must fail the run.
        if ((error as SocketError).code === undefined) problems.push(error);
      },
      onClose(caller) {
        open.delete(caller);
        seen.bytesRead += caller.bytesRead;
        seen.bytesWritten += caller.bytesWritten;
      },
    });
    await listener.start();
    const rush = net.random.pick([100, 1500, 5000]);
    const visits = Array.from({ length: net.random.integer(1, 12) }, async () => {
      await net.delay(net.random.integer(0, rush));
      return await visit(net, net.random.pick(hosts));
    });
    const served = (await Promise.all(visits)).filter((isServed) => isServed).length;
    await listener.gracefulStop({ deadlineInMillis: 600_000 });

    if (problems[0] !== undefined) throw problems[0];
    const stats = listener.stats();
    const rejected = Object.values(stats.rejected).reduce((sum, count) => sum + count, 0);
    for (const [reason, count] of Object.entries(stats.rejected)) {
      ensure(count === (told.get(reason) ?? 0), `${reason}: ${count} counted, not all told`);
    }
    ensure(stats.open === 0 && stats.queuedBytes === 0, "something is open after the stop");
    ensure(stats.accepted === seen.connections, `${stats.accepted} of ${seen.connections} counted`);
    const ended = Object.values(stats.ended).reduce((sum, count) => sum + count, 0);
    ensure(ended === stats.accepted, `${ended} of ${stats.accepted} have ended`);
    ensure(stats.bytesRead === seen.bytesRead, "the bytes read do not add up");
    ensure(stats.bytesWritten === seen.bytesWritten, "the bytes written do not add up");
    if (isGentle(net)) {
      ensure(served + rejected === visits.length, `${served} served, ${rejected} refused`);
    }
  },
};

function drawLimits(net: SimulatedNetwork, hosts: readonly SimulatedHost[]): ListenerConfig {
  const limit = (...some: number[]) => net.random.pick([Infinity, ...some]);
  return {
    maxConnections: limit(1, 3),
    maxConnectionsPerAddress: limit(1, 2),
    maxConnectionsPerSecond: limit(1, 10),
    maxConnectionsPerSecondPerAddress: limit(1, 5),
    ...(net.random.chance(0.3) ? { deny: [net.random.pick(hosts).address] } : {}),
  };
}

/** Says something, and hears it again unless it is refused. */
async function visit(net: SimulatedNetwork, host: SimulatedHost): Promise<boolean> {
  let client;
  try {
    client = await Client.connect({
      host: "server",
      port: PORT,
      network: host,
      connectTimeoutInMillis: 200_000,
    });
    const said = net.random.bytes(net.random.integer(1, 300));
    void client.write(said);
    const [heard, length] = await client.read(said.length);
    ensure(heard.every((byte, at) => byte === said[at]), "something else came back");
    if (net.random.chance(0.3)) await net.delay(net.random.integer(0, 3000));
    return length === said.length;
  } catch (error) {
    const { code } = error as SocketError;
    // A refusal cuts the connection; the rest happens only where the network may do it.
    if (code === "broken" || (!isGentle(net) && code !== undefined)) return false;
    throw error;
  } finally {
    await client?.close();
  }
}
