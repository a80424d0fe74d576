import { assertEquals } from "@std/assert";
import { pemBlocks } from "../../src/tls/pem.ts";

const block = (label: string, body: string) =>
  `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----`;

Deno.test("pemBlocks() gives the blocks in their order, whatever stands around them", () => {
  const headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA";
  const text = `Ours\r\n${block("A", "AA")}\nand -- \n${block("B KEY", headers)}--${
    block("C", "")
  }`;
  assertEquals(pemBlocks(text), [
    { label: "A", text: block("A", "AA"), body: "\nAA\n" },
    { label: "B KEY", text: block("B KEY", headers), body: `\n${headers}\n` },
    { label: "C", text: block("C", ""), body: "\n\n" },
  ]);
});

Deno.test("pemBlocks() skips what is cut off or ends as something else", () => {
  for (
    const text of ["", "text", "-----BEGIN A-----\nAA", "-----BEGIN A-----\nAA\n-----END B-----"]
  ) {
    assertEquals(pemBlocks(text), []);
  }
  const text = `-----BEGIN A-----\ncut off\n${block("A", "AA")}`;
  assertEquals(pemBlocks(text).map(({ body }) => body), ["\nAA\n"]);
  assertEquals(pemBlocks("-----BEGIN A-----\n".repeat(100_000)), []);
});
