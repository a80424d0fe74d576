// Every function of the user: whatever it does, it ends nothing but its own matter.
//
// The table below has all of them, and a test reads the public API to see that none is missing.

import { assert, assertEquals } from "@std/assert";
import {
  framedService,
  LineCodec,
  Listener,
  type ListenerConfig,
  type Service,
  UdpClient,
  type UdpClientConfig,
  UdpListener,
  type UdpListenerConfig,
  type UdpService,
} from "../../mod.ts";
import { awkwardErrors, awkwardThings } from "../support/awkward.ts";
import { DEEDS } from "../support/deeds.ts";
import { Authority } from "../support/certificates.ts";
import { dial } from "../support/dial.ts";
import { listening } from "../support/listening.ts";
import { printedDuring } from "../support/printed_during.ts";
import { serviceOf } from "../../src/connection/handler.ts";
import { repositoryFiles, root } from "../support/source.ts";

const lines = new LineCodec();
const LOOPBACK = { interface: "127.0.0.1" };
const authority = await Authority.make("Callbacks Test CA");
const { cert, key } = await authority.sign({ hosts: ["localhost"] });

type Misbehave = () => unknown;

/** A misbehaving function at a listener, and a check that the listener still serves. */
interface Trial {
  /** Makes the function misbehave. */
  provoke(): Promise<void>;
  /** Checks that an honest client is served. */
  serves(): Promise<void>;
  stop(): Promise<void>;
}

/** A listener whose first connection meets the misbehaviour, and later ones an echo of lines. */
async function streams(
  make: (misbehave: Misbehave) => Service,
  misbehave: Misbehave,
  says = "x\n",
): Promise<Trial> {
  const bad = make(misbehave);
  const good = framedService(new LineCodec(), { onMessage: (_caller, line) => line });
  let count = 0;
  const listener = await listening(() => count++ === 0 ? bad : good);
  return trialOf(listener, async () => {
    const client = await dial(listener);
    await client.write(says);
    client.abort();
    await client.closed;
  });
}

function trialOf(listener: Listener, provoke: () => Promise<void>): Trial {
  return {
    provoke,
    async serves() {
      const client = await dial(listener);
      await client.write("hello\n");
      assertEquals(await client.readLine(), "hello");
      await client.close();
    },
    stop: () => listener.immediateStop(),
  };
}

/** A listener that stops while its first connection is open, and serves others after it was started again. */
async function stopped(service: Service): Promise<Trial> {
  const good = framedService(lines, { onMessage: (_caller, line) => line });
  let count = 0;
  const listener = await listening(() => count++ === 0 ? service : good);
  return trialOf(listener, async () => {
    const client = await dial(listener);
    await listener.gracefulStop({ deadlineInMillis: 20 });
    client.abort();
    await client.closed;
    await listener.start();
  });
}

/** A listener with a hook for which a connection is provoked. */
async function hooked(
  config: ListenerConfig,
  attack: (listener: Listener) => Promise<void>,
  more: object = {},
): Promise<Trial> {
  const listener = new Listener(0, { ...LOOPBACK, ...config });
  listener.attach(framedService(new LineCodec(), { onMessage: (_caller, line) => line }));
  await listener.start();
  return {
    provoke: () => attack(listener),
    async serves() {
      const client = await dial(listener, more);
      await client.write("hello\n");
      assertEquals(await client.readLine(), "hello");
      await client.close();
    },
    stop: () => listener.immediateStop(),
  };
}

async function datagrams(
  make: (misbehave: Misbehave) => UdpService,
  misbehave: Misbehave,
  config: UdpListenerConfig = {},
  clientConfig: UdpClientConfig = {},
) {
  const listener = new UdpListener(0, { ...LOOPBACK, ...config });
  let hasMisbehaved = false;
  const service = make(() => {
    if (hasMisbehaved) return undefined;
    hasMisbehaved = true;
    return misbehave();
  });
  listener.attach(service);
  await listener.start();
  const peer = { remoteHost: "127.0.0.1", remotePort: listener.port, ...clientConfig };
  return {
    async provoke() {
      const client = new UdpClient({ host: "127.0.0.1", port: 0 }, peer);
      await client.write("provoked");
      // Its answer, where there is one, shows that it was handled.
      await client.read(undefined, { timeoutInMillis: 30 }).catch(() => {});
      await client.close();
    },
    async serves() {
      // A call that never settles holds up those after it, as documented.
      const client = new UdpClient({ host: "127.0.0.1", port: 0 }, peer);
      await client.write("hello");
      const [bytes] = await client.read(undefined, { timeoutInMillis: 2_000 });
      assertEquals(new TextDecoder().decode(bytes), "hello");
      await client.close();
    },
    stop: () => listener.immediateStop(),
  };
}

