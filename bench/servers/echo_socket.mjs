// The echo of a socket of node:net or node:tls.

/** Sends back what it reads, at the pace of the peer. */
export function echo(socket) {
  socket.on("data", (chunk) => {
    if (socket.write(chunk)) return;
    socket.pause();
    socket.once("drain", () => socket.resume());
  });
}
