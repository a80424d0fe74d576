// Whatever the public face is given that it cannot use, it says what it had expected and what it got: never what
// went wrong inside, such as "x is not a function".

import { assert, assertEquals } from "@std/assert";
import * as clients from "../../clients.ts";
import { ClientPool, ReconnectingClient, Requests } from "../../clients.ts";
import * as socket from "../../mod.ts";
import {
  Client,
  Connection,
  DelimiterCodec,
  denoNetwork,
  FixedLengthCodec,
  framed,
  framedService,
  Group,
  JsonLinesCodec,
  LengthPrefixCodec,
  LineCodec,
  Listener,
  mapCodec,
  NetstringCodec,
  ProxyHeader,
  relay,
  TlsSessions,
  UdpClient,
  UdpListener,
} from "../../mod.ts";
import { FrameBuffer } from "../../codec.ts";
import * as debug from "../../debug.ts";
import { captured, hexDump, printed } from "../../debug.ts";
import { connectedTransports, scriptedNetwork } from "../../testing/mod.ts";
import { scriptedDatagrams, settled } from "../support/scripted_datagrams.ts";

/** One of each kind of thing, as it is shown in messages. */
const KINDS = {
  nothing: [undefined, "undefined"],
  null: [null, "null"],
  truth: [true, "true"],
  number: [42, "42"],
  fraction: [0.5, "0.5"],
  bigint: [1n, "1n"],
  text: ["text", '"text"'],
  symbol: [Symbol("odd"), "Symbol(odd)"],
  function: [() => {}, "[Function (anonymous)]"],
  object: [{}, "{}"],
  list: [[], "[]"],
  bytes: [new Uint8Array(1), "Uint8Array(1) [ 0 ]"],
} as const;

type Kind = keyof typeof KINDS;

/** What may be given in the place of an object whose fields are all optional. */
const OPTIONS: readonly Kind[] = ["nothing", "object"];
const CONTENT: readonly Kind[] = ["text", "bytes"];

/** How a parameter is given something wrong. */
interface Wrong {
  /** What the message says was expected. */
  readonly says: string;
  /** What is right, or wrong in a way of its own. */
  readonly fine?: readonly Kind[];
  readonly call: (wrong: never) => unknown;
}

/** All that there is to call, and what was made to call it. */
interface Scene extends AsyncDisposable {
  readonly cases: Readonly<Record<string, Wrong>>;
  /** Things whose classes users meet and cannot make. */
  readonly met: Readonly<Record<string, object>>;
}

