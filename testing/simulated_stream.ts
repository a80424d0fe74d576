// One end of a simulated connection: the system's side of what a program calls.
//
//   write -> outbox -> wire -> the peer's inbox -> read
//
// Bytes are accepted into the outbox while there is room in the send buffer, and set off in pieces while there
// is room in the peer's receive buffer. Closing leaves the system behind, which still delivers what it took.

import { ByteQueue } from "../src/bytes/byte_queue.ts";
import type { Transport } from "../src/network/network.ts";
import {
  type Piece,
  type SimulatedAddress,
  type SimulatedPath,
  SimulatedWire,
} from "./simulated_wire.ts";
import {
  badResource,
  brokenPipe,
  busy,
  connectionReset,
  interrupted,
  timedOut,
} from "./system_errors.ts";
import { fingerprint } from "./trace.ts";
import type { World } from "./world.ts";

/** The largest piece that travels at once. */
const LARGEST_PIECE = 65_536;

interface Waiting<T> {
  readonly bytes: Uint8Array;
  readonly resolve: (result: T) => void;
  readonly reject: (error: Error) => void;
  /** Its completion is under way. */
  isDue: boolean;
}

/** Somebody waits for something to read, without a read. */
interface Awaited {
  readonly callback: () => void;
  /** The callback is under way. */
  isDue: boolean;
}

/** One end of a simulated connection. */
export class SimulatedStream implements Transport {
  readonly localAddr: SimulatedAddress;
  readonly remoteAddr: SimulatedAddress;
  readonly tryRead?: (buffer: Uint8Array) => number | null | undefined;
  readonly whenReadable?: (callback: () => void) => void;
  readonly tryWrite?: (bytes: Uint8Array) => number | undefined;
  readonly #world: World;
  readonly #free: () => void;
  readonly #wire: SimulatedWire;
  readonly #inbox = new ByteQueue();
  readonly #outbox = new ByteQueue();
  #peer: SimulatedStream | undefined;
  #reader: Waiting<number | null> | undefined;
  #writer: Waiting<number> | undefined;
  #awaited: Awaited | undefined;
  #isClosed = false;
  #isDead = false;
  #hasEnded = false;
  #hasSentEnd = false;
  #hasPeerEnded = false;
  /** What the next call rejects with, once. */
  #failure: Error | undefined;

