// A datagram socket that tells a tap what goes through it, and is otherwise the one it stands on.
//
// A datagram is told when the system has taken it: it may refuse it. Only where an answer comes before that is known, the
// question is told first.

import { refusePromise } from "../base/user_code.ts";
import { young } from "../base/young.ts";
import type {
  DatagramAddress,
  DatagramSocket,
  GroupMembership,
  OutgoingDatagram,
  SystemSocket,
} from "../network/network.ts";
import type { DatagramTap } from "./tap.ts";

type Received = [Uint8Array<ArrayBuffer>, DatagramAddress];
type Put = (bytes: Uint8Array<ArrayBuffer>, from: DatagramAddress) => boolean;

/** A send that is under way, and was not told. */
interface Sending {
  readonly bytes: Uint8Array;
  readonly address: DatagramAddress;
}

/** A datagram socket with a tap. */
export class TappedDatagrams implements DatagramSocket {
  readonly #inner: DatagramSocket;
  readonly #tap: DatagramTap;
  readonly #sending: Set<Sending> = new Set();
  /** Only where the socket can. */
  readonly tryReceive?: (buffer: Uint8Array<ArrayBuffer>) => Received | undefined;
  /** Only where the socket can. */
  readonly whenReadable?: (callback: () => void) => void;
  /** Only where the socket can. */
  readonly trySend?: (bytes: Uint8Array, address: DatagramAddress) => number | undefined;
  /** Only where the socket can. */
  readonly tryReceiveAll?: (most: number, put: Put) => number;
  /** Only where the socket can. */
  readonly trySendAll?: (datagrams: readonly OutgoingDatagram[], first: number) => number;
  /** Only where the socket can. */
  readonly hearOnly?: (peer: DatagramAddress) => void;
  /** Only where the socket can. */
  readonly holdProgram?: (isHeld: boolean) => void;
  /** Only where the socket can. */
  readonly joinGroup?: (membership: GroupMembership) => Promise<void>;
  /** Only where the socket can. */
  readonly leaveGroup?: (membership: GroupMembership) => Promise<void>;

  /** @param inner The socket. @param tap What is told. @param addr The address that the socket has told. */
  constructor(inner: DatagramSocket, tap: DatagramTap, readonly addr: DatagramAddress) {
    this.#inner = inner;
    this.#tap = tap;
    if (inner.tryReceive !== undefined) {
      this.tryReceive = young((buffer) => {
        const received = inner.tryReceive!(buffer);
        if (received === undefined) return undefined;
        refusePromise("a socket's tryReceive", received);
        return this.#hasReceived(received);
      });
    }
    if (inner.whenReadable !== undefined) {
      this.whenReadable = young((callback) => inner.whenReadable!(callback));
    }
    if (inner.trySend !== undefined) {
      this.trySend = young((bytes, address) => {
        const count = inner.trySend!(bytes, address);
        if (typeof count === "number") this.#tell(bytes, address);
        return count;
      });
    }
    if (inner.tryReceiveAll !== undefined) {
      this.tryReceiveAll = young((most, put) =>
        inner.tryReceiveAll!(most, (bytes, from) => put(...this.#hasReceived([bytes, from])))
      );
    }
    if (inner.trySendAll !== undefined) {
      this.trySendAll = young((datagrams, first) => {
        const count = inner.trySendAll!(datagrams, first);
        for (const { bytes, target } of datagrams.slice(first, first + count)) {
          this.#tell(bytes, target);
        }
        return count;
      });
    }
    if (inner.hearOnly !== undefined) this.hearOnly = young((peer) => inner.hearOnly!(peer));
    if (inner.holdProgram !== undefined) {
      this.holdProgram = young((isHeld) => inner.holdProgram!(isHeld));
    }
    if (inner.joinGroup !== undefined) this.joinGroup = young((group) => inner.joinGroup!(group));
    if (inner.leaveGroup !== undefined) {
      this.leaveGroup = young((group) => inner.leaveGroup!(group));
    }
  }

  get droppedDatagrams(): number | undefined {
    return this.#inner.droppedDatagrams;
  }

  get droppedBytes(): number | undefined {
    return this.#inner.droppedBytes;
  }

  get system(): SystemSocket | undefined {
    return this.#inner.system;
  }

  receive(buffer: Uint8Array<ArrayBuffer>): Promise<Received> {
    return this.#inner.receive(buffer).then((received) => this.#hasReceived(received));
  }

  #hasReceived(received: Received): Received {
    const [bytes, { hostname, port }] = received;
    for (const sending of this.#sending) {
      const { address } = sending;
      if (address.hostname === hostname && address.port === port) this.#hasSent(sending);
    }
    this.#tap.received(bytes, hostname, port);
    return received;
  }

  send(bytes: Uint8Array, address: DatagramAddress): Promise<number> {
    const sending = { bytes, address };
    const sent = this.#inner.send(bytes, address);
    this.#sending.add(sending);
    return sent.then((count) => {
      this.#hasSent(sending);
      return count;
    }, (error) => {
      this.#sending.delete(sending);
      throw error;
    });
  }

  #hasSent(sending: Sending): void {
    if (this.#sending.delete(sending)) this.#tell(sending.bytes, sending.address);
  }

  #tell(bytes: Uint8Array, { hostname, port }: DatagramAddress): void {
    this.#tap.sent(bytes, hostname, port);
  }

  close(): void | Promise<void> {
    try {
      return this.#inner.close();
    } finally {
      this.#tap.freed();
    }
  }
}
