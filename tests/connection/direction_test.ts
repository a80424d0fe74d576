import { assert, assertEquals } from "@std/assert";
import { coreOf } from "../../src/connection/connection.ts";
import { Direction, type DirectionHost } from "../../src/connection/direction.ts";
import type { StreamCore } from "../../src/connection/stream_core.ts";
import { end, pause, reset } from "../../testing/mod.ts";
import { readsOf } from "../support/scripted_connection.ts";
import { scriptedConnection } from "../support/scripted_connection.ts";

/** A direction alone, whose host writes down what it is told. */
function direction(
  script: Parameters<typeof scriptedConnection>[0],
  options: Parameters<typeof scriptedConnection>[2] = {},
) {
  const from = scriptedConnection(script, { overwriteLentBytes: true });
  const to = scriptedConnection([], {}, options);
  const told: string[] = [];
  const host: DirectionHost & { isOver: boolean; most: number } = {
    isOver: false,
    most: Infinity,
    mayPass: (_direction, length) => (told.push(`pass ${length}`), length <= host.most),
    onSent: () => void told.push("sent"),
    onEnd: () => void told.push("end"),
    onGone: (core: StreamCore) =>
      void told.push(core === coreOf(from.connection) ? "from gone" : "to gone"),
    onRefused: (error) => void told.push((error as Error).message),
    isBusy: () => true,
  };
  const it = new Direction(coreOf(from.connection), coreOf(to.connection), host);
  const settled = async () => {
    await from.clock.settle();
    await to.clock.settle();
  };
  return { it, from, to, host, told, settled };
}

Deno.test("Direction reads when the system has taken the last bytes", async () => {
  const slow = pause(10);
  const { it, from, to, settled, told } = direction(["one", "two"], { writes: [slow, 3, 3] });
  const { writer } = coreOf(to.connection);
  const post = writer.post.bind(writer);
  const lent: Uint8Array[] = [];
  writer.post = (content, onSent) => (lent.push(content as Uint8Array), post(content, onSent));
  it.begin();
  await settled();
  // A write that waits: nothing more is read, whatever is there.
  assertEquals([readsOf(from.peer), to.peer.writtenText, it.isPassing, it.bytes], [1, "", true, 0]);
  await to.clock.advance(10);
  await settled();
  assertEquals([to.peer.writtenText, it.isPassing, it.bytes], ["onetwo", false, 6]);
  assertEquals(told, ["pass 3", "sent", "pass 3", "sent"]);
  assert(coreOf(from.connection).reader.isBusy);
  // Not its own: as soon as they have gone out, they are lent no more.
  assertEquals(lent.map((bytes) => bytes[0]), [0xdb, 0xdb]);
  assertEquals([...from.peer.violations, ...to.peer.violations], []);
  from.connection.abort();
  to.connection.abort();
});

Deno.test("Direction passes its end on after everything else", async () => {
  const { it, to, settled, told } = direction(["last", end()]);
  it.begin();
  await settled();
  assertEquals([to.peer.writtenText, it.hasEnded], ["last", true]);
  assertEquals(to.peer.calls.at(-1), "closeWrite");
  assertEquals(told, ["pass 4", "sent", "end"]);
  to.connection.abort();
});

Deno.test("Direction begins when what was written before has gone out", async () => {
  const { it, from, to, settled } = direction(["after"], { writes: [pause(10)] });
  void to.connection.write("before ");
  it.begin();
  await settled();
  assertEquals([readsOf(from.peer), it.isPassing], [0, true]);
  await to.clock.advance(10);
  await settled();
  assertEquals([to.peer.writtenText, it.bytes], ["before after", 5]);
  from.connection.abort();
  to.connection.abort();
});

Deno.test("Direction says which connection is gone", async () => {
  const broken = direction(["a", reset()]);
  broken.it.begin();
  await broken.settled();
  assertEquals(broken.told, ["pass 1", "sent", "from gone"]);
  const closed = direction(["a"]);
  closed.it.begin();
  void closed.to.connection.close();
  await closed.settled();
  assertEquals(closed.told, ["pass 1", "to gone"]);
  for (const { from, to } of [broken, closed]) {
    from.connection.abort();
    to.connection.abort();
  }
});

Deno.test("Direction goes on with nothing that it must not have", async () => {
  const over = direction(["a"]);
  over.it.begin();
  over.host.isOver = true;
  await over.settled();
  const limited = direction(["four"]);
  limited.host.most = 3;
  limited.it.begin();
  await limited.settled();
  assertEquals([over.to.peer.writtenText, limited.to.peer.writtenText], ["", ""]);
  // Somebody else reads between two of its reads.
  const taken = direction(["a"], { writes: [pause(10)] });
  taken.it.begin();
  await taken.settled();
  const reading = taken.from.connection.read().catch((error) => error.code);
  await taken.to.clock.advance(10);
  await taken.settled();
  assertEquals(
    taken.told.at(-1),
    "Cannot relay: another reader takes bytes of a connection that is being relayed",
  );
  // Whoever has ended writing: the connection lives, and nothing can be passed on.
  const ended = direction(["a"]);
  await ended.to.connection.shutdownWrite();
  ended.it.begin();
  await ended.settled();
  assertEquals(ended.told.at(-1), "Cannot write: writing was shut down or closed before");
  for (const { from, to } of [over, limited, taken, ended]) {
    from.connection.abort();
    to.connection.abort();
  }
  assertEquals(await reading, "aborted");
});
