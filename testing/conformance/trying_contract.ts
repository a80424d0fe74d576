// What a Connection relies on in a transport that can be read and written without a promise.

import type { Transport } from "../../src/network/network.ts";
import {
  begun,
  type Check,
  checkPart,
  ensure,
  ensureBytes,
  numbered,
  rejectionOf,
  writeAll,
} from "./trial.ts";

/** Somebody may be called back for nothing, but not for ever. */
const MOST_TRIES = 1_000;

/** Resolves when something may be there. */
function readable(transport: Transport): Promise<void> {
  return new Promise((resolve) => transport.whenReadable!(resolve));
}

/** Reads without a promise what comes next. */
async function readNext(transport: Transport, buffer: Uint8Array): Promise<number | null> {
  for (let i = 0; i < MOST_TRIES; i++) {
    await readable(transport);
    const count = transport.tryRead!(buffer);
    if (count !== undefined) return count;
  }
  throw new Error(`whenReadable() called ${MOST_TRIES} times, and nothing was there`);
}

/** The contract of `tryRead`, `whenReadable` and `tryWrite`. */
export const tryingContract: readonly Check[] = [
  {
    name:
      "Transport.tryRead() gives undefined where read() would wait, and bytes when they have come",
    needs: "canTry",
    async run({ near, far }) {
      const buffer = new Uint8Array(8);
      ensure(far.tryRead!(buffer) === undefined, "tryRead() gave something before it was written");
      const reading = begun(readNext(far, buffer));
      const writing = begun(writeAll(near, numbered(3, 1)));
      const count = await reading;
      ensure(count !== null && count >= 1 && count <= 3, `tryRead() gave ${count}, 3 were written`);
      ensureBytes(buffer.subarray(0, count), numbered(3, 1).subarray(0, count));
      for (let got = count; got < 3;) got += await readNext(far, buffer) ?? 3;
      await writing;
    },
  },
  {
    name:
      "Transport.tryRead() keeps to the part of the buffer it was given, and to the count it tells",
    needs: "canTry",
    run: (trial) => checkPart(trial, "tryRead", (buffer) => readNext(trial.far, buffer)),
  },
  {
    name: "Transport.tryRead() gives null at the end, again and again",
    needs: "canTry",
    async run(trial) {
      const { near, far } = trial;
      const closing = begun(writeAll(near, numbered(2)).then(() => near.close()));
      // What has room for it has also the end when it is read.
      await trial.isWaiting(closing);
      const buffer = new Uint8Array(2);
      let count: number | null = 0;
      for (let got = 0; got < 2; got += count) {
        count = await readNext(far, buffer.subarray(got));
        ensure(count !== null, `the end came after ${got} of 2 bytes`);
      }
      await closing;
      for (let i = 0; i < 3; i++) {
        count = await readNext(far, buffer);
        ensure(count === null, `tryRead() after the end gave ${count}`);
      }
    },
  },
  {
    name:
      "Transport.whenReadable() calls back once, not before it has returned, also for what is there",
    needs: "canTry",
    async run(trial) {
      const { near, far } = trial;
      let calls = 0;
      const waiting = new Promise<void>((resolve) => {
        far.whenReadable!(() => {
          calls++;
          resolve();
        });
      });
      ensure(await trial.isWaiting(waiting), "whenReadable() called although nothing was written");
      const writing = begun(writeAll(near, numbered(3)).then(() => writeAll(near, numbered(3, 3))));
      await Promise.race([waiting, writing]);
      await waiting;
      await trial.isWaiting(writing);
      let isWithin = true;
      const again = new Promise<boolean>((resolve) => far.whenReadable!(() => resolve(isWithin)));
      isWithin = false;
      ensure(!await again, "whenReadable() called before it had returned");
      await trial.delay(5);
      ensure(calls === 1, `whenReadable() called ${calls} times`);
    },
  },
  {
    name: "Transport.whenReadable() calls back at the end",
    needs: "canTry",
    async run(trial) {
      const waiting = readable(trial.far);
      ensure(await trial.isWaiting(waiting), "whenReadable() called although nothing was written");
      trial.near.close();
      ensure(!await trial.isWaiting(waiting), "whenReadable() did not call when the peer ended");
      const count = await readNext(trial.far, new Uint8Array(8));
      ensure(count === null, `tryRead() at the end gave ${count}`);
    },
  },
  {
    name: "Transport.whenReadable() calls back at a reset, and tryRead() throws it",
    needs: "canTry",
    async run(trial) {
      const { near, far } = trial;
      if (near.reset === undefined) return;
      const waiting = readable(far);
      ensure(await trial.isWaiting(waiting), "whenReadable() called although nothing was written");
      near.reset();
      ensure(!await trial.isWaiting(waiting), "whenReadable() did not call when the peer was gone");
      await rejectionOf(readNext(far, new Uint8Array(8)));
    },
  },
  {
    name: "Transport.tryWrite() sends what fits, then gives undefined until the peer reads",
    needs: "canTry",
    async run(trial) {
      const { near, far } = trial;
      const piece = numbered(10_000);
      let written = 0;
      for (let count; (count = near.tryWrite!(piece.subarray(written % 251))) !== undefined;) {
        ensure(count >= 1 && count <= piece.length, `tryWrite() gave ${count}`);
        written += count;
        ensure(written < 64 * 1024 * 1024, `tryWrite() took ${written} bytes, and nobody has read`);
      }
      const buffer = new Uint8Array(65_536);
      for (let got = 0; got < written;) {
        const count = await readNext(far, buffer);
        ensure(count !== null, `the end came after ${got} of ${written} bytes`);
        ensureBytes(buffer.subarray(0, count), numbered(count, got));
        got += count;
        ensure(got <= written, `${got} bytes came, and tryWrite() said ${written}`);
      }
      const writing = begun(writeAll(near, numbered(3, 7)));
      for (let got = 0; got < 3;) {
        const count = await readNext(far, buffer.subarray(0, 3));
        ensure(count !== null, "the end came before all that was written");
        ensureBytes(buffer.subarray(0, count), numbered(count, 7 + got));
        got += count;
      }
      await writing;
    },
  },
  {
    name: "Transport.tryRead() and tryWrite() throw when it was closed, and nobody is called back",
    needs: "canTry",
    async run(trial) {
      const { near } = trial;
      const waiting = readable(near);
      near.close();
      ensure(await trial.isWaiting(waiting), "whenReadable() called for a stream that was closed");
      await rejectionOf((async () => void await near.tryRead!(new Uint8Array(8)))());
      await rejectionOf((async () => void await near.tryWrite!(new Uint8Array(8)))());
    },
  },
];
