import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ProxyHeader } from "../../src/proxy/proxy_header.ts";
import { ProxyHeaderError } from "../../src/proxy/proxy_header_error.ts";
import {
  parseProxyHeader,
  truncatedHeaderError,
  writeProxyHeader,
} from "../../src/proxy/proxy_protocol.ts";
import { fuzzProxyHeaders } from "../system/fuzz/proxy_header.ts";
import {
  asRead,
  assertHeaderRefused,
  headerBlock,
  headerLine,
  MAX_HEADER_LENGTH,
  parseHeader,
  piecewise,
  v1Configs,
  v2Configs,
} from "../support/proxy_headers.ts";

const DATA = new TextEncoder().encode("PROXY \r\n\r\n data behind the header");

Deno.test("parseProxyHeader() gives back what writeProxyHeader() wrote, however it is cut", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.oneof(v1Configs, v2Configs), sizes, (config, sizes) => {
      const header = new ProxyHeader(config);
      const bytes = writeProxyHeader(header);
      const all = Uint8Array.of(...bytes, ...DATA);
      let parsed: ProxyHeader | undefined;
      let fed = 0;
      for (const queue of piecewise(all, sizes)) {
        fed = queue.length;
        parsed = parseProxyHeader(queue, MAX_HEADER_LENGTH);
        if (parsed === undefined) {
          assertEquals(queue.length, fed);
          continue;
        }
        // Exactly the header is gone, and it was taken as soon as it was complete.
        assertEquals(queue.length, fed - bytes.length);
        assertEquals([...queue.takeAll()], [...all.subarray(bytes.length, fed)]);
        break;
      }
      assertEquals(parsed, asRead(header));
      assert(fed < bytes.length + Math.max(...sizes));
    }),
    { seed: 10, numRuns: 2_000 },
  );
});

Deno.test("parseProxyHeader() waits at every truncation of a header", () => {
  fc.assert(
    fc.property(fc.oneof(v1Configs, v2Configs), (config) => {
      const bytes = writeProxyHeader(new ProxyHeader(config));
      for (let length = 0; length < bytes.length; length++) {
        assertEquals(
          parseHeader(bytes.slice(0, length)),
          undefined,
          `${length} of ${bytes.length}`,
        );
      }
    }),
    { seed: 11, numRuns: 100 },
  );
});

Deno.test("parseProxyHeader() refuses a wrong byte in a signature as soon as it comes", () => {
  for (const header of [headerLine("PROXY TCP4 "), headerBlock("2111", "")]) {
    const signatureLength = header[0] === 0x50 ? 6 : 12;
    for (let at = 0; at < signatureLength; at++) {
      const bytes = header.slice(0, at + 1);
      // Neither version's byte.
      bytes[at] = 0x47;
      assertHeaderRefused(bytes, "signature");
    }
  }
  assertHeaderRefused(headerLine("GET / HTTP/1.1\r\n\r\n"), "signature");
  assertHeaderRefused(headerLine("proxy TCP4 "), "signature");
  assertHeaderRefused(headerLine("\n"), "signature");
});

Deno.test("parseProxyHeader() judges made-up headers as the reference does", () => {
  const tally = fuzzProxyHeaders(5_000, 7);
  assert(tally.headers > 500 && tally.waiting > 200, JSON.stringify(tally));
  assert(Object.keys(tally.refused).length >= 10, JSON.stringify(tally));
});

Deno.test("truncatedHeaderError() says how much had come", () => {
  const error = truncatedHeaderError(5);
  assert(error instanceof ProxyHeaderError);
  assertEquals([error.problem, error.code], ["truncated", "frame"]);
  assert(error.message.endsWith("ended after 5 bytes"), error.message);
});
