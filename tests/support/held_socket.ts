// The library as a code block of the documentation gets it: the block is held where its server runs and has no client
// yet, until SIGHUP. Then its own clients do what they do in the documentation.

import type { Address, ClientConfig, ListenerConfig, LocalClientConfig } from "../../mod.ts";
import type { SocketError, StopOptions, StopReport, UdpListenerConfig } from "../../mod.ts";
import * as socket from "./skipping_socket.ts";

export * from "./skipping_socket.ts";

const released = Promise.withResolvers<void>();
Deno.addSignalListener("SIGHUP", () => released.resolve());

let isHeld = false;
/** The last server that was started: its kind, its address, and its port where it has one. */
let place = "";
/** The port of that one, and those of the servers that were started before it. */
let lastPort = 0;
const behind = new Set<number>();
/** The ports that listeners asked for, and the ones they have got. */
const ports = new Map<number, number>();

/** Waits for the test, the first time that a block would continue. */
async function hold(before: "speaks" | "ends"): Promise<void> {
  if (!isHeld && place !== "") {
    isHeld = true;
    console.log(`\nHeld before it ${before}: ${place}`);
  }
  if (isHeld) await released.promise;
}

export class Client extends socket.Client {
  static override async connect(
    config: ClientConfig | LocalClientConfig,
  ): Promise<socket.Client> {
    // A server dials those behind it for its clients: the test's, too.
    if (!("port" in config) || !behind.has(config.port)) await hold("speaks");
    if (!("port" in config)) return await socket.Client.connect(config);
    const port = ports.get(config.port) ?? config.port;
    return await socket.Client.connect({ ...config, port });
  }
}

export class Listener extends socket.Listener {
  readonly #asked: number;

  constructor(port: number, config?: ListenerConfig) {
    super(0, config);
    this.#asked = port;
  }

  override async start(): Promise<void> {
    await super.start();
    if (this.#asked !== 0) ports.set(this.#asked, this.port);
    if (lastPort !== 0) behind.add(lastPort);
    lastPort = this.port;
    place = this.port === 0 ? `unix ${this.address}` : `tcp ${this.address} ${this.port}`;
  }

  /** What serves until it is stopped waits for this. */
  override get closed(): Promise<SocketError | undefined> {
    void hold("ends");
    return super.closed;
  }

  override async gracefulStop(options?: StopOptions): Promise<StopReport> {
    await hold("ends");
    return await super.gracefulStop(options);
  }
}

export class UdpListener extends socket.UdpListener {
  constructor(port: number, config?: UdpListenerConfig) {
    super(port, config);
  }

  override async start(): Promise<void> {
    await super.start();
    place = `udp ${this.address} ${this.port}`;
  }

  override async gracefulStop(options?: StopOptions): Promise<StopReport> {
    await hold("ends");
    return await super.gracefulStop(options);
  }
}

export class UdpClient extends socket.UdpClient {
  override async write(content: Uint8Array | string): Promise<number> {
    await hold("speaks");
    return await super.write(content);
  }

  override async sendTo(content: Uint8Array | string, address: Address): Promise<number> {
    await hold("speaks");
    return await super.sendTo(content, address);
  }
}
