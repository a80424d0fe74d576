// A network of one's own whose calls without a promise give one that rejects, because they are `async` by mistake. Where
// nothing is returned TypeScript lets that through. A rejection that nobody handles would fail these tests.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { Client, denoNetwork, GenericError, Listener, UdpClient, UdpListener } from "../../mod.ts";
import { printed } from "../../debug.ts";
import type { DatagramSocket, Network, Transport, TransportListener } from "../../network.ts";
import { echo } from "../support/echo.ts";
import { printedDuring } from "../support/printed_during.ts";
import { withMembers } from "../support/with_members.ts";

// deno-lint-ignore no-explicit-any
type Odd = any;

const fails = () => Promise.reject(new Error("async by mistake"));
const own: Network = denoNetwork;
const traced = (network: Network) => printed(network, { print() {} });
const networks = { plain: (network: Network) => network, printed: traced };

/** A stream that can be read without a promise, but only as `read` does. */
const readable = { whenReadable: (callback: () => void) => queueMicrotask(callback) };

const MISTAKE = "must not be async: it has to be done when it returns";
/** What ends a connection, by the call that is async; `undefined` where it harms nothing. */
const streams: Record<string, { members: object; error?: string }> = {
  close: { members: { close: fails } },
  setNoDelay: { members: { setNoDelay: fails } },
  holdProgram: { members: { holdProgram: fails } },
  tryWrite: { members: { tryWrite: fails }, error: `a transport's tryWrite ${MISTAKE}` },
  tryRead: {
    members: { ...readable, tryRead: fails },
    error: `a transport's tryRead ${MISTAKE}`,
  },
  whenReadable: {
    members: { whenReadable: fails, tryRead: () => undefined },
    error: `a transport's whenReadable ${MISTAKE}`,
  },
};

for (const [name, { members, error }] of Object.entries(streams)) {
  for (const [way, wrap] of Object.entries(networks)) {
    Deno.test(`A Transport whose ${name} is async by mistake ends its own connection at most (${way})`, async () => {
      const freed: Transport[] = [];
      const network = wrap({
        ...own,
        async connect(target) {
          const inner = await own.connect(target);
          freed.push(inner);
          return withMembers(inner, members);
        },
      });
      const listener = new Listener(0, { interface: "127.0.0.1" });
      listener.attach(echo);
      await listener.start();
      const client = await Client.connect({ host: "127.0.0.1", port: listener.port, network });
      const aborting = new AbortController();
      const reading = client.read({ signal: aborting.signal }).catch(() => {});
      aborting.abort();
      await reading;
      const written = await client.write("hello").catch((error) => error);
      const read = await client.read().catch((error) => error);
      await client.close();
      if (error === undefined) {
        assertEquals([written, read[1]], [5, 5]);
      } else {
        const ended = await client.closed;
        assertEquals(ended?.code, "broken");
        assertStringIncludes(ended!.message, error);
      }
      for (const transport of freed) {
        try {
          transport.close();
        } catch { /* it was */ }
      }
      await listener.gracefulStop();
    });
  }
}

for (const [way, wrap] of Object.entries(networks)) {
  const listening = (members: (inner: TransportListener) => object): Network =>
    wrap({
      ...own,
      async listen(target) {
        const inner = await own.listen(target);
        return withMembers(inner, members(inner));
      },
    });
  const serving = async (network: Network, onEvent = (_event: Odd) => {}) => {
    const listener = new Listener(0, { interface: "127.0.0.1", network, onEvent });
    listener.attach(echo);
    await listener.start();
    for (let i = 0; i < 2; i++) {
      await using client = await Client.connect({ host: "127.0.0.1", port: listener.port });
      await client.write("hello");
      assertEquals((await client.read())[1], 5);
    }
    return await listener.gracefulStop();
  };

  Deno.test(`A TransportListener whose close is async by mistake, or throws, is stopped (${way})`, async () => {
    for (
      const fail of [fails, () => {
        throw new Error("mine");
      }]
    ) {
      const network = listening((inner) => ({
        close() {
          inner.close();
          return fail();
        },
      }));
      assertEquals((await serving(network)).aborted, 0);
    }
  });

  Deno.test(`A TransportListener whose tryAccept is async by mistake is served by accept (${way})`, async () => {
    const rests: string[] = [];
    let calls = 0;
    const network = listening(() => ({
      tryAccept() {
        calls++;
        return fails();
      },
    }));
    await serving(network, (event) => {
      if (event.kind === "rested") rests.push(event.error.message);
    });
    assertEquals([calls, rests.length], [1, 1]);
    assertStringIncludes(
      rests[0]!,
      "the network must give a Transport, not a promise: it must not be async",
    );
  });

  for (const [what, letGo] of Object.entries({ async: fails, throws: () => fail() })) {
    Deno.test(`A TransportListener whose letGo is odd (${what}) is stopped all the same (${way})`, async () => {
      const said = await printedDuring(async () => {
        assertEquals((await serving(listening(() => ({ isShared: true, letGo })))).aborted, 0);
      });
      const why = what === "async" ? `a listener's letGo ${MISTAKE}` : "mine";
      assertEquals(said.map((error) => (error as Error).message), [why]);
    });
  }
}

