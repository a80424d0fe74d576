// All campaigns.

import type { Campaign } from "./campaign.ts";
import { chat } from "./chat.ts";
import { clientPools } from "./client_pools.ts";
import { crowd } from "./crowd.ts";
import { echo } from "./echo.ts";
import { fileOverUdp } from "./file_over_udp.ts";
import { lastingRequests } from "./lasting_requests.ts";
import { lentBytes } from "./lent_bytes.ts";
import { politeEnds } from "./polite_ends.ts";
import { proxyChain } from "./proxy_chain.ts";
import { redials } from "./redials.ts";
import { relays } from "./relays.ts";
import { requestReply } from "./request_reply.ts";
import { stops } from "./stops.ts";
import { storms } from "./storms.ts";

/** What runs in `deno task campaign`, and for fewer seeds in the tests. */
export const campaigns: readonly Campaign[] = [
  echo,
  requestReply,
  chat,
  proxyChain,
  relays,
  politeEnds,
  fileOverUdp,
  storms,
  stops,
  crowd,
  lentBytes,
  lastingRequests,
  redials,
  clientPools,
];
