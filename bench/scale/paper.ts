// 100 machines and a million guests, by multiplication: no such cluster was ever run.
import { memory, short } from "../report.ts";
import type { Line, Units } from "./units.ts";

const MACHINES = 100, GUESTS = 1_000_000;
const A_MINUTE = 60;
const PER_MACHINE = GUESTS / MACHINES;
/** Lines that are said in a second, where each guest says one in a minute. */
const SAID = GUESTS / A_MINUTE;

const count = (value: number) => Number(value.toPrecision(3)).toLocaleString("en");
const cores = (perSecond: number, micros: number) => `${short(perSecond * micros / 1e6)} cores`;

/** Prints the computation. */
export function printPaper(units: Units): void {
  console.log(`\n## On paper: ${MACHINES} machines, ${GUESTS.toLocaleString("en")} guests\n`);
  const { process, guest, guestInProxy, connection, tlsConnection } = units;
  const inProcess = process + PER_MACHINE * guest.bytes;
  const tls = PER_MACHINE * (tlsConnection.bytes - connection.bytes);
  const say = (text: string) => console.log(`  ${text}`);
  say(
    `memory of a machine: ${memory(process)} + ${count(PER_MACHINE)} x ${memory(guest.bytes)} = ${
      memory(inProcess)
    }`,
  );
  say(
    `  with TLS in the process: ${count(PER_MACHINE)} x ${
      memory(tlsConnection.bytes - connection.bytes)
    } more = ${memory(inProcess + tls)}`,
  );
  say(
    `descriptors of a machine: ${count(PER_MACHINE)} x ${guest.descriptors} = ${
      count(PER_MACHINE * guest.descriptors)
    }`,
  );
  say(
    `HAProxy: ${count(GUESTS)} x ${memory(guestInProxy.bytes)} = ${
      memory(GUESTS * guestInProxy.bytes)
    }, ` +
      `${count(GUESTS * guestInProxy.descriptors)} descriptors`,
  );
  say(`each guest says a line a minute: ${count(SAID)} lines a second`);
  printRooms("NATS", units.nats);
  printRooms("Redis", units.redis);
}

/** What rooms of two sizes cost. */
function printRooms(bus: string, line: Line): void {
  for (const size of [20, 1_000]) {
    // Guests are spread at random: a room is on so many of the machines.
    const hearing = MACHINES * (1 - (1 - 1 / MACHINES) ** size);
    const onBus = SAID * hearing;
    const heard = SAID * size;
    console.log(
      `  ${bus}, rooms of ${count(size)}, each on ${hearing.toFixed(0)} machines: ` +
        `bus ${count(onBus)}/s x ${line.onBus.toFixed(1)} us = ${cores(onBus, line.onBus)}; ` +
        `HAProxy ${count(heard)}/s x ${line.inProxy.toFixed(1)} us = ${
          cores(heard, line.inProxy)
        }; ` +
        `a machine ${count(heard / MACHINES)}/s x ${line.inProcess.toFixed(1)} us = ` +
        `${cores(heard / MACHINES, line.inProcess)}`,
    );
  }
}
