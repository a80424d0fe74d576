// What a Connection promises to readers, whatever the transport under it does.

import {
  begun,
  type Check,
  ensure,
  ensureBytes,
  ensureRejects,
  numbered,
  rejectionOf,
} from "./trial.ts";

/** The contract of a connection's reading side. */
export const readingContract: readonly Check[] = [
  {
    name: "Connection.read() with a length gives exactly that many bytes, however they come",
    async run(trial) {
      const [near, far] = trial.connect();
      const content = numbered(10_000);
      const writing = begun((async () => {
        for (let at = 0; at < content.length; at += 37) {
          await near.write(content.subarray(at, at + 37));
        }
      })());
      for (let at = 0, length = 1; at < content.length; at += length, length = length * 2 + 1) {
        const wanted = Math.min(length, content.length - at);
        const [bytes, count] = await far.read(wanted);
        ensure(count === wanted, `read(${wanted}) gave ${count} bytes`);
        ensureBytes(bytes, content.subarray(at, at + wanted));
      }
      await writing;
    },
  },
  {
    name: "Connection.read() gives what is left at the end, then -1 for ever",
    async run(trial) {
      const [near, far] = trial.connect();
      void near.write(numbered(7));
      const closing = begun(near.close());
      const [bytes, count] = await far.read(100);
      ensure(count === 7, `the last read gave ${count} of 7 bytes`);
      ensureBytes(bytes, numbered(7));
      for (let i = 0; i < 3; i++) {
        const [nothing, end] = await far.read(i === 1 ? undefined : 5);
        ensure(end === -1 && nothing.length === 0, `read() after the end gave ${end}`);
      }
      await far.close();
      await closing;
    },
  },
  {
    name: "Connection.read() keeps the bytes of a read that timed out",
    async run(trial) {
      const [near, far] = trial.connect();
      const first = begun(near.write(numbered(3)));
      await ensureRejects(far.read(5, { timeoutInMillis: 20 }), "timed-out");
      const second = begun(near.write(numbered(2, 3)));
      ensureBytes((await far.read(5))[0], numbered(5));
      await Promise.all([first, second]);
    },
  },
  {
    name:
      "Connection.read() loses nothing when its signal is aborted, and tells the signal's reason",
    async run(trial) {
      const [near, far] = trial.connect();
      const controller = new AbortController();
      const reason = { enough: true };
      const given = begun(rejectionOf(far.read(5, { signal: controller.signal })));
      await near.write(numbered(4));
      controller.abort(reason);
      ensure(await given === reason, "the read did not reject with the signal's reason");
      const writing = begun(near.write(numbered(1, 4)));
      ensureBytes((await far.read(5))[0], numbered(5));
      await writing;
    },
  },
  {
    name: "Connection.read() refuses a second reader with busy, and the first gets the bytes",
    async run(trial) {
      const [near, far] = trial.connect();
      const first = begun(far.read(2));
      await ensureRejects(far.read(), "busy");
      await near.write(numbered(2));
      ensureBytes((await first)[0], numbered(2));
    },
  },
  {
    name: "Connection.read() gives bytes whose buffer may be transferred while the next read waits",
    async run(trial) {
      const [near, far] = trial.connect();
      const content = numbered(20_000);
      const got = new Uint8Array(content.length);
      let filled = 0;
      let reading = begun(far.read());
      for (let at = 0; at < content.length;) {
        // Small and big pieces: they take different ways to the reader.
        const length = at % 3 === 0 ? 40 : 3000;
        const writing = begun(near.write(content.subarray(at, at + length)));
        at = Math.min(content.length, at + length);
        while (filled < at) {
          const [bytes, count] = await reading;
          ensure(count > 0, `read() gave ${count} before the end`);
          got.set(bytes, filled);
          filled += count;
          if (filled < content.length) reading = begun(far.read());
          structuredClone(bytes, { transfer: [bytes.buffer] });
        }
        await writing;
      }
      ensureBytes(got, content);
    },
  },
  {
    name: "Connection gives its bytes to an iteration, and the rest after a break to the next",
    async run(trial) {
      const [near, far] = trial.connect();
      const content = numbered(5000);
      void near.write(content);
      const closing = begun(near.close());
      const got: number[] = [];
      for await (const bytes of far) {
        got.push(...bytes);
        break;
      }
      for await (const bytes of far) got.push(...bytes);
      ensureBytes(new Uint8Array(got), content);
      await far.close();
      await closing;
    },
  },
  {
    name: "Connection.readable gives every byte, and its end leaves writing open",
    needs: "halfClose",
    async run(trial) {
      const [near, far] = trial.connect();
      const content = numbered(100_000);
      void near.write(content);
      void near.shutdownWrite();
      const got = new Uint8Array(await new Response(far.readable).arrayBuffer());
      ensureBytes(got, content);
      const writing = begun(far.write(numbered(3)));
      ensureBytes((await near.read(3))[0], numbered(3));
      await writing;
    },
  },
  {
    name: "Connection.shutdownRead() ends reading here and leaves writing open",
    async run(trial) {
      const [near, far] = trial.connect();
      const reading = begun(far.read());
      far.shutdownRead();
      ensure((await reading)[1] === -1, "the read that waited did not get the end");
      ensure((await far.read())[1] === -1, "a later read did not get the end");
      const writing = begun(far.write(numbered(4)));
      ensureBytes((await near.read(4))[0], numbered(4));
      await writing;
    },
  },
  {
    name: "Connection ends with timed-out when no byte comes or goes for idleTimeoutInMillis",
    async run(trial) {
      const [near, far] = trial.connect({ idleTimeoutInMillis: 40 });
      let lastUsed = trial.clock.now();
      const use = async () => {
        for (let i = 0; i < 4; i++) {
          await trial.delay(10);
          const now = trial.clock.now();
          await Promise.all([near.write(numbered(1)), far.read(1)]);
          lastUsed = now;
        }
      };
      // On a busy machine the delay may be so long that the end is correct, and reaches the write.
      await use().catch(() => {});
      await Promise.race([near.closed, far.closed]);
      ensure(trial.clock.now() - lastUsed > 39, "it ended too early");
      ensure((await near.closed)?.code === "timed-out", "closed did not tell timed-out");
      ensure((await far.closed)?.code === "timed-out", "closed did not tell timed-out");
    },
  },
];
