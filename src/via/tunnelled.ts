// The stream to a target through a secure proxy. It is not secure: what was agreed on with the proxy tells nothing of
// the target, and protects what is sent on a part of the way only.

import { ReplayedTransport } from "../network/replayed_transport.ts";

/** A stream that was secured for a proxy, as the way to what is behind the proxy. */
export class Tunnelled extends ReplayedTransport {
  /** Nothing was agreed on with the target. */
  override get secure(): undefined {
    return undefined;
  }

  /** It goes through TLS nevertheless. */
  override get mustSayEnd(): true {
    return true;
  }
}
