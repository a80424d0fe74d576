// Looks at certificate files from time to time and reports changes.
//
// Looking works where notifications do not: on network file systems, in containers, and if a directory of links is
// swapped. A renewed certificate is not urgent. It compares contents, because a new file may have the size and the
// times of the old one, and times are only exact to the second.

import { reasonOf } from "../base/errors.ts";
import type { Clock, TimerId } from "../network/network.ts";
import type { ListenerCertificateConfig } from "./listener_secure_socket_config.ts";

/** When to look, and what to call. */
export interface WatchOptions {
  /** The time for it. */
  readonly clock: Clock;
  /** How long to wait between looks. */
  readonly reloadInMillis: number;
  /** Something has changed. If this rejects, it is called again at the next look. */
  readonly onChange: () => Promise<void>;
}

/** Watches the files of a listener's certificates. */
export class CertificateWatch {
  readonly #certificates: () => ListenerCertificateConfig;
  readonly #options: WatchOptions;
  #timer: TimerId | undefined;
  #isStopped = false;
  #seen: Promise<string>;

  /** @param certificates Gives the files, at each look. */
  constructor(certificates: () => ListenerCertificateConfig, options: WatchOptions) {
    this.#certificates = certificates;
    this.#options = options;
    this.#seen = stateOf(filesOf(certificates()));
  }

  /** Resolves when it has seen the files as they are now. */
  async ready(): Promise<void> {
    await this.#seen;
  }

  /** Begins to watch. */
  begin(): void {
    this.#lookLater();
  }

  /** Ends watching. */
  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer);
  }

  #lookLater(): void {
    if (this.#isStopped) return;
    const { clock, reloadInMillis } = this.#options;
    this.#timer = clock.setTimeout(() => void this.#look(), reloadInMillis);
    clock.unrefTimer?.(this.#timer);
  }

  async #look(): Promise<void> {
    const before = await this.#seen;
    const now = await stateOf(filesOf(this.#certificates()));
    if (now !== before && !this.#isStopped) {
      try {
        await this.#options.onChange();
        this.#seen = Promise.resolve(now);
      } catch { /* reported already; half-written files are complete at the next look */ }
    }
    this.#lookLater();
  }
}

function filesOf(certificates: ListenerCertificateConfig): string[] {
  const { certFile, keyFile, caCertFile, sni = {} } = certificates;
  const others = Object.values(sni).flatMap((one) => [one.certFile, one.keyFile]);
  return [certFile, keyFile, caCertFile, ...others].filter((file) => file !== undefined);
}

/** A text that changes when one of the files does. */
async function stateOf(files: readonly string[]): Promise<string> {
  const { digestOf } = await import("./credentials.ts");
  return (await Promise.all(files.map((file) => digestOf(file).catch(reasonOf)))).join();
}
