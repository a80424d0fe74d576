// The documentation's servers survive: each one, as a program, under resets, silence, garbage and ends in the
// middle. Then an honest client is served as before, and the program ends cleanly. And what a block is said to
// print, it prints.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Client, type ClientSecureSocketConfig } from "../../mod.ts";
import { Authority } from "../support/certificates.ts";
import { inFolder } from "../support/folder.ts";
import { askByDatagram, attack, attackByDatagrams, type Door } from "../support/hostile_clients.ts";
import {
  letTimePass,
  libraryFrom,
  printingBlocks,
  serverBlocks,
  startBlock,
} from "../support/samples.ts";

const timeoutInMillis = 10_000;

/** The files that the blocks of secure connections name. */
async function writeCertificates(folder: string): Promise<void> {
  const authority = await Authority.make("Authority");
  const { cert, key } = await authority.sign({ name: "localhost", hosts: ["localhost"] });
  for (const name of ["cert.pem", "server.pem"]) {
    await Deno.writeTextFile(`${folder}/${name}`, cert);
  }
  for (const name of ["key.pem", "server.key"]) await Deno.writeTextFile(`${folder}/${name}`, key);
  for (const name of ["ca.pem", "clients-ca.pem"]) {
    await Deno.writeTextFile(`${folder}/${name}`, authority.cert);
  }
}

/** How a client is trusted there. */
function secureSocketIn(folder: string): ClientSecureSocketConfig {
  const files = { certFile: `${folder}/cert.pem`, keyFile: `${folder}/key.pem` };
  return { ...files, caCertFile: `${folder}/ca.pem` };
}

/** Sends hello to a server and waits for an answer. */
async function sayHello(door: Door): Promise<void> {
  await using client = await Client.connect(door);
  await client.write("hello\n");
  const [, length] = await client.read(undefined, { timeoutInMillis });
  assert(length > 0, "an honest client hears something");
}

for (const block of serverBlocks()) {
  Deno.test(`${block.name} is a server that survives its clients`, () =>
    inFolder(async (folder) => {
      const isSecure = block.code.includes("secureSocket");
      if (isSecure) await writeCertificates(folder);
      await using program = await startBlock(block, folder, libraryFrom("held_socket"));
      const [, before, kind, address, number] = await program.line(
        /^Held before it (speaks|ends): (tcp|udp|unix) (\S+) ?(\d*)$/,
      );
      const port = Number(number);
      const door: Door = kind === "unix" ? { path: address! } : { host: "localhost", port };
      const secureDoor = { ...door, secureSocket: secureSocketIn(folder) };
      const honestDoor = isSecure ? secureDoor : door;
      if (kind === "udp") {
        await attackByDatagrams(port);
        // The block asks only once, which would be lost while the flood still fills the system's buffer.
        await askByDatagram(port, "hello");
      } else {
        const pass = () => letTimePass(program);
        await attack(door, pass);
        if (isSecure) await attack(secureDoor, pass);
        if (before === "ends" || block.isIgnored) await sayHello(honestDoor);
      }
      // The rest of a block that cannot run as it stands is not for this machine.
      if (block.isIgnored) return;
      program.signal("SIGHUP");
      assertEquals((await program.ending()).code, 0);
    }));
}

for (const block of printingBlocks()) {
  Deno.test(`${block.name} prints what it is said to`, () =>
    inFolder(async (folder) => {
      await using program = await startBlock(block, folder, libraryFrom());
      const { stdout, stderr } = await program.ending();
      assertEquals(stderr, "");
      // Dots stand for what is left out.
      const [first = "", ...rest] = block.prints.split(/ *\.\.\.\n?/).map(RegExp.escape);
      assertMatch(stdout, new RegExp(`^${[first, ...rest].join("[^]*?")}$`));
    }));
}
