// Looks at certificate files from time to time and reports changes.
//
// Looking works where notifications do not: on network file systems, in containers, and if a directory of links is
// swapped. A renewed certificate is not urgent. It compares contents, because a new file may have the size and the
// times of the old one, and times are only exact to the second.

import { reasonOf } from "../base/errors.ts";
import type { Clock, TimerId } from "../network/network.ts";
import { digestOf } from "./credentials.ts";
import type { ListenerCertificateConfig } from "./listener_secure_socket_config.ts";

/** When to look, and what to call. */
export interface WatchOptions {
  /** The time for it. */
  readonly clock: Clock;
  /** How long to wait between looks. */
  readonly reloadInMillis: number;
  /**
   * Something has changed. If this rejects, it is called again at each look until it does not, or something has
   * changed again.
   *
   * @param isAgain Whether it was called for the same change already.
   */
  readonly onChange: (isAgain: boolean) => Promise<void>;
}

/** Watches the files of a listener's certificates. */
export class CertificateWatch {
  readonly #certificates: () => ListenerCertificateConfig;
  readonly #options: WatchOptions;
  #timer: TimerId | undefined;
  #isStopped = false;
  #seen: Promise<string>;
  /** What was seen could not be used. */
  #isUnusable = false;

  /** @param certificates Gives the files, at each look. */
  constructor(certificates: () => ListenerCertificateConfig, options: WatchOptions) {
    this.#certificates = certificates;
    this.#options = options;
    this.#seen = stateOf(certificates());
  }

  /** Resolves when it has seen the files as they are now. */
  async ready(): Promise<void> {
    await this.#seen;
  }

  /** There are other certificates now, of files in this state. */
  replace(state: string): void {
    this.#seen = Promise.resolve(state);
    this.#isUnusable = false;
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
    const seen = this.#seen;
    const before = await seen;
    const now = await stateOf(this.#certificates());
    const isAgain = now === before;
    // What was replaced meanwhile is looked at the next time.
    if (this.#seen === seen && (!isAgain || this.#isUnusable) && !this.#isStopped) {
      const current = this.#seen = Promise.resolve(now);
      let isUnusable = false;
      try {
        await this.#options.onChange(isAgain);
      } catch {
        // Reported already. What was wrong may pass: a key that the system could not read, a clock that was slow.
        isUnusable = true;
      }
      if (this.#seen === current) this.#isUnusable = isUnusable;
    }
    this.#lookLater();
  }
}

function filesOf(certificates: ListenerCertificateConfig): string[] {
  const { certFile, keyFile, caCertFile, sni = {} } = certificates;
  const others = Object.values(sni).flatMap((one) => [one.certFile, one.keyFile]);
  return [certFile, keyFile, caCertFile, ...others].filter((file) => file !== undefined);
}

/** A text that changes when one of the files does that certificates come from. */
export async function stateOf(certificates: ListenerCertificateConfig): Promise<string> {
  const files = filesOf(certificates);
  return (await Promise.all(files.map((file) => digestOf(file).catch(reasonOf)))).join();
}
