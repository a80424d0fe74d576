import { assertEquals, assertThrows } from "@std/assert";
import {
  resolveClientSecureSocket,
  resolveUpgrade,
} from "../../src/tls/client_secure_socket_config.ts";

const own = { cert: "c", key: "k" };

Deno.test("resolveClientSecureSocket() takes nothing at all, and everything that is right", () => {
  const settings = resolveClientSecureSocket({}, "a.example");
  assertEquals({ ...settings }, {
    minVersion: "TLSv1.2",
    handshakeTimeoutInMillis: 10_000,
    serverName: "a.example",
    isNameOfHost: true,
    verifyHostname: true,
    trustSystemCerts: true,
    exposePeerCertificate: false,
  });
  const whole = {
    certFile: "c",
    keyFile: "k",
    passphrase: "p",
    caCerts: ["a"],
    alpnProtocols: ["h2"],
    minVersion: "TLSv1.3",
    handshakeTimeoutInMillis: Infinity,
    serverName: "a.example",
    verifyHostname: false,
    trustSystemCerts: false,
    exposePeerCertificate: true,
  } as const;
  assertEquals({ ...resolveClientSecureSocket(whole, "b.example") } as unknown, {
    ...whole,
    isNameOfHost: false,
  });
});

Deno.test("resolveClientSecureSocket() names what is wrong", () => {
  for (
    const [config, told] of [
      [{ sessions: {} }, "secureSocket.sessions must be a TlsSessions: got {}"],
      [null, "secureSocket must be an object"],
      [{ cert: "c" }, "must have a certificate and its key, or neither"],
      [{ keyFile: "k" }, "must have a certificate and its key, or neither"],
      [{ ...own, certFile: "c" }, "must have cert or certFile, not both"],
      [{ ...own, keyFile: "k" }, "must have key or keyFile, not both"],
      [{ cert: 1, key: "k" }, "secureSocket.cert must be a string"],
      [{ cert: "", key: "k" }, "secureSocket.cert must be a string that is not empty"],
      [{ caCerts: [] }, "secureSocket.caCerts must be an array with at least one"],
      [{ caCerts: "a" }, "secureSocket.caCerts must be an array"],
      [{ caCerts: ["a", undefined] }, "secureSocket.caCerts[1] must be a string"],
      [{ caCerts: ["a"], caCertFile: "b" }, "must have caCerts or caCertFile, not both"],
      [{ alpnProtocols: ["x".repeat(256)] }, "names of at most 255 bytes"],
      [{ minVersion: "TLSv1" }, 'must be "TLSv1.2" or "TLSv1.3"'],
      [{ handshakeTimeoutInMillis: 0 }, "secureSocket.handshakeTimeoutInMillis must be"],
      [{ serverName: "" }, "secureSocket.serverName must be"],
      [
        { serverName: "-a.example" },
        'secureSocket.serverName must be a name that a certificate can be valid for: got "-a.example"',
      ],
      [{ serverName: "a.1" }, "secureSocket.serverName must be a host name or an IP address"],
      [{ serverName: "127.0.0.01" }, "four numbers from 0 to 255 without leading zeros"],
      [{ verifyHostname: 1 }, "secureSocket.verifyHostname must be true or false"],
      [{ trustSystemCerts: false }, "caCerts or caCertFile must be given"],
      [{ exposePeerCertificate: "yes" }, "secureSocket.exposePeerCertificate must be"],
    ] as const
  ) {
    assertThrows(() => resolveClientSecureSocket(config as never, "a.example"), Error, told);
  }
  const forPath = () => resolveClientSecureSocket({}, undefined);
  assertThrows(forPath, TypeError, "secureSocket.serverName must be given for a path");
});

Deno.test("resolveUpgrade() refuses a host that no certificate can be valid for, unless there is a name", () => {
  // Of several hosts that are still to be connected to, another one may answer.
  assertEquals(resolveClientSecureSocket({}, "-a.example").serverName, "-a.example");
  assertThrows(
    () => resolveUpgrade({}, "-a.example"),
    TypeError,
    "secureSocket.serverName must be",
  );
  assertEquals(resolveUpgrade({ serverName: "a.example" }, "-a.example").serverName, "a.example");
  assertEquals(resolveUpgrade({}, "127.0.0.1").serverName, "127.0.0.1");
});
