// Makes a connection secure in the middle of a conversation: what STARTTLS and its relatives need.
//
// Decision record: anybody may have sent the bytes that came in the clear before the handshake. Read as if they had
// come through it, they are commands that the peer never gave (CVE-2011-0411). Some programs drop them. Here they end
// the connection, because a peer that keeps to its protocol sends none, and because dropping would hide the attempt.
// Bytes that the system has and nobody has read go to the handshake, which fails on them.
//
// A kernel read that is still under way (a read that timed out leaves one) would swallow the beginning of the
// handshake, and Deno's own engine refuses such a stream. So the call is refused with "busy", whatever the engine.

import type { StreamCore } from "./stream_core.ts";
import { hurriedBy } from "./hurried.ts";
import type { Upgrade } from "./origin.ts";
import { closedError, GenericError, ignore, type SocketError } from "../base/errors.ts";
import { secureOf } from "../network/told.ts";

/**
 * Makes a connection secure, unless the signal is aborted before. What was written before goes out in the clear; what is written or read from now on waits
 * for the handshake.
 *
 * @throws {TypeError | RangeError | GenericError} Refused before anything was done (the connection stays open), or what
 * has ended the connection.
 */
export function upgrade(
  core: StreamCore,
  options: object | undefined,
  signal?: AbortSignal,
): Promise<void> {
  if (signal?.aborted === true) return Promise.reject(signal.reason);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const making = makeSecure(core, options);
  const secure = signal === undefined ? making : hurriedBy(core, signal, making).catch((error) => {
    throw signal.aborted && core.error?.cause === signal.reason ? signal.reason : error;
  });
  secure.then(resolve, (error) => {
    // It has ended the connection, which tells whoever asks: like a write, it may be left alone.
    if (!core.isOpen) promise.catch(ignore);
    reject(error);
  });
  return promise;
}

async function makeSecure(core: StreamCore, options: object | undefined): Promise<void> {
  const { prepareUpgrade } = core.origin;
  if (prepareUpgrade === undefined) {
    throw new TypeError(
      "Cannot make the connection secure: it belongs to no Client and no Listener",
    );
  }
  refuseWhereBusy(core);
  const drained = core.pause();
  let make: Upgrade;
  try {
    make = await prepareUpgrade(options, core);
  } catch (error) {
    core.resume();
    throw error;
  }
  await drained;
  try {
    if (!core.isFreed) {
      refuseInjected(core);
      const making = make(core.transport);
      // Not every engine notices that its stream was freed, so wait for that here; what comes too late is freed.
      const secure = await Promise.race([making, core.freed]);
      if (secure !== undefined && !core.isFreed) return core.resume(secure);
      making.then((late) => core.resume(late), ignore);
    }
  } catch (error) {
    if (!core.isFreed) core.fail(error as SocketError);
    throw core.error ?? error;
  }
  throw core.error ?? closedError("make the connection secure");
}

function refuseWhereBusy(core: StreamCore): void {
  const { reader, writer, transport } = core;
  if (!core.isOpen || writer.hasEnded || reader.hasEnded) {
    throw core.error ?? closedError("make the connection secure");
  }
  if (secureOf(transport) !== undefined) {
    throw new GenericError("busy", "Cannot make the connection secure: it is already");
  }
  if (core.isPaused) {
    throw new GenericError("busy", "Cannot make the connection secure: a handshake is under way");
  }
  if (reader.isWatching && !reader.isWaiting) {
    throw new GenericError(
      "busy",
      "Cannot make the connection secure: it is read ahead, because its signal was asked for, or a " +
        "ReconnectingClient has it (make it secure before that, there in onUp)",
    );
  }
  if (reader.inflow.isReading || reader.isWaiting) {
    throw new GenericError(
      "busy",
      "Cannot make the connection secure: a read is under way (a read that timed out leaves one behind)",
    );
  }
  refuseInjected(core);
}

function refuseInjected(core: StreamCore): void {
  const { reader } = core;
  // What cannot be read yet is of a proxy's TLS below.
  const length = reader.begun - reader.inflow.arrivingLength;
  if (length === 0) return;
  // Otherwise a read would still hand them out.
  reader.queue.clear();
  const error = new GenericError(
    "handshake",
    `Cannot make the connection secure: ${length} bytes that came in the clear are unread`,
  );
  const { origin, begunAt } = core;
  origin.onInjected?.(error, core.transport, { id: origin.id ?? 0, begunAt });
  core.fail(error);
  throw error;
}
