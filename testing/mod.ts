/**
 * For the tests of code that stands on this library: time that stands still until it is moved, transports that
 * play a script, and connections in memory.
 *
 * @module
 */

export type {
  Clock,
  ConnectTarget,
  DatagramSocket,
  DatagramTarget,
  ListenTarget,
  Network,
  TimerId,
  Transport,
  TransportListener,
} from "../src/network/network.ts";
export type { NetworkAddress } from "../src/base/address.ts";
export { microtasksDrained } from "./microtasks.ts";
export { VirtualClock } from "./virtual_clock.ts";
export {
  broken,
  end,
  fail,
  outOfDescriptors,
  pause,
  reset,
  silence,
  Step,
  until,
} from "./script.ts";
export {
  type ScriptedTransport,
  scriptedTransport,
  type ScriptedTransportOptions,
} from "./scripted_transport.ts";
export {
  type ScriptedListener,
  scriptedListener,
  type ScriptedListenerOptions,
  type ScriptedNetwork,
  scriptedNetwork,
  type ScriptedNetworkOptions,
} from "./scripted_network.ts";
export { connectedTransports, type ConnectedTransportsOptions } from "./connected_transports.ts";
export { type ConnectedPair, connectedPair, type ConnectedPairOptions } from "./connected_pair.ts";
export { Random } from "./random.ts";
export { calmFaults, type Faults, gentleFaults, hostileFaults } from "./faults.ts";
export type { SimulatedHost } from "./simulated_host.ts";
export { SimulatedNetwork, type SimulatedNetworkOptions } from "./simulated_network.ts";
export {
  simulate,
  type SimulateOptions,
  SimulationError,
  type SimulationReport,
} from "./simulate.ts";
export { checkCodec, type CheckCodecOptions } from "./conformance/check_codec.ts";
export { checkTransport, type CheckTransportOptions } from "./conformance/check_transport.ts";
export type { TransportPair } from "./conformance/trial.ts";
