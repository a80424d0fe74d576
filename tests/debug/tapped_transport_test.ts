import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { TappedTransport } from "../../src/debug/tapped_transport.ts";
import type { Transport } from "../../src/network/network.ts";
import { optionNames } from "../../src/base/options.ts";
import {
  broken,
  checkTransport,
  connectedTransports,
  end,
  reset,
  scriptedTransport,
} from "../../testing/mod.ts";
import { notedTap } from "../support/noted_tap.ts";
import { takingTransport } from "../support/taking_transport.ts";
import { bytesOf } from "../support/text.ts";

for (const canTry of [false, true]) {
  checkTransport(() => {
    const [near, far] = connectedTransports({ canTry, capacity: 7 * 1024 });
    return { near: new TappedTransport(near, notedTap()), far };
  }, { name: `TappedTransport${canTry ? " without promises" : ""}: `, reset: true, canTry });
}

Deno.test("TappedTransport tells what is read, sent and how it ends", async () => {
  const { notes, ...tap } = notedTap();
  const transport = new TappedTransport(scriptedTransport(["ab", "c", end()]), tap);
  const buffer = new Uint8Array(9);
  await transport.write(bytesOf("question"));
  for (let i = 0; i < 3; i++) await transport.read(buffer);
  await transport.closeWrite();
  transport.close();
  assertEquals(notes, [
    "sent question",
    "received ab",
    "received c",
    "peer ended",
    "ended",
    "ended",
    "freed",
  ]);
});

Deno.test("TappedTransport tells the same where no promise is needed", async () => {
  const { notes, ...tap } = notedTap();
  const script = scriptedTransport(["ab", end()], { canTry: true });
  const transport = new TappedTransport(script, tap);
  const buffer = new Uint8Array(9);
  transport.tryWrite!(bytesOf("question"));
  for (let i = 0; i < 2; i++) {
    await new Promise<void>((resolve) => transport.whenReadable!(resolve));
    transport.tryRead!(buffer);
  }
  assertEquals(notes, ["sent question", "received ab", "peer ended"]);
  transport.close();
});

Deno.test("TappedTransport tells a write when it begins, and each byte once", async () => {
  const { transport: inner, takes } = takingTransport();
  const { notes, ...tap } = notedTap();
  const transport = new TappedTransport(inner, tap);
  const content = bytesOf("abcdef");
  const first = transport.write(content);
  assertEquals(notes, ["sent abcdef"]);
  takes[0]!(2);
  assertEquals(await first, 2);
  const second = transport.write(content.subarray(2));
  takes[1]!(4);
  assertEquals(await second, 4);
  const third = transport.write(bytesOf("g"));
  takes[2]!(1);
  await third;
  assertEquals(notes, ["sent abcdef", "sent g"]);
});

Deno.test("TappedTransport tells what is beyond 64 KiB only when it was taken", async () => {
  const { transport: inner, takes } = takingTransport();
  const lengths: number[] = [];
  const tap = { ...notedTap(), sent: (bytes: Uint8Array) => void lengths.push(bytes.length) };
  const transport = new TappedTransport(inner, tap);
  const content = new Uint8Array(200_000);
  const first = transport.write(content);
  assertEquals(lengths, [65_536]);
  takes[0]!(100_000);
  await first;
  assertEquals(lengths, [65_536, 34_464]);
  const second = transport.write(content.subarray(100_000));
  takes[1]!(1_000);
  await second;
  const third = transport.write(content.subarray(101_000));
  takes[2]!(99_000);
  await third;
  assertEquals(lengths, [65_536, 34_464, 65_536, 1_000, 33_464]);
});

