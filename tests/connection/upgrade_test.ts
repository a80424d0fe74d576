import { assertEquals, assertRejects } from "@std/assert";
import { Client, type ClientEvent, type SecureInfo } from "../../mod.ts";
import { Connection, connectionFrom, coreOf } from "../../src/connection/connection.ts";
import { GenericError } from "../../src/base/errors.ts";
import type { ReceivingCodec } from "../../src/framing/codec.ts";
import { framed } from "../../src/framing/framed.ts";
import type { Network, Transport } from "../../src/network/network.ts";
import { upgrade } from "../../src/connection/upgrade.ts";
import {
  connectedTransports,
  microtasksDrained,
  scriptedNetwork,
  scriptedTransport,
} from "../../testing/mod.ts";
import { arrivingConnection } from "../support/scripted_connection.ts";
import { readAll } from "../support/read_all.ts";
import { text } from "../support/text.ts";

/** A connection whose "handshake" puts another pair of transports in place. */
function upgradable() {
  const [plain, plainPeer] = connectedTransports();
  const [secure, securePeer] = connectedTransports();
  const shaking = Promise.withResolvers<Transport>();
  const prepareUpgrade = () => Promise.resolve(() => shaking.promise);
  const connection = connectionFrom({ prepareUpgrade }, Connection, plain, {});
  return { connection, plainPeer, secure, securePeer, shaking };
}

Deno.test("upgrade() sends what was written before in the clear, and what is written after not", async () => {
  const { connection, plainPeer, secure, securePeer, shaking } = upgradable();
  void connection.write("before");
  const upgrading = upgrade(coreOf(connection), undefined);
  const writing = connection.write("after");
  const reading = connection.read(5);
  assertEquals(text(await readAll(plainPeer, 6)), "before");
  shaking.resolve(secure);
  await upgrading;
  assertEquals(await writing, 5);
  assertEquals(text(await readAll(securePeer, 5)), "after");
  await securePeer.write(new TextEncoder().encode("reply"));
  assertEquals(new TextDecoder().decode((await reading)[0]), "reply");
  connection.abort();
});

Deno.test("upgrade() ends the connection where the handshake fails, and everybody learns why", async () => {
  const { connection, shaking } = upgradable();
  const upgrading = upgrade(coreOf(connection), undefined);
  const writing = connection.write("after");
  const failure = new GenericError("handshake", "no");
  shaking.reject(failure);
  assertEquals(await assertRejects(() => upgrading, GenericError, "no"), failure);
  const { code, bytesTaken } = await assertRejects(() => writing, GenericError, "no");
  assertEquals([code, bytesTaken], ["handshake", 0]);
  assertEquals(await connection.closed, failure);
});

Deno.test("upgrade() that is aborted under way frees what it was about to put in place", async () => {
  const { connection, secure, securePeer, shaking } = upgradable();
  const upgrading = assertRejects(() => upgrade(coreOf(connection), undefined), GenericError);
  await microtasksDrained();
  connection.abort();
  shaking.resolve(secure);
  assertEquals((await upgrading as GenericError).code, "aborted");
  assertEquals(await securePeer.read(new Uint8Array(1)), null);
});

Deno.test("upgrade() that is aborted under way rejects at once, whatever the engine does", async () => {
  const { connection } = upgradable();
  const upgrading = upgrade(coreOf(connection), undefined);
  await microtasksDrained();
  connection.abort();
  const { code } = await assertRejects(() => upgrading, GenericError);
  assertEquals(code, "aborted");
});

Deno.test("upgrade() that is aborted under way does not mind a stream that was freed with it", async () => {
  const { connection, secure, shaking } = upgradable();
  const upgrading = assertRejects(() => upgrade(coreOf(connection), undefined), GenericError);
  await microtasksDrained();
  connection.abort();
  secure.close();
  secure.close = () => {
    throw new Deno.errors.BadResource("Bad resource ID");
  };
  shaking.resolve(secure);
  assertEquals((await upgrading as GenericError).code, "aborted");
});

Deno.test("upgrade() while one is under way is busy, and a polite close waits for it", async () => {
  const { connection, plainPeer, secure, securePeer, shaking } = upgradable();
  const upgrading = upgrade(coreOf(connection), undefined);
  await assertRejects(() => upgrade(coreOf(connection), undefined), GenericError, "under way");
  void connection.write("last words");
  const closing = connection.close();
  shaking.resolve(secure);
  await upgrading;
  assertEquals(text(await readAll(securePeer, 10)), "last words");
  assertEquals(await securePeer.read(new Uint8Array(1)), null);
  securePeer.close();
  await closing;
  plainPeer.close();
});

Deno.test("upgrade() refuses a connection that is over, and one that is nobody's", async () => {
  const { connection } = upgradable();
  connection.abort();
  await assertRejects(() => upgrade(coreOf(connection), undefined), GenericError);
  const [near] = connectedTransports();
  const own = new Connection(near);
  await assertRejects(() => own.upgradeToTls(), TypeError, "belongs to no Client and no Listener");
  own.abort();
});

