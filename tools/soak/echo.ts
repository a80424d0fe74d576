// The server's side: listeners that send back what they get, and keep books.

import { type Caller, Listener, type Service } from "../../mod.ts";
import { contentOf, THROWN } from "./content.ts";
import { Account, endOf, type Ledger } from "./ledger.ts";
import type { EchoPlan } from "./scenario.ts";

const POURED_LENGTH = 65_536;

/** A defect that is planted to see that it is found. */
export type Defect = "leak" | "loss";

/** An echo service that keeps books. */
export class Echo {
  readonly listener: Listener;
  /** What was counted. */
  readonly counts: Record<string, number> = { began: 0, ended: 0 };
  readonly #plan: EchoPlan;
  readonly #ledger: Ledger;
  readonly #defect: Defect | undefined;
  readonly #leaked: unknown[] = [];
  #open = 0;
  #onEmpty: (() => void) | undefined;

  constructor(plan: EchoPlan, ledger: Ledger, defect?: Defect) {
    this.#plan = plan;
    this.#ledger = ledger;
    this.#defect = defect;
    this.listener = new Listener(0, { interface: "127.0.0.1", ...plan.config });
    this.listener.attach((caller) => this.#serve(caller));
  }

  /** Waits until the last account is closed. */
  async settled(): Promise<void> {
    while (this.#open > 0) await new Promise<void>((resolve) => this.#onEmpty = resolve);
  }

  #count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by;
  }

  #serve(caller: Caller): Service {
    const account = new Account();
    this.#open++;
    if (this.#defect === "leak") this.#leaked.push(caller, new Uint8Array(8_192));
    void caller.closed.then((error) => {
      account.end ??= endOf(error?.code ?? "closed");
      if (account.counts) this.#ledger.add(account);
      else this.#count(`thrown: ${account.end}`);
      if (--this.#open === 0) this.#onEmpty?.();
    });
    return {
      onConnect: () => this.#count("began"),
      onReadReady: () => this.#answer(caller, account),
      // The books tell how it ended.
      onError: () => {},
      onClose: () => this.#count("ended"),
    };
  }

  async #answer(caller: Caller, account: Account): Promise<void> {
    const { recordLength, cuts = 0, pours } = this.#plan;
    const [bytes, length] =
      await (recordLength === undefined ? caller.read() : caller.read(recordLength));
    if (length < 0) {
      account.sawEnd = true;
      return;
    }
    account.receive(bytes);
    if (pours !== undefined && account.stream >= THROWN) {
      return await this.#pour(caller, account.stream, pours);
    }
    if (cuts > 0 && Math.random() < cuts) {
      account.end = "cut";
      caller.abort();
      return;
    }
    account.offered += length;
    const isShort = this.#defect === "loss" && length > 1 && Math.random() < 0.01;
    await caller.write(isShort ? bytes.subarray(1) : bytes);
    account.promised += length;
  }

  /** Writes until the connection has had enough. */
  async #pour(caller: Caller, stream: number, how: "awaited" | "un-awaited"): Promise<void> {
    const piece = contentOf(stream, 4, POURED_LENGTH);
    for (let poured = 1;; poured++) {
      this.#count("poured", POURED_LENGTH);
      // A copy, for it is memory that the limits are about.
      const writing = caller.write(piece.slice());
      if (how === "awaited") {
        await writing;
        continue;
      }
      // Nobody awaits it: what becomes of it, the end of the connection tells.
      let isRefused = false;
      writing.catch(() => isRefused = true);
      if (this.#plan.config?.maxTotalQueuedBytes !== undefined) {
        const { queuedBytes } = this.listener.stats();
        this.counts["queued at most"] = Math.max(this.counts["queued at most"] ?? 0, queuedBytes);
      }
      await (poured % 4 === 0 ? new Promise((resolve) => setTimeout(resolve, 0)) : undefined);
      if (isRefused) return;
    }
  }
}
