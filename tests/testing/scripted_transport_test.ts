import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  broken,
  end,
  fail,
  outOfDescriptors,
  pause,
  reset,
  scriptedListener,
  scriptedNetwork,
  scriptedTransport,
  silence,
  until,
  VirtualClock,
} from "../../testing/mod.ts";

const decoder = new TextDecoder();

Deno.test("scriptedTransport() gives one step to a read, cut where the buffer ends", async () => {
  using peer = scriptedTransport(["abcde", new Uint8Array([102]), "", "g"]);
  const read = async (size: number) => {
    const buffer = new Uint8Array(size);
    const length = await peer.read(buffer);
    return length === null ? null : decoder.decode(buffer.subarray(0, length));
  };
  assertEquals(await read(3), "abc");
  assertEquals(await read(3), "de");
  assertEquals(await read(0), "");
  assertEquals(await read(3), "f");
  assertEquals(await read(3), "g");
  assertEquals([await read(3), await read(3)], [null, null]);
});

Deno.test("scriptedTransport() resets, fails and waits as the script says", async () => {
  const clock = new VirtualClock();
  const event = Promise.withResolvers<void>();
  using peer = scriptedTransport(
    [reset(), fail(new Error("odd")), pause(1000), "a", until(event.promise), "b", end(), "never"],
    { clock },
  );
  const buffer = new Uint8Array(8);
  await assertRejects(() => peer.read(buffer), Deno.errors.ConnectionReset);
  await assertRejects(() => peer.read(buffer), Error, "odd");
  const late = peer.read(buffer);
  await clock.advance(999);
  assertEquals(peer.isReading, true);
  await clock.advance(1);
  assertEquals([peer.isReading, await late], [false, 1]);
  const later = peer.read(buffer);
  event.resolve();
  assertEquals(await later, 1);
  assertEquals([await peer.read(buffer), await peer.read(buffer)], [null, null]);
});

Deno.test("scriptedTransport() is silent until it is told more, or closed", async () => {
  const clock = new VirtualClock();
  using peer = scriptedTransport(["a", silence()], { clock });
  const buffer = new Uint8Array(8);
  assertEquals(await peer.read(buffer), 1);
  const pending = peer.read(buffer);
  peer.say("bc", pause(50), silence());
  assertEquals(await pending, 2);
  const cut = assertRejects(() => peer.read(buffer), Deno.errors.Interrupted);
  await clock.settle();
  peer.close();
  await cut;
  assertEquals(clock.pending, 0);
  await assertRejects(() => peer.read(buffer), Deno.errors.BadResource);
  await assertRejects(() => peer.write(buffer), Deno.errors.BadResource);
  await assertRejects(() => peer.closeWrite(), Deno.errors.BadResource);
  assertThrows(() => peer.close(), Deno.errors.BadResource);
});

Deno.test("scriptedTransport() writes down what each write took", async () => {
  using peer = scriptedTransport([], { writes: [2, broken()] });
  const bytes = new TextEncoder().encode("hello");
  assertEquals(await peer.write(bytes), 2);
  await assertRejects(() => peer.write(bytes), Deno.errors.BrokenPipe);
  assertEquals(await peer.write(bytes.subarray(2)), 3);
  await peer.closeWrite();
  await assertRejects(() => peer.write(bytes), Deno.errors.BrokenPipe);
  peer.setNoDelay?.(true);
  peer.reset();
  assertEquals(peer.writtenText, "hello");
  assertEquals(peer.writes.map((bytes) => bytes.length), [2, 3]);
  assertEquals(peer.calls, [
    "write 5",
    "write 5",
    "write 3",
    "closeWrite",
    "write 5",
    "setNoDelay true",
    "reset",
  ]);
});

Deno.test("scriptedTransport() tells wrong use, and throws it at the end of its block", async () => {
  const go = Promise.withResolvers<void>();
  const peer = scriptedTransport([until(go.promise), "ab", "cd"], { writes: [until(go.promise)] });
  const buffer = new Uint8Array(8);
  const read = peer.read(buffer);
  await assertRejects(() => peer.read(new Uint8Array(8)), Error, "a read is under way");
  peer.handOut(buffer.subarray(2, 4));
  const content = new Uint8Array([1, 2]);
  const write = assertRejects(() => peer.write(content), Error, "content was changed");
  await assertRejects(() => peer.write(buffer), Error, "a write is under way");
  content[1] = 3;
  structuredClone(buffer, { transfer: [buffer.buffer] });
  go.resolve();
  await assertRejects(() => read, Error, "transferred away during the read");
  await write;
  await assertRejects(() => peer.read(buffer), Error, "transferred away");
  const kept = new Uint8Array(8);
  peer.handOut(kept);
  await assertRejects(() => peer.read(kept), Error, "handed out");
  assertEquals(peer.violations.length, 7);
  assertThrows(() => peer[Symbol.dispose](), Error, "a write is under way");
});

Deno.test("scriptedListener() accepts what the script says, then waits", async () => {
  const [first, second] = [scriptedTransport(), scriptedTransport()];
  const listener = scriptedListener([outOfDescriptors(), first]);
  const error = await assertRejects(() => listener.accept(), Error, "Too many open files");
  assertEquals((error as { code?: string }).code, "EMFILE");
  assertEquals(await listener.accept(), first);
  const pending = listener.accept();
  await assertRejects(() => listener.accept(), Deno.errors.Busy);
  listener.say(second);
  assertEquals(await pending, second);
  const cut = assertRejects(() => listener.accept(), Deno.errors.BadResource);
  await new VirtualClock().settle();
  assertEquals([listener.isAccepting, listener.accepts], [true, 5]);
  listener.close();
  await cut;
  await assertRejects(() => listener.accept(), Deno.errors.BadResource);
});

Deno.test("scriptedNetwork() plays connects and listens, and gives up at the signal", async () => {
  const peer = scriptedTransport();
  const listener = scriptedListener([]);
  const network = scriptedNetwork({
    connects: [peer, silence()],
    listens: [new Deno.errors.AddrNotAvailable("no"), listener],
  });
  assertEquals(await network.connect({ hostname: "a", port: 1 }), peer);
  const controller = new AbortController();
  const waiting = network.connect({ hostname: "b", port: 2, signal: controller.signal });
  controller.abort("enough");
  assertEquals(await waiting.catch((reason) => reason), "enough");
  const target = { hostname: "c", port: 3, backlog: 1 };
  assertThrows(() => network.listen(target), Deno.errors.AddrNotAvailable);
  assertEquals(network.listen(target), listener);
  assertThrows(() => network.listen(target), Deno.errors.AddrInUse);
  assertEquals(network.calls.slice(0, 3), ["connect a:1", "connect b:2", "listen c:3"]);
  const refused = await scriptedNetwork({}).connect({ hostname: "a", port: 1 }).catch((e) => e);
  assertInstanceOf(refused, Deno.errors.ConnectionRefused);
});

Deno.test("scripted ends refuse misspelled options", () => {
  assertThrows(() => scriptedTransport([], { write: [1] } as object), TypeError, "use writes");
  assertThrows(() => scriptedListener([], { clok: 1 } as object), TypeError, "use clock");
  assertThrows(() => scriptedNetwork({ connect: [] } as object), TypeError, "use connects");
});