/** Lines, of which the decoder takes all that there is. */
const greedy: ReceivingCodec<string> = {
  decoder() {
    let taken = "";
    return {
      get holdsPart() {
        return taken !== "";
      },
      decode(bytes) {
        taken += text(bytes.takeAll());
        const end = taken.indexOf("\n");
        if (end < 0) return undefined;
        const line = taken.slice(0, end);
        taken = taken.slice(end + 1);
        return line;
      },
    };
  },
};

Deno.test("upgrade() takes nothing for the secure peer's that a decoder has taken in the clear", async () => {
  for (const behind of ["INJECTED\n", "HALF"]) {
    const { connection, plainPeer } = upgradable();
    await plainPeer.write(new TextEncoder().encode(`STARTTLS\n${behind}`));
    assertEquals(await framed(connection, greedy).receive(), "STARTTLS");
    const { code } = await assertRejects(
      () => upgrade(coreOf(connection), undefined),
      GenericError,
      "came in the clear",
    );
    assertEquals([code, (await connection.closed)?.code], ["handshake", "handshake"]);
    plainPeer.close();
  }
  const { connection, plainPeer, secure, shaking } = upgradable();
  await plainPeer.write(new TextEncoder().encode("STARTTLS\n"));
  assertEquals(await framed(connection, greedy).receive(), "STARTTLS");
  shaking.resolve(secure);
  await upgrade(coreOf(connection), undefined);
  connection.abort();
  plainPeer.close();
});

Deno.test("upgrade() that is refused for its options lets what was held go out after what was written before", async () => {
  const [plain, plainPeer] = connectedTransports({ capacity: 10 });
  const refused = Promise.withResolvers<never>();
  const prepareUpgrade = () => refused.promise;
  const connection = connectionFrom({ prepareUpgrade }, Connection, plain, {});
  void connection.write("before and longer than what is taken at once,");
  void connection.write(" too");
  const upgrading = assertRejects(() => upgrade(coreOf(connection), undefined), TypeError);
  void connection.write(" held");
  void connection.write(" back");
  refused.reject(new TypeError("no such option"));
  await upgrading;
  void connection.close();
  const expected = "before and longer than what is taken at once, too held back";
  assertEquals(text(await readAll(plainPeer, expected.length)), expected);
  plainPeer.close();
});

Deno.test("upgrade() that nobody awaits is no unhandled rejection where it ends the connection, else it is one", async () => {
  const unhandled: unknown[] = [];
  const told = Promise.withResolvers<void>();
  const onUnhandled = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
    told.resolve();
  };
  globalThis.addEventListener("unhandledrejection", onUnhandled);
  try {
    const { connection, shaking } = upgradable();
    void upgrade(coreOf(connection), undefined);
    const failure = new GenericError("handshake", "no");
    shaking.reject(failure);
    assertEquals(await connection.closed, failure);
    const aborted = upgradable().connection;
    void upgrade(coreOf(aborted), undefined);
    aborted.abort();
    await aborted.closed;
    // It goes on in the clear, which nobody may pass over.
    const error = new TypeError("no such option");
    const prepareUpgrade = () => Promise.reject(error);
    const [near] = connectedTransports();
    const other = connectionFrom({ prepareUpgrade }, Connection, near, {});
    void upgrade(coreOf(other), undefined);
    await told.promise;
    assertEquals(unhandled, [error]);
    other.abort();
  } finally {
    globalThis.removeEventListener("unhandledrejection", onUnhandled);
  }
});

Deno.test("upgrade() whose handshake is over only after the connection tells of no success", async () => {
  const told: string[] = [];
  const [begun, late] = [Promise.withResolvers<void>(), Promise.withResolvers<Transport>()];
  const network: Network = {
    ...scriptedNetwork({ connects: [scriptedTransport([])] }),
    startTls: () => {
      begun.resolve();
      return late.promise;
    },
  };
  const onEvent = ({ kind }: ClientEvent) => void told.push(kind);
  const client = await Client.connect({ host: "a.example", port: 7, network, onEvent });
  const upgrading = assertRejects(() => client.upgradeToTls(), GenericError);
  await begun.promise;
  client.abort();
  await upgrading;
  const freed = Promise.withResolvers<void>();
  const secure = { protocol: undefined, alpnProtocol: undefined } as SecureInfo;
  late.resolve(Object.assign(scriptedTransport([]), { secure, close: freed.resolve }));
  await freed.promise;
  // Events are told in a turn of their own.
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals(told, ["opened", "ended"]);
});

Deno.test("upgrade() does not take for said in the clear what arrives of the proxy's TLS and cannot be read", async () => {
  const [secure, peer] = connectedTransports();
  const prepareUpgrade = () => Promise.resolve(() => Promise.resolve(secure));
  const { connection, arrive } = arrivingConnection([], {}, { prepareUpgrade });
  arrive(1);
  await upgrade(coreOf(connection), undefined);
  assertEquals(coreOf(connection).transport, secure);
  connection.abort();
  peer.close();
});
