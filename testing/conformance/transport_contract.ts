// What a Connection requires of the transport under it.

import {
  begun,
  type Check,
  checkPart,
  ensure,
  ensureBytes,
  ensureWritten,
  numbered,
  readAll,
  rejectionOf,
  writeAll,
} from "./trial.ts";

/** A writer whose peer does not read must be held back before this many bytes. */
const MUST_HOLD_BACK_AT = 64 * 1024 * 1024;

/** After so many writes that did not wait, others go first. */
const WRITES_IN_A_ROW = 1000;

/** The contract of `Transport`. */
export const transportContract: readonly Check[] = [
  {
    name: "Transport.localAddr and remoteAddr are addresses",
    // deno-lint-ignore require-await
    async run({ near, far }) {
      for (const { localAddr, remoteAddr } of [near, far]) {
        for (const address of [localAddr, remoteAddr] as unknown[]) {
          ensure(
            typeof address === "object" && address !== null,
            address === null ? "an address is null" : `an address is of type ${typeof address}`,
          );
        }
        ensure(
          localAddr !== remoteAddr || localAddr.transport !== "tcp",
          "localAddr and remoteAddr are the same object: both ends would be the same",
        );
      }
    },
  },
  {
    name: "Transport.mayHaveSent is a count, where there is one",
    // deno-lint-ignore require-await
    async run({ near, far }) {
      for (const { mayHaveSent } of [near, far]) {
        ensure(mayHaveSent === undefined || mayHaveSent >= 0, `mayHaveSent is ${mayHaveSent}`);
      }
    },
  },
  {
    name: "Transport carries every byte once, in order, both ways at the same time",
    async run({ near, far }) {
      const [there, back] = [numbered(100_000), numbered(70_000, 13)];
      const [gotThere, gotBack] = await Promise.all([
        readAll(far, there.length),
        readAll(near, back.length, 777),
        writeAll(near, there),
        writeAll(far, back),
      ]);
      ensureBytes(gotThere, there);
      ensureBytes(gotBack, back);
    },
  },
  {
    name: "Transport.read() gives what is there and does not wait for more",
    async run({ near, far }) {
      const writing = begun(writeAll(near, numbered(3)));
      const count = await far.read(new Uint8Array(1000));
      ensure(count !== null && count >= 1 && count <= 3, `read() gave ${count}, 3 were written`);
      await Promise.all([readAll(far, 3 - count), writing]);
    },
  },
  {
    name:
      "Transport.read() keeps to the part of the buffer it was given, and to the count it tells",
    run: (trial) => checkPart(trial, "read", (buffer) => trial.far.read(buffer)),
  },
  {
    name: "Transport.read() waits for bytes and is woken by them",
    async run(trial) {
      const reading = trial.far.read(new Uint8Array(8));
      ensure(await trial.isWaiting(reading), "read() did not wait although nothing was written");
      await writeAll(trial.near, numbered(1));
      ensure(await reading === 1, "read() did not give the byte that came");
    },
  },
  {
    name: "Transport.read() gives null at the end, again and again, after all bytes before it",
    needs: "halfClose",
    async run({ near, far }) {
      const [got] = await Promise.all([
        readAll(far),
        writeAll(near, numbered(10)).then(() => near.closeWrite()),
      ]);
      ensureBytes(got, numbered(10));
      for (let i = 0; i < 3; i++) {
        ensure(await far.read(new Uint8Array(8)) === null, "read() after the end gave bytes");
      }
    },
  },
  {
    name:
      "Transport.closeWrite() ends one direction, may be called twice, and leaves the other open",
    needs: "halfClose",
    async run({ near, far }) {
      const closing = begun(near.closeWrite().then(() => near.closeWrite()));
      ensure(await far.read(new Uint8Array(8)) === null, "the peer did not read the end");
      await closing;
      const [got] = await Promise.all([readAll(near, 100), writeAll(far, numbered(100))]);
      ensureBytes(got, numbered(100));
      await rejectionOf(near.write(numbered(1)));
    },
  },
  {
    name: "Transport.write() has taken the content when it resolves",
    async run({ near, far }) {
      const content = numbered(100);
      const write = async () => {
        for (let sent = 0; sent < content.length;) {
          const part = content.slice(sent);
          const count = await near.write(part);
          ensureWritten(count, part.length);
          sent += count;
          part.fill(0);
        }
      };
      const [got] = await Promise.all([readAll(far, 100), write()]);
      ensureBytes(got, content);
    },
  },
  {
    name: "Transport.write() holds a writer back whose peer does not read, and lets it go on",
    async run(trial) {
      const content = new Uint8Array(1_048_576);
      let taken = 0;
      let writing: Promise<void>;
      for (let writes = 1;; writes++) {
        ensure(
          taken < MUST_HOLD_BACK_AT,
          `${taken} bytes were taken although nobody reads them`,
        );
        writing = begun(
          trial.near.write(content).then((count) => {
            ensureWritten(count, content.length);
            taken += count;
          }),
        );
        if (await trial.isWaiting(writing)) break;
        // What does not wait has to succeed.
        await writing;
        // A transport that always answers at once would keep every timer from running.
        if (writes % WRITES_IN_A_ROW === 0) await trial.delay(1);
      }
      // Perhaps it takes all of what is offered before it resolves, and holds nothing.
      const reading = begun(readAll(trial.far, taken + content.length, 65_536));
      await Promise.race([reading, writing]);
      await writing;
    },
  },
  {
    name: "Transport.close() lets the peer read what was written before, then the end",
    async run(trial) {
      const { near, far } = trial;
      const content = numbered(1000);
      const closing = begun(writeAll(near, content).then(() => near.close()));
      // What has room for it holds it all when it is closed.
      await trial.isWaiting(closing);
      const [got] = await Promise.all([readAll(far), closing]);
      ensureBytes(got, content);
      ensure(await far.read(new Uint8Array(8)) === null, "read() after the end gave bytes");
    },
  },
  {
    name: "Transport.close() rejects a read that waits, and every later call",
    async run(trial) {
      const { near } = trial;
      const reading = near.read(new Uint8Array(8));
      ensure(await trial.isWaiting(reading), "read() did not wait although nothing was written");
      near.close();
      await rejectionOf(reading);
      await rejectionOf((async () => await near.read(new Uint8Array(8)))());
      await rejectionOf((async () => await near.write(new Uint8Array(8)))());
    },
  },
  {
    name: "Transport.write() fails sooner or later when the peer has closed",
    async run(trial) {
      trial.far.close();
      let error: unknown;
      for (let i = 0; i < 100 && error === undefined; i++) {
        error = await trial.near.write(numbered(10)).then(
          (count) => ensureWritten(count, 10),
          (error) => error,
        );
        await trial.delay(5);
      }
      ensure(error !== undefined, "100 writes to a peer that has closed were taken");
    },
  },
  {
    name: "Transport.reset() is told to a peer that reads",
    needs: "reset",
    async run(trial) {
      const reading = trial.far.read(new Uint8Array(8));
      ensure(await trial.isWaiting(reading), "read() did not wait although nothing was written");
      trial.near.reset!();
      await rejectionOf(reading);
    },
  },
];
