import { assertEquals, assertThrows } from "@std/assert";
import { readService } from "../../src/connection/service.ts";

Deno.test("readService() names what is wrong, own or inherited", () => {
  class Misspelled {
    onReadReedy() {}
  }
  class Derived extends Misspelled {
    onConnect() {}
  }
  const wrong: [unknown, string][] = [
    [undefined, "service must be an object with methods: got undefined"],
    [null, "got null"],
    ["x", 'got "x"'],
    [
      {},
      "no method to call: give it at least one of onConnect, onBytes, onEnd, onReadReady, onStop, onError",
    ],
    [{ connected() {} }, "no method to call"],
    [{ onConnect: undefined }, "no method to call"],
    [{ onConnect: 5 }, "service.onConnect must be a function: got 5"],
    [{ onConnect: null }, "service.onConnect must be a function: got null"],
    [{ onBytes() {}, onReadReady() {} }, "onBytes or onReadReady, not both"],
    [{ onEnd() {}, onReadReady() {} }, "service.onEnd goes with onBytes"],
    [{ onConnect() {}, onData() {} }, 'a member named "onData"'],
    [new Misspelled(), 'a member named "onReadReedy"'],
    [new Derived(), 'a member named "onReadReedy"'],
  ];
  for (const [service, part] of wrong) assertThrows(() => readService(service), TypeError, part);
});

Deno.test("readService() leaves every other property to its user", () => {
  const service = { onConnect() {}, once: 5, on: {}, online: true, _onData() {}, name: "x" };
  assertEquals(Object.keys(readService(service)), ["onConnect"]);
  const bare = Object.assign(Object.create(null), { onClose() {} });
  assertEquals(Object.keys(readService(bare)), ["onClose"]);
});
