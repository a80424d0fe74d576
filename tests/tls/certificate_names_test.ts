import { assertEquals, assertThrows } from "@std/assert";
import {
  addressText,
  asciiName,
  askedHost,
  isName,
  isValidFor,
  nameText,
  readNames,
} from "../../src/tls/certificate_names.ts";
import { DerError } from "../../src/tls/der.ts";
import {
  der,
  dns,
  email,
  ip,
  RawAuthority,
  rawName,
  type RawWish,
  uri,
} from "../support/raw_certificates.ts";

const authority = await RawAuthority.make();
const namesOf = async (wish: RawWish) => readNames((await authority.sign(wish)).der);
const CN = "2.5.4.3";
const O = "2.5.4.10";

Deno.test("readNames() tells names apart by their kind, whatever they hold", async () => {
  const { altNames, isAuthority, version } = await namesOf({
    names: [
      uri("http://x/, DNS:admin.example"),
      dns("a.example, DNS:b.example"),
      dns("a.example\0.evil"),
      email("a@b.example\nDNS:c.example"),
      ip(127, 0, 0, 1),
      ip(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
      ip(127, 0, 0, 1, 255, 255, 255, 0),
      dns("m\xfcnchen.example"),
      der(0x88, [0x2a, 3]),
    ],
  });
  assertEquals(altNames, [
    { type: "uri", value: "http://x/, DNS:admin.example" },
    { type: "dns", value: "a.example, DNS:b.example" },
    { type: "dns", value: "a.example\0.evil" },
    { type: "email", value: "a@b.example\nDNS:c.example" },
    { type: "ip", value: "127.0.0.1" },
    { type: "ip", value: "2001:db8::1" },
    { type: "other", value: "#87087f000001ffffff00" },
    { type: "other", value: "#820f6dfc6e6368656e2e6578616d706c65" },
    { type: "other", value: "#88022a03" },
  ]);
  assertEquals([isAuthority, version], [false, 3]);
});

Deno.test("readNames() counts names before what is garbage, and none after it", async () => {
  const { altNames } = await namesOf({
    names: [dns("a.example"), der(0x8a, [1]), dns("b.example")],
  });
  assertEquals(altNames, [
    { type: "dns", value: "a.example" },
    { type: "other", value: "#8a01018209622e6578616d706c65" },
  ]);
});

Deno.test("readNames() tells versions, authorities, and that there are no names", async () => {
  const first = await namesOf({ isFirstVersion: true, names: [dns("a.example")] });
  assertEquals([first.version, first.altNames], [1, []]);
  assertEquals((await namesOf({ isAuthority: true })).isAuthority, true);
  assertEquals((await namesOf({ isAuthority: false })).isAuthority, false);
});

Deno.test("readNames() refuses what is no certificate", async () => {
  const { der: whole } = await authority.sign({ names: [dns("a.example")] });
  for (
    const bytes of [
      new Uint8Array(),
      whole.subarray(0, whole.length - 1),
      Uint8Array.from([...whole, 0]),
      der(0x30, der(0x30)),
    ]
  ) {
    assertThrows(() => readNames(bytes), DerError);
  }
  const twice = await authority.sign({
    names: [dns("b.example")],
    rawNames: der(0x30, dns("a.example")),
  });
  assertThrows(() => readNames(twice.der), DerError, "extension 2.5.29.17 is there twice");
});

Deno.test("nameText() gives different names different texts", async () => {
  const texts = new Set<string>();
  for (
    const [subject, text] of [
      [rawName([[O, "Example"]], [[CN, "a"]]), "O=Example, CN=a"],
      [rawName([[O, "x, CN=admin"]]), "O=x\\, CN=admin"],
      [rawName([[O, "x"]], [[CN, "admin"]]), "O=x, CN=admin"],
      [rawName([[O, "x\nCN=admin"]]), "O=x\\0ACN=admin"],
      [rawName([[O, "x\\0ACN=admin"]]), "O=x\\\\0ACN=admin"],
      [rawName([[O, "x"], [CN, "admin"]]), "O=x + CN=admin"],
      [rawName([[O, "x + CN=admin"]]), "O=x \\+ CN=admin"],
      [rawName([[O, " x "]]), "O=\\ x\\ "],
      [rawName([[O, "#0c0178"]]), "O=\\#0c0178"],
      [rawName([[O, 'a"b;<c>']]), 'O=a\\"b\\;\\<c\\>'],
      [rawName([[O, "a\0b"]]), "O=a\\00b"],
      [rawName([[O, "\u202Eabc"]]), "O=\\E2\\80\\AEabc"],
      [rawName([[O, "a\u2028b"]]), "O=a\\E2\\80\\A8b"],
      [rawName([[O, "日本"]]), "O=日本"],
      [rawName([[O, "\xff", 0x0c]]), "2.5.4.10=#0c01ff"],
      [rawName([[O, "M\xfcnchen", 0x14]]), "O=München"],
      [rawName([[O, "\0A\0B", 0x1e]]), "O=AB"],
      [rawName([[O, "\xd8\0", 0x1e]]), "2.5.4.10=#1e02d800"],
      [rawName([[O, "caf\xe9", 0x13]]), "2.5.4.10=#1304636166e9"],
      [rawName([["2.5.4.97", "x"]]), "2.5.4.97=#0c0178"],
      [
        der(0x30, der(0x31, der(0x30, [6, 3, 0x55, 4, 3], der(0x03, [0, 0xaf])))),
        "2.5.4.3=#030200af",
      ],
      [rawName(), ""],
    ] as const
  ) {
    const found = nameText((await namesOf({ subject })).subject);
    assertEquals(found, text);
    assertEquals(texts.has(found), false, found);
    texts.add(found);
  }
});

Deno.test("readNames() gives the parts of a subject as they are", async () => {
  const { subject, issuer } = await namesOf({
    subject: rawName([[O, "x, CN=admin"], [CN, "a\nb"]], [["1.2.840.113549.1.9.1", "a@b", 0x16]]),
  });
  assertEquals(subject, [
    [{ type: "O", value: "x, CN=admin" }, { type: "CN", value: "a\nb" }],
    [{ type: "emailAddress", value: "a@b" }],
  ]);
  assertEquals(nameText(issuer), "CN=Raw Tests");
});

Deno.test("askedHost() gives each host its one spelling", () => {
  for (
    const [host, spelled, isAddress] of [
      ["A.Example", "a.example", false],
      ["a.example.", "a.example", false],
      ["MÜNCHEN.example", "xn--mnchen-3ya.example", false],
      ["xn--mnchen-3ya.example", "xn--mnchen-3ya.example", false],
      ["127.0.0.1", "127.0.0.1", true],
      ["127.0.0.01", "127.0.0.01", false],
      ["0:0::0:1", "::1", true],
      ["FE80::1%eth0", "fe80::1", true],
      ["::ffff:127.0.0.1", "::ffff:7f00:1", true],
    ] as const
  ) {
    assertEquals(askedHost(host), { host: spelled, isAddress });
  }
});

Deno.test("asciiName() keeps wildcards, and what is no name", () => {
  assertEquals(asciiName("*.MÜNCHEN.example."), "*.xn--mnchen-3ya.example");
  assertEquals(asciiName("ü%20.example"), "ü%20.example");
});

Deno.test("isName() knows what no certificate can be valid for", () => {
  for (const name of ["a", "a.example", "a_b.example", "xn--a.b", "1.a", `${"a".repeat(63)}.b`]) {
    assertEquals(isName(name), true, name);
  }
  const long = new Array(127).fill("aa").join(".");
  for (
    const name of [
      "",
      ".",
      "a..b",
      ".a",
      "a.",
      "-a.b",
      "a-.b",
      "a.1",
      "127.0.0.01",
      "A",
      "*.a",
      "ü.b",
      "a b",
      "a\0",
      `${"a".repeat(64)}.b`,
      long,
    ]
  ) {
    assertEquals(isName(name), false, name);
  }
});

Deno.test("addressText() takes 4 or 16 bytes", () => {
  assertEquals(addressText(Uint8Array.of(1, 2, 3, 4)), "1.2.3.4");
  assertEquals(addressText(new Uint8Array(16)), "::");
  for (const length of [0, 3, 5, 8, 15, 17, 32]) {
    assertEquals(addressText(new Uint8Array(length)), undefined);
  }
});

Deno.test("isValidFor() takes a wildcard for one label, and an address for an address", () => {
  const names = [
    { type: "dns", value: "*.B.Example" },
    { type: "dns", value: "*.example" },
    { type: "dns", value: "127.0.0.2" },
    { type: "uri", value: "c.example" },
    { type: "ip", value: "127.0.0.1" },
  ] as const;
  for (
    const [host, isValid] of [
      ["a.b.example", true],
      ["b.example", false],
      ["x.a.b.example", false],
      ["*.b.example", false],
      ["c.example", false],
      ["127.0.0.1", true],
      ["127.0.0.2", false],
    ] as const
  ) {
    assertEquals(isValidFor(names, askedHost(host)), isValid, host);
  }
});
