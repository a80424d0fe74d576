// The kit itself: each of its checks of a transport fails on a transport that has just that fault.

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  checkTransport,
  connectedTransports,
  simulate,
  type SimulatedNetwork,
  SimulationError,
  type Transport,
} from "../../testing/mod.ts";

type Fault = (transport: Transport, buffered: { net: SimulatedNetwork }) => Partial<Transport>;

/** A transport with some members replaced. */
function faulty(transport: Transport, net: SimulatedNetwork, fault: Fault): Transport {
  const sound: Transport = {
    localAddr: transport.localAddr,
    remoteAddr: transport.remoteAddr,
    read: (buffer) => transport.read(buffer),
    write: (bytes) => transport.write(bytes),
    closeWrite: () => transport.closeWrite(),
    close: () => transport.close(),
    reset: () => transport.reset!(),
    tryRead: (buffer) => transport.tryRead!(buffer),
    whenReadable: (callback) => transport.whenReadable!(callback),
    tryWrite: (bytes) => transport.tryWrite!(bytes),
  };
  return { ...sound, ...fault(transport, { net }) };
}

/** Runs the kit, or the checks that begin so, in virtual time and returns which failed. */
async function failures(
  fault: Fault,
  of = "Transport",
  capacity = 65_536,
): Promise<string[]> {
  const tests: [name: string, body: () => Promise<void>][] = [];
  let net: SimulatedNetwork;
  checkTransport(() => {
    const [near, far] = connectedTransports({ canTry: true, capacity });
    const make = (transport: Transport) => {
      const made = faulty(transport, net, fault);
      const { tryRead: _, whenReadable: _when, tryWrite: _write, ...plain } = made;
      return of === "Transport" ? made : plain;
    };
    return { near: make(near), far: make(far), clock: net.clock };
  }, {
    test: (name, body) => {
      if (name.startsWith(of)) tests.push([name, body]);
    },
    around: async (body) => {
      await simulate(1, (own) => (net = own, body()), { faults: "calm", strict: false });
    },
    reset: true,
    canTry: true,
  });
  const failed = [];
  for (const [name, body] of tests) {
    try {
      await body();
    } catch (error) {
      if (!(error instanceof SimulationError)) throw error;
      failed.push(name);
    }
  }
  return failed;
}

Deno.test("checkTransport() finds nothing in a sound transport", async () => {
  assertEquals(await failures(() => ({})), []);
});

for (const capacity of [1, 16, 1_000]) {
  Deno.test(`checkTransport() finds nothing in a sound transport that holds ${capacity} at a time`, async () => {
    assertEquals(await failures(() => ({}), "Transport", capacity), []);
    // A mebibyte, one byte at a time, would take seconds.
    if (capacity === 1) return;
    assertEquals(await failures(() => ({}), "Connection", capacity), []);
  });
}

/** One direction that holds nothing: a write has gone when a read has taken all of it. */
class Passage {
  #offered: { bytes: Uint8Array; taken: PromiseWithResolvers<number>; at: number } | undefined;
  #hasEnded = false;
  #failure: Error | undefined;
  #changed = Promise.withResolvers<void>();

  #wake() {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#offered === undefined) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#hasEnded) return null;
      await this.#changed.promise;
    }
    const offered = this.#offered;
    const part = offered.bytes.subarray(offered.at, offered.at + buffer.length);
    buffer.set(part);
    offered.at += part.length;
    if (offered.at === offered.bytes.length) {
      this.#offered = undefined;
      offered.taken.resolve(offered.at);
    }
    return part.length;
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#failure !== undefined || this.#hasEnded) return Promise.reject(new Error("ended"));
    const taken = Promise.withResolvers<number>();
    this.#offered = { bytes, taken, at: 0 };
    this.#wake();
    return taken.promise;
  }

  end() {
    this.#hasEnded = true;
    this.#wake();
  }

  fail() {
    if (this.#hasEnded && this.#offered === undefined) return;
    this.#failure = new Error("gone");
    this.#offered?.taken.reject(this.#failure);
    this.#offered = undefined;
    this.#wake();
  }
}

/** Two ends that hold nothing. */
function unbuffered(): [Transport, Transport] {
  const [there, back] = [new Passage(), new Passage()];
  const [a, b] = connectedTransports();
  const endOf = (own: Transport, incoming: Passage, outgoing: Passage): Transport => {
    let close = () => {};
    const closed = new Promise<never>((_, reject) => close = () => reject(new Error("closed")));
    closed.catch(() => {});
    let isClosed = false;
    const open = <T>(call: () => Promise<T>): Promise<T> =>
      isClosed ? closed : Promise.race([call(), closed]);
    return {
      localAddr: own.localAddr,
      remoteAddr: own.remoteAddr,
      read: (buffer) => open(() => incoming.read(buffer)),
      write: (bytes) => open(() => outgoing.write(bytes)),
      closeWrite: () => open(() => Promise.resolve(outgoing.end())),
      close() {
        if (isClosed) throw new Error("closed before");
        isClosed = true;
        close();
        outgoing.end();
        incoming.fail();
      },
    };
  };
  return [endOf(a, back, there), endOf(b, there, back)];
}

