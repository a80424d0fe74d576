import { assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { GenericError } from "../../mod.ts";
import { setupError } from "../../src/base/setup_error.ts";

const notCapable = (what: string) =>
  new Deno.errors.NotCapable(`Requires ${what}, run again with the --allow-net flag`);

Deno.test("setupError() says whose doing it is", () => {
  const cases: [Error, string, string][] = [
    [
      new Deno.errors.ConnectionRefused("Connection refused (os error 111)"),
      "unreachable",
      "Connection refused (os error 111); is anything listening there?",
    ],
    [
      new Deno.errors.AddrNotAvailable("Cannot assign"),
      "unreachable",
      "Cannot assign",
    ],
    [new Error("failed to lookup address information"), "unreachable", "lookup"],
    [new URIError("malformed"), "unreachable", "malformed"],
    [new Deno.errors.AddrInUse("in use"), "in-use", "in use by another socket; stop that one"],
    [
      new Deno.errors.NotCapable(
        'Requires net access to "x:1", run again with the --allow-net flag',
      ),
      "denied",
      "no permission, run with --allow-net=x:1",
    ],
    [
      new Deno.errors.PermissionDenied("Permission denied (os error 13)"),
      "denied",
      "the system gives no permission: Permission denied (os error 13)",
    ],
    [Object.assign(new Error("Too many open files"), { code: "EMFILE" }), "limit", "ulimit -n"],
    [Object.assign(new Error("File table overflow"), { code: "ENFILE" }), "limit", "fs.file-max"],
    [Object.assign(new Error("No room"), { code: "ENOBUFS" }), "limit", ": No room"],
  ];
  for (const [cause, code, part] of cases) {
    const error = setupError("Cannot connect to x:1", cause);
    assertEquals(error.code, code, cause.name);
    assertStringIncludes(error.message, "Cannot connect to x:1: ");
    assertStringIncludes(error.message, part);
    assertStrictEquals(error.cause, cause);
  }
});

Deno.test("setupError() leaves a SocketError as it is", () => {
  const error = new GenericError("limit", "Cannot accept: too many");
  assertStrictEquals(setupError("Cannot connect", error), error);
});

Deno.test("setupError() names all permissions for a local socket at once", () => {
  const cause = notCapable('read access to "/tmp/a,b"');
  assertEquals(
    setupError("Cannot connect to /tmp/a,b", cause, { path: "/tmp/a,b" }).message,
    "Cannot connect to /tmp/a,b: no permission, " +
      "run with --allow-net --allow-read=/tmp --allow-write=/tmp",
  );
  const abstract = setupError("Cannot connect to @a", notCapable('net access to "unix:\0a"'), {
    path: "\0a",
  });
  assertEquals(abstract.message, "Cannot connect to @a: no permission, run with --allow-net");
  const other = setupError("Cannot listen on /a", notCapable('env access to "NOTIFY_SOCKET"'), {
    path: "/a",
  });
  assertEquals(
    other.message,
    "Cannot listen on /a: no permission, run with --allow-env=NOTIFY_SOCKET",
  );
  const forbidden = new Deno.errors.PermissionDenied("Permission denied (os error 13)");
  assertEquals(
    setupError("Cannot connect to /a", forbidden, { path: "/a" }).message,
    "Cannot connect to /a: the system gives no permission: Permission denied (os error 13)",
  );
});

Deno.test("setupError() says how an address that is in use can be shared", () => {
  const cause = new Deno.errors.AddrInUse("Address already in use (os error 98)");
  const said = (reusePort?: boolean) => setupError("Cannot listen", cause, { reusePort }).message;
  assertEquals(said()?.includes("reusePort"), false);
  assertStringIncludes(said(false), "stop that one, or take another port (0 for any free one)");
  assertStringIncludes(said(false), ", or set reusePort in both");
  const local = setupError("Cannot listen", cause, { path: "\0a", reusePort: false }).message;
  assertEquals(
    local,
    "Cannot listen: the address is in use by another socket; stop that one, or take another path",
  );
  assertEquals(
    said(true),
    "Cannot listen: the address is in use by a socket without reusePort, or one of another user: " +
      "all that share it must set it",
  );
});

Deno.test("setupError() says which option takes the name of a network interface", () => {
  const advice = "for a network interface use networkInterface";
  const unknown = new Error("failed to lookup address information");
  for (const cause of [unknown, notCapable('net access to "lo:1"')]) {
    for (const localHost of ["lo", "eth0"]) {
      assertStringIncludes(setupError("Cannot bind", cause, { localHost }).message, advice);
    }
    for (const localHost of [undefined, "localhost", "a.example", "::1", "127.0.0.1"]) {
      const { message } = setupError("Cannot bind", cause, { localHost });
      assertEquals(message.includes(advice), false, localHost);
    }
  }
});

Deno.test("setupError() names the port of this end that a client has chosen", () => {
  const error = setupError("Cannot connect to x:1", new Deno.errors.AddrInUse("in use"), {
    localPort: 7,
  });
  assertEquals([error.code, error.message], [
    "in-use",
    "Cannot connect to x:1: the local port 7 is in use; take another localPort, or leave it out",
  ]);
});

Deno.test("setupError() knows a local port whose connection to the same peer is still there", () => {
  const notThere = new Deno.errors.AddrNotAvailable("Cannot assign requested address");
  const wrong = Object.assign(new Error("connect EINVAL"), { code: "EINVAL" });
  for (const cause of [notThere, wrong]) {
    const error = setupError("Cannot connect to x:1", cause, { localPort: 7 });
    assertEquals([error.code, error.message.includes("the local port 7 is in use")], [
      "in-use",
      true,
    ]);
    // It may be the address that is not there.
    const other = setupError("Cannot connect", cause, { localPort: 7, localHost: "127.0.0.9" });
    assertEquals([other.code, setupError("Cannot connect", cause).code], [
      "unreachable",
      "unreachable",
    ]);
  }
});
