// The same cutting of a stream into lines for every server in JavaScript, so that what differs is the socket.

/**
 * Cuts chunks into lines, each with its newline; what has no newline yet waits for the next chunk.
 * @returns {(chunk: Uint8Array) => Uint8Array[]} Gives the lines that a chunk completed. They may be views
 *   into the chunk.
 */
export function lineCutter() {
  let rest = new Uint8Array(0);
  return (chunk) => {
    let bytes = chunk;
    if (rest.length > 0) {
      bytes = new Uint8Array(rest.length + chunk.length);
      bytes.set(rest);
      bytes.set(chunk, rest.length);
    }
    const lines = [];
    let start = 0;
    for (;;) {
      const newline = bytes.indexOf(10, start);
      if (newline < 0) break;
      lines.push(bytes.subarray(start, newline + 1));
      start = newline + 1;
    }
    rest = start === bytes.length ? new Uint8Array(0) : bytes.slice(start);
    return lines;
  };
}