Deno.test("checkTransport() finds nothing in a sound transport that holds nothing", async () => {
  const failed: string[] = [];
  const tests: [name: string, body: () => Promise<void>][] = [];
  let net: SimulatedNetwork;
  checkTransport(() => {
    const [near, far] = unbuffered();
    return { near, far, clock: net.clock };
  }, {
    test: (name, body) => void tests.push([name, body]),
    around: async (body) => {
      await simulate(1, (own) => (net = own, body()), { faults: "calm", strict: false });
    },
  });
  for (const [name, body] of tests) await body().catch((error) => failed.push(`${name}: ${error}`));
  assertEquals(failed, []);
});

const hasHeard = new WeakSet<Transport>();

const faults: Record<string, [fault: Fault, failing: RegExp]> = {
  "loses a byte": [
    (transport) => {
      let total = 0;
      return {
        async write(bytes) {
          const count = await transport.write(bytes);
          total += count;
          return total > 60_000 && total < 90_000 && count < bytes.length ? count + 1 : count;
        },
      };
    },
    /carries every byte once/,
  ],
  "fills the whole buffer": [
    (transport) => ({
      async read(buffer) {
        let filled = 0;
        while (filled < buffer.length) {
          const count = await transport.read(buffer.subarray(filled));
          if (count === null) break;
          filled += count;
        }
        return filled === 0 ? null : filled;
      },
    }),
    /gives what is there/,
  ],
  "scribbles behind what it read": [
    (transport) => ({
      async read(buffer) {
        const count = await transport.read(buffer);
        buffer.fill(0, count ?? 0);
        return count;
      },
    }),
    /keeps to the part of the buffer/,
  ],
  "reads into the start of the memory": [
    (transport) => ({ read: (buffer) => transport.read(new Uint8Array(buffer.buffer)) }),
    /keeps to the part of the buffer/,
  ],
  "tells 0 instead of waiting": [
    (transport) => ({
      read: (buffer) => Promise.race([transport.read(buffer), Promise.resolve(0)]),
    }),
    /waits for bytes/,
  ],
  "tells the end once": [
    (transport) => {
      let ended = false;
      return {
        async read(buffer) {
          if (ended) throw new Error("ended before");
          const count = await transport.read(buffer);
          ended = count === null;
          return count;
        },
      };
    },
    /null at the end, again and again/,
  ],
  "ends both directions at once": [
    (transport) => ({
      closeWrite() {
        transport.close();
        return Promise.resolve();
      },
    }),
    /ends one direction/,
  ],
  "reads the content after it said it has it": [
    (transport) => ({
      write(bytes) {
        // Late enough that the caller has continued.
        void (async () => {
          for (let i = 0; i < 5; i++) await null;
          await transport.write(bytes).catch(() => {});
        })();
        return Promise.resolve(bytes.length);
      },
    }),
    /has taken the content/,
  ],
  "takes everything": [
    (transport) => {
      const queue: Uint8Array[] = [];
      let isWriting = false;
      return {
        write(bytes) {
          queue.push(bytes.slice());
          if (!isWriting) {
            isWriting = true;
            (async () => {
              for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
                while (next.length > 0) next = next.subarray(await transport.write(next));
              }
              isWriting = false;
            })().catch(() => {});
          }
          return Promise.resolve(bytes.length);
        },
      };
    },
    /holds a writer back/,
  ],
  "has no addresses": [
    () => ({ localAddr: undefined, remoteAddr: undefined } as unknown as Partial<Transport>),
    /are addresses/,
  ],
  "gives the address of one end for both": [
    (transport) => ({ remoteAddr: transport.localAddr }),
    /are addresses/,
  ],
  "tells no count of what may have been sent": [
    () => ({ mayHaveSent: NaN }),
    /mayHaveSent is a count/,
  ],
  "gives 0 when it is full": [
    (transport) => ({
      write: (bytes) => Promise.resolve(transport.tryWrite!(bytes) ?? 0),
    }),
    /holds a writer back/,
  ],
  "gives -1 when it is full": [
    (transport) => ({
      write: (bytes) => Promise.resolve(transport.tryWrite!(bytes) ?? -1),
    }),
    /holds a writer back/,
  ],
  "rejects when it is full": [
    (transport) => ({
      async write(bytes) {
        await null;
        const count = transport.tryWrite!(bytes);
        if (count === undefined) throw new Error("full");
        return count;
      },
    }),
    /holds a writer back/,
  ],
  "throws away what it has at the close": [
    (transport) => ({ close: () => transport.reset!() }),
    /lets the peer read what was written before/,
  ],
  "leaves a read waiting at the close": [
    (transport) => ({
      read: (buffer) => transport.read(buffer).catch(() => new Promise<number>(() => {})),
    }),
    /rejects a read that waits/,
  ],
  "swallows what a gone peer does not take": [
    (transport) => ({ write: (bytes) => transport.write(bytes).catch(() => bytes.length) }),
    /fails sooner or later/,
  ],
  "tries to read where nothing is, and tells 0": [
    (transport) => ({ tryRead: (buffer) => transport.tryRead!(buffer) ?? 0 }),
    /undefined where read\(\) would wait/,
  ],
  "does not tell the end to those who try": [
    (transport) => ({ tryRead: (buffer) => transport.tryRead!(buffer) ?? undefined }),
    /tryRead\(\) gives null at the end/,
  ],
  "calls back before anything is there": [
    () => ({ whenReadable: (callback) => queueMicrotask(callback) }),
    /whenReadable\(\) calls back once/,
  ],
  "calls back from within": [
    (transport) => ({
      whenReadable(callback) {
        const count = transport.tryRead!(new Uint8Array(0));
        if (count === 0 && hasHeard.has(transport)) return callback();
        hasHeard.add(transport);
        transport.whenReadable!(callback);
      },
    }),
    /whenReadable\(\) calls back once/,
  ],
  "takes everything at once": [
    (transport) => ({ tryWrite: (bytes) => transport.tryWrite!(bytes) ?? bytes.length }),
    /tryWrite\(\) sends what fits/,
  ],
  "can be tried when it was closed": [
    (transport) => {
      let isClosed = false;
      return {
        close() {
          isClosed = true;
          transport.close();
        },
        tryRead: (buffer) => isClosed ? null : transport.tryRead!(buffer),
      };
    },
    /throw when it was closed/,
  ],
  "loses a byte that is tried to be read": [
    (transport) => ({
      tryRead(buffer) {
        const count = transport.tryRead!(buffer);
        if (!count || count < 2) return count;
        buffer.copyWithin(0, 1, count);
        return count - 1;
      },
    }),
    /tryRead\(\) keeps to the part/,
  ],
  "gives a byte twice": [
    (transport) => {
      let last: number | undefined;
      return {
        tryRead(buffer) {
          if (last !== undefined) {
            buffer[0] = last;
            last = undefined;
            return 1;
          }
          const count = transport.tryRead!(buffer);
          if (count) last = buffer[count - 1];
          return count;
        },
      };
    },
    /tryRead\(\) gives null at the end/,
  ],
  "scribbles behind what it tried to read": [
    (transport) => ({
      tryRead(buffer) {
        const count = transport.tryRead!(buffer);
        if (count) buffer.fill(0, count);
        return count;
      },
    }),
    /tryRead\(\) keeps to the part/,
  ],
  "tries to read into the start of the memory": [
    (transport) => ({ tryRead: (buffer) => transport.tryRead!(new Uint8Array(buffer.buffer)) }),
    /tryRead\(\) keeps to the part/,
  ],
  "writes into the buffer later": [
    (transport) => ({
      tryRead(buffer) {
        const count = transport.tryRead!(buffer);
        if (count) void Promise.resolve().then(() => buffer.fill(0, 0, count)).catch(() => {});
        return count;
      },
    }),
    /tryRead\(\) keeps to the part/,
  ],
  "says less than it tried to write": [
    (transport) => ({
      tryWrite(bytes) {
        const count = transport.tryWrite!(bytes);
        return count === undefined || count < 2 ? count : count - 1;
      },
    }),
    /tryWrite\(\) sends what fits/,
  ],
  "says less than it tried to write, once": [
    (transport) => {
      let n = 0;
      return {
        tryWrite(bytes) {
          const count = transport.tryWrite!(bytes);
          return count === undefined || count < 2 || ++n !== 2 ? count : count - 1;
        },
      };
    },
    /tryWrite\(\) sends what fits/,
  ],
  "sends later what it tried to write": [
    (transport) => ({
      tryWrite(bytes) {
        const count = Math.min(bytes.length, 1000);
        queueMicrotask(() => void transport.write(bytes.subarray(0, count)).catch(() => {}));
        return count;
      },
    }),
    /tryWrite\(\) sends what fits/,
  ],
  "does not call back at the end": [
    (transport) => ({
      whenReadable(callback) {
        transport.whenReadable!(() => {
          try {
            if (transport.tryRead!(new Uint8Array(1)) === null) return;
          } catch { /* it is told by the callback */ }
          callback();
        });
      },
    }),
    /whenReadable\(\) calls back at the end/,
  ],
  "calls back twice": [
    (transport) => ({
      whenReadable(callback) {
        transport.whenReadable!(() => {
          callback();
          queueMicrotask(callback);
        });
      },
    }),
    /whenReadable\(\) calls back once/,
  ],
  "does not call back for what is there": [
    (transport) => {
      return {
        whenReadable(callback) {
          const count = transport.tryRead!(new Uint8Array(0));
          if (count === undefined) transport.whenReadable!(callback);
        },
      };
    },
    /whenReadable\(\) calls back once/,
  ],
  "swallows what it tries to write to a gone peer": [
    (transport) => ({
      tryWrite(bytes) {
        try {
          return transport.tryWrite!(bytes);
        } catch {
          return bytes.length;
        }
      },
    }),
    /throw when it was closed/,
  ],
  "tries to read an end where there was a reset": [
    (transport) => ({
      tryRead(buffer) {
        try {
          return transport.tryRead!(buffer);
        } catch {
          return null;
        }
      },
    }),
    /calls back at a reset/,
  ],
  "does not call back at a reset": [
    (transport) => ({
      whenReadable(callback) {
        transport.whenReadable!(() => {
          try {
            transport.tryRead!(new Uint8Array(1));
          } catch {
            return;
          }
          callback();
        });
      },
    }),
    /calls back at a reset/,
  ],
  "calls back though it was closed": [
    (transport) => {
      let waiting: (() => void) | undefined;
      return {
        whenReadable(callback) {
          waiting = callback;
          transport.whenReadable!(callback);
        },
        close() {
          transport.close();
          waiting?.();
        },
      };
    },
    /nobody is called back/,
  ],
  "makes a reset look like an end": [
    (transport) => ({ reset: () => transport.close() }),
    /reset\(\) is told/,
  ],
};

