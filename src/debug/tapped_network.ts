// A network whose traffic is told to a tap. It passes on all that the network can, and nothing that it cannot.

import { hostOf, type NetworkAddress, portOf } from "../base/address.ts";
import { isThenable } from "../base/user_code.ts";
import { checkMade } from "../network/made.ts";
import type { DatagramSocket, Network, Transport, TransportListener } from "../network/network.ts";
import type { Tap, TrafficEnds } from "./tap.ts";
import { TappedDatagrams } from "./tapped_datagrams.ts";
import { TappedTransport } from "./tapped_transport.ts";

/** All members of a seam: one that is forgotten does not compile. */
type AllOf<T> = { [Name in keyof Required<T>]: T[Name] | undefined };

/**
 * Wraps a network.
 *
 * @param network The network.
 * @param tap What is told of its traffic.
 */
export function tappedNetwork(network: Network, tap: Tap): Network {
  const wrap = (transport: Transport, isAccepted: boolean): Transport => {
    const told = tap.stream({ ends: endsOf(checkMade("Transport", transport)), isAccepted });
    return told === undefined ? transport : new TappedTransport(transport, told);
  };
  const { adopt, adoptDatagram, connectPath, listenPath, startTls } = network;
  const { isOwnAddress, resolveName, resolveService, sendToPath } = network;
  const listening = (listener: TransportListener) =>
    tappedListener(checkMade("TransportListener", listener), wrap);
  const bound = (socket: DatagramSocket) => {
    const { addr } = checkMade("DatagramSocket", socket);
    return new TappedDatagrams(socket, tap.datagrams(addr), addr);
  };
  return present<Network>({
    clock: network.clock,
    turns: network.turns,
    datagramTurns: network.datagramTurns,
    socketOptions: network.socketOptions,
    overwritesLentBytes: network.overwritesLentBytes,
    connect: async (target) => wrap(await network.connect(target), false),
    listen: (target) => whenMade(network.listen(target), listening),
    connectPath: connectPath &&
      (async (target) => wrap(await network.connectPath!(target), false)),
    listenPath: listenPath && (async (target) => listening(await network.listenPath!(target))),
    // What the stream tells of TLS, ClientSecurity asks it before.
    startTls: startTls &&
      ((transport, options, signal) =>
        network.startTls!(TappedTransport.innerOf(transport), options, signal)),
    adopt: adopt && ((target) => whenMade(network.adopt!(target), listening)),
    listenDatagram: (target) => whenMade(network.listenDatagram(target), bound),
    adoptDatagram: adoptDatagram && ((target) => whenMade(network.adoptDatagram!(target), bound)),
    // What it is for, telling a service manager, is no traffic.
    sendToPath: sendToPath && ((path, bytes, signal) => network.sendToPath!(path, bytes, signal)),
    resolveName: resolveName &&
      ((hostname, port, family) => network.resolveName!(hostname, port, family)),
    resolveService: resolveService &&
      ((name, signal) => network.resolveService!(name, signal)),
    isOwnAddress: isOwnAddress && ((address) => network.isOwnAddress!(address)),
  });
}

function tappedListener(
  listener: TransportListener,
  wrap: (transport: Transport, isAccepted: boolean) => Transport,
): TransportListener {
  return present<TransportListener>({
    addr: listener.addr,
    isShared: listener.isShared,
    letGo: listener.letGo && (() => listener.letGo!()),
    accept: async () => wrap(await listener.accept(), true),
    tryAccept: listener.tryAccept && (() => {
      const transport = listener.tryAccept!();
      // A promise, by mistake, is for whoever asks to deal with.
      return transport && !isThenable(transport) ? wrap(transport, true) : transport;
    }),
    close: () => listener.close(),
  });
}

/** Uses what is made now or later, without waiting where it is made now. */
function whenMade<T, U>(made: T | Promise<T>, use: (made: T) => U): U | Promise<U> {
  return made instanceof Promise ? made.then(use) : use(made);
}

/** Leaves out what is not there. */
function present<T extends object>(members: AllOf<T>): T {
  const entries = Object.entries(members).filter(([, member]) => member !== undefined);
  return Object.fromEntries(entries) as T;
}

/** Who talks with whom on a stream. */
function endsOf({ localAddr, remoteAddr }: Transport): TrafficEnds {
  return {
    protocol: isIp(localAddr) && isIp(remoteAddr) ? "tcp" : "unix",
    localAddress: hostOf(localAddr),
    localPort: portOf(localAddr),
    remoteAddress: hostOf(remoteAddr),
    remotePort: portOf(remoteAddr),
  };
}

function isIp(address: NetworkAddress): boolean {
  return "hostname" in address;
}
