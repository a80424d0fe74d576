import { assertEquals } from "@std/assert";
import { libc } from "../../../src/network/linux/libc.ts";
import { RuntimeLook } from "../../../src/network/linux/runtime_look.ts";
import { linuxTest } from "../../support/linux_engine.ts";

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** Asks and is told. */
class Asker implements Disposable {
  #told: (() => void) | undefined;
  readonly look = new RuntimeLook(libc(), () => this.#told?.());
  looks = 0;

  /** Asks, and waits for the look. Returns whether it could. */
  async ask(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#told = resolve;
    if (!this.look.ask()) return false;
    assertEquals(this.look.isUnderWay, true);
    await promise;
    assertEquals(this.look.isUnderWay, false);
    this.looks++;
    // As the loop does: never in the middle of being told.
    await turn();
    return true;
  }

  [Symbol.dispose](): void {
    this.look.close();
  }
}

linuxTest("RuntimeLook.ask() has the runtime look at its own sockets each time", async () => {
  using asker = new Asker();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [near, far] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }),
    listener.accept(),
  ]);
  const byte = new Uint8Array(1);
  const taken: number[] = [];
  for (let i = 0; i < 9; i++) {
    const before = asker.looks;
    let hasHeard = false;
    const hearing = far.read(byte).then(() => hasHeard = true);
    await near.write(byte);
    while (!hasHeard && asker.looks - before < 100) await asker.ask();
    taken.push(asker.looks - before);
    await hearing;
  }
  near.close();
  far.close();
  assertEquals(taken.every((looks) => looks <= 3), true, taken.join(" "));
});

linuxTest("RuntimeLook.close() leaves nothing, whether or not a look is under way", async () => {
  using asker = new Asker();
  asker.look.close();
  for (let round = 0; round < 20; round++) {
    assertEquals(asker.look.ask(), true);
    for (let turns = 0; turns < round % 4; turns++) await turn();
    asker.look.close();
    assertEquals(asker.look.isUnderWay, false);
  }
  assertEquals(await asker.ask(), true);
});

linuxTest("RuntimeLook.ask() cannot when descriptors are short, and can again later", async () => {
  let isShort = false;
  const functions = { ...libc() };
  functions.socketpair = (...parameters) => isShort ? -1 : libc().socketpair(...parameters);
  const { promise: told, resolve } = Promise.withResolvers<void>();
  const look = new RuntimeLook(functions, resolve);
  assertEquals(look.ask(), true);
  look.close();
  isShort = true;
  assertEquals([look.ask(), look.isUnderWay], [false, false]);
  isShort = false;
  assertEquals(look.ask(), true);
  await told;
  look.close();
});
