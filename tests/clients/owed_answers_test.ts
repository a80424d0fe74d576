import { assertEquals, assertThrows } from "@std/assert";
import { GenericError } from "../../src/base/errors.ts";
import { ById, InOrder, LATE, type Owed, PUSH, UNKNOWN } from "../../src/clients/owed_answers.ts";
import { Request } from "../../src/clients/request.ts";
import { RequestError } from "../../clients.ts";

type Answer = { id?: number };

function request(id?: number): Request<string, Answer> {
  const options = id === undefined ? undefined : { id };
  return new Request<string, Answer>("x", options, 1, () => {}, () => {});
}

function send(owed: Owed<string, Answer>, request: Request<string, Answer>): number {
  const number = owed.name(request);
  owed.add(request);
  return number;
}

function giveUp(owed: Owed<string, Answer>, request: Request<string, Answer>): void {
  request.isGivenUp = true;
  owed.giveUp(request);
}

Deno.test("InOrder gives each answer to its request, and those of given up ones to nobody", () => {
  const owed = new InOrder<string, Answer>();
  const [a, b, c] = [request(), request(), request()];
  assertEquals([a, b, c].map((one) => send(owed, one)), [1, 2, 3]);
  giveUp(owed, b);
  assertEquals([owed.length, owed.awaited, owed.all()], [3, 2, [a, c]]);
  assertEquals([owed.match(), owed.match(), owed.match(), owed.match()], [a, LATE, c, UNKNOWN]);
  assertEquals([owed.length, owed.awaited], [0, 0]);
  const [d, e] = [request(), request()];
  send(owed, d);
  send(owed, e);
  giveUp(owed, d);
  assertEquals([owed.takeAll(), owed.length, owed.awaited], [[e], 0, 0]);
});

Deno.test("ById gives each answer to its request, whatever the order", () => {
  const owed = new ById<string, Answer>(({ id }) => id, 100);
  const [a, b, c] = [request(), request(50), request()];
  assertEquals([a, b, c].map((one) => send(owed, one)), [1, 50, 2]);
  assertEquals([owed.isTaken(50), owed.isTaken(3)], [true, false]);
  assertEquals(owed.match({ id: 2 }), c);
  giveUp(owed, a);
  assertEquals([owed.length, owed.awaited, owed.all()], [1, 1, [b]]);
  const answers = [{ id: 1 }, { id: 1 }, { id: 50 }, {}, { id: 50 }];
  assertEquals(answers.map((answer) => owed.match(answer)), [LATE, UNKNOWN, b, PUSH, UNKNOWN]);
});

Deno.test("ById makes no id that is in use, or whose answer may still come", () => {
  const owed = new ById<string, Answer>(({ id }) => id, 8);
  const first = Array.from({ length: 3 }, () => request());
  assertEquals(first.map((one) => send(owed, one)), [1, 2, 3]);
  giveUp(owed, first[0]!);
  giveUp(owed, first[1]!);
  assertEquals(Array.from({ length: 3 }, () => send(owed, request())), [4, 5, 6]);
  giveUp(owed, first[2]!);
  assertEquals(Array.from({ length: 2 }, () => send(owed, request())), [7, 8]);
  assertEquals(owed.hasRoom, false);
  // No id is free: that is said, and takes no time.
  assertThrows(() => owed.name(request()), RequestError, "all ids are in use");
  assertEquals([owed.match({ id: 2 }), owed.hasRoom], [LATE, true]);
  assertEquals([send(owed, request()), owed.hasRoom], [2, false]);
});

Deno.test("ById makes no id again of those that are too many to remember", () => {
  const owed = new ById<string, Answer>(({ id }) => id, 100_010);
  for (let i = 1; i <= 100_003; i++) {
    const one = request();
    assertEquals(send(owed, one), i);
    giveUp(owed, one);
  }
  assertEquals(Array.from({ length: 7 }, () => send(owed, request()))[6], 100_010);
  assertEquals([owed.hasRoom, owed.isTaken(1), owed.isTaken(3)], [false, true, true]);
  assertEquals([owed.match({ id: 1 }), owed.hasRoom], [UNKNOWN, false]);
  assertEquals([owed.match({ id: 50_000 }), owed.hasRoom], [LATE, true]);
  assertEquals(send(owed, request()), 50_000);
});

Deno.test("ById takes no chosen id that is in use, and frees one that was not sent", () => {
  const owed = new ById<string, Answer>(({ id }) => id, 2);
  const five = request(5);
  owed.name(five);
  assertThrows(() => owed.name(request(5)), RequestError, "the id 5 is under way");
  owed.forget(five);
  const [again, one] = [request(5), request()];
  assertEquals([send(owed, again), owed.name(one)], [5, 1]);
  giveUp(owed, one);
  owed.forget(one);
  giveUp(owed, again);
  assertThrows(() => owed.name(request(5)), RequestError, "the id 5 is under way");
  assertEquals([owed.match({ id: 5 }), owed.match({ id: 5 })], [LATE, UNKNOWN]);
  assertEquals([owed.name(request()), owed.name(request()), owed.hasRoom], [2, 1, false]);
});

Deno.test("InOrder counts a request while its message is made, and keeps the order of sending", () => {
  const owed = new InOrder<string, Answer>();
  const [outer, inner, bad, gone] = [request(), request(), request(), request()];
  owed.name(outer);
  assertEquals([owed.length, owed.awaited, owed.all()], [1, 1, [outer]]);
  send(owed, inner);
  owed.name(bad);
  owed.forget(bad);
  owed.name(gone);
  giveUp(owed, gone);
  owed.forget(gone);
  owed.add(outer);
  assertEquals([owed.length, owed.awaited, owed.all()], [2, 2, [inner, outer]]);
  assertEquals([owed.match(), owed.match(), owed.match()], [inner, outer, UNKNOWN]);
  owed.name(request());
  assertEquals([owed.takeAll().length, owed.length, owed.awaited], [1, 0, 0]);
});

Deno.test("ById says that the user's idOf threw", () => {
  const owed = new ById<string, Answer>(() => {
    throw new Error("odd");
  }, 8);
  assertThrows(() => owed.match({}), Error, "idOf threw: odd");
  for (const wrong of [NaN, null, true, 1n, {}, Promise.resolve(1)]) {
    const owed = new ById<string, Answer>(() => wrong as never, 8);
    assertThrows(() => owed.match({}), GenericError, "idOf threw: idOf must ");
  }
});
