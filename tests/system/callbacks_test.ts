// Every function that users give: whatever it does, it ends nothing but what it is about.
//
// The table below has all of them, and a test reads the public face to see that none is missing.

import { assert, assertEquals } from "@std/assert";
import {
  Client,
  framedService,
  LineCodec,
  Listener,
  type ListenerConfig,
  type Service,
  UdpClient,
  UdpListener,
  type UdpService,
} from "../../mod.ts";
import { awkwardErrors, awkwardThings, printedDuring } from "../support/awkward.ts";
import { Authority } from "../support/certificates.ts";
import { serviceOf } from "../../src/connection/handler.ts";
import { repositoryFiles, root } from "../support/source.ts";

/** What a function of the user's may do. */
const DEEDS: Record<string, (thrown: unknown) => unknown> = {
  "throws": (thrown) => {
    throw thrown;
  },
  "rejects": (thrown) => Promise.reject(thrown),
  "never settles": () => new Promise(() => {}),
  "gives a promise that throws when it is looked at": (thrown) => ({
    get then() {
      throw thrown;
    },
  }),
  "gives a promise that settles twice": (thrown) => ({
    then(resolve: () => void, reject: (reason: unknown) => void) {
      resolve();
      resolve();
      reject(thrown);
    },
  }),
};

const LOOPBACK = { interface: "127.0.0.1" };
const authority = await Authority.make("Callbacks Test CA");
const { cert, key } = await authority.sign({ hosts: ["localhost"] });

type Misbehave = () => unknown;

/** Something that happens at a listener, and what shows that it still serves. */
interface Trial {
  /** Makes the function misbehave: at once, or when the listener is used. */
  provoke(): Promise<void>;
  /** Somebody honest is served. */
  serves(): Promise<void>;
  stop(): Promise<void>;
}

async function dial(listener: Listener, more: object = {}): Promise<Client> {
  return await Client.connect({ host: "127.0.0.1", port: listener.port, ...more });
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
  const listener = new Listener(0, LOOPBACK);
  listener.attach(() => count++ === 0 ? bad : good);
  await listener.start();
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

async function datagrams(make: (misbehave: Misbehave) => UdpService, misbehave: Misbehave) {
  const listener = new UdpListener(0, LOOPBACK);
  let hasMisbehaved = false;
  const service = make(() => {
    if (hasMisbehaved) return undefined;
    hasMisbehaved = true;
    return misbehave();
  });
  listener.attach(service);
  await listener.start();
  const peer = { remoteHost: "127.0.0.1", remotePort: listener.port };
  return {
    async provoke() {
      const client = new UdpClient({ host: "127.0.0.1", port: 0 }, peer);
      await client.write("provoked");
      // Its answer, where there is one, shows that it was handled.
      await client.read(undefined, { timeoutInMillis: 30 }).catch(() => {});
      await client.close();
    },
    async serves() {
      // A call that never settles keeps those behind it waiting: that is what it says.
      const client = new UdpClient({ host: "127.0.0.1", port: 0 }, peer);
      await client.write("hello");
      const [bytes] = await client.read(undefined, { timeoutInMillis: 2_000 });
      assertEquals(new TextDecoder().decode(bytes), "hello");
      await client.close();
    },
    stop: () => listener.immediateStop(),
  };
}

const lines = new LineCodec();

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

/** Who does not settle keeps those behind him waiting, where calls are one after the other. */
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
        // A file is looked at again and again.
        const isOnce = name !== "ListenerConfig.onEvent of a reload";
        assert(printed.length <= 2 || !isOnce, `${name} ${deed}: printed ${printed.length} times`);
      }
    }
  });
}

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
  const door = await Deno.readTextFile(new URL("mod.ts", root));
  const isPublic = (name: string) => new RegExp(`\\b${name.split(".")[0]}\\b`).test(door);
  const missing = [...found].filter((name) =>
    isPublic(name) && !others.test(name) && !(name in CALLBACKS)
  );
  assertEquals(missing, []);
  assert(found.size > 10);
});
