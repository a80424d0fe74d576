import { assertEquals, assertThrows } from "@std/assert";
import { ById, InOrder, LATE, type Owed, PUSH, UNKNOWN } from "../../src/clients/owed_answers.ts";
import { Request } from "../../src/clients/request.ts";

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
  // Of eight ids two are kept from use for the sake of late answers.
  assertEquals(Array.from({ length: 3 }, () => send(owed, request())), [4, 5, 6]);
  giveUp(owed, first[2]!);
  assertEquals(Array.from({ length: 3 }, () => send(owed, request())), [7, 8, 1]);
});

Deno.test("ById says that the user's idOf threw", () => {
  const owed = new ById<string, Answer>(() => {
    throw new Error("odd");
  }, 8);
  assertThrows(() => owed.match({}), Error, "idOf threw: odd");
});
