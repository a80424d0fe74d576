import { assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import { createCipheriv, createHash, createPrivateKey, pbkdf2Sync } from "node:crypto";
import { KeyError, keyKind, readPrivateKey } from "../../src/tls/private_key.ts";
import { Authority } from "../support/certificates.ts";
import { der, keysOf, oid, pem } from "../support/raw_certificates.ts";

const authority = await Authority.make("Tests");
const { cert, key } = await authority.sign();
const plain = createPrivateKey(key);
const PARAMETERS = pem("EC PARAMETERS", oid("1.2.840.10045.3.1.7"));
const SALT = Buffer.from("0123456789abcdef", "hex");
const IV = Buffer.alloc(16, 7);

/** As `openssl pkcs8 -topk8` does it. */
function encrypted(hash: string | undefined, cipher = "2.16.840.1.101.3.4.1.42"): string {
  const prf = hash === undefined ? [] : der(0x30, oid(hash), [5, 0]);
  const secret = pbkdf2Sync("secret", SALT, 2_048, 32, hash === undefined ? "sha1" : "sha256");
  const aes = createCipheriv("aes-256-cbc", secret, IV);
  const content = plain.export({ type: "pkcs8", format: "der" });
  const derivation = der(0x30, der(0x04, SALT), der(0x02, [8, 0]), prf);
  const scheme = der(
    0x30,
    der(0x30, oid("1.2.840.113549.1.5.12"), derivation),
    der(0x30, oid(cipher), der(0x04, IV)),
  );
  const whole = der(
    0x30,
    der(0x30, oid("1.2.840.113549.1.5.13"), scheme),
    der(0x04, Buffer.concat([aes.update(content), aes.final()])),
  );
  return pem("ENCRYPTED PRIVATE KEY", whole);
}

/** The older format. */
function encryptedAsOfOld(cipher = "AES-256-CBC"): string {
  const salt = IV.subarray(0, 8);
  const hash = (before: Uint8Array) =>
    createHash("md5").update(before).update("secret").update(salt).digest();
  const first = hash(new Uint8Array());
  const aes = createCipheriv("aes-256-cbc", Buffer.concat([first, hash(first)]), IV);
  const content = plain.export({ type: "sec1", format: "der" });
  const headers = `Proc-Type: 4,ENCRYPTED\nDEK-Info: ${cipher},${
    IV.toString("hex").toUpperCase()
  }\n\n`;
  return pem("EC PRIVATE KEY", Buffer.concat([aes.update(content), aes.final()]))
    .replace("-----\n", `-----\n${headers}`);
}

const SHA_256 = "1.2.840.113549.2.9";

Deno.test("readPrivateKey() takes a key wherever it stands, encrypted in either form or not", () => {
  const sec1 = plain.export({ type: "sec1", format: "pem" }) as string;
  for (const text of [key, sec1, encrypted(SHA_256), encryptedAsOfOld()]) {
    for (
      const whole of [text, `${cert}${text}`, `${PARAMETERS}${text}`, `Ours:\r\n${text}${cert}`]
    ) {
      assertEquals(readPrivateKey(whole, "secret").equals(plain), true, whole);
    }
  }
  assertEquals(readPrivateKey(key, undefined).equals(plain), true);
});

Deno.test("readPrivateKey() tells a wrong passphrase from a cipher that it cannot undo", () => {
  const wrong = "cannot be decrypted with this passphrase";
  const cannot = (cipher: string) => `is encrypted in a way that cannot be undone here (${cipher})`;
  const pbe = der(0x30, der(0x30, oid("1.2.840.113549.1.12.1.3"), [0x30, 0]), der(0x04, IV));
  for (
    const [text, passphrase, told] of [
      [encrypted(SHA_256), "wrong", wrong],
      [encryptedAsOfOld(), "wrong", wrong],
      [cert + encrypted(SHA_256), "wrong", wrong],
      [encrypted(undefined), "secret", cannot("HMAC-SHA-1")],
      [encrypted(SHA_256, "1.2.840.113549.3.7"), "secret", cannot("DES-EDE3-CBC")],
      [encrypted(SHA_256, "1.2.3.4"), "secret", cannot("1.2.3.4")],
      [encrypted("1.2.3.5"), "secret", cannot("1.2.3.5")],
      [encryptedAsOfOld("CAMELLIA-256-CBC"), "secret", cannot("CAMELLIA-256-CBC")],
      [pem("ENCRYPTED PRIVATE KEY", pbe), "secret", cannot("PBE-SHA1-3DES")],
      [pem("ENCRYPTED PRIVATE KEY", der(0x30)), "secret", cannot("not readable")],
      [encrypted(SHA_256), undefined, "is encrypted, give its passphrase"],
      [encryptedAsOfOld(), undefined, "is encrypted, give its passphrase"],
      [cert, undefined, "has no private key in PEM form"],
      [pem("PRIVATE KEY", der(0x30)), "secret", "has a private key that is garbage"],
    ] as const
  ) {
    assertThrows(() => readPrivateKey(text, passphrase), KeyError, told);
  }
});

Deno.test("keyKind() names what makes the difference", () => {
  const kind = (of: string, options?: object) => keyKind(keysOf(of, options).privateKey);
  assertEquals(kind("rsa", { modulusLength: 1_024 }), "rsa, 1024 bits");
  assertEquals(kind("ec", { namedCurve: "secp256k1" }), "ec, secp256k1");
  assertEquals(kind("ed25519"), "ed25519");
});
