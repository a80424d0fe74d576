import { assertEquals, assertThrows } from "@std/assert";
import {
  checkClientSecureSocket,
  checkListenerSecureSocket,
} from "../../src/transport/secure_socket.ts";

const own = { cert: "c", key: "k" };

Deno.test("checkClientSecureSocket() takes nothing at all, and everything that is right", () => {
  checkClientSecureSocket({});
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
  assertEquals(checkClientSecureSocket(whole), whole);
});

Deno.test("checkClientSecureSocket() names what is wrong", () => {
  for (
    const [config, told] of [
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
      [{ minVersion: "TLSv1" }, 'must be one of "TLSv1.2", "TLSv1.3"'],
      [{ handshakeTimeoutInMillis: 0 }, "secureSocket.handshakeTimeoutInMillis must be"],
      [{ serverName: "" }, "secureSocket.serverName must be"],
      [{ verifyHostname: 1 }, "secureSocket.verifyHostname must be true or false"],
      [{ trustSystemCerts: false }, "caCerts or caCertFile must be given"],
      [{ exposePeerCertificate: "yes" }, "secureSocket.exposePeerCertificate must be"],
    ] as const
  ) {
    assertThrows(() => checkClientSecureSocket(config as never), Error, told);
  }
});

Deno.test("checkListenerSecureSocket() takes everything that is right", () => {
  checkListenerSecureSocket(own);
  checkListenerSecureSocket({
    certFile: "c",
    keyFile: "k",
    mode: "optional",
    clientAuth: "request",
    caCertFile: "a",
    sni: { "a.example": own, "*.b.example": { certFile: "c", keyFile: "k" } },
    maxHandshakes: 1,
    reloadInMillis: 1_000,
    onHandshakeError() {},
    onReloadError() {},
  });
});

Deno.test("checkListenerSecureSocket() names what is wrong", () => {
  for (
    const [config, told] of [
      [{}, "must have a certificate and its key"],
      [{ ...own, mode: "starttls" }, "secureSocket.mode must be one of"],
      [{ ...own, clientAuth: true }, "secureSocket.clientAuth must be one of"],
      [{ ...own, clientAuth: "require" }, "caCerts or caCertFile must be given"],
      [{ ...own, sni: { "a b": own } }, "must have host names as keys"],
      [{ ...own, sni: { "a.*": own } }, "must have host names as keys"],
      [{ ...own, sni: { a: {} } }, 'secureSocket.sni["a"] must have a certificate and its key'],
      [{ ...own, sni: { a: { cert: "c" } } }, 'secureSocket.sni["a"] must have a certificate and'],
      [{ ...own, maxHandshakes: 0 }, "secureSocket.maxHandshakes must be"],
      [{ ...own, reloadInMillis: 0 }, "secureSocket.reloadInMillis must be"],
      [{ ...own, onHandshakeError: 1 }, "secureSocket.onHandshakeError must be a function"],
      [{ ...own, onReloadError: 1 }, "secureSocket.onReloadError must be a function"],
    ] as const
  ) {
    assertThrows(() => checkListenerSecureSocket(config as never), Error, told);
  }
});
