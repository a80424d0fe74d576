import { assert, assertEquals } from "@std/assert";
import { Requests } from "../../clients.ts";
import { Connection, GenericError, LineCodec, type SocketError } from "../../mod.ts";
import { type ChannelHost, RequestChannel } from "../../src/clients/request_channel.ts";
import { coreOf } from "../../src/connection/connection.ts";
import { Request } from "../../src/clients/request.ts";
import { resolveRequests } from "../../src/clients/requests_config.ts";
import { connectedPair, connectedTransports, VirtualClock } from "../../testing/mod.ts";
import { denoNetwork } from "../../src/network/deno/deno_network.ts";
import { arrivingConnection, scriptedConnection } from "../support/scripted_connection.ts";
import { reset, silence, until } from "../../testing/mod.ts";
import { text } from "../support/text.ts";

const codec = new LineCodec();

function request(message: string, ended: unknown[]): Request<string, string> {
  return new Request<string, string>(
    message,
    undefined,
    1,
    (answer) => ended.push(answer),
    (error) => ended.push(error),
  );
}

interface Broken {
  readonly error: SocketError;
  readonly owed: readonly Request<string, string>[];
}

function host(broken: Broken[]): ChannelHost<string, string> {
  return {
    settings: resolveRequests<string, string>({}),
    strays: { late: 0, unexpected: 0, pushed: 0, answered: 0 },
    onClosing() {},
    pump() {},
    lookBy() {},
    onBroken: (_channel, error, owed) => broken.push({ error, owed }),
  };
}

Deno.test("RequestChannel hands back what it owes, in order, and knows what had left", async () => {
  const broken: Broken[] = [];
  const [answer, cut] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const script = [until(answer.promise), "A\n", until(cut.promise), reset()];
  const { clock, connection } = scriptedConnection(script);
  const channel = new RequestChannel(connection, codec, host(broken));
  const ended: unknown[] = [];
  channel.send(request("a", ended));
  answer.resolve();
  await clock.settle();
  assertEquals(ended, ["A"]);
  const [b, c] = [request("b", ended), request("c", ended)];
  channel.send(b);
  channel.send(c);
  assertEquals([channel.hasLeft(b), channel.inFlight], [false, 2]);
  await clock.settle();
  cut.resolve();
  await clock.settle();
  const [{ error, owed }] = broken as [Broken];
  assertEquals([error.code, owed, broken.length], ["broken", [b, c], 1]);
  assertEquals([channel.hasLeft(b), channel.hasLeft(c), channel.hasRoom], [true, true, false]);
  // It fails once.
  channel.fail(error);
  channel.retire();
  assertEquals([broken.length, ended], [1, ["A"]]);
});

Deno.test("RequestChannel counts what the system was offered as left, whether it says so or not", async () => {
  const broken: Broken[] = [];
  const [transport, other] = connectedTransports();
  const taken = Promise.withResolvers<number>();
  transport.write = () => taken.promise;
  const connection = new Connection(transport);
  const channel = new RequestChannel(connection, codec, host(broken));
  const [a, b] = [request("a", []), request("b", [])];
  channel.send(a);
  while (!channel.hasLeft(a)) await Promise.resolve();
  channel.send(b);
  connection.abort("enough");
  await connection.closed;
  assertEquals([channel.hasLeft(a), channel.hasLeft(b)], [true, false]);
  taken.resolve(2);
  other.close();
});

/** A channel whose first write is taken late, with what has left: "a" is under way, "b" is queued, "c" is gathered. */
async function threeRequests(broken: Broken[]) {
  const [transport, other] = connectedTransports();
  const taken = Promise.withResolvers<number>();
  const written: string[] = [];
  transport.write = (bytes) => {
    written.push(text(bytes));
    return written.length === 1 ? taken.promise : Promise.resolve(bytes.length);
  };
  const connection = new Connection(transport);
  const channel = new RequestChannel(connection, codec, host(broken));
  const [a, b, c] = [request("a", []), request("b", []), request("c", [])];
  channel.send(a);
  while (!channel.hasLeft(a)) await Promise.resolve();
  channel.send(b);
  while (connection.queuedBytes < 4) await Promise.resolve();
  const requests = [a, b, c];
  return { connection, channel, other, written, requests, last: c, taken: () => taken.resolve(2) };
}

