import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { GenericError } from "../../src/base/errors.ts";
import {
  checkInherited,
  handedOver,
  noneInherited,
  refuseBinding,
  takeInherited,
  type TakenOver,
} from "../../src/network/inherited.ts";

/** What the variables say while a function runs, for this process. */
async function handed(fds: number, fdNames: string | undefined, body: () => Promise<void>) {
  const variables = {
    LISTEN_PID: String(Deno.pid),
    LISTEN_FDS: String(fds),
    LISTEN_FDNAMES: fdNames,
  };
  for (const [name, value] of Object.entries(variables)) {
    if (value !== undefined) Deno.env.set(name, value);
  }
  try {
    await body();
  } finally {
    for (const name of Object.keys(variables)) Deno.env.delete(name);
  }
}

const itself = ({ descriptor }: TakenOver) => descriptor;

Deno.test("checkInherited() takes auto, a number and a name", () => {
  for (const good of ["auto", "web.socket", 0, 3]) {
    assertEquals(checkInherited("inherited", good), good);
  }
  for (const wrong of ["", "a:b", "a\n", "x".repeat(256), null, {}, true]) {
    assertThrows(() => checkInherited("inherited", wrong), TypeError, "inherited must be");
  }
  for (const wrong of [-1, 1.5, 2_147_483_648]) {
    assertThrows(() => checkInherited("inherited", wrong), RangeError, "inherited");
  }
});

Deno.test("refuseBinding() refuses what to bind beside a socket that is bound", () => {
  refuseBinding(undefined, { port: 1 });
  refuseBinding("auto", { port: 1, reusePort: true });
  refuseBinding("web", { port: undefined, reusePort: false });
  assertThrows(
    () => refuseBinding("web", { port: 80 }),
    TypeError,
    'port must not go with inherited "web"',
  );
  assertThrows(
    () => refuseBinding(3, { path: "/s" }),
    TypeError,
    'inherited 3, which is bound: got "/s"',
  );
});

Deno.test("handedOver() counts from 3 and believes only what is meant for this process", () => {
  const fds = (fds?: string, pid = "7", fdNames?: string) => handedOver({ pid, fds, fdNames }, 7);
  assertEquals(fds("2", "7", "web"), [
    { descriptor: 3, name: "web" },
    { descriptor: 4, name: "unknown" },
  ]);
  for (const none of [fds(), fds("1", "8"), fds("0")]) assertEquals(none, []);
  for (const wrong of ["", "-1", "many", "999999"]) {
    assertThrows(() => fds(wrong), GenericError, "LISTEN_FDS must be a number");
  }
});

Deno.test("takeInherited() gives none to auto where none was handed over, and says so for a name", async () => {
  assertEquals(await takeInherited("auto", "streams", {}, itself), undefined);
  const error = await assertRejects(
    () => takeInherited("web", "streams", {}, itself),
    GenericError,
    'Cannot take over the inherited socket "web": no socket was handed to this process',
  );
  assertEquals(error.code, "unreachable");
});

Deno.test("takeInherited() gives each descriptor once, those of one name one after the other", async () => {
  // The numbers are remembered for ever: no other test takes them.
  await handed(5, "x-a:x-b:x-b:x-b", async () => {
    assertEquals(await takeInherited("x-b", "streams", {}, itself), 4);
    assertEquals(await takeInherited("x-b", "datagrams", {}, itself), 5);
    const wrong = new Error("no stream");
    const fail = () => Promise.reject(wrong);
    // It is not tried again as a stream, but may be something else.
    for (let i = 0; i < 2; i++) {
      assertEquals(await takeInherited("x-b", "streams", {}, fail).catch((error) => error), wrong);
    }
    assertEquals(await takeInherited("x-b", "streams", {}, itself).catch((error) => error), wrong);
    assertEquals(await takeInherited("x-b", "datagrams", {}, itself), 6);
    for (const again of ["x-b", 5] as const) {
      const error = await assertRejects(
        () => takeInherited(again, "streams", {}, itself),
        GenericError,
        "taken already",
      );
      assertEquals(error.code, "in-use");
    }
    const { message } = await assertRejects(
      () => takeInherited("auto", "streams", {}, itself),
      GenericError,
    );
    assertEquals(
      message,
      'Cannot choose between the sockets that were handed over: give one of their names ("x-a", "x-b", "unknown")',
    );
    await assertRejects(
      () => takeInherited("x-c", "streams", {}, itself),
      GenericError,
      'there are only "x-a", "x-b", "unknown"',
    );
    // Nothing was done with what a network cannot take at all.
    await assertRejects(
      () => takeInherited("x-a", "streams", {}, () => Promise.reject(noneInherited())),
      GenericError,
    );
    assertEquals(await takeInherited("x-a", "streams", {}, itself), 3);
  });
  await handed(1, undefined, async () => {
    await assertRejects(
      () => takeInherited("auto", "streams", {}, itself),
      GenericError,
      "a stop closes it",
    );
  });
});

Deno.test("takeInherited() gives nobody a second one", async () => {
  await handed(9, "y-a:y-a:y-a:y-a:y-a:y-b:y-b:y-b:y-b", async () => {
    const [taker, other] = [{}, {}];
    const failing = () => Promise.reject(new Error("no stream"));
    // Nothing was had: the next may be better.
    await takeInherited("y-b", "streams", taker, failing).catch(() => {});
    assertEquals(await takeInherited("y-b", "datagrams", taker, itself), 8);
    const error = await assertRejects(
      () => takeInherited("y-b", "datagrams", taker, itself),
      GenericError,
      'Cannot take over the inherited socket "y-b": this listener has had one',
    );
    assertEquals(error.code, "in-use");
    assertEquals(await takeInherited("y-b", "datagrams", other, itself), 9);
  });
});
