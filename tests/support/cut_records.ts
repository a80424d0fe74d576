// A secure client whose records go out in the pieces that a test wants.

import { connect } from "node:tls";
import type { Transport } from "../../src/network/network.ts";
import type { SecureInfo } from "../../src/network/secure_info.ts";
import { TlsLayer } from "../../src/tls/tls_layer.ts";
import { readAll, writeAll } from "./read_all.ts";

/** Versions of TLS, as node:tls names them. */
export const VERSIONS = ["TLSv1.2", "TLSv1.3"] as const;

/** The client's end of a secure stream. */
export interface CutRecords {
  /** Encrypts bytes, up to 16 KiB of them, in one record, and sends nothing. */
  seal(bytes: Uint8Array): Promise<Uint8Array>;
  /** Sends encrypted bytes. */
  send(bytes: Uint8Array): Promise<void>;
  /** Reads so many decrypted bytes, by default all up to the end. */
  read(length?: number): Promise<Uint8Array>;
  /** Says that this is the end: gives what that is in encrypted bytes, and sends nothing. */
  end(): Promise<Uint8Array>;
  /** Frees the stream. */
  close(): void;
}

/**
 * Shakes hands over a stream.
 *
 * @param transport It belongs to the result.
 * @param ca Who has signed the certificate of localhost.
 * @param version The only version of TLS that is spoken.
 */
export async function cutRecords(
  transport: Transport,
  ca: string,
  version: (typeof VERSIONS)[number],
): Promise<CutRecords> {
  let kept: Uint8Array[] | undefined;
  const layer = new TlsLayer({
    localAddr: transport.localAddr,
    remoteAddr: transport.remoteAddr,
    read: (buffer) => transport.read(buffer),
    write(bytes) {
      if (kept === undefined) return transport.write(bytes);
      kept.push(bytes.slice());
      return Promise.resolve(bytes.length);
    },
    closeWrite: () => Promise.resolve(),
    close: () => transport.close(),
  });
  await layer.handshake((socket, { agreed, failed }) => {
    const options = { socket, ca, servername: "localhost", minVersion: version };
    const secure = connect({ ...options, maxVersion: version });
    secure.once("secureConnect", () => agreed(secure, { protocol: version } as SecureInfo));
    secure.once("error", failed);
  }, true);
  const keep = async (work: () => Promise<unknown>) => {
    const pieces: Uint8Array[] = kept = [];
    await work();
    kept = undefined;
    return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
  };
  return {
    seal: (bytes) => keep(() => writeAll(layer, bytes)),
    send: (bytes) => writeAll(transport, bytes),
    read: (length) => readAll(layer, length),
    end: () => keep(() => layer.closeWrite()),
    close: () => layer.reset(),
  };
}
