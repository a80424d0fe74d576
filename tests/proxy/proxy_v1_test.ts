import { assertEquals } from "@std/assert";
import { ProxyHeader } from "../../src/proxy/proxy_header.ts";
import type { ProxyHeaderProblem } from "../../src/proxy/proxy_header_error.ts";
import { writeProxyHeader } from "../../src/proxy/proxy_protocol.ts";
import { asRead, assertHeaderRefused, headerLine, parseHeader } from "../support/proxy_headers.ts";

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

Deno.test("parseV1() takes a second address of the other family, as nginx writes it", () => {
  const lines: [line: string, source: string, destination: string][] = [
    ["PROXY TCP6 2001:db8::1 192.0.2.1 56324 443\r\n", "2001:db8::1", "192.0.2.1"],
    ["PROXY TCP4 192.0.2.7 ::1 56324 443\r\n", "192.0.2.7", "::1"],
  ];
  for (const [line, source, destination] of lines) {
    const header = parseHeader(headerLine(line))!;
    assertEquals(header.source, { transport: "tcp", hostname: source, port: 56324 });
    assertEquals(header.destination, { transport: "tcp", hostname: destination, port: 443 });
    // Passed on, it is as the specification asks.
    for (const version of [1, 2] as const) {
      const again = parseHeader(writeProxyHeader(new ProxyHeader({ ...header, version })));
      assertEquals(again, asRead(new ProxyHeader({ ...header, version })));
    }
  }
  // The client's own address has the family that is named.
  for (const line of ["TCP6 192.0.2.1 ::1", "TCP6 192.0.2.1 192.0.2.2", "TCP4 ::1 192.0.2.1"]) {
    assertHeaderRefused(headerLine(`PROXY ${line} 1 2\r\n`), "address");
  }
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
    ["PROXY TCP4 1.2.3.4 localhost 1 1\r\n", "address"],
    ["PROXY TCP4 1.2.3.4 unix:/run/a.sock 1 0\r\n", "address"],
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
