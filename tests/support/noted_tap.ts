// A tap that notes all that it is told, as text.

import type { StreamTap } from "../../src/debug/tap.ts";
import { text } from "./text.ts";

/** A tap of one stream and its notes. */
export function notedTap(notes: string[] = []): StreamTap & { readonly notes: string[] } {
  return {
    notes,
    sent: (bytes) => void notes.push(`sent ${text(bytes)}`),
    received: (bytes) => void notes.push(`received ${text(bytes)}`),
    secured: (secure) => void notes.push(`secured ${secure?.protocol}`),
    ended: () => void notes.push("ended"),
    peerEnded: () => void notes.push("peer ended"),
    cut: () => void notes.push("cut"),
    peerCut: () => void notes.push("peer cut"),
    freed: () => void notes.push("freed"),
  };
}
