// What a Connection promises to writers, and how it ends.

import {
  begun,
  type Check,
  ensure,
  ensureBytes,
  ensureRejects,
  numbered,
  rejectionOf,
} from "./trial.ts";

/** A writer whose peer does not read must wait before this many bytes were taken. */
const MUST_WAIT_AT = 12 * 1024 * 1024;

/** The contract of a connection's writing side and of its end. */
export const writingContract: readonly Check[] = [
  {
    name: "Connection.write() sends whole contents in call order, however many write at once",
    async run(trial) {
      const [near, far] = trial.connect();
      const sizes = [1, 70_000, 3, 20_000, 1, 1, 16_384, 0, 5, 40_000];
      const contents = sizes.map((size, index) => new Uint8Array(size).fill(index + 1));
      const written = begun(Promise.all(contents.map((content) => near.write(content))));
      for (const content of contents) {
        if (content.length > 0) ensureBytes((await far.read(content.length))[0], content);
      }
      const counts = await written;
      ensure(counts.every((count, index) => count === sizes[index]), `write() gave ${counts}`);
    },
  },
  {
    name: "Connection carries a mebibyte each way at the same time, and counts it",
    async run(trial) {
      const [near, far] = trial.connect();
      const length = 1_048_576;
      const content = numbered(length);
      const [there, back] = await Promise.all([
        far.read(length),
        near.read(length),
        near.write(content),
        far.write(content),
      ]);
      ensureBytes(there[0], content);
      ensureBytes(back[0], content);
      for (const end of [near, far]) {
        ensure(end.bytesRead === length, `bytesRead is ${end.bytesRead}`);
        ensure(end.bytesWritten === length, `bytesWritten is ${end.bytesWritten}`);
        ensure(end.queuedBytes === 0, `queuedBytes is ${end.queuedBytes}`);
      }
    },
  },
  {
    name: "Connection.write() of text sends UTF-8",
    async run(trial) {
      const [near, far] = trial.connect();
      const expected = new TextEncoder().encode("żółw 🐢");
      const writing = begun(near.write("żółw 🐢"));
      ensureBytes((await far.read(expected.length))[0], expected);
      ensure(await writing === expected.length, "write() gave another count");
    },
  },
  {
    name: "Connection.write() waits for a peer that does not read, and goes on when it does",
    async run(trial) {
      const [near, far] = trial.connect();
      let total = 0;
      // No more than it takes: one that holds little would need long for much.
      for (let length = 65_536;; length *= 2) {
        ensure(total < MUST_WAIT_AT, `${total} bytes were taken although nobody reads`);
        const writing = begun(near.write(new Uint8Array(length)));
        total += length;
        const isHeld = await trial.isWaiting(writing);
        if (isHeld) ensure((await far.read(total))[1] === total, "bytes are missing");
        ensure(await writing === length, "write() gave another count");
        if (isHeld) break;
      }
    },
  },
  {
    name: "Connection.write() beyond maxQueuedBytes is refused whole and ends the connection",
    async run(trial) {
      const [near] = trial.connect({ maxQueuedBytes: 1000 });
      const first = begun(rejectionOf(near.write(new Uint8Array(64 * 1024 * 1024))));
      await ensureRejects(near.write(new Uint8Array(1)), "overflow");
      await first;
      ensure((await near.closed)?.code === "overflow", "closed did not tell overflow");
    },
  },
  {
    name:
      "Connection.write() ends with timed-out when the peer takes nothing for writeTimeoutInMillis",
    async run(trial) {
      const [near] = trial.connect({ writeTimeoutInMillis: 50 });
      await ensureRejects(near.write(new Uint8Array(64 * 1024 * 1024)), "timed-out");
      ensure((await near.closed)?.code === "timed-out", "closed did not tell timed-out");
    },
  },
  {
    name:
      "Connection.shutdownWrite() sends the end after everything written; the peer can still answer",
    needs: "halfClose",
    async run(trial) {
      const [near, far] = trial.connect();
      void near.write(numbered(50_000));
      void near.shutdownWrite();
      await ensureRejects(near.write(numbered(1)), "closed");
      const [bytes] = await far.read(60_000);
      ensureBytes(bytes, numbered(50_000));
      const answering = begun(far.write(numbered(10)));
      ensureBytes((await near.read(10))[0], numbered(10));
      await answering;
      await far.shutdownWrite();
      ensure((await near.read())[1] === -1, "the other direction did not end");
      ensure(await near.closed === undefined, "closed told an error after both had ended");
      ensure(await far.closed === undefined, "closed told an error after both had ended");
    },
  },
  {
    name: "Connection.writable ends its own direction only",
    needs: "halfClose",
    async run(trial) {
      const [near, far] = trial.connect();
      const writer = near.writable.getWriter();
      void begun(writer.write(numbered(1000)));
      const closing = begun(writer.close());
      ensureBytes((await far.read(2000))[0], numbered(1000));
      const answering = begun(far.write(numbered(3)));
      ensureBytes((await near.read(3))[0], numbered(3));
      await answering;
      // A peer can have read the end, and answered, before this side has reported it.
      await closing;
    },
  },
  {
    name:
      "Connection.close() delivers what was written, although the peer has sent what nobody read",
    async run(trial) {
      const [near, far] = trial.connect();
      await trial.isWaiting(begun(far.write(numbered(5000))));
      void near.write(numbered(100_000));
      const closing = begun(near.close());
      ensureBytes((await far.read(200_000))[0], numbered(100_000));
      await far.close();
      await closing;
      ensure(await near.closed === undefined, "closed told an error after a polite end");
    },
  },
  {
    name:
      "Connection.close() ends on time with a peer that does not read, and closed tells timed-out",
    async run(trial) {
      const [near] = trial.connect({ closeTimeoutInMillis: 50 });
      void near.write(new Uint8Array(12 * 1024 * 1024));
      await near.close();
      ensure((await near.closed)?.code === "timed-out", "closed did not tell timed-out");
      await near.close();
    },
  },
  {
    name: "Connection.close() rejects a read that waits, and later reads and writes, with closed",
    async run(trial) {
      const [near] = trial.connect();
      const reading = begun(ensureRejects(near.read(), "closed"));
      void near.close();
      await reading;
      await ensureRejects(near.read(), "closed");
      await ensureRejects(near.write("late"), "closed");
    },
  },
  {
    name: "Connection.abort() frees at once and gives the reason as cause; the peer is told",
    async run(trial) {
      const [near, far] = trial.connect();
      const reading = begun(ensureRejects(near.read(), "aborted"));
      const told = begun(
        far.read().then(([, count]) => count === -1, (error) => error.code === "broken"),
      );
      const reason = new Error("no more");
      near.abort(reason);
      ensure((await reading).cause === reason, "the read did not get the reason");
      ensure((await near.closed)?.cause === reason, "closed did not tell the reason");
      ensure(await told, "the peer read neither an end nor that it is broken");
    },
  },
  {
    name:
      "Connection has no unhandled rejection from a write that nobody awaits to a peer that is gone",
    async run(trial) {
      const [near, far] = trial.connect();
      far.abort();
      for (let i = 0; i < 20 && await trial.isWaiting(near.closed); i++) {
        void near.write(numbered(10));
      }
      ensure((await near.closed)?.code === "broken", "closed did not tell that it is broken");
    },
  },
];