Deno.test("TappedTransport tells that the peer has cut the stream", async () => {
  for (const canTry of [false, true]) {
    const { notes, ...tap } = notedTap();
    const inner = scriptedTransport([reset()], { canTry, writes: [broken()] });
    const transport = new TappedTransport(inner, tap);
    if (canTry) {
      await new Promise<void>((resolve) => transport.whenReadable!(resolve));
      assertThrows(() => transport.tryRead!(new Uint8Array(1)), Deno.errors.ConnectionReset);
      assertThrows(() => transport.tryWrite!(new Uint8Array(1)), Deno.errors.BrokenPipe);
      assertEquals(notes, ["peer cut"]);
    } else {
      await assertRejects(() => transport.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
      assertEquals(notes, ["peer cut"]);
    }
    transport.close();
  }
});

for (const canTry of [false, true]) {
  const how = canTry ? ", without promises" : "";

  Deno.test(`TappedTransport tells of a cut that a write has met after what can still be read${how}`, async () => {
    for (const last of ["end", "reset", "close", "abort"]) {
      const { notes, ...tap } = notedTap();
      const steps = { end: [end()], reset: [reset()] }[last] ?? [];
      const inner = scriptedTransport(["answer", ...steps], { canTry, writes: [broken()] });
      const transport = new TappedTransport(inner, tap);
      const write = () =>
        canTry ? transport.tryWrite!(bytesOf("x")) : transport.write(bytesOf("x"));
      const read = async () => {
        const buffer = new Uint8Array(9);
        if (!canTry) return await transport.read(buffer);
        await new Promise<void>((resolve) => transport.whenReadable!(resolve));
        return transport.tryRead!(buffer);
      };
      await assertRejects(async () => await write(), Deno.errors.BrokenPipe);
      await read();
      if (steps.length > 0) await read().catch(() => {});
      if (last === "abort") transport.reset!();
      else transport.close();
      const rest = canTry ? notes : notes.slice(1);
      const own = last === "abort" ? "cut" : "ended";
      assertEquals(rest, ["received answer", "peer cut", own, "freed"], last);
    }
  });
}

Deno.test("TappedTransport tells what TLS carries in the place of what it sends", async () => {
  const { notes, ...tap } = notedTap();
  const inner = scriptedTransport(["hello", "cipher", "text"]);
  const transport = new TappedTransport(inner, tap);
  const buffer = new Uint8Array(9);
  await transport.read(buffer);
  const finish = transport.beginTls();
  await transport.write(bytesOf("hello"));
  await transport.read(buffer);
  const protocol = { protocol: "TLSv1.3" } as Transport["secure"];
  const over = scriptedTransport(["clear", end()]);
  const secure = finish(Object.assign(over, { secure: protocol }));
  await transport.read(buffer);
  await secure.read(buffer);
  await secure.write(bytesOf("reply"));
  await secure.read(buffer);
  assertEquals(secure.secure, protocol);
  assertEquals(notes, [
    "received hello",
    "secured TLSv1.3",
    "received clear",
    "sent reply",
    "peer ended",
  ]);
  transport.close();
  secure.close();
});

Deno.test("TappedTransport has TLS begin on a stream below it, too", () => {
  const [one, other] = [notedTap(), notedTap()];
  const inner = new TappedTransport(scriptedTransport(), one);
  const finish = new TappedTransport(inner, other).beginTls();
  const secure = finish(scriptedTransport());
  void secure.write(bytesOf("both"));
  assertEquals([one.notes, other.notes], [["secured undefined", "sent both"], [
    "secured undefined",
    "sent both",
  ]]);
  secure.close();
});

Deno.test("TappedTransport passes on all members of a stream, and only those it has", () => {
  const all = optionNames<Transport>({
    localAddr: true,
    remoteAddr: true,
    secure: true,
    mustSayEnd: true,
    system: true,
    read: true,
    write: true,
    tryRead: true,
    whenReadable: true,
    tryWrite: true,
    mayHaveMore: true,
    arriving: true,
    mayHaveSent: true,
    holdProgram: true,
    closeWrite: true,
    close: true,
    reset: true,
    setNoDelay: true,
    beginTls: true,
  });
  const told: unknown[] = [];
  const full = Object.fromEntries(all.map((name) => [name, () => void told.push(name)]));
  const rich = new TappedTransport(full as never, notedTap());
  assertEquals(all.filter((name) => rich[name] === undefined), []);
  rich.setNoDelay!(true);
  rich.whenReadable!(() => {});
  rich.holdProgram(true);
  rich.reset!();
  assertEquals(told, ["setNoDelay", "whenReadable", "holdProgram", "reset"]);
  const poor = new TappedTransport({} as never, notedTap());
  const own = all.filter((name) => poor[name] !== undefined);
  assertEquals(own, ["read", "write", "holdProgram", "closeWrite", "close", "beginTls"]);
  assertEquals(TappedTransport.innerOf(rich), full as never);
});
