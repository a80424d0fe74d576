// Makes a connection secure in the middle of a conversation: what STARTTLS and its relatives need.
//
// Decision record: bytes that came in the clear before the handshake were sent by anybody. Read as if they had
// come through it, they are commands that the peer never gave (CVE-2011-0411). Some programs drop them; here
// they end the connection, because a peer that keeps to its protocol sends none, and because dropping would
// hide the attempt. Bytes that the system has and nobody has read are the handshake's: it fails on them.
//
// A kernel read that is still under way (a read that timed out leaves it there) would swallow the beginning of
// the handshake, and Deno's own engine refuses such a stream: "busy", whichever engine does it.

import type { Duplex } from "./duplex.ts";
import type { Upgrade } from "./origin.ts";
import { closedError, GenericError, ignore, type SocketError } from "../base/errors.ts";

/**
 * Makes a connection secure. What was written before goes out in the clear, what is written from now on waits
 * for the handshake, and so does whoever reads.
 *
 * @throws {TypeError | RangeError | GenericError} Refused before anything was done (the connection goes on), or
 * what has ended it.
 */
export async function upgrade(duplex: Duplex, options: object | undefined): Promise<void> {
  const { prepareUpgrade } = duplex.origin;
  if (prepareUpgrade === undefined) {
    throw new TypeError(
      "Cannot make the connection secure: it belongs to no Client and no Listener",
    );
  }
  refuseWhereBusy(duplex);
  const drained = duplex.pause();
  let make: Upgrade;
  try {
    make = await prepareUpgrade(options, duplex);
  } catch (error) {
    duplex.resume();
    throw error;
  }
  await drained;
  try {
    if (!duplex.isFreed) {
      refuseInjected(duplex);
      const making = make(duplex.transport);
      // Not every engine hears that its stream was freed: whoever waits does, and what comes late is freed.
      const secure = await Promise.race([making, duplex.freed]);
      if (secure !== undefined && !duplex.isFreed) return duplex.resume(secure);
      making.then((late) => duplex.resume(late), ignore);
    }
  } catch (error) {
    if (!duplex.isFreed) duplex.fail(error as SocketError);
    throw duplex.error ?? error;
  }
  throw duplex.error ?? closedError("make the connection secure");
}

function refuseWhereBusy(duplex: Duplex): void {
  const { reader, writer, transport } = duplex;
  if (!duplex.isOpen || writer.hasEnded || reader.hasEnded) {
    throw duplex.error ?? closedError("make the connection secure");
  }
  if (transport.secure !== undefined) {
    throw new GenericError("busy", "Cannot make the connection secure: it is already");
  }
  if (duplex.isPaused) {
    throw new GenericError("busy", "Cannot make the connection secure: a handshake is under way");
  }
  if (reader.inflow.isReading || reader.isWaiting) {
    throw new GenericError(
      "busy",
      "Cannot make the connection secure: a read is under way (a read that timed out leaves one behind)",
    );
  }
  refuseInjected(duplex);
}

function refuseInjected(duplex: Duplex): void {
  const { queue } = duplex.reader;
  const { length } = queue;
  if (length === 0) return;
  // A read would still hand them out.
  queue.clear();
  const error = new GenericError(
    "handshake",
    `Cannot make the connection secure: ${length} bytes that came in the clear are unread`,
  );
  duplex.fail(error);
  throw error;
}
