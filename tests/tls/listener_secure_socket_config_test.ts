import { assertEquals, assertThrows } from "@std/assert";
import {
  resolveListenerSecureSocket,
  withCertificates,
} from "../../src/tls/listener_secure_socket_config.ts";

const own = { cert: "c", key: "k" };

Deno.test("resolveListenerSecureSocket() takes everything that is right", () => {
  resolveListenerSecureSocket(own);
  resolveListenerSecureSocket({
    certFile: "c",
    keyFile: "k",
    mode: "optional",
    clientAuth: "request",
    caCertFile: "a",
    sni: { "a.example": own, "*.b.example": { certFile: "c", keyFile: "k" } },
    maxHandshakes: 1,
    reloadInMillis: 1_000,
  });
});

Deno.test("resolveListenerSecureSocket() names what is wrong", () => {
  for (
    const [config, told] of [
      [{}, "must have a certificate and its key"],
      [{ ...own, mode: "starttls" }, 'secureSocket.mode must be "immediate" or'],
      [{ ...own, clientAuth: true }, 'secureSocket.clientAuth must be "none" or'],
      [{ ...own, clientAuth: "require" }, "caCerts or caCertFile must be given"],
      [{ ...own, sni: null }, "secureSocket.sni must be an object"],
      [{ ...own, sni: { "a b": own } }, "must have host names as keys"],
      [{ ...own, sni: { "a.*": own } }, "must have host names as keys"],
      [{ ...own, sni: { a: {} } }, 'secureSocket.sni["a"] must have a certificate and its key'],
      [{ ...own, sni: { a: { cert: "c" } } }, 'secureSocket.sni["a"] must have a certificate and'],
      [{ ...own, maxHandshakes: 0 }, "secureSocket.maxHandshakes must be"],
      [{ ...own, reloadInMillis: 0 }, "secureSocket.reloadInMillis must be"],
    ] as const
  ) {
    assertThrows(() => resolveListenerSecureSocket(config as never), Error, told);
  }
});

Deno.test("resolveListenerSecureSocket() gives names as clients ask for them, each once", () => {
  const sni = { "A.Example.": own, "*.MÜNCHEN.example": own, "hasownproperty": own };
  const names = Object.keys(resolveListenerSecureSocket({ ...own, sni }).sni!);
  assertEquals(names, ["a.example", "*.xn--mnchen-3ya.example", "hasownproperty"]);
  assertThrows(
    () => resolveListenerSecureSocket({ ...own, sni: { "a.example": own, "A.EXAMPLE.": own } }),
    TypeError,
    "is a name that secureSocket.sni has twice",
  );
});

Deno.test("withCertificates() replaces all of them and nothing else", () => {
  const before = resolveListenerSecureSocket({
    ...own,
    passphrase: "p",
    caCerts: ["a"],
    clientAuth: "require",
    sni: { "a.example": own },
    maxHandshakes: 1,
  });
  const replaced = withCertificates(before, { certFile: "c2", keyFile: "k2", caCertFile: "a2" });
  const { cert: _1, key: _2, passphrase: _3, caCerts: _4, ...kept } = before;
  const { sni, ...others } = replaced;
  assertEquals({ ...sni }, {});
  const { sni: _5, ...expected } = kept;
  assertEquals({ ...others }, { ...expected, certFile: "c2", keyFile: "k2", caCertFile: "a2" });
});

Deno.test("withCertificates() refuses what would lock everybody out", () => {
  for (const clientAuth of ["request", "require"] as const) {
    const before = resolveListenerSecureSocket({ ...own, caCerts: ["a"], clientAuth });
    assertThrows(
      () => withCertificates(before, own),
      TypeError,
      `secureSocket.clientAuth is "${clientAuth}", so caCerts or caCertFile must be given`,
    );
  }
  const before = resolveListenerSecureSocket(own);
  assertThrows(() => withCertificates(before, {}), TypeError, "a certificate and its key");
  assertThrows(() => withCertificates(before, null as never), TypeError, "must be an object");
});
