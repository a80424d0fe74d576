// The seam under everything that reads and writes byte streams; names no engine.

import type { NetworkAddress } from "../base/address.ts";
import type { Arriving } from "./arriving.ts";
import type { SecureInfo } from "./secure_info.ts";
import type { SystemSocket } from "./socket_info.ts";

/** A byte stream as the runtime gives it: the few members of `Deno.Conn` that a Connection stands on. */
export interface Transport {
  /** This end's address. */
  readonly localAddr: NetworkAddress;
  /** The peer's address. */
  readonly remoteAddr: NetworkAddress;
  /** What was agreed on, where the stream is secure. */
  readonly secure?: SecureInfo | undefined;
  /**
   * Whether its end has to be said with `closeWrite`: freed without that, the peer takes it for cut. Left out where that
   * is so exactly if it is `secure`.
   */
  readonly mustSayEnd?: boolean | undefined;
  /** What can be asked of the system about it, where the engine can; a stream over another one has the other's. */
  readonly system?: SystemSocket | undefined;
  /** Waits for bytes, puts them at the start of `buffer` and resolves with their count, `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /**
   * Sends some of the bytes, at least one, and resolves with their count. The next call begins with those that
   * were not sent.
   */
  write(bytes: Uint8Array): Promise<number>;
  /**
   * How many bytes of a write that rejects may have been sent nevertheless, from the first on; also of one that is under
   * way when the stream is freed. Left out where none may.
   */
  readonly mayHaveSent?: number | undefined;
  /**
   * Like `read`, without a promise: `undefined` where that would have to wait. It throws what `read` would reject
   * with. Goes together with `whenReadable`; an engine that has no such thing leaves both out. Not called while a
   * `read` is under way.
   */
  tryRead?(buffer: Uint8Array): number | null | undefined;
  /**
   * Calls back once, when `tryRead` may have something to tell: bytes, the end or a failure. At once where it
   * has already, but never before this has returned, and not when the stream was freed. One call is awaited at a
   * time.
   */
  whenReadable?(callback: () => void): void;
  /**
   * Like `write`, without a promise: sends what fits, `undefined` where nothing does. It throws what `write` would
   * reject with. What has to wait is given to `write`. Left out by an engine that has no such thing.
   */
  tryWrite?(bytes: Uint8Array): number | undefined;
  /**
   * Whether more may be there than the last read brought. Left out where a read that does not fill its buffer has
   * left nothing, as with the system's own sockets.
   */
  readonly mayHaveMore?: boolean | undefined;
  /**
   * What has arrived and cannot be read yet; the same object each time. Left out where all that has arrived can be read
   * at once, and where nobody can know.
   */
  readonly arriving?: Arriving | undefined;
  /**
   * Says whether a read or a wait for `whenReadable` that is under way, and later ones, keep the program alive. At first
   * they do; writes always do. Called with false when nobody waits for such a read any more, and with true before the
   * next one. Left out by an engine that cannot choose; in its place the `ref` and `unref` of the runtime's own streams
   * are called.
   */
  holdProgram?(isHeld: boolean): void;
  /** Ends this end's direction: the peer reads what is in flight, then the end. */
  closeWrite(): Promise<void>;
  /** Frees the stream at once; a pending read or write rejects. */
  close(): void;
  /** Frees the stream with a reset, where the transport can. */
  reset?(): void;
  /** Switches the delay of small writes off, where the transport has one. */
  setNoDelay?(on: boolean): void;
  /**
   * Called before TLS begins on this stream. What it returns is called with the secure stream, and gives the one to
   * use in its place. Left out unless somebody wants to see what TLS carries.
   */
  beginTls?(): (secure: Transport) => Transport;
}

/** What accepts transports. */
export interface TransportListener {
  /** The address it is bound to, with the port that the system chose. */
  readonly addr: NetworkAddress;
  /**
   * Whether another process accepts from the same descriptor: the backlog is then shared, and a stop accepts nothing
   * more.
   */
  readonly isShared?: boolean;
  /**
   * For an engine that accepts whether or not anybody waits: takes no more from the system. What it has taken is
   * still given by `accept`.
   *
   * @returns How many these are.
   */
  letGo?(): number;
  /** Waits for the next one. Called once at a time. */
  accept(): Promise<Transport>;
  /**
   * Like `accept`, without a promise: `undefined` where that would have to wait, or others have to go first. It throws
   * what `accept` would reject with. Left out by an engine that has no such thing. Not called while an `accept` is
   * under way.
   */
  tryAccept?(): Transport | undefined;
  /** Stops; a pending accept rejects, or gives whom it had in hand: a stop still serves that one. */
  close(): void;
}