Deno.test("RequestChannel sends nothing of what it hands back, when the peer has ended", async () => {
  const broken: Broken[] = [];
  const it = await threeRequests(broken);
  const { channel, connection, other, written, requests } = it;
  // Gathered in the very moment.
  channel.send(it.last);
  channel.fail(new GenericError("broken", "ended"));
  assertEquals(requests.map((each) => channel.hasLeft(each)), [true, false, false]);
  it.taken();
  await connection.closed;
  assertEquals([written, broken[0]!.owed], [["a\n"], requests]);
  other.close();
});

Deno.test("RequestChannel sends nothing of what it hands back, also behind the peer's end", async () => {
  const broken: Broken[] = [];
  const { channel, connection, other, written, requests, taken } = await threeRequests(broken);
  await other.closeWrite();
  while (broken.length === 0) await Promise.resolve();
  assertEquals(requests.slice(0, 2).map((each) => channel.hasLeft(each)), [true, false]);
  taken();
  await connection.closed;
  assertEquals(written, ["a\n"]);
  other.close();
});

Deno.test("RequestChannel says that it has left what its owner's close still sends", async () => {
  const { channel, connection, other, written, requests, last, taken } = await threeRequests([]);
  channel.send(last);
  channel.end(new GenericError("closed", "closed"), false);
  assertEquals(requests.map((each) => channel.hasLeft(each)), [true, true, false]);
  const closing = connection.close();
  taken();
  other.close();
  await closing;
  assertEquals(written, ["a\n", "b\n"]);
});

Deno.test("RequestChannel lets a polite end go on, and says that it has left what that still sends", async () => {
  const broken: Broken[] = [];
  const { channel, connection, other, written, requests, last, taken } = await threeRequests(
    broken,
  );
  const closing = connection.close();
  channel.send(last);
  while (broken.length === 0) await Promise.resolve();
  assertEquals([broken[0]!.error.code, coreOf(connection).endedBy], ["closed", "local"]);
  assertEquals(requests.map((each) => channel.hasLeft(each)), [true, true, false]);
  taken();
  other.close();
  await closing;
  assertEquals([written, await connection.closed], [["a\n", "b\n"], undefined]);
});

Deno.test("RequestChannel that is aborted cuts a polite end", async () => {
  const { channel, connection, other, written, requests, taken } = await threeRequests([]);
  const closing = connection.close();
  channel.end(new GenericError("aborted", "aborted"), true);
  await closing;
  assertEquals((await connection.closed)?.code, "aborted");
  assertEquals(requests.slice(0, 2).map((each) => channel.hasLeft(each)), [true, false]);
  taken();
  other.close();
  assertEquals(written, ["a\n"]);
});

