// The callback face: a loop over the pull face, one per connection.
//
//   onConnect --> (bytes or the end can be read --> onReadReady)* --> onError? --> onClose --> closed
//
// Invariants: calls for one connection never overlap; a call that read nothing is not repeated until more has arrived;
// a handler's exception ends its own connection only. The end: the call under way settles, onError is called (at most
// once), the socket is freed and leaves its listener, onClose is called, then `closed` resolves, and a stop that waits
// goes on.

import {
  codeOf,
  GenericError,
  isBadFrame,
  isError,
  isReadTimeout,
  isSocketError,
} from "../base/errors.ts";
import { attempt, giveUp, handlerError, isThenable, printThrown } from "../base/user_code.ts";
import { young } from "../base/young.ts";
import { coreOf } from "./connection.ts";
import type { StreamCore } from "./stream_core.ts";
import type { Wait } from "./reader.ts";
import type { ByteReply, Caller, Service } from "./service.ts";
import type { Attendant } from "./stopping.ts";

/**
 * Only reading shows whether more has arrived: a service that reads nothing must not fill the memory. A part of a
 * message is bounded by its codec.
 */
const MOST_UNREAD_BYTES = 16 * 1024 * 1024;

/**
 * Begins to call a service for a connection.
 *
 * @param caller In use by nothing else yet.
 * @param service What `readService` gave.
 */
export function serve(caller: Caller, service: Service): void {
  new ServiceLoop(caller, service).begin();
}

/** Calls a service for one connection. */
class ServiceLoop implements Attendant, Wait {
  isCalling = false;
  isConnecting = false;
  /** Whether `onStop` is under way. */
  isParting = false;
  /** How many bytes the next call needs. */
  length = 1;
  readonly isReading: boolean;
  readonly #caller: Caller;
  readonly #service: Service;
  readonly #core: StreamCore;
  #readBefore = 0;
  #isLastCall = false;
  #isOver = false;
  #hasParted = false;
  /** Something was due while `onStop` was under way. */
  #isDue = false;
  /** What a method threw. */
  #thrown: { readonly error: unknown } | undefined;
  /** What is called back: each made when it is first needed, which most never are, and kept. */
  #whenHasRead: (() => void) | undefined;
  #whenReplied: ((reply: ByteReply) => void) | undefined;
  #whenSent: (() => void) | undefined;
  #onRejected: ((error: unknown) => void) | undefined;

  /** @param caller In use by nothing else yet. @param service The methods, already read. */
  constructor(caller: Caller, service: Service) {
    this.#caller = caller;
    this.#service = service;
    this.isReading = service.onReadReady !== undefined || service.onBytes !== undefined;
    this.#core = coreOf(caller);
    this.#core.attend(this);
  }

  /** Calls `onConnect`, and then whatever is due. */
  begin(): void {
    this.isCalling = this.isConnecting = true;
    try {
      this.#await(this.#service.onConnect?.(this.#caller), () => this.#afterConnect());
    } catch (error) {
      this.#onThrown(error);
    }
  }

  onFreed(): void {
    // A call that is due gets what came before the end.
    if (!this.isCalling && !this.#core.reader.isDue(this)) void this.#finish();
  }

  part(): boolean {
    const { onStop } = this.#service;
    if (onStop === undefined || this.#hasParted || this.#isOver) return false;
    this.#hasParted = this.isParting = true;
    // Not from here: this may be in the middle of a write or a read.
    queueMicrotask(() => {
      // Cut in between.
      if (!this.#core.isOpen) return this.#afterPart();
      attempt(() => onStop(this.#caller)).then(() => this.#afterPart(), (error) => {
        this.#thrown ??= { error };
        this.#afterPart();
      });
    });
    return true;
  }

  #afterPart(): void {
    this.isParting = false;
    const core = this.#core;
    const isDue = this.#isDue;
    this.#isDue = false;
    if (!this.isCalling) {
      if (core.isFreed || this.#thrown !== undefined) return void this.#finish();
      if (isDue) this.#next();
    } else if (this.#thrown !== undefined) {
      // The loop in `onConnect` ends first.
      return void core.close();
    }
    core.onParted();
  }

  get #whenThrown(): (error: unknown) => void {
    return this.#onRejected ??= young((error) => this.#onThrown(error));
  }

  #await(result: unknown, after: () => void): void {
    if (isThenable(result)) this.#follow(result, after);
    else after();
  }

  #follow(result: PromiseLike<unknown>, after: () => void): void {
    // A thenable of another kind may call back more than once, or differ when asked again.
    const promise = result instanceof Promise ? result : attempt(() => result);
    promise.then(after, this.#whenThrown);
  }

  #afterConnect(): void {
    this.isCalling = this.isConnecting = false;
    const { isOpen, reader } = this.#core;
    if (!isOpen && !(this.isReading && reader.hasRest)) return this.#afterLastCall();
    if (this.isReading) return this.#next();
    // Reading is left to the user, who may be waiting already.
    this.#core.closeIfIdle();
  }

