import { assertEquals, assertLess, assertThrows } from "@std/assert";
import { Refusal, requestOf } from "../../examples/http_request.ts";

const read = (...lines: string[]) => requestOf(`${lines.join("\r\n")}\r\n\r\n`);
const POST = ["POST / HTTP/1.1", "Host: a"];

Deno.test("requestOf() reads what a request asks for", () => {
  const plain = { method: "POST", length: 0, isWaiting: false, isPersistent: true };
  assertEquals(read(...POST), plain);
  assertEquals(read("", ...POST), plain); // an empty line before it (RFC 9112, 2.2)
  assertEquals(read(...POST, "content-length:5"), { ...plain, length: 5 });
  assertEquals(read(...POST, "Content-Length: \t00005 \t"), { ...plain, length: 5 });
  assertEquals(read(...POST, "Content-Length: 00"), plain);
  assertEquals(read(...POST, "X: Content-Length: 5"), plain);
  assertEquals(read(...POST, "X-Content-Length: 5", "X: \u00e4\u20ac"), plain);
  assertEquals(read(...POST, "Expect: 100-Continue"), { ...plain, isWaiting: true });
  for (const options of ["close", "Close", "keep-alive , close", "close,x"]) {
    assertEquals(read(...POST, `Connection: ${options}`), { ...plain, isPersistent: false });
  }
  assertEquals(read(...POST, "Connection: closed", "Connection: x"), plain);
  const old = { ...plain, method: "GET", isPersistent: false };
  assertEquals(read("GET * HTTP/1.0", "Expect: 100-continue"), old);
});

Deno.test("requestOf() takes no time for blanks, however many", () => {
  const blanks = " \t".repeat(8_000);
  assertEquals(read(...POST, `Content-Length:${blanks}5${blanks}`).length, 5);
  assertEquals(read(...POST, `X:${blanks}`, `X: a${blanks}b${blanks}`).length, 0);
  // A pattern that strips the blanks took longer than anybody waits.
  assertThrows(() => read(...POST, `X:${blanks}\x01`), Refusal, "400 Bad Request");
});

Deno.test("requestOf() looks at a field once, however many have its name", () => {
  const lines = Array<string>(4_000).fill("a:");
  let looks = 0;
  const { prototype } = Array;
  const values = prototype[Symbol.iterator];
  // A copy of the values so far, for each field, is a walk over them.
  prototype[Symbol.iterator] = function* (this: unknown[]) {
    for (let i = 0; i < this.length; i++, looks++) yield this[i];
  } as typeof values;
  try {
    read("GET / HTTP/1.1", "Host: a", ...lines);
  } finally {
    prototype[Symbol.iterator] = values;
  }
  assertLess(looks, 10 * lines.length);
});

Deno.test("requestOf() refuses what two readers could read in two ways", () => {
  const refusals: Record<string, string[][]> = {
    "400 Bad Request": [
      ["Content-Length: 5", "Content-Length: 5"],
      ["Content-Length: 5", "Content-Length: 6"],
      ...["5, 5", "+5", "-5", "0x5", "5.0", "5e0", "5 5", "", "\u0665"].map((length) => [
        `Content-Length: ${length}`,
      ]),
      ["Content-Length: 5", "Transfer-Encoding: chunked"],
      ["Content-Length : 5"],
      ["Content-Length\t: 5"],
      [" Content-Length: 5"],
      ["X: a", " folded"],
      ["X: a", "\tContent-Length: 5"],
      ["X: a\nContent-Length: 5"],
      ["X: a\rContent-Length: 5"],
      ["X: a\0b"],
      ["X: a\x7fb"],
      ["no colon"],
      [": nameless"],
      ["X\u00e4: a"],
      ["Host: b"],
    ],
    "411 Length Required": [
      ["Transfer-Encoding: chunked"],
      ["transfer-encoding: \tchunked, identity"],
      ["Transfer-Encoding: xchunked"],
    ],
    "413 Content Too Large": [["Content-Length: 1048577"], [`Content-Length: 1${"0".repeat(400)}`]],
  };
  for (const [status, cases] of Object.entries(refusals)) {
    for (const lines of cases) assertThrows(() => read(...POST, ...lines), Refusal, status);
  }
  for (
    const head of [
      [""],
      ["POST / HTTP/1.1"], // without a host
      ["POST / HTTP/1.1", "Host: a b"],
      ["POST / HTTP/1.1", "Host: a/b@c,d"],
      ["POST / HTTP/1.1", "Host: [::1"],
      ["POST / HTTP/1.2", "Host: a"],
      ["POST / HTTP/2.0", "Host: a"],
      ["POST  / HTTP/1.1", "Host: a"],
      ["POST / HTTP/1.1 ", "Host: a"],
      ["POST /a b HTTP/1.1", "Host: a"],
      [" POST / HTTP/1.1", "Host: a"],
      ["POST /\n HTTP/1.1", "Host: a"],
      ["POST / HTTP/1.0", "Transfer-Encoding: chunked"],
    ]
  ) assertThrows(() => read(...head), Refusal, "400 Bad Request");
  assertThrows(() => read("CONNECT a:1 HTTP/1.1", "Host: a"), Refusal, "501 Not Implemented");
});
