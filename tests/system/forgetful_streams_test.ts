// Streams and sockets of one's own that throw, or give anything, where they tell about themselves, and such that say that
// there may be something to receive where there is nothing. Only their own connection has to do with that.

import { assertEquals } from "@std/assert";
import { Client, denoNetwork, type GenericError, Listener, UdpListener } from "../../mod.ts";
import type { Network, Transport, Turns } from "../../network.ts";
import { plainTurns } from "../../src/network/turns.ts";
import { acceptingBy } from "../support/accepting_by.ts";
import { dial } from "../support/dial.ts";
import { text } from "../support/text.ts";
import { triedSocket } from "../support/tried_socket.ts";
import { withMembers } from "../support/with_members.ts";

// deno-lint-ignore no-explicit-any
type Odd = any;

/** A network whose first stream that is accepted is another one. */
function firstIs(change: (inner: Transport) => Transport): Network {
  let accepted = 0;
  return acceptingBy(async (accept) => {
    const transport = await accept();
    return accepted++ === 0 ? change(transport) : transport;
  });
}

const throws = () => {
  throw new Error("gone");
};
const told: Record<string, () => unknown> = {
  "throws": throws,
  "is null": () => null,
  "is undefined": () => undefined,
  "has no host": () => ({ transport: "tcp", hostname: undefined, port: undefined }),
};
/** From which time on it is asked. */
const moments = [0, 1, 2, 4, 8];

for (const name of ["localAddr", "remoteAddr", "secure", "arriving", "mustSayEnd", "mayHaveMore"]) {
  for (const [what, tell] of Object.entries(told)) {
    Deno.test(`A stream whose ${name} ${what} ends nothing but its connection`, async () => {
      for (const moment of moments) {
        let asked = 0;
        const network = firstIs((inner) =>
          withMembers(inner, {
            get [name]() {
              return asked++ < moment ? (inner as Odd)[name] : tell();
            },
          })
        );
        const kinds: string[] = [];
        await using listener = new Listener(0, {
          interface: "127.0.0.1",
          network,
          deny: ["10.0.0.0/8"],
          maxConnectionsPerAddress: 10,
          onEvent: ({ kind }) => void kinds.push(kind),
        });
        listener.attach({ onBytes: (_caller, bytes) => bytes, onError() {} });
        await listener.start();
        for (let i = 0; i < 2; i++) {
          const client = await dial(listener);
          await client.write("x");
          const answer = await client.read().catch(() => undefined);
          if (i === 1) assertEquals(text(answer![0]), "x");
          await client.close();
        }
        await listener.gracefulStop();
        const { accepted, open } = listener.stats();
        const opened = kinds.filter((kind) => kind === "opened").length;
        assertEquals([open, opened], [0, kinds.filter((kind) => kind === "ended").length]);
        assertEquals(opened >= 1 && accepted <= 2, true);
      }
    });
  }
}

for (const name of ["localAddr", "remoteAddr", "secure", "arriving", "mustSayEnd"]) {
  for (const [what, tell] of Object.entries(told)) {
    Deno.test(`A client over a stream whose ${name} ${what} can be closed`, async () => {
      await using listener = new Listener(0, { interface: "127.0.0.1" });
      listener.attach({ onBytes: (_caller, bytes) => bytes });
      await listener.start();
      for (const moment of moments) {
        let asked = 0;
        const network: Network = {
          ...denoNetwork,
          async connect(target) {
            const inner = await denoNetwork.connect(target);
            return withMembers(inner, {
              get [name]() {
                return asked++ < moment ? (inner as Odd)[name] : tell();
              },
            });
          },
        };
        const client = await dial(listener, { network, onEvent() {} }).catch(() => undefined);
        if (client === undefined) continue;
        await client.write("x");
        assertEquals(text((await client.read())[0]), "x");
        assertEquals(
          typeof client.remoteAddress + client.localAddress,
          `string${client.localAddress}`,
        );
        await client.close();
      }
    });
  }
}

Deno.test("A stream that says without end that it can be read lets others have their turn", async () => {
  let mayRead = false;
  const network: Network = {
    ...denoNetwork,
    async connect(target) {
      const inner = await denoNetwork.connect(target);
      let reading: Promise<number | null> | undefined;
      let got: number | null | undefined;
      const members: Partial<Transport> = {
        whenReadable: (callback) => queueMicrotask(callback),
        tryRead(buffer) {
          if (!mayRead) return undefined;
          reading ??= inner.read(buffer).then((count) => got = count);
          const count = got;
          if (count !== undefined) reading = got = undefined;
          return count;
        },
      };
      return withMembers(inner, members);
    },
  };
  await using listener = new Listener(0, { interface: "127.0.0.1" });
  listener.attach({ onBytes: (_caller, bytes) => bytes });
  await listener.start();
  await using client = await Client.connect({ host: "127.0.0.1", port: listener.port, network });
  await client.write("x");
  const answer = client.read();
  // An honest client of the same program is served meanwhile.
  await using other = await dial(listener);
  await other.write("other");
  assertEquals(text((await other.read(5))[0]), "other");
  mayRead = true;
  assertEquals(text((await answer)[0]), "x");
});

Deno.test("A datagram socket that says without end that it can be read lets others have their turn", async () => {
  const waiting: string[] = [];
  const socket = triedSocket((buffer) => {
    const next = waiting.shift();
    return next === undefined ? undefined : new TextEncoder().encodeInto(next, buffer).written;
  });
  const network: Network = { ...denoNetwork, listenDatagram: () => socket };
  const listener = new UdpListener(0, { interface: "127.0.0.1", network });
  const got = Promise.withResolvers<string>();
  listener.attach({ onBytes: (_caller, bytes) => void got.resolve(text(bytes)) });
  await listener.start();
  await denoNetwork.turns!.looked!();
  waiting.push("x");
  assertEquals(await got.promise, "x");
  await listener.immediateStop();
});

Deno.test("Turns of one's own that throw end the connection that asks", async () => {
  let reads = 0;
  const read: Turns["read"] = (turn, streamed) => {
    if (++reads === 2) throws();
    return plainTurns.read(turn, streamed);
  };
  const network: Network = { ...denoNetwork, turns: { ...plainTurns, read } };
  await using listener = new Listener(0, { interface: "127.0.0.1", network });
  const ends: unknown[] = [];
  listener.attach({
    onBytes: (_caller, bytes) => bytes,
    onError: (_caller, error) => void ends.push((error as GenericError).code),
  });
  await listener.start();
  await using client = await dial(listener);
  await client.write("x");
  // It is served until it asks again.
  assertEquals(text((await client.read())[0]), "x");
  assertEquals(await client.read().then(([bytes]) => bytes.length, () => 0), 0);
  assertEquals(ends, ["broken"]);
  await using other = await dial(listener);
  await other.write("x");
  assertEquals(text((await other.read())[0]), "x");
});