for (const [what, [fault, failing]] of Object.entries(faults)) {
  Deno.test(`checkTransport() finds a transport that ${what}`, async () => {
    assertMatch((await failures(fault)).join("\n"), failing);
  });
}

Deno.test("checkTransport() does not ask a transport again and again that takes nothing", async () => {
  let calls = 0;
  const failed = await failures(() => ({
    write() {
      // It ends: a test that never ends would tell nothing.
      return ++calls > 1_000 ? Promise.reject(new Error("asked too often")) : Promise.resolve(0);
    },
  }));
  assertMatch(failed.join("\n"), /has taken the content/);
  assert(calls < 100, `${calls} calls`);
});

Deno.test("checkTransport() leaves no rejection behind that would cancel the tests after a failed one", async () => {
  const unsound: Record<string, Fault> = {
    "tells less than it has written": (transport) => ({
      write: async (bytes) => Math.max(1, await transport.write(bytes) - 1),
    }),
    "does not end": () => ({ closeWrite: () => Promise.resolve() }),
    "loses what it reads": (transport) => ({
      async read(buffer) {
        await transport.read(buffer);
        return await transport.read(buffer);
      },
    }),
    "garbles": (transport) => ({
      async read(buffer) {
        const count = await transport.read(buffer);
        buffer.fill(0);
        return count;
      },
    }),
    "takes nothing": () => ({ write: () => new Promise(() => {}) }),
    "reads 0 at the end": (transport) => ({
      read: async (buffer) => await transport.read(buffer) ?? 0,
    }),
    "reads 0 where nothing is": (transport) => ({
      // deno-lint-ignore require-await
      read: async (buffer) => {
        const count = transport.tryRead!(buffer);
        return count === undefined ? 0 : count;
      },
    }),
    "breaks": () => ({ write: () => Promise.reject(new Error("broken")) }),
  };
  const unhandled: string[] = [];
  let under = "";
  const onUnhandled = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(`${under}: ${event.reason}`);
  };
  addEventListener("unhandledrejection", onUnhandled);
  try {
    for (const [what, fault] of Object.entries(unsound)) {
      under = what;
      assertMatch((await failures(fault, "Connection")).join("\n"), /Connection/);
    }
  } finally {
    removeEventListener("unhandledrejection", onUnhandled);
  }
  assertEquals(unhandled, []);
});

Deno.test("checkTransport() and connectedTransports() refuse misspelled options", () => {
  const misspelled = { halfclose: false, canTr: true };
  assertThrows(
    () => checkTransport(() => Promise.reject(), { ...misspelled } as object),
    TypeError,
    "use halfClose",
  );
  assertThrows(() => connectedTransports({ canTr: true } as object), TypeError, "use canTry");
});
