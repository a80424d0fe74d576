import { assertEquals } from "@std/assert";
import { TappedTransport } from "../../src/debug/tapped_transport.ts";
import { holdProgram } from "../../src/network/hold_program.ts";
import { ReplayedTransport } from "../../src/network/replayed_transport.ts";
import type { Transport } from "../../src/network/transport.ts";
import { TlsLayer } from "../../src/tls/tls_layer.ts";
import { Connection } from "../../mod.ts";
import { connectedTransports } from "../../testing/mod.ts";
import { notedTap } from "../support/noted_tap.ts";

/** A stream that notes whether it is held, by a method of its own or as the runtime's do. */
function noted(isOwn: boolean): { transport: Transport; held: boolean[]; far: Transport } {
  const [near, far] = connectedTransports();
  const held: boolean[] = [];
  const methods = isOwn
    ? { holdProgram: (isHeld: boolean) => void held.push(isHeld) }
    : { ref: () => void held.push(true), unref: () => void held.push(false) };
  return { transport: Object.assign(near, methods), held, far };
}

/** Begins a read and gives it up. */
async function giveUpReadOf(connection: Connection): Promise<void> {
  const aborting = new AbortController();
  const reading = connection.read({ signal: aborting.signal });
  aborting.abort();
  await reading.catch(() => {});
}

for (const isOwn of [true, false]) {
  Deno.test(`holdProgram() goes through all layers to a stream ${isOwn ? "" : "of the runtime"}`, () => {
    for (
      const layerOf of [
        (inner: Transport) => inner,
        (inner: Transport) => new ReplayedTransport(inner, new Uint8Array(0)),
        (inner: Transport) => new TappedTransport(inner, notedTap()),
        (inner: Transport) => new TlsLayer(inner),
      ]
    ) {
      const { transport, held } = noted(isOwn);
      holdProgram(layerOf(layerOf(transport)), false);
      holdProgram(layerOf(transport), true);
      assertEquals(held, [false, true]);
    }
  });
}

Deno.test("holdProgram() leaves a stream alone that cannot choose", () => {
  holdProgram(connectedTransports()[0], false);
});

Deno.test("Connection lets the program end when a read was given up, until it waits again", async () => {
  const { transport, held, far } = noted(true);
  const connection = new Connection(transport);
  const taken = () => held.splice(0);
  for (let i = 0; i < 3; i++) {
    const reading = connection.read();
    await far.write(new Uint8Array(3));
    await reading;
  }
  assertEquals(taken(), [], "nothing is given up");
  await giveUpReadOf(connection);
  assertEquals(taken(), [false]);
  // The same kernel read.
  const reading = connection.read();
  assertEquals(taken(), [true]);
  await far.write(new Uint8Array(3));
  await reading;
  await giveUpReadOf(connection);
  await far.write(new Uint8Array(3));
  assertEquals((await connection.read())[1], 3);
  // The next one.
  assertEquals(taken(), [false, true]);
  await giveUpReadOf(connection);
  const closing = connection.close();
  await far.closeWrite();
  await closing;
  assertEquals(taken(), [false, true], "a close waits for the peer's end");
  far.close();
});

Deno.test("Connection that reads ahead goes on holding the program", async () => {
  const { transport, held, far } = noted(true);
  const connection = new Connection(transport);
  connection.signal.throwIfAborted();
  await giveUpReadOf(connection);
  assertEquals(held, []);
  connection.abort();
  far.close();
});
