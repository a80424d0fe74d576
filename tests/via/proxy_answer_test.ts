import { assertEquals, assertRejects } from "@std/assert";
import { nonsense, ProxyAnswer, ProxyFailure, quoted } from "../../src/via/proxy_answer.ts";
import type { Transport } from "../../src/network/network.ts";
import { end, reset, scriptedTransport } from "../../testing/mod.ts";
import { bytesOf, text } from "../support/text.ts";

Deno.test("ProxyAnswer.exactly() reads so many bytes, and leaves the rest in the stream", async () => {
  using transport = scriptedTransport(["a", "b", "cdefg"]);
  const answer = new ProxyAnswer(transport, 100);
  assertEquals(text(await answer.exactly(4)), "abcd");
  const left = new Uint8Array(9);
  assertEquals(text(left.subarray(0, (await transport.read(left))!)), "efg");
  assertEquals(answer.rest.length, 0);
  transport.close();
});

Deno.test("ProxyAnswer.line() reads lines that come in any pieces, and keeps what comes behind", async () => {
  const content = "first\r\nsecond\n\nrest";
  for (const pieces of [[content], [...content], ["fir", "st\r", "\nsecond\n", "\nrest"]]) {
    using transport = scriptedTransport(pieces);
    const answer = new ProxyAnswer(transport, 100);
    const lines = [];
    for (let i = 0; i < 3; i++) lines.push(text(await answer.line()));
    assertEquals(lines, ["first", "second", ""]);
    let rest = text(answer.rest);
    const more = new Uint8Array(9);
    while (rest.length < 4) rest += text(more.subarray(0, (await transport.read(more))!));
    assertEquals(rest, "rest");
    transport.close();
  }
});

Deno.test("ProxyAnswer.line() gives up where the answer has no end, and has read no more than that", async () => {
  for (const line of ["x".repeat(50_000), "x\n".repeat(25_000)]) {
    let taken = 0;
    const transport = {
      read(buffer: Uint8Array) {
        buffer.set(bytesOf(line.slice(taken, taken + buffer.length)));
        taken += buffer.length;
        return Promise.resolve(buffer.length);
      },
    };
    const answer = new ProxyAnswer(transport, 5_000);
    const error = await assertRejects(async () => {
      while (true) await answer.line();
    }, ProxyFailure);
    assertEquals([error.code, error.message], [
      "unreachable",
      "answers with more than 5000 bytes",
    ]);
    assertEquals(taken <= 5_001, true, `${taken}`);
  }
});

Deno.test("ProxyAnswer says it when the proxy ends or cuts the connection", async () => {
  for (
    const [step, told] of [
      [end(), "has ended the connection instead of an answer"],
      [reset(), "has cut the connection: Connection reset"],
    ] as const
  ) {
    for (const take of ["exactly", "line"] as const) {
      using transport = scriptedTransport(["a", step]);
      const answer = new ProxyAnswer(transport, 100);
      await assertRejects(() => answer[take](2), ProxyFailure, told);
      transport.close();
    }
  }
});

Deno.test("nonsense() and quoted() show a stranger's bytes in a few harmless characters", () => {
  assertEquals(quoted('a\r\n\x1b[1m\u202e"b'), '"a???[1m?\\"b"');
  assertEquals(quoted("x".repeat(500)).length <= 80, true);
  const { message } = nonsense("HTTP", bytesOf("\0".repeat(500)));
  assertEquals(message, `does not speak HTTP: it says "${"?".repeat(40)}"`);
  assertEquals(
    new ProxyFailure("denied", "has refused it").told("Cannot connect", "http://p:1").message,
    "Cannot connect: the proxy http://p:1 has refused it",
  );
});

Deno.test("ProxyAnswer ends where a read tells a count that cannot be", async () => {
  for (const count of [0, NaN, undefined, 1025]) {
    for (const how of ["line", "exactly"] as const) {
      let calls = 0;
      // It ends after a while: a test that never ends would tell nothing.
      const transport = { read: () => Promise.resolve(++calls > 100 ? null : count) };
      const answer = new ProxyAnswer(transport as unknown as Transport, 10_000);
      await assertRejects(() => answer[how](1024) as Promise<unknown>, ProxyFailure, `${count}`);
      assertEquals(calls, 1);
    }
  }
});