/** A function that gives text, but the first time. */
function misbehavesOnce(misbehave: Misbehave, otherwise: string) {
  const { promise: called, resolve } = Promise.withResolvers<void>();
  let isFirst = true;
  const call = () => {
    if (!isFirst) return otherwise;
    isFirst = false;
    resolve();
    return misbehave() as string;
  };
  return { call, called };
}

/** Somebody who says nothing until something has happened. */
function quietUntil(happened: Promise<void>): (listener: Listener) => Promise<void> {
  return async (listener) => {
    const client = await dial(listener);
    await happened;
    client.abort();
    await client.closed;
  };
}

/** Each function, and a trial of it. */
const CALLBACKS: Record<string, (misbehave: Misbehave) => Promise<Trial>> = {
  "Service.onConnect": (misbehave) => streams((onConnect) => ({ onConnect }) as Service, misbehave),
  "Service.onReadReady": (misbehave) =>
    streams((onReadReady) => ({ onReadReady }) as Service, misbehave),
  "Service.onBytes": (misbehave) =>
    streams((onBytes) => ({ onBytes }) as unknown as Service, misbehave),
  "Service.onEnd": (misbehave) =>
    streams((onEnd) => ({ onBytes() {}, onEnd }) as unknown as Service, misbehave),
  "Handler": (misbehave) =>
    streams((handler) => serviceOf(handler as unknown as () => void, {}), misbehave),
  "Service.onError": (misbehave) =>
    streams((onError) =>
      ({
        onConnect() {
          throw new Error("so that it is called");
        },
        onError,
      }) as Service, misbehave),
  "Service.onClose": (misbehave) => streams((onClose) => ({ onClose }) as Service, misbehave),
  "Service.onStop": (misbehave) => stopped({ onBytes() {}, onStop: misbehave as () => void }),
  "MessageService.onStop": (misbehave) =>
    stopped(framedService(lines, { onMessage() {}, onStop: misbehave as () => void })),
  "MessageService.onConnect": (misbehave) =>
    streams(
      (onConnect) => framedService(lines, { onConnect: onConnect as () => void, onMessage() {} }),
      misbehave,
    ),
  "MessageService.onMessage": (misbehave) =>
    streams((onMessage) => framedService(lines, { onMessage: onMessage as () => void }), misbehave),
  "MessageService.onError": (misbehave) =>
    streams((onError) =>
      framedService(lines, {
        onMessage() {
          throw new Error("so that it is called");
        },
        onError: onError as () => void,
      }), misbehave),
  "MessageService.onClose": (misbehave) =>
    streams(
      (onClose) => framedService(lines, { onMessage() {}, onClose: onClose as () => void }),
      misbehave,
    ),
  "HeartbeatConfig.content": async (misbehave) => {
    const { call, called } = misbehavesOnce(misbehave, "");
    return await hooked({ heartbeat: { content: call, everyInMillis: 1 } }, quietUntil(called));
  },
  "MessageHeartbeatConfig.message": async (misbehave) => {
    const { call: message, called } = misbehavesOnce(misbehave, "hello");
    const listener = new Listener(0, LOOPBACK);
    const service = { onMessage: (_: unknown, line: string) => line };
    listener.attach(framedService(lines, service, { heartbeat: { message, everyInMillis: 1 } }));
    await listener.start();
    return trialOf(listener, () => quietUntil(called)(listener));
  },
  "ServiceOrFactory": async (misbehave) => {
    const listener = new Listener(0, LOOPBACK);
    let count = 0;
    const good = framedService(lines, { onMessage: (_caller, line) => line });
    listener.attach((() => count++ === 0 ? misbehave() : good) as () => Service);
    await listener.start();
    return trialOf(listener, async () => {
      const client = await dial(listener);
      client.abort();
      await client.closed;
    });
  },
  "FrameConfig.onBadFrame": (misbehave) =>
    streams(
      () =>
        framedService(new LineCodec({ maxFrameLength: 1, onBadFrame: misbehave as () => void }), {
          onMessage() {},
        }),
      misbehave,
      "too long\n",
    ),
  "ReceivingCodec.onBadFrame": (misbehave) =>
    streams(
      () =>
        framedService({
          decoder: () => new LineCodec({ maxFrameLength: 1 }).decoder(),
          onBadFrame: misbehave as () => void,
        }, { onMessage() {} }),
      misbehave,
      "too long\n",
    ),
  "Codec.decoder": (misbehave) =>
    streams(
      () => framedService({ encode() {}, decoder: misbehave as () => never }, { onMessage() {} }),
      misbehave,
    ),
  "Decoder.decode": (misbehave) =>
    streams(
      () =>
        framedService({ encode() {}, decoder: () => ({ decode: misbehave as () => never }) }, {
          onMessage() {},
        }),
      misbehave,
    ),
  "Encoder.encode": (misbehave) =>
    streams(
      () =>
        framedService({ encode: misbehave as () => void, decoder: () => lines.decoder() }, {
          onMessage: (_caller, line) => line,
        }),
      misbehave,
    ),
  "UdpService.onStop": async (misbehave) => {
    const listener = new UdpListener(0, LOOPBACK);
    let count = 0;
    listener.attach(() => {
      const onDatagram: UdpService["onDatagram"] = (_caller, { data }) => data;
      return count++ === 0 ? { onDatagram, onStop: misbehave as () => void } : { onDatagram };
    });
    await listener.start();
    const ask = async () => {
      const peer = { remoteHost: "127.0.0.1", remotePort: listener.port };
      await using client = new UdpClient({ host: "127.0.0.1", port: 0 }, peer);
      await client.write("hello");
      assertEquals((await client.read(undefined, { timeoutInMillis: 2_000 }))[1], 5);
    };
    return {
      async provoke() {
        await ask();
        await listener.gracefulStop({ deadlineInMillis: 20 });
        await listener.start();
      },
      serves: ask,
      stop: () => listener.immediateStop(),
    };
  },
  "UdpService.onDatagram": (misbehave) =>
    datagrams((call) => ({
      onDatagram: (_, { data }) => (call() as Promise<Uint8Array>) ?? data,
    }), misbehave),
  "UdpService.onBytes": (misbehave) =>
    datagrams((call) => ({
      onBytes: (_, bytes) => (call() as Promise<Uint8Array>) ?? bytes,
    }), misbehave),
  "UdpService.onSession": (misbehave) =>
    datagrams((call) => ({
      onSession(session) {
        void session.read().then(([bytes]) => session.write(bytes), () => {});
        return call() as Promise<void>;
      },
    }), misbehave),
  "UdpService.onClose": (misbehave) =>
    datagrams((call) => ({
      async onSession(session) {
        await session.write((await session.read())[0]);
        await session.close();
      },
      onClose: call as () => void,
    }), misbehave),
  "UdpService.onError": (misbehave) =>
    datagrams((call) => {
      let count = 0;
      return {
        onDatagram(_, { data }) {
          if (count++ === 0) throw new Error("so that it is called");
          return data;
        },
        onError: call as () => void,
      };
    }, misbehave),
  "DialConfig.onEvent": (misbehave) => {
    const more = { onEvent: misbehave as () => void };
    return hooked({}, async (listener) => {
      const client = await dial(listener, more);
      await client.close();
    }, more);
  },
  "UdpListenerConfig.onEvent": (misbehave) =>
    datagrams(
      () => ({
        async onSession(session) {
          await session.write((await session.read())[0]);
          await session.close();
        },
      }),
      misbehave,
      { onEvent: misbehave as () => void },
    ),
  "UdpClientConfig.onEvent": (misbehave) =>
    datagrams(() => ({ onBytes: (_, bytes) => bytes }), misbehave, {}, {
      onEvent: misbehave as () => void,
    }),
  "ListenerConfig.onEvent": (misbehave) =>
    hooked({ proxyProtocol: { trusted: ["127.0.0.1"] }, onEvent: misbehave as () => void }, async (
      listener,
    ) => {
      const client = await dial(listener);
      await client.write("no header\r\n");
      await client.read().catch(() => {});
      await client.close();
    }, { sendProxyHeader: {} }),
  "ListenerConfig.onEvent of a handshake": (misbehave) =>
    hooked(
      { secureSocket: { cert, key }, onEvent: misbehave as () => void },
      async (listener) => {
        const client = await dial(listener);
        await client.write("no handshake\r\n");
        await client.read().catch(() => {});
        await client.close();
      },
      { secureSocket: { caCerts: [authority.cert], serverName: "localhost" } },
    ),
  "ListenerConfig.onEvent of a reload": async (misbehave) => {
    const folder = await Deno.makeTempDir();
    const [certFile, keyFile] = [`${folder}/cert.pem`, `${folder}/key.pem`];
    await Deno.writeTextFile(certFile, cert);
    await Deno.writeTextFile(keyFile, key);
    const called = Promise.withResolvers<void>();
    const onEvent = () => {
      called.resolve();
      return misbehave() as void;
    };
    // Looking at files does not keep a program alive: this does, until it is called.
    const alive = setInterval(() => {}, 1_000);
    const trial = await hooked(
      { secureSocket: { certFile, keyFile, reloadInMillis: 2 }, onEvent },
      async () => {
        await Deno.writeTextFile(certFile, "no certificate");
        await called.promise;
        clearInterval(alive);
      },
      { secureSocket: { caCerts: [authority.cert], serverName: "localhost" } },
    );
    return {
      ...trial,
      async stop() {
        await trial.stop();
        await Deno.remove(folder, { recursive: true });
      },
    };
  },
};

