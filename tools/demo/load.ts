// A load for the service to copy: guests that come, say some lines, and go; and what they know of it afterwards.

import { Client, type ClientConfig } from "../../mod.ts";

const GUESTS = 40;
const LINES = 30;
const GOODBYE = "421 The service is stopping";
/** Longer than the service lets a line be. */
const TOO_LONG = "x".repeat(20_000);

const pause = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis));

/** Guests of a service on this machine. They begin at once. */
export class Load {
  /** How many connections there were. */
  connections = 0;
  /** How many lines were answered. */
  answers = 0;
  /** What went wrong before anybody had to leave. */
  readonly failures: unknown[] = [];
  readonly #config: ClientConfig;
  readonly #isCrowded: boolean;
  readonly #guests: readonly Promise<void>[];
  readonly #onTheWay = new Set<Promise<Client>>();
  #areComing = true;

  /** @param isCrowded Whether some may be refused, and come again a little later. */
  constructor(port: number, config: Partial<ClientConfig> = {}, isCrowded = false) {
    this.#isCrowded = isCrowded;
    this.#config = { host: "127.0.0.1", port, ...config };
    this.#guests = Array.from({ length: GUESTS }, (_, i) => this.#come(i));
  }

  /** From now on nobody else comes. Resolves when those on the way are there. */
  async sendNobody(): Promise<void> {
    this.#areComing = false;
    await Promise.allSettled(this.#onTheWay);
  }

  /** Resolves when all have gone. */
  async gone(): Promise<void> {
    await Promise.all(this.#guests);
  }

  async #come(guest: number): Promise<void> {
    for (let visit = 0; this.#areComing; visit++) {
      const isRude = (guest + visit) % 20 === 0;
      try {
        const dialling = Client.connect(this.#config);
        this.#onTheWay.add(dialling);
        await using client = await dialling.finally(() => this.#onTheWay.delete(dialling));
        this.connections++;
        if (isRude) await client.write(`${TOO_LONG}\n`);
        else await this.#talk(client, guest);
        // The service ends those that are rude; the others go by themselves.
        while (isRude && await client.readLine() !== undefined);
      } catch (error) {
        // So go those that were rude, and whoever spoke while the service said goodbye.
        if (isRude || !this.#areComing) continue;
        if (!this.#isCrowded) {
          this.failures.push(error);
          return;
        }
        await pause(500);
      }
    }
  }

  async #talk(client: Client, guest: number): Promise<void> {
    for (let i = 0; i < LINES; i++) {
      await client.write(`line ${i}\n`);
      let answer = await client.readLine();
      const isGoodbye = answer === GOODBYE && !this.#areComing;
      // The line may have been on its way when the service said goodbye; then it was answered, or it was not.
      if (isGoodbye) answer = await client.readLine();
      if (answer === `LINE ${i}`) this.answers++;
      else if (!isGoodbye) throw new Error(`line ${i} was answered by ${answer}`);
      if (isGoodbye) return;
      await pause(10 + (7 * i + 13 * guest) % 50);
    }
  }
}
