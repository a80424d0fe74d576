// The stream to a target through a secure proxy. It is not secure: what was agreed on with the proxy tells nothing of
// the target, and protects what is sent on a part of the way only.

import type { Transport } from "../network/network.ts";
import { ReplayedTransport } from "../network/replayed_transport.ts";

/** A stream that was secured for a proxy, as the way to what is behind the proxy. */
export class Tunnelled extends ReplayedTransport {
  /** @param secure The stream to the proxy. @param first What was read from it behind the proxy's answer. */
  constructor(secure: Transport, first: Uint8Array) {
    super(secure, first);
  }

  /** Nothing was agreed on with the target. */
  override get secure(): undefined {
    return undefined;
  }

  /** It goes through TLS nevertheless. */
  override get mustSayEnd(): true {
    return true;
  }
}
