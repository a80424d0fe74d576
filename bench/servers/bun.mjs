// Bun.listen and Bun.udpSocket. `socket.write` takes what the kernel takes; the rest waits for `drain`.
import process from "node:process";
import { ready } from "./control.mjs";
import { lineCutter } from "./lines.mjs";

const { Bun } = globalThis;

function send(socket, bytes) {
  if (socket.data.waiting.length > 0) {
    socket.data.waiting.push(bytes.slice());
    return;
  }
  const sent = socket.write(bytes);
  if (sent >= bytes.length) return;
  socket.data.waiting.push(bytes.slice(sent));
  socket.pause();
}

function sendWaiting(socket) {
  const { waiting } = socket.data;
  while (waiting.length > 0) {
    const sent = socket.write(waiting[0]);
    if (sent < waiting[0].length) {
      waiting[0] = waiting[0].subarray(sent);
      return;
    }
    waiting.shift();
  }
  socket.resume();
}

function listen(data, open = () => {}, close = () => {}) {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.setNoDelay(true);
        socket.data = { waiting: [], cut: lineCutter() };
        open(socket);
      },
      data,
      close,
      drain: sendWaiting,
      error() {},
    },
  });
  ready(server.port);
}

const everybody = new Set();

async function answerDatagrams() {
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(it, bytes, port, address) {
        it.send(bytes, port, address);
      },
    },
  });
  ready(socket.port);
}

const roles = {
  echo: () => listen(send),
  small: () => listen(send),
  lines: () =>
    listen((socket, chunk) => {
      for (const line of socket.data.cut(chunk)) send(socket, line);
    }),
  broadcast: () =>
    listen(
      (_, chunk) => {
        for (const other of everybody) send(other, chunk);
      },
      (socket) => everybody.add(socket),
      (socket) => everybody.delete(socket),
    ),
  datagrams: answerDatagrams,
};
roles[process.argv[2]]();
