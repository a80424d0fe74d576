// Most of a minute in the life of two services: something for each panel of a dashboard to show.

import { Client } from "../../mod.ts";
import { Authority } from "../../tests/support/certificates.ts";
import { breakOff } from "../../tests/support/service.ts";
import { Load } from "../demo/load.ts";
import { DemoService } from "../demo/service.ts";

/** More than one address may have. */
const CROWD = 1_040;
/** More than the secure service has descriptors for. */
const SECURE_CROWD = 200, SECURE_DESCRIPTORS = "150";
/** One line, as long as the service lets it be. */
const LONG_LINE = new TextEncoder().encode(`${"x".repeat(9_000)}\n`);

const pause = (seconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, seconds * 1_000));

/** Two services, one of them with TLS and few descriptors, and those who use them. */
export class Scene implements AsyncDisposable {
  readonly services: readonly [plain: DemoService, secure: DemoService];
  readonly #caCert: string;

  private constructor(services: Scene["services"], caCert: string) {
    this.services = services;
    this.#caCert = caCert;
  }

  /** Starts the services. @param folder For a certificate. */
  static async start(folder: string): Promise<Scene> {
    const authority = await Authority.make("Dashboard");
    const { cert, key } = await authority.sign();
    const files = [`--cert=${folder}/cert.pem`, `--key=${folder}/key.pem`];
    await Deno.writeTextFile(`${folder}/cert.pem`, cert);
    await Deno.writeTextFile(`${folder}/key.pem`, key);
    const deno = ["run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1", "--allow-read"];
    const services = [
      new DemoService(),
      new DemoService(files, [
        ...["prlimit", `--nofile=${SECURE_DESCRIPTORS}`, Deno.execPath(), ...deno],
        "examples/service/main.ts",
      ]),
    ] as const;
    await Promise.all(services.map(({ started }) => started));
    return new Scene(services, authority.cert);
  }

  /** Plays it. */
  async play(): Promise<void> {
    const [plain, secure] = this.services.map(({ port }) => port) as [number, number];
    const caCerts = [this.#caCert];
    const loads = [
      new Load(plain, {}, true),
      new Load(secure, { secureSocket: { caCerts } }, true),
    ];
    let isOver = false;
    const resetting = (async () => {
      for (let i = 0; !isOver; i++) {
        // In a crowd it may be refused.
        await breakOff({ port: plain }).catch(() => {});
        await pause(0.2 + (i % 5) / 10);
      }
    })();
    await pause(10);
    const silent = await this.#silent(plain);
    await pause(5);
    const rush = new Load(plain, {}, true);
    await pause(8);
    const crowd = await this.#crowd(plain, CROWD);
    await pause(5);
    for (const client of crowd) client.abort();
    await this.#distrust(secure, 60);
    silent.close();
    await rush.sendNobody();
    await rush.gone();
    const many = await this.#crowd(secure, SECURE_CROWD);
    await pause(4);
    for (const client of many) client.abort();
    await pause(8);
    isOver = true;
    await resetting;
    for (const load of loads) await load.sendNobody();
    await Promise.all(loads.map((load) => load.gone()));
  }

  /** Ends the services. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const service of this.services) service.signal("SIGKILL");
    await Promise.all(this.services.map(({ ended }) => ended));
  }

  /** Many who come at once and say nothing. Those that are refused are gone again at once. */
  #crowd(port: number, size: number): Promise<Client[]> {
    return Promise.all(
      Array.from({ length: size }, () => Client.connect({ host: "127.0.0.1", port })),
    );
  }

  /** Clients that do not believe the certificate. */
  async #distrust(port: number, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await Client.connect({ host: "127.0.0.1", port, secureSocket: {} }).then(
        () => Promise.reject(new Error("A certificate that nobody knows was believed")),
        () => pause(0.1),
      );
    }
  }

  /** A client that asks without end, and reads no answer. */
  async #silent(port: number): Promise<Deno.Conn> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    void (async () => {
      for (;;) {
        for (let sent = 0; sent < LONG_LINE.length;) {
          sent += await conn.write(LONG_LINE.subarray(sent));
        }
      }
    })().catch(() => {/* it was closed */});
    return conn;
  }
}
