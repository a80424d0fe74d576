// What the system can tell of an open socket, and the one way to ask it.

import { brokenError, GenericError } from "../base/errors.ts";
import { refusePromise } from "../base/user_code.ts";

/** How large the system's buffers of a socket are, as it reports them. */
export interface BufferSizes {
  /** Bytes for what was not read yet. Linux reports twice what was asked for: half is for its own bookkeeping. */
  readonly receiveBufferSize: number;
  /** Bytes for what was sent and is not confirmed yet; on Linux twice, too. */
  readonly sendBufferSize: number;
}

/** Who is at the other end of a local (Unix) socket, as the system knew it when they connected. */
export interface PeerCredentials {
  /** The process; of a listener's side, the one that began to listen. 0 where it is not to be seen from here. */
  readonly pid: number;
  /** The user that it ran as. */
  readonly uid: number;
  /** The group that it ran as. */
  readonly gid: number;
}

/** A state of TCP (RFC 9293, section 3.3.2). */
export type TcpState =
  | "established"
  | "syn-sent"
  | "syn-received"
  | "fin-wait-1"
  | "fin-wait-2"
  | "time-wait"
  | "closed"
  | "close-wait"
  | "last-ack"
  | "listen"
  | "closing";

/** What the system knows of a TCP connection. Times are fractions of milliseconds, segments are the packets of TCP. */
export interface TcpInfo {
  /** The state. */
  readonly state: TcpState;
  /** The time until a packet is confirmed, smoothed, in milliseconds. */
  readonly roundTripTimeInMillis: number;
  /** How much that varies, in milliseconds. */
  readonly roundTripVarianceInMillis: number;
  /** The shortest such time of late, in milliseconds; `undefined` before the first was measured. */
  readonly minRoundTripTimeInMillis: number | undefined;
  /** After how long without a confirmation a packet is sent again, in milliseconds. */
  readonly retransmitTimeoutInMillis: number;
  /** How often the oldest packet that is not confirmed was sent again: 0 while all is well. */
  readonly retransmits: number;
  /** How many segments were sent again since the connection began. */
  readonly totalRetransmits: number;
  /** How many segments are on their way: sent and not confirmed. */
  readonly unconfirmedSegments: number;
  /** How many of them count as lost. */
  readonly lostSegments: number;
  /** How many segments may be on their way: the congestion window. */
  readonly congestionWindow: number;
  /** Up to how many segments the window grows fast, `Infinity` before the first loss. */
  readonly slowStartThreshold: number;
  /** How many bytes a segment that is sent may have. */
  readonly segmentSize: number;
  /** The largest packet that the path takes, in bytes. */
  readonly pathMtu: number;
  /** How many bytes the peer has confirmed. */
  readonly confirmedBytes: number;
  /** How many bytes the peer has sent. */
  readonly receivedBytes: number;
  /** How many written bytes the system has not sent yet. */
  readonly unsentBytes: number;
  /** How fast the peer has confirmed bytes of late, per second. */
  readonly deliveryRateInBytesPerSecond: number;
}

/** What can be asked of the system about an open socket; each call asks it. Not called once it is freed. */
export interface SystemSocket {
  /** How large its buffers are. */
  bufferSizes(): BufferSizes;
  /** How TCP is doing; left out where it is no TCP. */
  tcpInfo?(): TcpInfo;
  /** Who is at the other end; left out where it is no local socket. */
  peerCredentials?(): PeerCredentials;
}

/** What there is to ask. */
type Question = keyof SystemSocket;

const WORDS: Readonly<Record<Question, string>> = {
  bufferSizes: "the sizes of the system's buffers",
  tcpInfo: "what TCP knows of the connection",
  peerCredentials: "who the peer is",
};

/**
 * Asks the system.
 *
 * @param socket What can be asked; `undefined` where the engine has no such thing.
 * @param question What.
 * @throws {GenericError} `"unsupported"`: the engine cannot, or it is no such socket. `"broken"`: the system gives no
 * answer.
 */
export function ask<Name extends Question>(
  socket: SystemSocket | undefined,
  question: Name,
): ReturnType<NonNullable<SystemSocket[Name]>> {
  const action = `Cannot read ${WORDS[question]}`;
  if (socket === undefined) {
    throw new GenericError(
      "unsupported",
      `${action}: this engine cannot, pass network: linuxNetwork (linux/mod.ts)`,
    );
  }
  if (socket[question] === undefined) {
    const kind = question === "tcpInfo" ? "TCP" : "local socket";
    throw new GenericError("unsupported", `${action}: it is no ${kind}`);
  }
  try {
    const answer = socket[question]() as ReturnType<NonNullable<SystemSocket[Name]>>;
    refusePromise(question, answer);
    return answer;
  } catch (cause) {
    throw brokenError(action, cause);
  }
}
