import { assertEquals, assertRejects } from "@std/assert";
import type { Transport } from "../../src/network/network.ts";
import { connectedTransports } from "../../testing/mod.ts";
import { Authority } from "../support/certificates.ts";
import { loadDialer, loadServer } from "../support/secure_pair.ts";

const authority = await Authority.make("Tests");
const localhost = await authority.sign();

Deno.test("TlsServer shakes hands over any stream, many at once, and with one after another", async () => {
  const server = await loadServer(localhost);
  const dialer = await loadDialer({ trustSystemCerts: false, caCerts: [authority.cert] });
  const meet = async () => {
    const [near, far] = connectedTransports();
    const ends = await Promise.all([dialer.connect(near, "localhost"), server.accept(far)]);
    assertEquals(ends.map(({ secure }) => secure!.protocol), ["TLSv1.3", "TLSv1.3"]);
    const buffer = new Uint8Array(4);
    await ends[0].write(new Uint8Array([1, 2, 3]));
    assertEquals([await ends[1].read(buffer), ...buffer], [3, 1, 2, 3, 0]);
    for (const end of ends) end.close();
  };
  await Promise.all(Array.from({ length: 50 }, meet));
  await meet();
});

Deno.test("TlsServer.accept() leaves the stream open where it fails", async () => {
  const server = await loadServer(localhost);
  const [near, far] = connectedTransports();
  const accepting = assertRejects(() => server.accept(far), Error, "corrupt message");
  await near.write(new TextEncoder().encode("hello, this is no handshake at all"));
  await accepting;
  const closing: Transport = far;
  closing.close();
});