  private constructor(world: World, path: SimulatedPath, isFrom: boolean, free: () => void) {
    this.#world = world;
    this.#free = free;
    this.localAddr = isFrom ? path.from : path.to;
    this.remoteAddr = isFrom ? path.to : path.from;
    this.#wire = new SimulatedWire(
      world,
      path,
      (piece) => this.#pieceArrived(piece),
      () => this.die(timedOut()),
    );
    if (!world.canTry) return;
    this.tryRead = (buffer) => this.#tryRead(buffer);
    this.whenReadable = (callback) => this.#whenReadable(callback);
    this.tryWrite = (bytes) => this.#tryWrite(bytes);
  }

  /** Makes both ends of a connection; each is given what frees its descriptor. */
  static pair(
    world: World,
    path: SimulatedPath,
    freeFrom: () => void,
    freeTo: () => void,
  ): [from: SimulatedStream, to: SimulatedStream] {
    const from = new SimulatedStream(world, path, true, freeFrom);
    const to = new SimulatedStream(world, path, false, freeTo);
    from.#peer = to;
    to.#peer = from;
    return [from, to];
  }

  /** Whether the network has ended it in both directions. */
  get isDead(): boolean {
    return this.#isDead;
  }

  /** Whether the system has forgotten it: the program has closed it, and everything has arrived. */
  get isOver(): boolean {
    return this.#isClosed && (this.#isDead || (this.#hasSentEnd && this.#wire.isEmpty));
  }

  /** Describes it and what waits on it. */
  describe(): string {
    const read = this.#reader === undefined && this.#awaited === undefined ? "" : ", a read waits";
    const write = this.#writer === undefined ? "" : ", a write waits";
    return `connection ${this.#name()} is open${read}${write}`;
  }

  get mayHaveMore(): boolean {
    return this.#inbox.length > 0;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return new Promise((resolve, reject) => {
      this.#checkRead(buffer);
      if (buffer.length === 0) return resolve(0);
      this.#reader = { bytes: buffer, resolve, reject, isDue: false };
      this.#serveReader();
    });
  }

  write(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#checkWrite();
      if (bytes.length === 0) return resolve(0);
      this.#writer = { bytes, resolve, reject, isDue: false };
      this.#serveWriter();
    });
  }

  #tryRead(buffer: Uint8Array): number | null | undefined {
    this.#checkRead(buffer);
    if (buffer.length === 0) return 0;
    return this.#isReadable ? this.#readNow(buffer) : undefined;
  }

  #whenReadable(callback: () => void): void {
    this.#checkReader();
    if (this.#awaited !== undefined) {
      throw this.#world.violation(`${this.#name()}: two waits for something to read`);
    }
    this.#awaited = { callback, isDue: false };
    this.#serveAwaited();
  }

  #tryWrite(bytes: Uint8Array): number | undefined {
    this.#checkWrite();
    if (bytes.length === 0) return 0;
    return this.#isWritable ? this.#writeNow(bytes) : undefined;
  }

  #checkReader(): void {
    if (this.#isClosed) throw badResource();
    if (this.#reader === undefined) return;
    this.#world.violation(`${this.#name()}: two reads at once`);
    throw busy("Another read is under way");
  }

  #checkRead(buffer: Uint8Array): void {
    this.#checkReader();
    if (isDetached(buffer)) {
      throw this.#world.violation(`${this.#name()}: read into a detached buffer`);
    }
  }

  #checkWrite(): void {
    if (this.#isClosed) throw badResource();
    if (this.#writer !== undefined) {
      this.#world.violation(`${this.#name()}: two writes at once`);
      throw busy("Another write is under way");
    }
    if (this.#hasEnded) throw brokenPipe();
  }

  closeWrite(): Promise<void> {
    if (this.#isClosed) return Promise.reject(badResource());
    this.#world.note(`closeWrite ${this.#name()}`);
    this.#end();
    return Promise.resolve();
  }

  close(): void {
    const hasUnread = this.#inbox.length > 0;
    this.#leave("close");
    if (!hasUnread || this.#isDead) return this.#end();
    // A system can refuse further bytes only by a reset, which also destroys its own bytes.
    this.#outbox.clear();
    if (this.#world.faults.unreadLooksLikeEnd) this.#end();
    this.#wire.send({ kind: "reset" });
  }

  reset(): void {
    this.#leave("reset");
    this.#outbox.clear();
    this.#wire.send({ kind: "reset" });
  }

  setNoDelay(_on: boolean): void {
    if (this.#isClosed) throw badResource();
  }

  /** Ends it in both directions; the next call rejects with the reason. */
  die(why: Error): void {
    if (this.#isDead) return;
    this.#world.note(`die ${this.#name()} ${why.name}`);
    this.#isDead = true;
    this.#failure = why;
    this.#outbox.clear();
    this.#wire.clear();
    if (this.#world.faults.resetsDestroyArrived) this.#inbox.clear();
    this.#serveReader();
    this.#serveWriter();
  }

  /** The network resets it: both ends die, this one first. */
  disturb(): void {
    this.die(connectionReset());
    this.#world.after(this.#world.latency(), () => this.#peer!.die(connectionReset()));
  }

  #name(): string {
    const { localAddr: local, remoteAddr: remote } = this;
    const world = this.#world;
    return `${world.nameOf(local.hostname)}:${local.port}>${
      world.nameOf(remote.hostname)
    }:${remote.port}`;
  }

  #leave(how: string): void {
    if (this.#isClosed) throw badResource();
    this.#world.note(`${how} ${this.#name()}`);
    this.#isClosed = true;
    this.#free();
    this.#inbox.clear();
    this.#reader?.reject(interrupted());
    this.#writer?.reject(interrupted());
    this.#reader = this.#writer = this.#awaited = undefined;
    this.#peer!.#setOff(); // What still arrives has room, and is answered with a reset.
  }

  get #isReadable(): boolean {
    return this.#inbox.length > 0 || this.#hasPeerEnded || this.#isDead;
  }

  /** There may be something to read. */
  #serveReader(): void {
    this.#serveAwaited();
    const reader = this.#reader;
    if (reader === undefined || reader.isDue) return;
    if (!this.#isReadable) return;
    reader.isDue = true;
    this.#world.complete(() => {
      if (this.#reader === reader) this.#finishRead(reader);
    });
  }

  #serveAwaited(): void {
    const awaited = this.#awaited;
    if (awaited === undefined || awaited.isDue || !this.#isReadable) return;
    awaited.isDue = true;
    // Never before the call has returned that asked for it.
    const tell = () => {
      if (this.#awaited !== awaited) return;
      this.#awaited = undefined;
      this.#world.note(`readable ${this.#name()}`);
      awaited.callback();
    };
    this.#world.complete(() => queueMicrotask(tell));
  }

  #finishRead({ bytes, resolve, reject }: Waiting<number | null>): void {
    this.#reader = undefined;
    settle(() => this.#readNow(bytes), resolve, reject);
  }

  #readNow(buffer: Uint8Array): number | null {
    if (this.#inbox.length === 0) {
      // Once its peer has ended, a stream has ended, whatever happens to the other direction.
      const failure = this.#hasPeerEnded ? undefined : this.#takeFailure();
      this.#world.note(`read ${this.#name()} ${failure?.name ?? "end"}`);
      if (failure !== undefined) throw failure;
      return null;
    }
    if (isDetached(buffer)) {
      throw this.#world.violation(`${this.#name()}: detached a buffer during a read`);
    }
    const { random, faults } = this.#world;
    let length = Math.min(this.#inbox.length, buffer.length);
    if (random.chance(faults.shortReads)) length = random.integer(1, length);
    buffer.set(this.#inbox.take(length));
    this.#world.note(`read ${this.#name()} ${length}`);
    this.#peer!.#setOff();
    return length;
  }

  #takeFailure(): Error | undefined {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  get #room(): number {
    return this.#world.faults.sendBufferInBytes - this.#outbox.length - this.#wire.bytes;
  }

  get #isWritable(): boolean {
    return this.#room > 0 || this.#hasEnded || this.#isDead;
  }

  #serveWriter(): void {
    const writer = this.#writer;
    if (writer === undefined || writer.isDue) return;
    if (!this.#isWritable) return;
    writer.isDue = true;
    this.#world.complete(() => {
      if (this.#writer === writer) this.#finishWrite(writer);
    });
  }

  #finishWrite({ bytes, resolve, reject }: Waiting<number>): void {
    this.#writer = undefined;
    settle(() => this.#writeNow(bytes), resolve, reject);
  }

  #writeNow(bytes: Uint8Array): number {
    if (this.#isDead || this.#hasEnded) throw this.#takeFailure() ?? brokenPipe();
    if (bytes.length === 0) {
      throw this.#world.violation(`${this.#name()}: detached content during a write`);
    }
    const { random, faults } = this.#world;
    let length = Math.min(bytes.length, this.#room);
    if (random.chance(faults.shortWrites)) length = random.integer(1, length);
    // Copied only now, as the system does: content that is changed too early is sent changed.
    const content = bytes.slice(0, length);
    this.#outbox.push(content);
    this.#world.note(`write ${this.#name()} ${length} ${fingerprint(content)}`);
    this.#setOff();
    return length;
  }

  #end(): void {
    this.#hasEnded = true;
    this.#serveWriter();
    this.#setOff();
  }

  /** Sends as many bytes as the peer has room for, and the end after the last. */
  #setOff(): void {
    if (this.#isDead) return;
    const { random, faults } = this.#world;
    for (;;) {
      const room = faults.receiveBufferInBytes - this.#peer!.#inbox.length - this.#wire.bytes;
      let length = Math.min(this.#outbox.length, room, LARGEST_PIECE);
      if (length <= 0) break;
      if (random.chance(faults.cuts)) length = random.integer(1, length);
      this.#wire.send({ kind: "bytes", bytes: this.#outbox.take(length) });
    }
    if (this.#outbox.length > 0 || !this.#hasEnded || this.#hasSentEnd) return;
    this.#hasSentEnd = true;
    this.#wire.send({ kind: "end" });
  }

  /** A piece has reached the peer, and this end knows it. */
  #pieceArrived(piece: Piece): void {
    this.#peer!.#hear(piece);
    this.#serveWriter();
    this.#setOff();
  }

  #hear(piece: Piece): void {
    this.#world.note(`${piece.kind} to ${this.#name()}`);
    if (piece.kind === "reset") {
      return this.die(this.#hasPeerEnded ? brokenPipe() : connectionReset());
    }
    // Bytes sent to an end that is gone are answered with a reset.
    if (this.#isDead || (this.#isClosed && piece.kind === "bytes")) {
      return this.#wire.send({ kind: "reset" });
    }
    if (piece.kind === "bytes") this.#inbox.push(piece.bytes);
    else this.#hasPeerEnded = true;
    this.#serveReader();
  }
}

/** Ends a wait with what an attempt gives or throws. */
function settle<T>(attempt: () => T, resolve: (result: T) => void, reject: (error: Error) => void) {
  try {
    resolve(attempt());
  } catch (error) {
    reject(error as Error);
  }
}

function isDetached(bytes: Uint8Array): boolean {
  return bytes.buffer instanceof ArrayBuffer && bytes.buffer.detached;
}
