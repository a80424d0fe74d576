import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { framed, GenericError, LineCodec } from "../../mod.ts";
import { keyOf, seatOf } from "../../src/framing/group_member.ts";
import { exchangeOf } from "../../src/framing/framed.ts";
import { silence } from "../../testing/mod.ts";
import { awkwardErrors, awkwardThings } from "../support/awkward.ts";
import { printedDuring } from "../support/printed_during.ts";
import { scriptedConnection } from "../support/scripted_connection.ts";

const message = [new TextEncoder().encode("abc")] as const;

Deno.test("seatOf() gives a connection a place, and one on which messages of the group's codec go", async () => {
  const codec = new LineCodec();
  const { connection, peer, clock } = scriptedConnection();
  const lines = framed(connection, codec);
  assertStrictEquals(keyOf(lines), connection);
  const seat = seatOf<string>(lines, codec, 100);
  exchangeOf(lines).append("first");
  assertEquals([seat.offer(message), seat.isGone], [true, false]);
  await clock.settle();
  assertEquals(peer.writtenText, "first\nabc");
  assertThrows(() => seatOf<string>(lines, new LineCodec(), 100), TypeError, "the group's codec");
  assertThrows(() => seatOf(lines, undefined, 100), TypeError, "the group's codec");
  connection.abort();
  await seat.ended();
  assertEquals([seat.isGone, seat.offer(message)], [true, false]);
});

Deno.test("seatOf() goes by the group's limit, and ends who is too slow", async () => {
  const { connection, clock } = scriptedConnection([], {}, { writes: [silence()] });
  const seat = seatOf(connection, undefined, 5);
  const answers = [];
  for (let i = 0; i < 4; i++) {
    answers.push(seat.offer(message));
    await clock.settle();
  }
  assertEquals(answers, [true, true, false, false]);
  const room = assertRejects(() => seat.room(3, 10), GenericError, "after 10 ms, not less than 3");
  await clock.advance(10);
  await room;
  seat.end();
  const error = (await connection.closed)!;
  assertEquals([error.code, error.message.includes("too slow for its group")], ["overflow", true]);
});

Deno.test("seatOf() takes whatever can be written to, and lets nothing that it throws out", async () => {
  const closed = Promise.resolve();
  assertThrows(
    () => seatOf({ tryWrite() {}, closed } as never, undefined, 1),
    TypeError,
    "member must have the methods tryWrite, drained, close",
  );
  for (const thrown of [...awkwardThings(), ...awkwardErrors()]) {
    const refuse = () => {
      throw thrown;
    };
    const member = { tryWrite: refuse, drained: refuse, close: refuse };
    Object.defineProperty(member, "closed", { get: refuse });
    const printed = await printedDuring(async () => {
      const seat = seatOf(member as never, undefined, 1);
      assertEquals(seat.offer(message), false);
      await seat.room(1, 1).catch(() => {});
      await seat.ended().catch(() => {});
      seat.end();
      await new Promise<void>((resolve) => setTimeout(resolve, 0));
    });
    assertEquals(printed.length <= 2, true);
  }
});
