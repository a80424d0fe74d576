// The errors of a simulated system, with the classes, codes and words of the runtime's.

/** The resource was closed before. */
export function badResource(what = "Bad resource ID"): Error {
  return new Deno.errors.BadResource(what);
}

/** The resource was closed during the call. */
export function interrupted(): Error {
  return new Deno.errors.Interrupted("operation canceled");
}

/** The peer takes no more bytes, or this end has ended its direction. */
export function brokenPipe(): Error {
  return coded(new Deno.errors.BrokenPipe("Broken pipe (os error 32)"), "EPIPE");
}

/** The peer has reset the stream. */
export function connectionReset(): Error {
  return coded(
    new Deno.errors.ConnectionReset("Connection reset by peer (os error 104)"),
    "ECONNRESET",
  );
}

/** The connection was gone before it was accepted. */
export function notConnected(): Error {
  return coded(
    new Deno.errors.NotConnected("Transport endpoint is not connected (os error 107)"),
    "ENOTCONN",
  );
}

/** Nobody listens there. */
export function connectionRefused(): Error {
  return coded(
    new Deno.errors.ConnectionRefused("Connection refused (os error 111)"),
    "ECONNREFUSED",
  );
}

/** The peer was silent for a quarter of an hour. */
export function timedOut(): Error {
  return coded(new Deno.errors.TimedOut("Connection timed out (os error 110)"), "ETIMEDOUT");
}

/** Another socket has that address. */
export function addrInUse(): Error {
  return coded(new Deno.errors.AddrInUse("Address already in use (os error 98)"), "EADDRINUSE");
}

/** The host does not have that address. */
export function addrNotAvailable(): Error {
  return coded(
    new Deno.errors.AddrNotAvailable("Cannot assign requested address (os error 99)"),
    "EADDRNOTAVAIL",
  );
}

/** Another call is doing that right now. */
export function busy(what: string): Error {
  return new Deno.errors.Busy(what);
}

/** The process is out of descriptors: a plain `Error`, as the runtime throws it. */
export function tooManyOpenFiles(): Error {
  return coded(new Error("Too many open files (os error 24)"), "EMFILE");
}

/** The datagram is longer than any may be: a plain `Error`, as the runtime throws it. */
export function messageTooLong(): Error {
  return coded(new Error("Message too long (os error 90)"), "EMSGSIZE");
}

/** A socket of one family cannot send to an address of the other one: a plain `Error`, as the runtime throws it. */
export function addressFamily(): Error {
  return coded(
    new Error("Address family not supported by protocol (os error 97)"),
    "EAFNOSUPPORT",
  );
}

/** No such host: a plain `Error` without a code, as the runtime throws it. */
export function unknownHost(): Error {
  return new Error("failed to lookup address information: Name or service not known");
}

function coded<E extends Error>(error: E, code: string): E {
  return Object.assign(error, { code });
}
