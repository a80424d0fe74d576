// node:net and node:dgram, run by Node and by Deno.
import dgram from "node:dgram";
import net from "node:net";
import process from "node:process";
import { ready } from "./control.mjs";
import { echo } from "./echo_socket.mjs";
import { lineCutter } from "./lines.mjs";

function listen(serve) {
  const server = net.createServer({ noDelay: true, allowHalfOpen: false }, (socket) => {
    socket.on("error", () => {});
    serve(socket);
  });
  server.listen({ host: "127.0.0.1", port: 0, backlog: 4096 }, () => ready(server.address().port));
}

/** One write for each line, corked: Node's own way to send them together. */
function answerLines(socket) {
  const cut = lineCutter();
  socket.on("data", (chunk) => {
    socket.cork();
    for (const line of cut(chunk)) socket.write(line);
    socket.uncork();
  });
}

const everybody = new Set();

function tellEverybody(socket) {
  everybody.add(socket);
  socket.on("close", () => everybody.delete(socket));
  socket.on("data", (chunk) => {
    for (const other of everybody) other.write(chunk);
  });
}

function answerDatagrams() {
  const socket = dgram.createSocket("udp4");
  socket.on("message", (bytes, from) => socket.send(bytes, from.port, from.address));
  socket.bind(0, "127.0.0.1", () => ready(socket.address().port));
}

const roles = {
  echo: () => listen(echo),
  small: () => listen(echo),
  lines: () => listen(answerLines),
  broadcast: () => listen(tellEverybody),
  datagrams: answerDatagrams,
};
roles[process.argv[2]]();
