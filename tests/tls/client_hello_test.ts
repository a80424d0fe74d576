import { assert, assertEquals } from "@std/assert";
import { readClientHello } from "../../src/tls/client_hello.ts";
import { clientHello, type HelloWish, inRecords } from "../support/client_hello.ts";

const BOTH = [0x0304, 0x0303];

Deno.test("readClientHello() tells whether a session is offered, and which versions are spoken", () => {
  for (
    const [wish, offersSession, speaksBoth] of [
      [{}, false, false],
      [{ versions: BOTH }, false, true],
      [{ versions: [0x0304] }, false, false],
      // A key for another time, and a ticket; an empty one only asks for one.
      [{ versions: BOTH, extensions: [[0, 9], [41, 80]] }, true, true],
      [{ versions: [0x0304], extensions: [[41, 80]] }, true, false],
      [{ versions: BOTH, extensions: [[35, 0]] }, false, true],
      [{ extensions: [[35, 70]] }, true, false],
      // With TLS 1.3 a session id means nothing.
      [{ versions: BOTH, sessionId: 32 }, false, true],
      [{ sessionId: 32 }, true, false],
    ] as const satisfies readonly (readonly [HelloWish, boolean, boolean])[]
  ) {
    assertEquals(readClientHello(inRecords(clientHello(wish))), { offersSession, speaksBoth });
  }
});

Deno.test("readClientHello() tells how many bytes it needs at least, and never too many", () => {
  const message = clientHello({ versions: BOTH, extensions: [[41, 80]] });
  for (const length of [1, 7, 100, 16_384]) {
    const bytes = inRecords(message, length);
    for (let there = 0; there < bytes.length; there++) {
      const needed = readClientHello(bytes.subarray(0, there));
      assert(typeof needed === "number" && needed > there && needed <= bytes.length);
    }
    const whole = { offersSession: true, speaksBoth: true };
    assertEquals(readClientHello(bytes), whole);
    assertEquals(readClientHello(new Uint8Array([...bytes, 1, 2, 3])), whole);
  }
});

Deno.test("readClientHello() leaves to the engine what is none, is cut short or too long", () => {
  const nothing = { offersSession: false, speaksBoth: false };
  const text = (words: string) => new TextEncoder().encode(words);
  const hello = clientHello({ extensions: [[35, 70]] });
  assertEquals(readClientHello(text("GET / HTTP/1.0\r\n")), nothing);
  assertEquals(readClientHello(inRecords([2, ...hello.slice(1)])), nothing);
  assertEquals(readClientHello(inRecords(clientHello({ extensions: [[41, 17_000]] }))), nothing);
  // An extension says that it is longer than the message.
  const longer = hello.with(-71, 200);
  assertEquals(readClientHello(inRecords([1, 0, 0, 20, ...hello.slice(4, 24)])), nothing);
  assertEquals(typeof readClientHello(inRecords(longer)), "object");
  for (let seed = 1, round = 0; round < 2_000; round++) {
    const mangled = hello.map((byte) => {
      seed = seed * 48_271 % 2_147_483_647;
      return seed % 16 === 0 ? seed >> 8 & 0xff : byte;
    });
    readClientHello(inRecords(mangled, 1 + seed % 300));
  }
});