async function scene(): Promise<Scene> {
  const transport = () => connectedTransports()[0];
  const connection = new Connection(transport());
  const lines = framed(connection, new LineCodec());
  const group = new Group({ slow: "skip" });
  const client = await Client.connect({
    host: "127.0.0.1",
    port: 9,
    network: scriptedNetwork({ connects: [transport()] }),
  });
  const listener = new Listener(0);
  const secured = new Listener(0, { secureSocket: { cert: "cert", key: "key" } });
  const network = scriptedDatagrams();
  const udp = new UdpClient(undefined, { network, remoteHost: "127.0.0.1", remotePort: 9 });
  const sessions = new UdpListener(0, { network });
  const taken = sessions.acceptSessions();
  await sessions.start();
  const datagrams = new UdpListener(0, { network });
  const met = datagrams[Symbol.asyncIterator]();
  await datagrams.start();
  const received = met.next();
  await settled();
  for (const bound of network.sockets.slice(1)) bound.deliver("hello");
  const session = (await taken.next()).value!;
  const [caller] = (await received).value!;
  const idle = new UdpListener(0);
  const place = { host: "127.0.0.1", port: 9 };
  // It is over from the start, and dials nothing.
  const over = new ReconnectingClient({ ...place, signal: AbortSignal.abort() });
  const asked = new Connection(transport());
  const requests = new Requests<string, string>(asked, new LineCodec());
  const pool = new ClientPool(place);
  const config = { says: "config must be an object", fine: OPTIONS };
  const options = { says: "options must be an object", fine: OPTIONS };
  const content = { says: "Content must be a Uint8Array or a string", fine: CONTENT };
  const length: Pick<Wrong, "says" | "fine"> = {
    says: "Requested byte length must be a",
    fine: ["nothing", "number"],
  };
  const orOptions: Pick<Wrong, "fine"> = { fine: ["nothing", "number", "object"] };
  const bytes = () => new FrameBuffer();
  const message = { says: "must be a Uint8Array or a string", fine: CONTENT };
  const service: Pick<Wrong, "says" | "fine"> = { says: "service ", fine: ["function"] };
  const cases: Record<string, Wrong> = {
    "captured(network)": {
      says: "network must have the methods connect, listen, listenDatagram",
      call: (wrong) => captured(wrong, { to: "never written" }),
    },
    "captured(config)": { ...config, call: (wrong) => captured(denoNetwork, wrong) },
    "captured(config.to)": {
      says: "to must be a path, a file URL or a WritableStream",
      fine: ["text"],
      call: (to) => captured(denoNetwork, { to }),
    },
    "printed(network)": {
      says: "network must have the methods connect, listen, listenDatagram",
      call: (wrong) => printed(wrong),
    },
    "printed(config)": { ...config, call: (wrong) => printed(denoNetwork, wrong) },
    "printed(config.only)": {
      says: "only must be",
      fine: ["function", ...OPTIONS],
      call: (only) => printed(denoNetwork, { only }),
    },
    "hexDump(bytes)": {
      says: "Bytes must be a Uint8Array",
      fine: ["bytes"],
      call: (wrong) => hexDump(wrong),
    },
    "hexDump(options)": { ...options, call: (wrong) => hexDump(new Uint8Array(1), wrong) },
    "framed(connection)": {
      says: "connection must be a Connection",
      call: (wrong) => framed(wrong, new LineCodec()),
    },
    "framed(codec)": {
      says: "codec must have the methods decoder, encode",
      call: (wrong) => framed(connection, wrong),
    },
    "framed(config)": { ...config, call: (wrong) => framed(connection, new LineCodec(), wrong) },
    "framed(config.heartbeat)": {
      says: "heartbeat must be an object",
      fine: OPTIONS,
      call: (heartbeat) => framed(connection, new LineCodec(), { heartbeat }),
    },
    "framedService(config)": {
      ...config,
      call: (wrong) => framedService(new LineCodec(), { onMessage() {} }, wrong),
    },
    "new Connection(config.heartbeat)": {
      says: "heartbeat must be an object",
      fine: OPTIONS,
      call: (heartbeat) => new Connection(transport(), { heartbeat }),
    },
    "new Connection(config.heartbeat.content)": {
      says: "heartbeat.content must be a Uint8Array or a string",
      fine: ["nothing", "text", "bytes", "function"],
      call: (content) =>
        new Connection(transport(), { heartbeat: { content, everyInMillis: 5_000 } }),
    },
    "framedService(codec)": {
      says: "codec must have the methods decoder, encode",
      call: (wrong) => framedService(wrong, { onMessage() {} }),
    },
    "framedService(service)": {
      says: "service ",
      call: (wrong) => framedService(new LineCodec(), wrong),
    },
    "mapCodec(codec)": {
      says: "codec must have the methods decoder, encode",
      call: (wrong) => mapCodec(wrong, { decode: (line) => line, encode: (line) => line }),
    },
    "mapCodec(map)": {
      says: "must",
      fine: OPTIONS,
      call: (wrong) => mapCodec(new LineCodec(), wrong),
    },
    "relay(a)": { says: "a must be a Connection", call: (wrong) => relay(wrong, client) },
    "relay(b)": { says: "b must be a Connection", call: (wrong) => relay(client, wrong) },
    "relay(options)": {
      says: "options must be an object",
      fine: OPTIONS,
      call: (wrong) => relay(connection, client, wrong),
    },
    "relay(options.signal)": {
      says: "signal must be an AbortSignal",
      fine: ["nothing"],
      call: (signal) => relay(connection, client, { signal }),
    },
    "new Connection(transport)": {
      says: "transport must have the methods read, write, closeWrite, close",
      call: (wrong) => new Connection(wrong),
    },
    "new Connection(config)": {
      ...config,
      call: (wrong) => new Connection(transport(), wrong),
    },
    "new Client(transport)": {
      says: "transport must have the methods",
      call: (wrong) => new Client(wrong),
    },
    "Client.connect(config)": {
      says: "config must be an object",
      fine: ["object", "list", "bytes"],
      call: (wrong) => Client.connect(wrong),
    },
    "Client.connect(config.host)": {
      says: "host must be a",
      fine: ["text"],
      call: (host) => Client.connect({ host, port: 9 }),
    },
    "Client.connect(config.network)": {
      says: "network must be an object",
      fine: OPTIONS,
      call: (network) => Client.connect({ host: "127.0.0.1", port: 9, network }),
    },
    "Client.connect(config.network.clock)": {
      says: "network.clock must have the methods now, setTimeout, clearTimeout",
      call: (clock) =>
        Client.connect({ host: "127.0.0.1", port: 9, network: { ...network, clock } }),
    },
    "Connection.read(wanted)": {
      ...length,
      fine: ["nothing", "number", "bytes", "object"],
      call: (wrong) => connection.read(wrong),
    },
    "Connection.read(options)": { ...options, call: (wrong) => connection.read(1, wrong) },
    "Connection.readUntil(delimiter)": {
      says: "Delimiter must be a Uint8Array or a string",
      fine: CONTENT,
      call: (wrong) => connection.readUntil(wrong),
    },
    "Connection.readUntil(options)": {
      ...options,
      call: (wrong) => connection.readUntil("x", wrong),
    },
    "Connection.readLine(options)": { ...options, call: (wrong) => connection.readLine(wrong) },
    "Connection.peek(length)": {
      says: length.says,
      fine: ["number"],
      call: (wrong) => connection.peek(wrong),
    },
    "Connection.peek(options)": { ...options, call: (wrong) => connection.peek(1, wrong) },
    "Connection.write(content)": { ...content, call: (wrong) => connection.write(wrong) },
    "Connection.tryWrite(content)": { ...content, call: (wrong) => connection.tryWrite(wrong) },
    "Connection.drained(options)": { ...options, call: (wrong) => connection.drained(wrong) },
    "Connection.upgradeToTls(options)": {
      says: "must be an object",
      fine: OPTIONS,
      call: (wrong) => client.upgradeToTls(wrong),
    },
    "Connection.upgradeToTls(upgradeOptions)": {
      ...options,
      call: (wrong) => client.upgradeToTls(undefined, wrong),
    },
    "Connection.close(options)": { ...options, call: (wrong) => connection.close(wrong) },
    "Framed.close(options)": { ...options, call: (wrong) => lines.close(wrong) },
    "Framed.receive(options)": { ...options, call: (wrong) => lines.receive(wrong) },
    "Framed.send(message)": {
      says: "Line must be a string",
      fine: ["text"],
      call: (wrong) => lines.send(wrong),
    },
    "Framed.trySend(message)": {
      says: "Line must be a string",
      fine: ["text"],
      call: (wrong) => lines.trySend(wrong),
    },
    "Framed.drained(options)": { ...options, call: (wrong) => lines.drained(wrong) },
    "new Group(config)": {
      says: "config must be an object",
      fine: ["object", "list", "bytes"],
      call: (wrong) => new Group(wrong),
    },
    "Group.add(member)": {
      says: "member must have the methods tryWrite, drained, close",
      call: (wrong) => group.add(wrong),
    },
    "Group.send(message)": {
      says: "Message must be a Uint8Array or a string",
      fine: CONTENT,
      call: (wrong) => group.send(wrong),
    },
    "Group.send(options)": { ...options, call: (wrong) => group.send("x", wrong) },
    "Framed.sendAll(messages)": {
      says: "messages must be iterable",
      fine: ["text", "list", "bytes"],
      call: (wrong) => lines.sendAll(wrong),
    },
    "new DelimiterCodec(delimiter)": {
      says: "delimiter must be a Uint8Array or a string",
      fine: CONTENT,
      call: (wrong) => new DelimiterCodec(wrong),
    },
    "new DelimiterCodec(config)": { ...config, call: (wrong) => new DelimiterCodec("x", wrong) },
    "new FixedLengthCodec(length)": {
      says: "length must be a",
      fine: ["number"],
      call: (wrong) => new FixedLengthCodec(wrong),
    },
    "new JsonLinesCodec(config)": { ...config, call: (wrong) => new JsonLinesCodec(wrong) },
    "new LengthPrefixCodec(config)": { ...config, call: (wrong) => new LengthPrefixCodec(wrong) },
    "new LineCodec(config)": { ...config, call: (wrong) => new LineCodec(wrong) },
    "new NetstringCodec(config)": { ...config, call: (wrong) => new NetstringCodec(wrong) },
    "DelimiterCodec.encode(message)": {
      ...message,
      call: (wrong) => new DelimiterCodec("x").encode(wrong, bytes()),
    },
    "FixedLengthCodec.encode(message)": {
      ...message,
      call: (wrong) => new FixedLengthCodec(1).encode(wrong, bytes()),
    },
    "JsonLinesCodec.encode(message)": {
      says: "Message must have JSON",
      fine: ["null", "truth", "number", "fraction", "bigint", "text", "object", "list", "bytes"],
      call: (wrong) => new JsonLinesCodec().encode(wrong, bytes()),
    },
    "LengthPrefixCodec.encode(message)": {
      ...message,
      call: (wrong) => new LengthPrefixCodec().encode(wrong, bytes()),
    },
    "LineCodec.encode(message)": {
      says: "Line must be a string",
      fine: ["text"],
      call: (wrong) => new LineCodec().encode(wrong, bytes()),
    },
    "NetstringCodec.encode(message)": {
      ...message,
      call: (wrong) => new NetstringCodec().encode(wrong, bytes()),
    },
    "new ProxyHeader(config)": {
      says: "config must be an object",
      fine: ["object"],
      call: (wrong) => new ProxyHeader(wrong),
    },
    "new ProxyHeader(config.source)": {
      says: "source must be an object",
      fine: OPTIONS,
      call: (source) =>
        new ProxyHeader({ source, destination: { transport: "tcp", hostname: "::1", port: 9 } }),
    },
    "new ProxyHeader(config.tlvs)": {
      says: "tlvs must be an array",
      fine: ["nothing", "list"],
      call: (tlvs) => new ProxyHeader({ tlvs }),
    },
    "new TlsSessions(config)": { ...config, call: (wrong) => new TlsSessions(wrong) },
    "Client.connect(config.via)": {
      says: "via must be",
      fine: ["nothing", "text", "function", "object", "bytes"],
      call: (via) => Client.connect({ host: "127.0.0.1", port: 9, network, via }),
    },
    "Client.connect(config.lookup)": {
      says: "lookup must be a function",
      fine: ["nothing", "function"],
      call: (lookup) => Client.connect({ host: "127.0.0.1", port: 9, network, lookup }),
    },
    "Client.connect(config.hosts)": {
      says: "hosts must be an array",
      fine: ["nothing"],
      call: (hosts) => Client.connect({ hosts, port: 9, network }),
    },
    "Client.connect(config.srv)": {
      says: "srv must be",
      fine: ["nothing"],
      call: (srv) => Client.connect({ srv, network }),
    },
    "new Listener(port)": {
      says: "port must be a",
      fine: ["number"],
      call: (wrong) => new Listener(wrong),
    },
    "new Listener(config)": { ...config, call: (wrong) => new Listener(0, wrong) },
    "new Listener(config.network)": {
      says: "network must be an object",
      fine: OPTIONS,
      call: (network) => new Listener(0, { network }),
    },
    "new Listener(config.network.clock)": {
      says: "network.clock must have the methods now, setTimeout, clearTimeout",
      call: (clock) => new Listener(0, { network: { ...network, clock } }),
    },
    "Listener.attach(service)": { ...service, call: (wrong) => listener.attach(wrong) },
    "Listener.serve(handler)": {
      says: "handler must be a function",
      fine: ["function"],
      call: (wrong) => listener.serve(wrong),
    },
    "Listener.serve(callbacks)": {
      says: "callbacks must be an object",
      fine: OPTIONS,
      call: (wrong) => listener.serve(() => {}, wrong),
    },
    "Listener.detach(service)": {
      says: "service must be an object with methods or a function",
      fine: ["function", "object", "list", "bytes"],
      call: (wrong) => listener.detach(wrong),
    },
    "Listener.iterate(options)": { ...options, call: (wrong) => listener.iterate(wrong) },
    "Listener.gracefulStop(options)": { ...options, call: (wrong) => listener.gracefulStop(wrong) },
    "Listener.replaceCertificate(certificates)": {
      says: "must be an object",
      fine: ["object", "list", "bytes"],
      call: (wrong) => secured.replaceCertificate(wrong),
    },
    "new UdpClient(localAddress)": {
      says: "localAddress must be an object",
      fine: OPTIONS,
      call: (wrong) => new UdpClient(wrong, { network }),
    },
    "new UdpClient(config)": { ...config, call: (wrong) => new UdpClient(undefined, wrong) },
    "new UdpClient(config.network)": {
      says: "network must be an object",
      fine: OPTIONS,
      call: (network) => new UdpClient(undefined, { network }),
    },
    "new UdpClient(config.network.clock)": {
      says: "network.clock must have the methods now, setTimeout, clearTimeout",
      call: (clock) => new UdpClient(undefined, { network: { ...network, clock } }),
    },
    "UdpClient.sendTo(content)": {
      ...content,
      call: (wrong) => udp.sendTo(wrong, { host: "127.0.0.1", port: 9 }),
    },
    "UdpClient.sendTo(address)": {
      says: "address must be an object",
      fine: ["object", "list", "bytes"],
      call: (wrong) => udp.sendTo("x", wrong),
    },
    "UdpClient.receiveFrom(length)": {
      ...length,
      ...orOptions,
      call: (wrong) => udp.receiveFrom(wrong),
    },
    "UdpClient.receiveFrom(options)": { ...options, call: (wrong) => udp.receiveFrom(1, wrong) },
    "UdpClient.connect(address)": {
      says: "address must be an object",
      fine: ["object", "list", "bytes"],
      call: (wrong) => udp.connect(wrong),
    },
    "UdpClient.write(content)": { ...content, call: (wrong) => udp.write(wrong) },
    "UdpClient.tryWrite(content)": { ...content, call: (wrong) => udp.tryWrite(wrong) },
    "UdpClient.drained(options)": { ...options, call: (wrong) => udp.drained(wrong) },
    "UdpClient.read(length)": { ...length, ...orOptions, call: (wrong) => udp.read(wrong) },
    "UdpClient.read(options)": { ...options, call: (wrong) => udp.read(1, wrong) },
    "UdpClient.joinGroup(group)": {
      says: "group must be a string",
      fine: ["text"],
      call: (wrong) => udp.joinGroup(wrong),
    },
    "UdpClient.joinGroup(options)": {
      ...options,
      call: (wrong) => udp.joinGroup("239.1.2.3", wrong),
    },
    "UdpClient.close(options)": { ...options, call: (wrong) => udp.close(wrong) },
    "UdpClient.leaveGroup(group)": {
      says: "group must be a string",
      fine: ["text"],
      call: (wrong) => udp.leaveGroup(wrong),
    },
    "UdpClient.leaveGroup(options)": {
      ...options,
      call: (wrong) => udp.leaveGroup("239.1.2.3", wrong),
    },
    "new UdpListener(port)": {
      says: "port must be a",
      fine: ["number"],
      call: (wrong) => new UdpListener(wrong),
    },
    "new UdpListener(config)": { ...config, call: (wrong) => new UdpListener(0, wrong) },
    "UdpListener.attach(service)": { ...service, call: (wrong) => idle.attach(wrong) },
    "UdpListener.serve(handler)": {
      says: "handler must be a function",
      fine: ["function"],
      call: (wrong) => idle.serve(wrong),
    },
    "UdpListener.serve(callbacks)": {
      says: "callbacks must be an object",
      fine: OPTIONS,
      call: (wrong) => idle.serve(() => {}, wrong),
    },
    "UdpListener.detach(service)": {
      says: "service must be an object with methods or a function",
      fine: ["function", "object", "list", "bytes"],
      call: (wrong) => idle.detach(wrong),
    },
    "UdpListener.iterate(options)": { ...options, call: (wrong) => idle.iterate(wrong) },
    "UdpListener.acceptSessions(options)": {
      ...options,
      call: (wrong) => idle.acceptSessions(wrong),
    },
    "UdpListener.gracefulStop(options)": { ...options, call: (wrong) => idle.gracefulStop(wrong) },
    "UdpListener.joinGroup(group)": {
      says: "group must be a string",
      fine: ["text"],
      call: (wrong) => sessions.joinGroup(wrong),
    },
    "UdpListener.leaveGroup(group)": {
      says: "group must be a string",
      fine: ["text"],
      call: (wrong) => sessions.leaveGroup(wrong),
    },
    "UdpSession.read(length)": { ...length, ...orOptions, call: (wrong) => session.read(wrong) },
    "UdpSession.read(options)": { ...options, call: (wrong) => session.read(1, wrong) },
    "UdpSession.write(content)": { ...content, call: (wrong) => session.write(wrong) },
    "UdpSession.tryWrite(content)": { ...content, call: (wrong) => session.tryWrite(wrong) },
    "UdpSession.drained(options)": { ...options, call: (wrong) => session.drained(wrong) },
    "UdpSession.sendBytes(content)": { ...content, call: (wrong) => session.sendBytes(wrong) },
    "UdpSession.sendDatagram(datagram)": {
      says: "datagram must be an object",
      fine: ["object", "list", "bytes"],
      call: (wrong) => session.sendDatagram(wrong),
    },
    "UdpCaller.sendBytes(content)": { ...content, call: (wrong) => caller.sendBytes(wrong) },
    "UdpCaller.sendDatagram(datagram)": {
      says: "datagram must be an object",
      fine: ["object", "list", "bytes"],
      call: (wrong) => caller.sendDatagram(wrong),
    },
  };
  const forClients: Record<string, Wrong> = {
    "new ReconnectingClient(config)": {
      says: "config must be an object",
      fine: ["object", "list", "bytes"],
      call: (wrong) => new ReconnectingClient(wrong),
    },
    "new ReconnectingClient(config.host)": {
      says: "host must be a",
      fine: ["text"],
      call: (host) => new ReconnectingClient({ host, port: 9 }),
    },
    "new ReconnectingClient(config.targets)": {
      says: "targets must be an array",
      fine: ["nothing", "list"],
      call: (targets) => new ReconnectingClient({ targets }),
    },
    "ReconnectingClient.ready(options)": { ...options, call: (wrong) => over.ready(wrong) },
    "new Requests(client)": {
      says: "client must be a ReconnectingClient or a Connection",
      call: (wrong) => new Requests(wrong, new LineCodec()),
    },
    "new Requests(codec)": {
      says: "codec must have the methods decoder, encode",
      call: (wrong) => new Requests(connection, wrong),
    },
    "new Requests(config)": {
      ...config,
      call: (wrong) => new Requests(connection, new LineCodec(), wrong),
    },
    "Requests.send(message)": {
      says: "Line must be a string",
      // What makes the message.
      fine: ["text", "function"],
      call: (wrong) => requests.send(wrong),
    },
    "Requests.send(options)": { ...options, call: (wrong) => requests.send("x", wrong) },
    "Requests.post(message)": {
      says: "Line must be a string",
      fine: ["text"],
      call: (wrong) => requests.post(wrong),
    },
    "new ClientPool(client)": {
      says: "client must be an object",
      fine: ["object", "list", "bytes"],
      call: (wrong) => new ClientPool(wrong),
    },
    "new ClientPool(config)": { ...config, call: (wrong) => new ClientPool(place, wrong) },
    "ClientPool.acquire(options)": { ...options, call: (wrong) => pool.acquire(wrong) },
    "ClientPool.use(conversation)": {
      says: "conversation must be a function",
      fine: ["function"],
      call: (wrong) => pool.use(wrong),
    },
    "ClientPool.use(options)": { ...options, call: (wrong) => pool.use(() => {}, wrong) },
    "ClientPool.close(options)": { ...options, call: (wrong) => pool.close(wrong) },
  };
  return {
    cases: { ...cases, ...forClients },
    met: { Framed: lines, UdpSession: session, UdpCaller: caller },
    async [Symbol.asyncDispose]() {
      for (const each of [connection, client, asked]) each.abort();
      await Promise.all([
        udp.close(),
        ...[listener, secured, sessions, datagrams, idle].map((each) => each.immediateStop()),
      ]);
    },
  };
}

