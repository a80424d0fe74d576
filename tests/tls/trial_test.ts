import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { GenericError } from "../../src/base/errors.ts";
import { loadTriedIdentity, tryIdentity } from "../../src/tls/trial.ts";
import { der, dns, type KeyPair, keysOf, RawAuthority } from "../support/raw_certificates.ts";

const authority = await RawAuthority.make();
const names = [dns("localhost")];

/** A certificate and its key, of a kind. */
function identityOf(keys: KeyPair) {
  return authority.sign({ names, keys });
}

const USABLE = {
  "RSA of 2048 bits": keysOf("rsa", { modulusLength: 2_048 }),
  "P-256": keysOf("ec", { namedCurve: "P-256" }),
  "P-384": keysOf("ec", { namedCurve: "P-384" }),
  "Ed25519": keysOf("ed25519"),
};
const UNUSABLE = {
  "RSA of 1024 bits": [keysOf("rsa", { modulusLength: 1_024 }), "rsa, 1024 bits: "],
  "secp256k1": [keysOf("ec", { namedCurve: "secp256k1" }), "ec, secp256k1: "],
  "P-224": [keysOf("ec", { namedCurve: "P-224" }), "ec, secp224r1: "],
} as const;

Deno.test("tryIdentity() shakes hands with keys that the engine can use", async () => {
  for (const [name, keys] of Object.entries(USABLE)) {
    const identity = { ...await identityOf(keys), keyName: "a", kind: "b" };
    assertEquals(await tryIdentity(identity), undefined, name);
  }
});

Deno.test("loadTriedIdentity() names a key that the engine cannot use, and why", async () => {
  for (const [name, [keys, kind]] of Object.entries(UNUSABLE)) {
    const error = await assertRejects(
      async () => loadTriedIdentity(await identityOf(keys), "secureSocket"),
      GenericError,
      "Cannot use secureSocket.key: it is a key that the TLS engine cannot use",
      name,
    );
    assertEquals(error.code, "handshake");
    assertMatch(error.message, new RegExp(kind), name);
  }
});

Deno.test("loadTriedIdentity() refuses a certificate that the engine cannot read", async () => {
  const twice = await authority.sign({ names, rawNames: der(0x30, ...names) });
  await assertRejects(
    () => loadTriedIdentity(twice, "secureSocket"),
    GenericError,
    "cannot use with its certificate",
  );
});

Deno.test("tryIdentity() takes a certificate that only some clients would refuse", async () => {
  for (const wish of [{ isAuthority: true, isOwn: true }, { isFirstVersion: true }, { days: -3 }]) {
    const identity = { ...await authority.sign(wish), keyName: "a", kind: "b" };
    assertEquals(await tryIdentity(identity), undefined);
  }
});

Deno.test("loadTriedIdentity() blames no key for what something else broke", async () => {
  const good = await authority.sign({ names });
  Object.defineProperty(Object.prototype, "maxVersion", { value: 7, configurable: true });
  try {
    const error = await assertRejects(
      () => loadTriedIdentity(good, "secureSocket"),
      GenericError,
      "Cannot try secureSocket.key with its certificate: ",
    );
    assertEquals(error.code, "handshake");
    assertMatch(error.message, /maxVersion/);
    assertMatch(String(error.cause), /maxVersion/);
  } finally {
    delete (Object.prototype as { maxVersion?: unknown }).maxVersion;
  }
});