Deno.test("RequestChannel knows that what the system has refused had not left", async () => {
  const broken: Broken[] = [];
  const [transport, other] = connectedTransports();
  transport.write = () => Promise.reject(new Deno.errors.BrokenPipe("gone"));
  const connection = new Connection(transport);
  const channel = new RequestChannel(connection, codec, host(broken));
  const a = request("a", []);
  channel.send(a);
  other.close();
  while (broken.length === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(channel.hasLeft(a), false);
});

Deno.test("RequestChannel sends no more while the peer takes nothing, and goes on later", async () => {
  await using pair = connectedPair({ capacity: 1_000 });
  const [client, server] = pair;
  const requests = new Requests<string, string>(client, codec, { maxInFlight: 10_000 });
  const line = "x".repeat(1_000);
  const answers = Array.from({ length: 1_000 }, () => requests.send(line));
  await client.drained({ below: 200_000 });
  const { inFlight, waiting } = requests.stats();
  assertEquals(inFlight + waiting, 1_000);
  // About as much as goes out together, and no more.
  assert(waiting > 500 && client.queuedBytes < 200_000, `${waiting} wait`);
  const answering = (async () => {
    for await (const bytes of server) await server.write(bytes);
    await server.close();
  })();
  assertEquals((await Promise.all(answers)).every((answer) => answer === line), true);
  await requests.close();
  await answering;
});

Deno.test("RequestChannel waits in silence as long as nothing is owed, then for readTimeoutInMillis", async () => {
  const answer = Promise.withResolvers<void>();
  const { clock, connection } = scriptedConnection([until(answer.promise), "A\n"], {
    readTimeoutInMillis: 100,
  });
  const broken: Broken[] = [];
  const channel = new RequestChannel(connection, codec, host(broken));
  await clock.advance(1_000);
  const ended: unknown[] = [];
  channel.send(request("a", ended));
  answer.resolve();
  await clock.advance(1_000);
  assertEquals([ended, broken.length], [["A"], 0]);
  channel.send(request("b", ended));
  await clock.advance(99);
  assertEquals(broken.length, 0);
  await clock.advance(1);
  assertEquals(broken.map(({ error }) => error.code), ["timed-out"]);
  assert(clock instanceof VirtualClock);
});

Deno.test("RequestChannel asks for requests again when a read that found nothing is over", async () => {
  const { clock, connection } = scriptedConnection([], { readTimeoutInMillis: 100 });
  const rooms: boolean[] = [];
  const channel: RequestChannel<string, string> = new RequestChannel(connection, codec, {
    ...host([]),
    pump: () => void rooms.push(channel.hasRoom),
  });
  assertEquals([channel.hasRoom, channel.roomSoon], [false, 1_000]);
  await clock.settle();
  assertEquals([channel.hasRoom, channel.roomSoon, rooms], [true, 0, [true]]);
  const { reader } = coreOf(connection);
  reader.look(clock.now() + 100);
  // Something might have come instead, and not be looked at yet.
  assertEquals([channel.hasRoom, channel.roomSoon], [false, 1_000]);
  await clock.settle();
  assertEquals([channel.hasRoom, rooms], [true, [true, true]]);
  connection.abort();
});

for (const idleInMillis of [1, 60, 99, 160, 1_099]) {
  Deno.test(`RequestChannel counts no silence before it sends: ${idleInMillis} ms`, async () => {
    const answer = Promise.withResolvers<void>();
    const { clock, connection } = scriptedConnection([until(answer.promise), "A\n"], {
      readTimeoutInMillis: 100,
    });
    const broken: Broken[] = [];
    const channel = new RequestChannel(connection, codec, host(broken));
    await clock.advance(idleInMillis);
    const ended: unknown[] = [];
    channel.send(request("a", ended));
    await clock.advance(99);
    assertEquals(broken.length, 0);
    answer.resolve();
    await clock.settle();
    assertEquals(ended, ["A"]);
    await clock.advance(idleInMillis);
    channel.send(request("b", ended));
    await clock.advance(99);
    assertEquals(broken.length, 0);
    await clock.advance(1);
    assertEquals(
      broken.map(({ error }) => error.message),
      ["Connection ended: it owes answers, and nothing came for 100 ms"],
    );
  });
}

Deno.test("RequestChannel sends no request while it is unclear what arrives: a ticket, or an answer to nothing", async () => {
  for (
    const [what, expected] of [["", ["a\n", 0]], ["par", ["", 1]], ["stray\n", ["", 1]]] as const
  ) {
    const broken: Broken[] = [];
    const { connection, peer, clock, arrive } = arrivingConnection();
    const ended: unknown[] = [];
    const waiting: Request<string, string>[] = [];
    const pump = () => {
      if (channel.hasRoom && waiting.length > 0) channel.send(waiting.shift()!);
    };
    const channel = new RequestChannel(connection, codec, { ...host(broken), pump });
    for (let i = 0; i < 3; i++) await denoNetwork.turns!.looked!();
    await clock.settle();
    assertEquals(channel.hasRoom, true);
    arrive(1);
    waiting.push(request("a", ended));
    assertEquals([channel.hasRoom, channel.roomSoon > 0], [false, true]);
    if (what === "") {
      arrive(0);
    } else {
      Object.assign(peer.arriving!, { length: 0 });
      peer.say(what, silence());
    }
    await clock.settle();
    assertEquals([peer.writtenText, broken.length], [...expected], what);
    // Nothing is unclear where an answer is owed, or says by its id what it is.
    if (what === "") {
      arrive(1);
      assertEquals(channel.hasRoom, true);
    }
    connection.abort();
    await connection.closed;
  }
});
