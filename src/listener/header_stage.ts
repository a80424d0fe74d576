// The stage at which a trusted proxy names the client for which it has connected.

import { cut } from "../network/free.ts";
import type { Clock } from "../network/network.ts";
import type { StageWork } from "./stage.ts";
import type { Admission, Guard } from "./guard/guard.ts";
import type { ProxyProtocolSettings } from "./guard/guard_config.ts";
import { readProxyHeader } from "../proxy/proxied_transport.ts";
import { ProxyHeaderError } from "../proxy/proxy_header_error.ts";

/** How many headers may be awaited at a time: a proxy sends one at once. */
const MAX_HEADERS = 1_024;

/** Makes the work of that stage. */
export function headerStage(guard: Guard, clock: Clock): StageWork<Admission> {
  return {
    limit: MAX_HEADERS,
    concerns: ({ pass }) => pass.needsHeader,
    async pass(admission, signal, onWord) {
      const proxied = await readProxyHeader(admission.transport, {
        ...guard.settings.proxyProtocol as ProxyProtocolSettings,
        clock,
        signal,
        onWord,
      });
      if (guard.identify(admission.pass, proxied.header)) {
        return { ...admission, transport: proxied };
      }
      cut(proxied);
      return undefined;
    },
    onFailed(error, { pass }) {
      if (error instanceof ProxyHeaderError) guard.reject(pass, "proxy-header", error);
      else guard.reject(pass, "proxy-timeout");
    },
  };
}
