import { assertEquals, assertRejects } from "@std/assert";
import type { Transport } from "../../src/network/network.ts";
import { connectedTransports } from "../../testing/mod.ts";
import { Authority } from "../support/certificates.ts";
import { clientHello, inRecords } from "../support/client_hello.ts";
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

/** What a client reads that is refused for what it sends first. */
async function answerTo(bytes: Uint8Array, isNamed: boolean): Promise<number[]> {
  const named = isNamed ? { sni: { "a.example": localhost } } : {};
  const server = await loadServer({ ...localhost, ...named });
  const [near, far] = connectedTransports();
  const accepting = assertRejects(() => server.accept(far), Error);
  await near.write(bytes);
  await accepting;
  far.close();
  const answer: number[] = [];
  const buffer = new Uint8Array(64);
  for (let count; (count = await near.read(buffer)) !== null;) {
    answer.push(...buffer.subarray(0, count));
  }
  near.close();
  return answer;
}

Deno.test("TlsServer tells a client that it refuses at its first message so, also where it chooses by name", async () => {
  const text = new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n");
  for (const first of [text, inRecords(clientHello())]) {
    for (const isNamed of [false, true]) {
      const [type, , , ...rest] = await answerTo(first, isNamed);
      assertEquals([type, ...rest.slice(0, 3)], [21, 0, 2, 2], `named: ${isNamed}`);
      assertEquals(rest.length, 4, "one alert");
    }
  }
  const alert = new Uint8Array([21, 3, 1, 0, 2, 2, 40]);
  for (const isNamed of [false, true]) assertEquals(await answerTo(alert, isNamed), []);
});
