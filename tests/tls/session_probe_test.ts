// Whether it sees sessions is tested with OpenSSL, which can resume one: tests/system/peers/secure_test.ts.

import { assertEquals } from "@std/assert";
import { SessionProbe } from "../../src/tls/session_probe.ts";
import { Authority } from "../support/certificates.ts";
import { clientHello, inRecords } from "../support/client_hello.ts";
import { stillHeld } from "../support/collected.ts";

const authority = await Authority.make("Tests");
const options = { ...await authority.sign(), ca: authority.cert };

Deno.test("SessionProbe.ask() finds no session where none can be resumed, whatever comes", async () => {
  const probe = new SessionProbe(options);
  const offer = clientHello({ versions: [0x0304, 0x0303], extensions: [[41, 80]] });
  for (
    const said of [
      inRecords(clientHello({ versions: [0x0304] })),
      inRecords(offer),
      inRecords(offer, 3),
      inRecords(offer).subarray(0, 50),
      new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"),
      new Uint8Array(),
    ]
  ) {
    assertEquals(await probe.ask(said), undefined);
  }
});

Deno.test("SessionProbe.ask() keeps nothing", async () => {
  const probe = new SessionProbe(options);
  const said = inRecords(clientHello({ versions: [0x0304] }));
  const ask = async () => {
    const own = said.slice();
    await probe.ask(own);
    return new WeakRef(own);
  };
  assertEquals(await stillHeld([await ask(), await ask()]), 0);
});
