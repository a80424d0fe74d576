import { assert, assertEquals } from "@std/assert";
import { errorField, secureFields, subjectOf, summaryOf } from "../../src/events/socket_event.ts";
import { tcp } from "../support/tcp.ts";

const secure = {
  protocol: "TLSv1.3",
  alpnProtocol: "h2",
  serverName: "a.example",
  peerCertificate: undefined,
} as const;

Deno.test("subjectOf() has both ends, whatever carries them, and no end that is not known", () => {
  const ends = { remoteAddr: tcp("192.0.2.1"), localAddr: tcp("192.0.2.2") };
  assertEquals(subjectOf("client", 3, ends), {
    side: "client",
    transport: "tcp",
    id: 3,
    remoteAddress: "192.0.2.1",
    remotePort: 7,
    localAddress: "192.0.2.2",
    localPort: 7,
  });
  assertEquals(
    subjectOf("listener", 4, { remoteAddr: { transport: "unixpacket", path: "/a" } }),
    {
      side: "listener",
      transport: "unix",
      id: 4,
      remoteAddress: "/a",
      remotePort: 0,
      localAddress: "",
      localPort: 0,
    },
  );
});

Deno.test("summaryOf() leaves the certificate out, and cannot be changed", () => {
  const summary = { protocol: "TLSv1.3", alpnProtocol: "h2", serverName: "a.example" };
  assertEquals(summaryOf(secure) as object, summary);
  assert(Object.isFrozen(summaryOf(secure)));
  assertEquals([secureFields(undefined), secureFields(secure) as object], [{}, {
    secure: summary,
  }]);
  assertEquals([errorField(undefined), errorField(1)], [{}, { error: 1 }]);
});