  /** Makes the next call that is due, or waits for it. */
  #next(): void {
    const { reader } = this.#core;
    if (this.#isOver) return;
    if (this.isParting) {
      this.#isDue = true;
      return;
    }
    if (this.#core.hasEndedReading) return this.#core.closeIfIdle();
    if (reader.isWaiting) {
      // A call has left its own read behind.
      reader.whenFree(() => this.#next());
    } else if (reader.mayHave(this.length)) {
      // Not from here: a method that is not async and leaves bytes unread would nest call in call.
      this.isCalling = true;
      queueMicrotask(() => this.#onDue());
    } else {
      reader.atLeast(this, Infinity);
    }
  }

  #onDue(): void {
    const { reader } = this.#core;
    this.isCalling = false;
    if (!reader.isWaiting && reader.has(this.length)) this.ready();
    // Closed, aborted or taken by another reader in between.
    else if (this.#core.isFreed) void this.#finish();
    else this.#next();
  }

  /** The wait is over: a call is due. */
  ready(): void {
    const { reader } = this.#core;
    if (this.#isOver) return;
    if (this.isParting) {
      this.#isDue = true;
      return;
    }
    // Shut down from this side: nothing will be read any more.
    if (reader.isShut) return this.#core.closeIfIdle();
    if (this.#service.onBytes !== undefined) return this.#callWithBytes();
    this.#isLastCall = reader.hasEnded;
    this.#readBefore = reader.bytesRead - reader.queue.length;
    this.isCalling = true;
    try {
      const result: unknown = this.#service.onReadReady!(this.#caller);
      if (!isThenable(result)) return this.#afterRead();
      this.#follow(result, this.#whenHasRead ??= young(() => this.#afterRead()));
    } catch (error) {
      this.#onThrown(error);
    }
  }

  /** A close, an abort or a failure ended the wait: the transport is being freed, which `onFreed` will report. */
  fail(): void {}

  #afterRead(): void {
    this.isCalling = false;
    const core = this.#core;
    const { reader } = core;
    const unread = reader.queue.length;
    const hasRead = reader.bytesRead - unread > this.#readBefore;
    // What was read ahead before a failure is handled first.
    const isCut = !core.isOpen && !reader.hasEnded && !(hasRead && reader.hasRest);
    if (isCut) return this.#afterLastCall();
    if (this.#isLastCall && (unread === 0 || !hasRead)) return this.#afterLastCall();
    if (!hasRead && unread >= MOST_UNREAD_BYTES && core.isOpen && !reader.isPart(this.length)) {
      core.fail(
        new GenericError(
          "overflow",
          `Cannot read ahead: the service leaves ${unread} bytes unread`,
        ),
      );
      return;
    }
    this.length = hasRead ? 1 : unread + 1;
    this.#next();
  }

  /** Lends what has arrived to `onBytes`. */
  #callWithBytes(): void {
    const { reader } = this.#core;
    this.isCalling = true;
    try {
      if (reader.queue.length === 0) {
        return this.#await(this.#service.onEnd?.(this.#caller), () => {
          this.isCalling = false;
          this.#afterLastCall();
        });
      }
      const reply = this.#service.onBytes!(this.#caller, reader.lend());
      if (!isThenable(reply)) return this.#onReply(reply as ByteReply);
      const promise = reply instanceof Promise ? reply : attempt(() => reply);
      promise.then(this.#whenReplied ??= young((reply) => this.#onReply(reply)), this.#whenThrown);
    } catch (error) {
      this.#onThrown(error);
    }
  }

  /** Sends what a call has returned; the lent bytes are needed until that has gone out. */
  #onReply(reply: ByteReply): void {
    this.isCalling = false;
    if (reply === undefined) return this.#afterBytes();
    const { writer, isOpen } = this.#core;
    try {
      const onSent = this.#whenSent ??= young(() => this.#afterBytes());
      if (!Array.isArray(reply)) return writer.post(reply as Uint8Array | string, onSent);
      if (reply.length === 0) return this.#afterBytes();
      writer.postAll(reply, onSent);
    } catch (error) {
      if (Array.isArray(reply)) reply.forEach(giveUp);
      // It was closed during the call, or that was too much: the error that ended it is reported.
      if (isSocketError(error) && !(isOpen && this.#core.isOpen)) return this.#afterBytes();
      this.#onThrown(error);
    }
  }

  #afterBytes(): void {
    const core = this.#core;
    const { reader } = core;
    reader.endLoan();
    // What was read ahead before a failure is handled first.
    if (!core.isOpen && !reader.hasEnded && !reader.hasRest) return this.#afterLastCall();
    this.#next();
  }

  #afterLastCall(): void {
    const core = this.#core;
    if (core.isFreed) return void this.#finish();
    if (!core.isOpen) return;
    // A half-open connection stays until its user ends it, or its listener is stopped.
    if (core.limits.allowHalfOpen) core.closeIfIdle();
    else void core.close();
  }

  #onThrown(error: unknown): void {
    this.isCalling = this.isConnecting = false;
    const core = this.#core;
    core.reader.endLoan();
    // After the end, reads and writes reject with what ended it: that was reported already. So do reads that a stop
    // has ended.
    const isConsequence = core.hasEndedReading && core.isOpen
      ? codeOf(error) === "closed"
      : !core.isOpen && isSocketError(error);
    if (!isConsequence) this.#thrown = { error };
    void this.#finish();
  }

  async #finish(): Promise<void> {
    // What a call has written may have ended the connection while its reply was being sent.
    if (this.#isOver || this.isParting) return;
    this.#isOver = true;
    const core = this.#core;
    this.isCalling = true;
    const thrown = this.#thrown;
    const cause = thrown === undefined ? core.error : thrown.error;
    let ended = core.error;
    if (thrown !== undefined) {
      ended ??= isBadFrame(thrown.error)
        ? thrown.error
        : handlerError("A method of the service", thrown.error);
      core.blame(ended);
    }
    // `undefined` can be thrown too, by a reject() without a reason.
    if (thrown !== undefined || (ended !== undefined && ended.code !== "aborted")) {
      await this.#report(cause, thrown !== undefined);
    }
    // What onError wrote still goes out.
    await core.close(ended);
    // Closing may have failed.
    ended ??= core.error;
    core.depart(ended);
    if (this.#service.onClose !== undefined) {
      await guarded(() => this.#service.onClose!(this.#caller, core.end));
    }
    core.settle(ended);
  }

  async #report(cause: unknown, isThrown: boolean): Promise<void> {
    if (this.#service.onError !== undefined) {
      const error = isError(cause) ? cause : handlerError("A method of the service", cause);
      await guarded(() => this.#service.onError!(this.#caller, error));
    } else if (
      (isThrown || codeOf(cause) === "handler") && !isReadTimeout(cause) && !isBadFrame(cause)
    ) {
      // A slow peer, or one that sends nonsense, is not printed: as with one that has gone, the method is not at fault.
      printThrown(cause);
    }
  }
}

/** Calls a method whose exceptions can only be printed. */
async function guarded(call: () => void | Promise<void>): Promise<void> {
  try {
    await call();
  } catch (thrown) {
    printThrown(thrown);
  }
}
