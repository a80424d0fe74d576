// Where a capture goes: a file, or a stream of the user's.

import { shown } from "../base/arguments.ts";
import { GenericError } from "../base/errors.ts";
import { missingFlag, permissionAdvice } from "../base/permission_advice.ts";
import { bare } from "../base/options.ts";

/** Takes bytes in order. */
export interface CaptureTarget {
  /** Whether the memory of what was written may be used again when the write has settled. */
  readonly givesBack: boolean;
  /** Waits until all of it was taken. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Ends it. */
  close(): Promise<void>;
}

/** Who else may read what was captured: nobody. */
const OWN_ONLY = 0o600;

/**
 * Checks what a capture shall go to.
 *
 * @param to The path of a file, its URL, or a stream.
 * @returns A function that opens it.
 * @throws {TypeError} It is none of these, or a stream that another has locked.
 */
export function resolveTarget(
  to: string | URL | WritableStream<Uint8Array<ArrayBuffer>>,
): () => Promise<CaptureTarget> {
  if (to instanceof WritableStream) {
    // Locked now: nobody else may write in between.
    const writer = to.getWriter();
    return () => Promise.resolve(streamTarget(writer));
  }
  const isUrl = to instanceof URL && to.protocol === "file:";
  if ((typeof to === "string" && to !== "") || isUrl) return () => openFile(to);
  throw new TypeError(`to must be a path, a file URL or a WritableStream: got ${shown(to)}`);
}

function streamTarget(writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>): CaptureTarget {
  writer.closed.catch(() => {});
  return {
    givesBack: false,
    write: async (bytes) => {
      await writer.ready;
      await writer.write(bytes);
    },
    close: () => writer.close(),
  };
}

async function openFile(path: string | URL): Promise<CaptureTarget> {
  const file = await openNew(path) ?? await openOld(path).catch((error) => {
    throw overwriteError(path, error);
  });
  return {
    givesBack: true,
    write: async (bytes) => {
      for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    },
    close: () => Promise.resolve().then(() => file.close()),
  };
}

/** Says why overwriting takes one permission more than making: it looks at what is there. */
function overwriteError(path: string | URL, cause: unknown): unknown {
  if (!(cause instanceof Deno.errors.NotCapable)) return cause;
  const advice = permissionAdvice(cause, `${missingFlag(cause)}, too`);
  return new GenericError(
    "denied",
    `Cannot write the capture: ${
      shown(String(path))
    } is there already, and is looked at before it ` +
      `is overwritten: ${advice} (the program goes on without a capture)`,
    { cause },
  );
}

/** Makes a file; `undefined` where there is one. */
async function openNew(path: string | URL): Promise<Deno.FsFile | undefined> {
  try {
    return await Deno.open(path, bare({ write: true, createNew: true, mode: OWN_ONLY }));
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    throw error;
  }
}

/** Opens a file that has a mode already. What is no file, such as a pipe or a device, keeps its own. */
async function openOld(path: string | URL): Promise<Deno.FsFile> {
  const file = await Deno.open(path, bare({ write: true }));
  try {
    if ((await file.stat()).isFile) {
      if (Deno.build.os !== "windows") await Deno.chmod(path, OWN_ONLY);
      await file.truncate();
    }
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}
