import { assertEquals } from "@std/assert";
import { ProxyHeader } from "../../src/guard/proxy_header.ts";
import type { ProxyHeaderProblem } from "../../src/guard/proxy_header_error.ts";
import { assertHeaderRefused, headerLine, parseHeader } from "../support/proxy_headers.ts";

Deno.test("parseV1() reads the lines of the specification", () => {
  const header = parseHeader(
    headerLine("PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\nGET / HTTP/1.1\r\n"),
  )!;
  assertEquals(header.version, 1);
  assertEquals(header.command, "proxy");
  assertEquals(header.source, { transport: "tcp", hostname: "192.168.0.1", port: 56324 });
  assertEquals(header.destination, { transport: "tcp", hostname: "192.168.0.11", port: 443 });
  assertEquals(header.tlvs, []);

  const widest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  const longest = headerLine(`PROXY UNKNOWN ${widest} ${widest} 65535 65535\r\n`);
  assertEquals(longest.length, 107);
  assertEquals(parseHeader(longest), new ProxyHeader({ version: 1 }));
  assertEquals(parseHeader(headerLine("PROXY UNKNOWN\r\n")), new ProxyHeader({ version: 1 }));
  assertEquals(parseHeader(headerLine("PROXY UNKNOWN \r\n")), new ProxyHeader({ version: 1 }));
  assertEquals(
    parseHeader(headerLine("PROXY UNKNOWN \n\r\xff \r\n")),
    new ProxyHeader({ version: 1 }),
  );
  const six = parseHeader(headerLine(`PROXY TCP6 ${widest} 2001:DB8::1 65535 0\r\n`))!;
  assertEquals(six.source, { transport: "tcp", hostname: widest, port: 65535 });
  assertEquals(six.destination, { transport: "tcp", hostname: "2001:db8::1", port: 0 });
  // What inet_ntop writes, and so HAProxy.
  const mapped = parseHeader(headerLine("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"))!;
  assertEquals(mapped.source, { transport: "tcp", hostname: "::ffff:192.0.2.1", port: 1 });
});

Deno.test("parseV1() refuses every line that is not exactly one", () => {
  const wrong: [string, ProxyHeaderProblem][] = [
    ["PROXY  ", "family"],
    ["PROXY T ", "family"],
    ["PROXY TCP5", "family"],
    ["PROXY UDP4", "family"],
    ["PROXY TCP4\r", "family"],
    ["PROXY UNKNOWNX", "family"],
    ["PROXY UNKNOWN\r\r", "family"],
    ["PROXY UNKNOWN\n", "family"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n", "line"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 1 1\rX", "line"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n\r\n", "line"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", "line"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n", "line"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1\r\n", "line"],
    ["PROXY TCP4 1.2.3.4  1.2.3.4 1 1\r\n", "line"],
    ["PROXY TCP4 \r\n", "line"],
    ["PROXY TCP4 01.2.3.4 1.2.3.4 1 1\r\n", "address"],
    ["PROXY TCP4 1.2.3.4 1.2.3.256 1 1\r\n", "address"],
    ["PROXY TCP4 ::1 ::1 1 1\r\n", "address"],
    ["PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n", "address"],
    ["PROXY TCP6 ::1 fe80::1%lo 1 1\r\n", "address"],
    ["PROXY TCP4 localhost 1.2.3.4 1 1\r\n", "address"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n", "port"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 1 01\r\n", "port"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 -1 1\r\n", "port"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 +1 1\r\n", "port"],
    ["PROXY TCP4 1.2.3.4 1.2.3.4 1e1 1\r\n", "port"],
    [`PROXY TCP4 ${"1".repeat(96)}`, "too-long"],
    [`PROXY UNKNOWN ${"x".repeat(93)}`, "too-long"],
    [`PROXY UNKNOWN ${"x".repeat(92)}\r\n`, "too-long"],
  ];
  for (const [text, problem] of wrong) assertHeaderRefused(headerLine(text), problem);
});
