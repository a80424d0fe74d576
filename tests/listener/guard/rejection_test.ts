import { assertEquals } from "@std/assert";
import { REJECT_REASONS, type RejectReason } from "../../../src/listener/guard/rejection.ts";

Deno.test("REJECT_REASONS has every reason once", () => {
  const every: Record<RejectReason, true> = {
    "denied": true,
    "not-allowed": true,
    "address-limit": true,
    "address-rate": true,
    "untrusted-proxy": true,
    "proxy-header": true,
    "proxy-timeout": true,
    "slow-sender": true,
    "queue-limit": true,
  };
  assertEquals(REJECT_REASONS.toSorted(), (Object.keys(every) as RejectReason[]).toSorted());
});
