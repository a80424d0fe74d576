import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { methodsOf } from "../../src/base/service_methods.ts";

interface Two {
  onOne?(value: number): unknown;
  onTwo?(): unknown;
}

const NAMES = ["onOne", "onTwo"] as const;

Deno.test("methodsOf() gives the methods that are there, bound to their object", () => {
  class Service {
    readonly #secret = 5;
    onOne(value: number) {
      return [this.#secret, value];
    }
    other() {}
  }
  class Derived extends Service {}
  const methods = methodsOf<Two>(new Derived(), NAMES);
  assertEquals(Object.keys(methods), ["onOne"]);
  assertEquals(methods.onOne!(7), [5, 7]);
});

Deno.test("methodsOf() reads each of them once, whatever it would answer later", () => {
  let reads = 0;
  const onTwo = () => "two";
  const service = {
    get onTwo() {
      if (++reads > 1) throw new Error("asked again");
      return onTwo;
    },
  };
  const methods = methodsOf<Two>(service, NAMES);
  assertEquals([methods.onTwo!(), methods.onTwo!(), reads], ["two", "two", 1]);
  const traps = new Proxy({ onTwo }, {
    get(target, name) {
      if (++reads > 2) throw new Error("asked again");
      return Reflect.get(target, name);
    },
  });
  reads = 0;
  const only = methodsOf<Two>(traps, ["onTwo"]);
  assertEquals([only.onTwo!(), only.onTwo!()], ["two", "two"]);
});

Deno.test("methodsOf() throws what a getter or a trap throws, to whoever gives the service", () => {
  const mine = new Error("mine");
  const throwing = {
    get onOne(): () => void {
      throw mine;
    },
  };
  let thrown: unknown;
  try {
    methodsOf<Two>(throwing, NAMES);
  } catch (error) {
    thrown = error;
  }
  assertStrictEquals(thrown, mine);
  const { proxy, revoke } = Proxy.revocable({ onOne() {} }, {});
  revoke();
  assertThrows(() => methodsOf<Two>(proxy, NAMES), TypeError);
});

Deno.test("methodsOf() names what is wrong", () => {
  assertThrows(() => methodsOf<Two>(5, NAMES), TypeError, "service must be an object");
  assertThrows(() => methodsOf<Two>({ onThree() {} }, NAMES), TypeError, 'named "onThree"');
  assertThrows(() => methodsOf<Two>({ onOne: 1 }, NAMES), TypeError, "must be a function: got 1");
  assertThrows(() => methodsOf<Two>({}, NAMES), TypeError, "at least one of onOne, onTwo");
});
