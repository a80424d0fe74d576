// The web streams of a connection: a ReadableStream and a WritableStream over the same reader and writer. Deno's own
// streams of a connection end both halves when one ends; here each half ends by itself.

import { type Borrower, loanOf } from "../bytes/loan.ts";
import { bare } from "../base/options.ts";
import type { StreamCore } from "./stream_core.ts";
import type { SocketError } from "../base/errors.ts";

/**
 * Copies bytes where needed: a stream transfers the buffers it is given, so they must be neither ours nor another
 * read's.
 */
function owned(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}

/** A borrower whose bytes cannot be changed. */
const KEEPS: Borrower = { needsBytes: true, copy: () => false };

/** Makes the readable half: on demand, no read ahead, byte streams with bring-your-own-buffer readers. */
export function readableOf({ reader }: StreamCore): ReadableStream<Uint8Array<ArrayBuffer>> {
  const deliver = (controller: ReadableByteStreamController): void => {
    const request = controller.byobRequest;
    const [bytes, length] = reader.take(request?.view?.byteLength);
    if (length < 0) {
      controller.close();
      request?.respond(0);
    } else {
      // Not by the request: its reader may have been released, and another one reads in a different way.
      controller.enqueue(owned(bytes));
    }
  };
  const source: UnderlyingByteSource = {
    type: "bytes",
    pull: (controller) =>
      new Promise<void>((resolve, reject) => {
        // A default reader that was released while it waited wants nothing any more: what comes is for whoever reads
        // next, in whatever way. A request for a buffer stays in the stream, which would not ask for it again.
        const isWanted = () => stream.locked || controller.byobRequest !== null;
        reader.refuseSecond();
        reader.atLeast({
          length: 1,
          isWanted,
          ready: () => {
            try {
              resolve(isWanted() ? deliver(controller) : undefined);
            } catch (error) {
              reject(error);
            }
          },
          fail: (error) => {
            if ((error as SocketError).code !== "closed") return reject(error);
            controller.close();
            controller.byobRequest?.respond(0);
            resolve();
          },
        }, Infinity);
      }),
    cancel: () => reader.shutdown(),
  };
  const stream = new ReadableStream(bare(source), bare({ highWaterMark: 0 }));
  return stream;
}

/** Makes the writable half: a chunk is done when the kernel has it; closing or aborting ends this direction. */
export function writableOf(core: StreamCore): WritableStream<Uint8Array | string> {
  const { writer } = core;
  const sink: UnderlyingSink<Uint8Array | string> = {
    write: async (chunk) => {
      await writer.write(chunk);
    },
    close: () => writer.end(),
    abort: () => writer.end(),
  };
  const strategy: QueuingStrategy<Uint8Array | string> = {
    highWaterMark: 1,
    size(chunk) {
      // The stream holds the chunk back, and nobody can change it any more.
      if (chunk instanceof Uint8Array) loanOf(chunk)?.borrow(KEEPS);
      return 1;
    },
  };
  return new WritableStream(bare(sink), bare(strategy));
}
