import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GenericError } from "../../src/base/errors.ts";
import { OVER } from "../../src/base/iteration.ts";
import { Consumers } from "../../src/listener/consumers.ts";

interface Consumer {
  readonly name: string;
}

function play() {
  const told: (string | undefined)[] = [];
  const host = {
    isOpen: true,
    isOver: false,
  };
  const consumers = new Consumers<Consumer>({
    isOpen: () => host.isOpen,
    isOver: () => host.isOver,
    notOpen: "Cannot play: not begun",
    onConsumer: (consumer) => void told.push(consumer?.name),
  });
  return { consumers, host, told };
}

const never = () => Promise.reject<IteratorResult<number, undefined>>(new Error("never"));

Deno.test("Consumers are one at a time", async () => {
  const { consumers, told } = play();
  const [service, iteration] = [{ name: "service" }, { name: "iteration" }];
  consumers.attach(service, service);
  const busy = "a service is attached already, detach it first";
  assertThrows(() => consumers.attach({}, iteration), GenericError, `Cannot attach: ${busy}`);
  assertThrows(() => consumers.iterate(iteration, never), GenericError, `Cannot iterate: ${busy}`);
  await assertRejects(
    () => consumers.serve({}, iteration, () => Promise.resolve()),
    GenericError,
    "Cannot serve: a service is attached already, call start() for that one, or serve() without attach()",
  );
  consumers.detach({});
  assertEquals([consumers.current, told], [service, ["service"]]);
  consumers.detach(service);
  const iterator = consumers.iterate(iteration, never);
  assertEquals(iterator[Symbol.asyncIterator](), iterator);
  assertThrows(() => consumers.detach(undefined as never), TypeError, "got undefined");
  const error = assertThrows(() => consumers.attach(service, service), GenericError, "iteration");
  assertEquals([error.code, consumers.current], ["busy", iteration]);
  assertEquals(await iterator.return!(), OVER);
  assertEquals(told, ["service", undefined, "iteration", undefined]);
  consumers.attach(service, service);
  assertEquals([await iterator.next(), await iterator.return!()], [OVER, OVER]);
  assertEquals(consumers.current, service);
});

Deno.test("Consumers' iteration gives what is taken, and ends by an end, an error or its leaving", async () => {
  const { consumers } = play();
  const results: (number | undefined)[] = [1, undefined];
  const take = (): Promise<IteratorResult<number, undefined>> => {
    if (results.length === 0) return never();
    const value = results.shift();
    return Promise.resolve(value === undefined ? OVER : { done: false, value });
  };
  const first = consumers.iterate({ name: "first" }, take);
  assertEquals(await first.next(), { done: false, value: 1 });
  assertEquals([await first.next(), consumers.current], [OVER, undefined]);
  const second = consumers.iterate({ name: "second" }, take);
  await assertRejects(() => second.next(), Error, "never");
  assertEquals([await second.next(), consumers.current], [OVER, undefined]);
});

Deno.test("Consumers' iteration needs a start, and just ends after a stop, which a service outlasts", async () => {
  const { consumers, host } = play();
  host.isOpen = false;
  const early = consumers.iterate({ name: "early" }, never);
  const error = await assertRejects(() => early.next(), GenericError);
  assertEquals(error.message, "Cannot play: not begun, call start() first");
  host.isOver = true;
  assertEquals(await consumers.iterate({ name: "late" }, never).next(), OVER);

  consumers.iterate({ name: "stopped" }, never);
  consumers.endIteration();
  const service = { name: "service" };
  consumers.attach(service, service);
  consumers.endIteration();
  assertEquals(consumers.current, service);
});

Deno.test("Consumers' iteration ends once with the reason of its signal", async () => {
  const { consumers } = play();
  const reason = new Error("enough");
  const aborted = consumers.iterate({ name: "aborted" }, never, {
    signal: AbortSignal.abort(reason),
  });
  assertEquals(consumers.current, undefined);
  assertEquals(await aborted.next().catch((error) => error), reason);
  assertEquals(await aborted.next(), OVER);

  const controller = new AbortController();
  const { signal } = controller;
  const left = consumers.iterate({ name: "left" }, never, { signal });
  await left.return!();
  const other = { name: "other" };
  consumers.attach(other, other);
  controller.abort(reason);
  assertEquals([await left.next(), consumers.current], [OVER, other]);
  consumers.detach(other);
  assertThrows(() => consumers.iterate(other, never, { signal: 1 } as never), TypeError, "signal");
  assertThrows(() => consumers.iterate(other, never, { sig: signal } as never), TypeError, "sig");
  assertEquals(consumers.current, undefined);
});
