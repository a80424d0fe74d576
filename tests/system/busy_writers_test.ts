// A loop that awaits what it sends to one peer, who takes everything at once, lets all others have their turn.

import { assert } from "@std/assert";
import { linuxNetwork } from "../../linux/mod.ts";
import {
  type Caller,
  denoNetwork,
  framed,
  Group,
  LineCodec,
  Listener,
  UdpClient,
} from "../../mod.ts";
import type { Network } from "../../network.ts";
import { hasLinuxEngine } from "../support/linux_engine.ts";
import { Program } from "../support/program.ts";

/** Far more than are sent before five others are answered, and some seconds of work. */
const MOST = 1_500_000;

/** Each sends a little, and waits until it is sent. */
const faces: Record<string, (caller: Caller) => () => Promise<unknown>> = {
  "write": (caller) => () => caller.write("x\n"),
  "write, a kilobyte": (caller) => {
    const bytes = new Uint8Array(1_000);
    return () => caller.write(bytes);
  },
  "tryWrite and drained": (caller) => () => {
    caller.tryWrite("x\n");
    return caller.drained();
  },
  "send": (caller) => {
    const messages = framed(caller, new LineCodec());
    return () => messages.send("x");
  },
  "sendAll": (caller) => {
    const messages = framed(caller, new LineCodec());
    return () => messages.sendAll(["x", "y"]);
  },
  "a group that waits": (caller) => {
    const group = new Group({ slow: "wait" }).add(caller);
    return () => group.send("x\n");
  },
  "a web stream": (caller) => {
    const writer = caller.writable.getWriter();
    return () => writer.write(new Uint8Array(2));
  },
};

const networks: Record<string, Network> = {
  "Deno's sockets": denoNetwork,
  ...(hasLinuxEngine ? { "the engine for Linux": linuxNetwork } : {}),
};

/** Sends until five others were answered, and checks that this was soon. */
async function checkOthers(port: number, send: () => Promise<unknown>): Promise<void> {
  let answered = 0;
  // The others are on Deno's own sockets, as other programs are.
  const others = (async () => {
    using other = await Deno.connect({ hostname: "127.0.0.1", port });
    for (; answered < 5; answered++) {
      await other.write(new Uint8Array(1));
      await other.read(new Uint8Array(1));
    }
  })();
  let sent = 0;
  for (; sent < MOST && answered < 5; sent++) await send();
  assert(answered === 5, `${answered} were answered while ${sent} were sent`);
  await others;
}

for (const [engine, network] of Object.entries(networks)) {
  for (const [face, sends] of Object.entries(faces)) {
    Deno.test(`A loop that awaits its sends starves nobody: ${face}, ${engine}`, async () => {
      await using listener = new Listener(0, { interface: "127.0.0.1", network });
      const first = Promise.withResolvers<Caller>();
      listener.attach({
        onConnect: (caller) => first.resolve(caller),
        async onReadReady(caller) {
          const [bytes] = await caller.read();
          await caller.write(bytes);
        },
      });
      await listener.start();
      const script =
        `const peer = await Deno.connect({ hostname: "127.0.0.1", port: ${listener.port} });
        const into = new Uint8Array(65_536);
        while (await peer.read(into) !== null);`;
      await using _peer = new Program("deno", ["eval", script]);
      await checkOthers(listener.port, sends(await first.promise));
    });
  }

  Deno.test(`A loop that awaits its sends starves nobody: datagrams, ${engine}`, async () => {
    await using listener = new Listener(0, { interface: "127.0.0.1", network });
    listener.attach({
      async onReadReady(caller) {
        const [bytes] = await caller.read();
        await caller.write(bytes);
      },
    });
    await listener.start();
    await using taker = new UdpClient({ host: "127.0.0.1", port: 0 });
    const { port } = await taker.bound;
    const peer = { remoteHost: "127.0.0.1", remotePort: port };
    await using client = new UdpClient({ host: "127.0.0.1", port: 0 }, { ...peer, network });
    await checkOthers(listener.port, () => client.write("x"));
    const group = new Group({ slow: "wait" }).add(client);
    await checkOthers(listener.port, () => group.send("x"));
  });
}
