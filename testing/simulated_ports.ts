// Who has which port of a simulated host: sockets on addresses that are apart may have the same one.

/** What is bound to an address. */
interface Bound {
  readonly addr: { readonly hostname: string; readonly port: number };
}

/** Whether what is bound to one address hears what comes to another. As on Linux, `::` hears both families. */
export function hears(bound: string, address: string): boolean {
  return bound === address || bound === "::" || (bound === "0.0.0.0" && !address.includes(":"));
}

/** Whether a datagram socket that is bound to one address can send to another: they are of one family, or it has both. */
export function reaches(bound: string, address: string): boolean {
  return bound === "::" || bound.includes(":") === address.includes(":");
}

/** What is bound on a host. */
export class Ports<T extends Bound> {
  readonly #byPort = new Map<number, T[]>();

  /** Whether a port is taken by anybody. */
  has(port: number): boolean {
    return this.#byPort.has(port);
  }

  /** Whether somebody is in the way of whoever would be bound to that address. */
  isTaken(hostname: string, port: number): boolean {
    return this.#byPort.get(port)?.some(({ addr }) =>
      hears(addr.hostname, hostname) || hears(hostname, addr.hostname)
    ) === true;
  }

  /** Who hears what comes to that address. */
  at(address: string, port: number): T | undefined {
    return this.#byPort.get(port)?.find(({ addr }) => hears(addr.hostname, address));
  }

  add(bound: T): void {
    const { port } = bound.addr;
    const others = this.#byPort.get(port);
    if (others === undefined) this.#byPort.set(port, [bound]);
    else others.push(bound);
  }

  delete(bound: T): void {
    const { port } = bound.addr;
    const others = (this.#byPort.get(port) ?? []).filter((other) => other !== bound);
    if (others.length === 0) this.#byPort.delete(port);
    else this.#byPort.set(port, others);
  }
}