/** Calls that never settle hold up those after them, where calls are sequential. */
const WAITS_FOR_ITS_CALLS = ["UdpService.onBytes", "UdpService.onDatagram"];

for (const [name, make] of Object.entries(CALLBACKS)) {
  Deno.test(`${name} ends nothing but what it is about, whatever it does`, async () => {
    for (const [deed, misbehave] of Object.entries(DEEDS)) {
      const isStuck = deed === "never settles" && WAITS_FOR_ITS_CALLS.includes(name);
      const things = [...awkwardThings(), ...awkwardErrors()];
      for (const thrown of deed === "never settles" ? [undefined] : things) {
        const printed = await printedDuring(async () => {
          const trial = await make(() => misbehave(thrown));
          try {
            await trial.provoke();
            if (!isStuck) await trial.serves();
          } finally {
            await trial.stop();
          }
        });
        // Each event is told once; a file is checked again and again.
        const most = name.includes("reload") ? Infinity : name.includes("onEvent") ? 20 : 2;
        assert(printed.length <= most, `${name} ${deed}: printed ${printed.length} times`);
      }
    }
  });
}

/** Tried in client_callbacks_test.ts. */
const ELSEWHERE = [
  "ReconnectingClientConfig.onUp",
  "ReconnectingClientConfig.onDown",
  "ReconnectingClientConfig.onState",
  "RequestsConfig.onPush",
  "ClientPoolConfig.onConnect",
];

Deno.test("every function that users give is tried", async () => {
  // What only a program of the user's own calls, or what the network below it is made of.
  const others = /^(Turn|Turns|Clock|Network|Transport|TransportListener|DatagramSocket)\./;
  const found = new Set<string>();
  for (const path of repositoryFiles().filter((path) => /^src\/.*\.ts$/.test(path))) {
    const text = await Deno.readTextFile(new URL(path, root));
    for (const [, name, body] of text.matchAll(/^export interface (\w+)[^{]*\{\n([\s\S]*?)^\}/gm)) {
      for (const [, member] of body!.matchAll(/^ {2}(?:readonly )?(on[A-Z]\w*)\??[(:]/gm)) {
        found.add(`${name}.${member}`);
      }
    }
  }
  const doors = ["mod.ts", "clients.ts"].map((name) => Deno.readTextFile(new URL(name, root)));
  const door = (await Promise.all(doors)).join("\n");
  const isPublic = (name: string) => new RegExp(`\\b${name.split(".")[0]}\\b`).test(door);
  const missing = [...found].filter((name) =>
    isPublic(name) && !others.test(name) && !(name in CALLBACKS) && !ELSEWHERE.includes(name)
  );
  assertEquals(missing, []);
  assert(found.size > 10);
});