/** Arguments that may hold a password, and so are not shown. */
const SECRETS = /(config\.via|upgradeToTls\(options|replaceCertificate\(certificates)\)$/;

/** What a call throws, or rejects with. */
async function thrownBy(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return undefined;
}

Deno.test("every call that is given something of the wrong kind says what it expected and got", async () => {
  await using all = await scene();
  const problems: string[] = [];
  for (const [name, { says, fine = [], call }] of Object.entries(all.cases)) {
    for (const [kind, [wrong, shown]] of Object.entries(KINDS)) {
      if (fine.includes(kind as Kind)) continue;
      const error = await thrownBy(() => call(wrong as never));
      const { message } = error as Error;
      const isPlain = error instanceof TypeError || error instanceof RangeError;
      // An object may be one of a service, whose methods are then what is missing.
      // What stands in the place of a proxy, keys or passwords may hold one.
      const isSecret = SECRETS.test(name) &&
        /got (a (boolean|number|bigint|string|symbol|function)|an array|bytes)$/.test(message);
      const saysWhat = message?.endsWith(`got ${shown}`) || / has no method /.test(message) ||
        isSecret;
      if (!isPlain || !message.includes(says) || !saysWhat) {
        problems.push(`${name} of ${shown}: ${error}`);
      }
    }
  }
  assertEquals(problems, []);
});

/** What takes anything, and what only the library itself calls: to look at it would cost every message. */
const TAKES_ANYTHING = [
  "Connection.abort",
  "Framed.abort",
  "UdpSession.abort",
  "FixedLengthCodec.decode",
  // Whoever is no member is none.
  "Group.delete",
  "Group.has",
  "ReconnectingClient.abort",
  "Requests.abort",
  "new RequestError",
  "new GenericError",
  "new ProxyHeaderError",
  "new ReadTimedOutError",
  "new SocketError",
];

Deno.test("every public function, constructor and method with a parameter is given something wrong", async () => {
  await using all = await scene();
  const called = new Set(Object.keys(all.cases).map((name) => name.slice(0, name.indexOf("("))));
  const missing: string[] = [];
  const look = (name: string, callable: unknown) => {
    if (typeof callable !== "function" || called.has(name)) return;
    const hasParameters = !/^(?:async )?(?:\*\s*)?[^(]*\(\)/.test(String(callable));
    if (hasParameters && !TAKES_ANYTHING.includes(name)) missing.push(name);
  };
  const lookInside = (name: string, object: object) => {
    for (const key of Reflect.ownKeys(object)) {
      if (key === "constructor" || key === "prototype" || typeof key === "symbol") continue;
      look(`${name}.${key}`, Object.getOwnPropertyDescriptor(object, key)!.value);
    }
  };
  for (const [name, exported] of Object.entries({ ...socket, ...debug, ...clients })) {
    if (typeof exported !== "function") continue;
    const isClass = String(exported).startsWith("class ");
    if (!isClass) {
      look(name, exported);
      continue;
    }
    if (!called.has(`new ${name}`) && !TAKES_ANYTHING.includes(`new ${name}`)) {
      missing.push(`new ${name}`);
    }
    lookInside(name, exported);
    lookInside(name, exported.prototype);
  }
  for (const [name, object] of Object.entries(all.met)) {
    lookInside(name, Object.getPrototypeOf(object));
  }
  assertEquals(missing, []);
  assert(called.size > 50, "nearly nothing was looked at");
});