function fail(): never {
  throw new Error("mine");
}

/** What a client or a listener is told, by the call that is async; `undefined` where it harms nothing. */
const datagrams: Record<string, { members: object; error?: string }> = {
  close: { members: { close: fails } },
  holdProgram: { members: { holdProgram: fails } },
  hearOnly: { members: { hearOnly: fails }, error: `a socket's hearOnly ${MISTAKE}` },
  trySend: { members: { trySend: fails }, error: `a socket's trySend ${MISTAKE}` },
  trySendAll: { members: { trySendAll: fails }, error: `a socket's trySendAll ${MISTAKE}` },
  tryReceive: {
    members: { ...readable, tryReceive: fails },
    error: `a socket's tryReceive ${MISTAKE}`,
  },
  tryReceiveAll: {
    members: { ...readable, tryReceive: () => undefined, tryReceiveAll: fails },
    error: `a socket's tryReceiveAll ${MISTAKE}`,
  },
  whenReadable: {
    members: { whenReadable: fails, tryReceive: () => undefined },
    error: `a socket's whenReadable ${MISTAKE}`,
  },
  "whenReadable, which throws,": {
    members: { whenReadable: fail, tryReceive: () => undefined },
    error: "mine",
  },
};

for (const [name, { members, error }] of Object.entries(datagrams)) {
  for (const [way, wrap] of Object.entries(networks)) {
    Deno.test(`A DatagramSocket whose ${name} is async by mistake harms itself at most (${way})`, async () => {
      const inner: DatagramSocket[] = [];
      const network = wrap({
        ...own,
        async listenDatagram(target) {
          const socket = await own.listenDatagram(target);
          inner.push(socket);
          return withMembers(socket, members);
        },
      });
      const listener = new UdpListener(0, { interface: "127.0.0.1" });
      listener.attach({ onDatagram: (_, { data }) => data });
      await listener.start();
      const client = new UdpClient(
        { host: "127.0.0.1", port: 0 },
        { network, remoteHost: "127.0.0.1", remotePort: listener.port },
      );
      const written = await client.write("hello").catch((error) => error);
      const isSendAtFault = written instanceof GenericError;
      const read = isSendAtFault ? written : await client.read().catch((error) => error);
      await client.close();
      if (error === undefined) {
        assertEquals([written, read[0].length], [5, 5]);
      } else {
        assertStringIncludes(read.message, error);
        assertEquals(read instanceof GenericError, true);
      }
      for (const socket of inner) {
        try {
          await socket.close();
        } catch { /* it was */ }
      }
      await listener.gracefulStop();
    });
  }
}

for (const [way, wrap] of Object.entries(networks)) {
  Deno.test(`A DatagramSocket that forgets its address is used on (${way})`, async () => {
    const network = wrap({
      ...own,
      async listenDatagram(target) {
        const socket = await own.listenDatagram(target);
        let reads = 0;
        return withMembers(socket, {
          get addr() {
            return ++reads > 2 ? fail() : socket.addr;
          },
        });
      },
    });
    const listener = new UdpListener(0, { interface: "127.0.0.1", network });
    listener.attach({ onDatagram: (_, { data }) => data });
    await listener.start();
    const client = new UdpClient({ host: "127.0.0.1", port: 0 }, {
      network,
      remoteHost: "127.0.0.1",
      remotePort: listener.port,
    });
    await client.write("hello");
    assertEquals((await client.read())[0].length, 5);
    await client.close();
    await listener.gracefulStop();
  });
}
