// A short version of what `deno task soak` runs, and a check that it would detect failures.

import { assertEquals, assertMatch } from "@std/assert";
import { contentOf } from "../../tools/soak/content.ts";
import { Account, compare, type End, Ledger } from "../../tools/soak/ledger.ts";
import { memoryProblems } from "../../tools/soak/memory.ts";
import { runScenario } from "../../tools/soak/run.ts";
import { scenarios } from "../../tools/soak/scenarios.ts";
import { linuxTest } from "../support/linux_engine.ts";

const SHORT = { seconds: 0.3, scale: 0.01, openFiles: 1_000 };
const short = scenarios.filter(({ name }) => ["storm", "cuts", "descriptors"].includes(name));

async function assertNothingIsLost(
  scenario: typeof short[number],
  network: "deno" | "linux",
): Promise<void> {
  // Memory and amounts depend on the length: this run is too short for them.
  const { problems, verdict } = await runScenario(scenario, { ...SHORT, network });
  assertEquals(
    problems.filter((problem) => !/: (memory|the resident)|^too few|^there was no/.test(problem)),
    [],
  );
  assertEquals(verdict.lost, 0);
}

for (const scenario of short) {
  const name = `Soak ${scenario.name}: nothing is lost in a short run`;
  Deno.test(name, () => assertNothingIsLost(scenario, "deno"));
  linuxTest(`${name} on linuxNetwork`, () => assertNothingIsLost(scenario, "linux"));
}

Deno.test("Soak finds planted defects", async () => {
  const [storm] = short;
  const leak = await runScenario(storm!, { ...SHORT, seconds: 1, defect: "leak" });
  assertMatch(leak.problems.join("\n"), /the server: memory alive after all had ended grew/);
  const loss = await runScenario(storm!, { ...SHORT, defect: "loss" });
  assertMatch(loss.problems.join("\n"), /the client got bytes that were not sent/);
});

/** The account of an end of stream 1 that received some bytes in order. */
function account(offered: number, received: number, end: End, change: Partial<Account> = {}) {
  const account = new Account(1);
  account.receive(contentOf(1, 0, received));
  return Object.assign(account, { offered, promised: offered, sawEnd: true, end }, change);
}

function problemsOf(client: Account | undefined, server: Account | undefined): readonly string[] {
  const [clients, servers] = [client, server].map((account) => {
    const ledger = new Ledger(1);
    if (account !== undefined) ledger.add(account);
    return ledger.entries();
  });
  return compare(clients!, servers!).problems;
}

Deno.test("Soak's books: what came whole is no problem, nor what somebody cut", () => {
  assertEquals(problemsOf(account(90, 90, "closed"), account(90, 90, "closed")), []);
  assertEquals(problemsOf(account(90, 20, "cut"), account(90, 40, "broken")), []);
  assertEquals(problemsOf(account(90, 20, "broken"), account(90, 40, "cut")), []);
  const late = { isLate: true };
  assertEquals(problemsOf(account(90, 20, "broken", late), account(40, 40, "closed")), []);
  assertEquals(problemsOf(account(90, 0, "broken", late), undefined), []);
});

Deno.test("Soak's books: whatever is missing, doubled or ended for no reason is a problem", () => {
  for (
    const [client, server, problem] of [
      [account(90, 89, "closed"), account(90, 90, "closed"), "the client got 89 of 90 bytes"],
      [account(90, 90, "closed"), account(90, 89, "closed"), "the server got 89 of 90 bytes"],
      [account(90, 91, "closed"), account(90, 90, "closed"), "the client got more than was given"],
      [account(90, 90, "closed"), account(90, 91, "closed"), "the server got more than was given"],
      [account(90, 90, "broken"), account(90, 90, "closed"), 'it ended "broken" for the client'],
      [account(90, 90, "closed"), account(90, 90, "aborted"), "did not finish it in time"],
      [account(90, 90, "closed"), undefined, "made, and never served"],
      [undefined, account(90, 90, "closed"), "served, but nobody's"],
      [account(90, 90, "closed", { isWrong: true }), account(90, 90, "closed"), "were not sent"],
    ] as const
  ) {
    assertMatch(problemsOf(client, server).join("\n"), new RegExp(problem));
  }
});

Deno.test("Soak's books: bytes out of their place are wrong", () => {
  for (const [from, to] of [[1, 2], [1_048_573, 0], [1_048_574, 1], [5, 1_048_573]] as const) {
    const receiver = new Account();
    receiver.receive(contentOf(7, 0, from));
    receiver.receive(contentOf(7, to, 100));
    assertEquals(receiver.isWrong, true, `${to} after ${from}`);
  }
  const receiver = new Account();
  for (const [from, to] of [[0, 1], [1, 3], [3, 2_000_000], [2_000_000, 2_000_001]] as const) {
    receiver.receive(contentOf(7, from, to - from));
  }
  assertEquals([receiver.isWrong, receiver.stream, receiver.received], [false, 7, 2_000_001]);
});

Deno.test("Soak's watch on memory tells a leak from what comes and goes", () => {
  const allowance = { after: 1, during: 4, resident: 4 };
  const at = (live: number) => ({ live, resident: live }) as const;
  const course = [3, 9, 4, 8, 9, 3].map(at);
  assertEquals(memoryProblems("x", { before: at(1), during: course, after: at(2) }, allowance), []);
  const leak = [3, 9, 4, 8, 11, 9].map(at);
  const problems = memoryProblems("x", { before: at(1), during: leak, after: at(3) }, allowance);
  assertEquals(problems.length, 3);
});
