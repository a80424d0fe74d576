import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createPrivateKey } from "node:crypto";
import { GenericError, type SocketError } from "../../src/base/errors.ts";
import { loadIdentity, loadTrusted } from "../../src/tls/credentials.ts";
import type { CertificateConfig, SecureSocketConfig } from "../../src/tls/secure_socket_config.ts";
import { Authority } from "../support/certificates.ts";
import { inFolder } from "../support/folder.ts";

const authority = await Authority.make("Tests");
const { cert, key } = await authority.sign();
const other = await authority.sign();
const encrypted = createPrivateKey(key).export({
  type: "pkcs8",
  format: "pem",
  cipher: "aes-256-cbc",
  passphrase: "secret",
}) as string;

async function refusal(config: CertificateConfig): Promise<string> {
  const error = await assertRejects(() => loadIdentity(config, "secureSocket"), GenericError);
  assertEquals((error as SocketError).code, "handshake");
  return error.message;
}

Deno.test("loadIdentity() takes texts, files, encrypted keys, and other text around them", async () => {
  assertEquals((await loadIdentity({ cert, key }, "a")).cert, cert);
  const { key: plain } = await loadIdentity({ cert, key: encrypted, passphrase: "secret" }, "a");
  assertEquals(createPrivateKey(plain).equals(createPrivateKey(key)), true);
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/both.pem`, `Our certificate\n${cert}\nand its key\n${key}`);
    const both = { certFile: `${folder}/both.pem`, keyFile: `${folder}/both.pem` };
    assertEquals(Object.keys(await loadIdentity(both, "a")), ["cert", "key", "keyName", "kind"]);
  });
});

Deno.test("loadIdentity() says which file cannot be used, and why", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/cert.pem`, cert);
    await Deno.writeTextFile(`${folder}/empty.pem`, "\n");
    const keyFile = `${folder}/cert.pem`;
    const told = (name: string) => refusal({ certFile: `${folder}/${name}`, keyFile });
    assertMatch(
      await told("missing.pem"),
      /secureSocket\.certFile ".*missing\.pem": it does not exist$/,
    );
    assertMatch(await told("empty.pem"), /empty\.pem": it is empty$/);
    assertMatch(await told(""), /it is not a regular file$/);
    assertMatch(await told("cert.pem"), /secureSocket\.keyFile .* has no private key in PEM form$/);
  });
});

Deno.test("loadIdentity() reads nothing that may never end", async () => {
  await inFolder(async (folder) => {
    const told = (certFile: string) => refusal({ certFile, key });
    const large = await Deno.create(`${folder}/large.pem`);
    await large.truncate(8 * 1024 * 1024 + 1);
    large.close();
    assertMatch(await told(`${folder}/large.pem`), /large\.pem": it has more than 8388608 bytes$/);
    if (Deno.build.os === "windows") return;
    assertMatch(await told("/dev/zero"), /it is not a regular file$/);
    await new Deno.Command("mkfifo", { args: [`${folder}/pipe.pem`] }).output();
    assertMatch(await told(`${folder}/pipe.pem`), /pipe\.pem": it is not a regular file$/);
  });
});

Deno.test("loadIdentity() says what is wrong with a certificate or key", async () => {
  const pem = (label: string) => `-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`;
  assertMatch(await refusal({ cert: "garbage", key }), /secureSocket\.cert: it has no certificate/);
  assertMatch(await refusal({ cert: key, key }), /it has no certificate in PEM form/);
  assertMatch(
    await refusal({ cert: cert + pem("CERTIFICATE"), key }),
    /number 2\) that is garbage/,
  );
  assertMatch(await refusal({ cert, key: pem("PRIVATE KEY") }), /a private key that is garbage/);
  assertMatch(
    await refusal({ cert, key: other.key }),
    /key: it is not the key of secureSocket\.cert/,
  );
  assertMatch(await refusal({ cert, key: encrypted }), /is encrypted, give its passphrase/);
  assertMatch(
    await refusal({ cert, key: encrypted, passphrase: "wrong" }),
    /cannot be decrypted with this passphrase/,
  );
  assertMatch(await refusal(await authority.sign({ days: -1 })), /a certificate that expired at /);
  assertMatch(
    await refusal(await authority.sign({ days: 3, fromDays: 2 })),
    /a certificate that is not valid before /,
  );
});

Deno.test("loadTrusted() gives each certificate, and says which is garbage", async () => {
  const trusted = (config: SecureSocketConfig) => loadTrusted(config, "secureSocket");
  assertEquals(await trusted({}), undefined);
  assertEquals((await trusted({ caCerts: [authority.cert + other.cert, cert] }))!.length, 3);
  await assertRejects(
    () => trusted({ caCerts: [cert, "garbage"] }),
    GenericError,
    "secureSocket.caCerts[1]: it has no certificate in PEM form",
  );
  await inFolder(async (folder) => {
    const caCertFile = `${folder}/ca.pem`;
    await assertRejects(() => trusted({ caCertFile }), GenericError, "caCertFile");
    await Deno.writeTextFile(caCertFile, authority.cert);
    assertEquals((await trusted({ caCertFile }))!.length, 1);
  });
});

Deno.test({
  name: "loadIdentity() says that a file may not be read",
  permissions: { read: false },
  fn: async () => {
    const error = await assertRejects(
      () => loadIdentity({ certFile: "cert.pem", keyFile: "key.pem" }, "a"),
      GenericError,
      "run with --allow-read=cert.pem",
    );
    assertEquals((error as SocketError).code, "denied");
  },
});
