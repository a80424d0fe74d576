import { assertEquals, assertRejects } from "@std/assert";
import { optionNames } from "../../src/base/options.ts";
import { TappedDatagrams } from "../../src/debug/tapped_datagrams.ts";
import type { DatagramAddress, DatagramSocket } from "../../src/network/network.ts";
import { ScriptedDatagramSocket } from "../support/scripted_datagrams.ts";
import { bytesOf, text } from "../support/text.ts";

const address: DatagramAddress = { transport: "udp", hostname: "192.0.2.1", port: 9 };

function notedDatagrams() {
  const notes: string[] = [];
  const note = (what: string) => (bytes: Uint8Array, host: string, port: number) =>
    void notes.push(`${what} ${text(bytes)} ${host} ${port}`);
  const freed = () => void notes.push("freed");
  return { notes, tap: { sent: note("sent"), received: note("received"), freed } };
}

Deno.test("TappedDatagrams passes on all members of a socket, and tells of each datagram", async () => {
  const all = optionNames<DatagramSocket>({
    addr: true,
    droppedDatagrams: true,
    droppedBytes: true,
    system: true,
    receive: true,
    send: true,
    tryReceive: true,
    whenReadable: true,
    trySend: true,
    tryReceiveAll: true,
    trySendAll: true,
    hearOnly: true,
    holdProgram: true,
    close: true,
    joinGroup: true,
    leaveGroup: true,
  });
  const calls: string[] = [];
  let tried = 0;
  const inner: Required<DatagramSocket> = {
    addr: address,
    droppedDatagrams: 3,
    droppedBytes: 30,
    system: {} as never,
    receive: () => Promise.resolve([bytesOf("in"), address]),
    send: (bytes) => Promise.resolve(bytes.length),
    tryReceive: () => tried++ === 0 ? undefined : [bytesOf("tried in"), address],
    whenReadable: () => void calls.push("whenReadable"),
    trySend: (bytes) => bytes.length === 0 ? undefined : bytes.length,
    tryReceiveAll: (most, put) => Number(put(bytesOf(`${most} in`), address)),
    trySendAll: (_, first) => 2 - first,
    hearOnly: ({ port }) => void calls.push(`hear ${port}`),
    holdProgram: (isHeld) => void calls.push(`hold ${isHeld}`),
    close: () => void calls.push("close"),
    joinGroup: ({ group }) => Promise.resolve(void calls.push(`join ${group}`)),
    leaveGroup: ({ group }) => Promise.resolve(void calls.push(`leave ${group}`)),
  };
  const { notes, tap } = notedDatagrams();
  const socket = new TappedDatagrams(inner, tap, inner.addr);
  assertEquals(all.filter((name) => socket[name] === undefined), []);
  const buffer = new Uint8Array(9);
  assertEquals(await socket.receive(buffer), [bytesOf("in"), address]);
  assertEquals(await socket.send(bytesOf("out"), address), 3);
  assertEquals(socket.tryReceive!(buffer), undefined);
  assertEquals(socket.tryReceive!(buffer), [bytesOf("tried in"), address]);
  assertEquals(socket.trySend!(bytesOf(""), address), undefined);
  assertEquals(socket.trySend!(bytesOf("tried out"), address), 9);
  assertEquals(socket.tryReceiveAll!(7, () => true), 1);
  const outgoing = ["no", "yes", "later"].map((content) => ({
    bytes: bytesOf(content),
    target: address,
  }));
  assertEquals(socket.trySendAll!(outgoing, 1), 1);
  socket.hearOnly!(address);
  socket.whenReadable!(() => {});
  socket.holdProgram!(false);
  await socket.joinGroup!({ group: "224.0.0.9" });
  await socket.leaveGroup!({ group: "224.0.0.9" });
  await socket.close();
  assertEquals([socket.addr, socket.droppedDatagrams, socket.droppedBytes], [address, 3, 30]);
  assertEquals(calls, [
    ...["hear 9", "whenReadable", "hold false", "join 224.0.0.9", "leave 224.0.0.9", "close"],
  ]);
  assertEquals(notes, [
    "received in 192.0.2.1 9",
    "sent out 192.0.2.1 9",
    "received tried in 192.0.2.1 9",
    "sent tried out 192.0.2.1 9",
    "received 7 in 192.0.2.1 9",
    "sent yes 192.0.2.1 9",
    "freed",
  ]);
});

Deno.test("TappedDatagrams tells of a datagram once it was sent, and of none that was refused", async () => {
  const inner = new ScriptedDatagramSocket();
  inner.sendsAtOnce = false;
  const { notes, tap } = notedDatagrams();
  const socket = new TappedDatagrams(inner, tap, inner.addr);
  const refused = socket.send(bytesOf("refused"), address);
  const sent = socket.send(bytesOf("sent"), address);
  inner.sending[0]!.settle(new Error("no route"));
  await assertRejects(() => refused, Error, "no route");
  assertEquals(notes, []);
  inner.sending[0]!.settle();
  await sent;
  assertEquals(notes, ["sent sent 192.0.2.1 9"]);
});

Deno.test("TappedDatagrams tells of an answer after what it answers", async () => {
  const inner = new ScriptedDatagramSocket();
  inner.sendsAtOnce = false;
  const { notes, tap } = notedDatagrams();
  const socket = new TappedDatagrams(inner, tap, inner.addr);
  const asked = socket.send(bytesOf("question"), address);
  const other = socket.send(bytesOf("other"), { ...address, port: 10 });
  const received = socket.receive(new Uint8Array(9));
  inner.deliver("answer", 9, "192.0.2.1");
  await received;
  for (const { settle } of [...inner.sending]) settle();
  await Promise.all([asked, other]);
  assertEquals(notes, [
    "sent question 192.0.2.1 9",
    "received answer 192.0.2.1 9",
    "sent other 192.0.2.1 10",
  ]);
});

Deno.test("TappedDatagrams has no more than the socket has", () => {
  const socket = new TappedDatagrams({} as never, notedDatagrams().tap, address);
  const { tryReceive, whenReadable, trySend, joinGroup, leaveGroup, droppedDatagrams } = socket;
  const { tryReceiveAll, trySendAll, hearOnly, holdProgram, droppedBytes } = socket;
  for (
    const member of [
      ...[tryReceive, whenReadable, trySend, joinGroup, leaveGroup, droppedDatagrams],
      ...[tryReceiveAll, trySendAll, hearOnly, holdProgram, droppedBytes],
    ]
  ) {
    assertEquals(member, undefined);
  }
});
