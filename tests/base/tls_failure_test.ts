import { assertEquals, assertStrictEquals } from "@std/assert";
import { brokenError, GenericError, type SocketError } from "../../src/base/errors.ts";
import { handshakeError, secureReadError, truncatedError } from "../../src/base/tls_failure.ts";

Deno.test("handshakeError() says which check failed", () => {
  for (
    const [cause, told] of [
      [new Deno.errors.InvalidData("invalid peer certificate: Expired"), "certificate has expired"],
      [new Deno.errors.InvalidData("invalid peer certificate: NotValidYet"), "not valid yet"],
      [new Deno.errors.InvalidData("invalid peer certificate: UnknownIssuer"), "anybody we trust"],
      [
        new Deno.errors.InvalidData("invalid peer certificate: BadSignature"),
        "certificate is wrong",
      ],
      [
        new Deno.errors.InvalidData("received fatal alert: CertificateExpired"),
        "our certificate has",
      ],
      [
        new Deno.errors.InvalidData("received fatal alert: Whatever"),
        "the peer refused (Whatever)",
      ],
      [new Deno.errors.InvalidData("received corrupt message of type X"), "does not speak TLS"],
      [new Deno.errors.InvalidData("peer is incompatible: X"), "no protocol version or cipher"],
      [new Deno.errors.UnexpectedEof("unexpected end of file"), "the peer ended the connection"],
      [new Deno.errors.ConnectionReset("reset"), "the peer ended the connection"],
      [Object.assign(new Error("x"), { code: "CERT_HAS_EXPIRED" }), "certificate has expired"],
      [new Error("something new"), "something new"],
    ] as const
  ) {
    const error = handshakeError("Cannot do it", cause);
    assertEquals(error.code, "handshake");
    assertEquals(error.message.startsWith("Cannot do it: "), true);
    assertEquals(error.message.includes(told), true, error.message);
    assertStrictEquals(error.cause, cause);
  }
});

Deno.test("handshakeError() passes a SocketError untouched, unless the stream below was cut", () => {
  for (const code of ["limit", "handshake", "closed", "timed-out"] as const) {
    const error = new GenericError(code, "too many");
    assertStrictEquals(handshakeError("Cannot do it", error), error);
  }
  for (
    const [cut, told] of [
      [truncatedError(), `the peer ended the connection (${truncatedError().message})`],
      [brokenError("Cannot read", new Error("some reason")), "Cannot read: some reason"],
    ] as const
  ) {
    const error = handshakeError("Cannot do it", cut);
    assertEquals([error.code, error.message], ["handshake", `Cannot do it: ${told}`]);
    assertStrictEquals(error.cause, cut);
  }
});

Deno.test("secureReadError() tells a cut stream and a late refusal from other failures", () => {
  const cut = secureReadError(
    new Error("peer closed connection without sending TLS close_notify"),
    true,
  );
  assertEquals([(cut as SocketError).code, (cut as Error).message], [
    "broken",
    truncatedError().message,
  ]);
  const alert = new Error("received fatal alert: CertificateRequired");
  assertEquals((secureReadError(alert, false) as SocketError).code, "handshake");
  const late = secureReadError(alert, true) as SocketError;
  assertEquals([late.code, late.message], [
    "broken",
    "Cannot read: the peer ended the connection (received fatal alert: CertificateRequired)",
  ]);
  const other = new Deno.errors.ConnectionReset("reset");
  assertStrictEquals(secureReadError(other, true), other);
});
