// What carries the chat's lines between its processes. NATS and Redis are two that exist (nats_bus.ts, redis_bus.ts).

/** A bus of lines, by room. What is published while it is down, or when it goes down, is lost. */
export interface Bus {
  /** Whether it is there. */
  readonly isUp: boolean;
  /** Sends a line to all processes that hear the room, this one too. False: it is down, and nothing was sent. */
  publish(room: string, line: string): boolean;
  /** Hears a room, also after the bus was away. */
  hear(room: string, onLine: (line: string) => void): Hearing;
  /** Lets what was published go out, then ends. */
  close(): Promise<void>;
}

/** A room that is heard. */
export interface Hearing {
  /** Resolves when no line is missed from now on, or the bus is away. Never rejects. */
  readonly begun: Promise<void>;
  /** Hears it no more. */
  end(): void;
}

/** Is called when the bus goes away, and when it is back. */
export type OnChange = (isUp: boolean) => void;
