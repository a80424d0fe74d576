// What a request fails with.

import {
  codeOf,
  type GenericError,
  isError,
  reasonOf,
  SocketError,
  type SocketErrorCode,
} from "../base/errors.ts";

/** A request that got no answer. */
export class RequestError extends SocketError {
  /** Always `"RequestError"`. */
  override readonly name = "RequestError";
  /**
   * Whether the system was offered bytes of the request: then the server may have handled it. Otherwise it certainly
   * has not.
   */
  readonly hasLeft: boolean;

  /**
   * Makes an error.
   *
   * @param code What kind of thing went wrong.
   * @param message The action first, then why.
   * @param hasLeft Whether the server may have handled it.
   * @param options May hold the `cause`.
   */
  constructor(
    code: SocketErrorCode,
    message: string,
    hasLeft: boolean,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
    this.hasLeft = hasLeft;
  }
}

/** Makes the error of one request. @param why What has happened. @param cause What made that happen. */
export function requestError(
  code: SocketErrorCode,
  why: string,
  hasLeft: boolean,
  cause?: unknown,
): RequestError {
  const fate = hasLeft ? "it had left, and may have been handled" : "none of it had left";
  const options = cause === undefined ? {} : { cause };
  return new RequestError(code, `Request failed: ${why}; ${fate}`, hasLeft, options);
}

/** What a request that got no answer may have to do with answers whose id nobody waits for. */
export function strangersIn(count: number): string {
  if (count === 0) return "";
  const came = count === 1 ? "1 answer came" : `${count} answers came`;
  return ` (${came} whose id nobody waits for: does idOf give the ids that were sent?)`;
}

/** Makes the error of a request whose connection, or client, is over. */
export function lostError(reason: unknown, hasLeft: boolean): RequestError {
  const code = isError(reason) ? codeOf(reason as GenericError) : undefined;
  return requestError(code ?? "aborted", reasonOf(reason), hasLeft, reason);
}
