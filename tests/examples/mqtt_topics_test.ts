// Filters of the MQTT broker, held against the standard's own examples and against a slow matcher.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { FILTER, levelsOf, Topics } from "../../examples/mqtt_topics.ts";

/** Whether a topic fits a filter, level by level as the standard says it. */
function fits(filter: string, topic: string): boolean {
  const [wanted, levels] = [filter.split("/"), topic.split("/")];
  if (topic.startsWith("$") && /^[+#]/.test(filter)) return false;
  const isOpen = wanted.at(-1) === "#";
  if (isOpen) wanted.pop();
  return (isOpen ? levels.length >= wanted.length : levels.length === wanted.length) &&
    wanted.every((level, i) => level === "+" || level === levels[i]);
}

/** All that a search finds, and in how many parts it was done. */
function search<Who>(topics: Topics<Who>, topic: string): [found: Map<Who, number>, parts: number] {
  const steps = topics.find(levelsOf(topic));
  for (let parts = 1;; parts++) {
    const { done, value } = steps.next();
    if (done) return [value, parts];
  }
}

function find(filters: readonly string[], topic: string): string[] {
  const topics = new Topics<string>();
  for (const filter of filters) topics.add(filter, levelsOf(filter), 0);
  return [...search(topics, topic)[0].keys()].sort();
}

Deno.test("Topics finds what the standard says", () => {
  for (
    const [filter, topics, others] of [
      ["sport/tennis/player1/#", [
        "sport/tennis/player1",
        "sport/tennis/player1/ranking",
        "sport/tennis/player1/score/wimbledon",
      ], ["sport/tennis/player2", "sport/tennis"]],
      ["sport/#", ["sport", "sport/", "sport/a/b"], ["sports", "Sport"]],
      ["#", ["a", "/", "a/b/c"], ["$SYS/a", "$SYS"]],
      ["sport/tennis/+", ["sport/tennis/player1", "sport/tennis/"], [
        "sport/tennis/player1/ranking",
        "sport/tennis",
      ]],
      ["sport/+", ["sport/"], ["sport"]],
      ["+/+", ["/finance"], ["finance", "$SYS/a"]],
      ["/+", ["/finance"], ["finance", "/a/b"]],
      ["+", ["finance"], ["/finance", "$SYS"]],
      ["+/monitor/Clients", ["a/monitor/Clients"], ["$SYS/monitor/Clients"]],
      ["$SYS/#", ["$SYS", "$SYS/a/b"], ["SYS", "a/$SYS"]],
      ["$SYS/monitor/+", ["$SYS/monitor/Clients"], ["$SYS/monitor"]],
      ["+/tennis/#", ["a/tennis", "a/tennis/b"], ["tennis", "a/b/tennis"]],
    ] as const
  ) {
    for (const topic of topics) assertEquals(find([filter], topic), [filter], topic);
    for (const topic of others) assertEquals(find([filter], topic), [], `${filter} and ${topic}`);
  }
});

Deno.test("FILTER is what the standard says, of 32 levels and 256 characters at most", () => {
  for (const filter of ["a", "/", "+", "#", "+/#", "a/+/b", "//+//", "a b", "$SYS/#", "a\n/#"]) {
    assertEquals(FILTER.test(filter), true, filter);
  }
  for (const filter of ["", "a#", "#/a", "a/#/b", "+a", "a+/b", "a/b#", "##", "++", "a\0"]) {
    assertEquals(FILTER.test(filter), false, filter);
  }
  assertEquals(FILTER.test("/".repeat(31)), true);
  assertEquals([256, 257].map((length) => FILTER.test("ü".repeat(length))), [true, false]);
  for (const end of ["", "#", "+", "a"]) assertEquals(FILTER.test("/".repeat(32) + end), false);
  assertEquals(FILTER.test("/".repeat(65_535)), false);
});

Deno.test("Topics finds the same as a look at each filter, and forgets them all", () => {
  const level = fc.constantFrom("a", "b", "", "$x", "+");
  const filter = fc.tuple(fc.array(level, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([levels, isOpen]) => [...levels, ...(isOpen ? ["#"] : [])].join("/"))
    .filter((filter) => FILTER.test(filter));
  const topic = fc.array(fc.constantFrom("a", "b", "", "$x"), { minLength: 1, maxLength: 5 })
    .map((levels) => levels.join("/")).filter((topic) => topic !== "");
  fc.assert(
    fc.property(fc.uniqueArray(filter, { maxLength: 12 }), topic, (filters, topic) => {
      assertEquals(find(filters, topic), filters.filter((filter) => fits(filter, topic)).sort());
      const topics = new Topics<string>();
      for (const filter of filters) topics.add(filter, levelsOf(filter), 0);
      // Only with the last one nothing is left: else floods of subscriptions would stay in memory.
      const isEmpty = filters.map((filter) => topics.delete(filter, levelsOf(filter)));
      assertEquals(isEmpty, filters.map((_, i) => i === filters.length - 1));
    }),
    { seed: 1, numRuns: 1_000 },
  );
});

Deno.test("Topics finds everybody once, with the best quality", () => {
  const topics = new Topics<string>();
  topics.add("ann", levelsOf("#"), 0);
  topics.add("ann", levelsOf("a/+"), 1);
  topics.add("ann", levelsOf("a/b"), 0);
  topics.add("bob", levelsOf("a/b"), 1);
  topics.add("bob", levelsOf("a/b"), 0); // instead
  topics.add("eva", levelsOf("#"), 1);
  topics.add("eva", levelsOf("a/b"), 0);
  assertEquals(search(topics, "a/b")[0], new Map([["ann", 1], ["eva", 1], ["bob", 0]]));
  topics.delete("eve", levelsOf("a/b"));
  topics.delete("ann", levelsOf("a/+/c"));
  assertEquals(search(topics, "a/b")[0].size, 3);
});

Deno.test("Topics looks at no more of an endless topic than filters can tell apart", () => {
  const topic = "a/".repeat(30_000);
  assertEquals(find(["#", `${"+/".repeat(31)}#`, "+", `${"a/".repeat(31)}a`], topic), [
    "#",
    `${"+/".repeat(31)}#`,
  ]);
  // The branches that wildcards open are no more than the filters have.
  const topics = new Topics<string>();
  for (let i = 0; i < 32; i++) topics.add("eve", levelsOf("+/".repeat(i) + "#"), 0);
  assertEquals(search(topics, topic)[0].size, 1);
});

Deno.test("Topics looks at many filters in parts, so that others have their turn", () => {
  const topics = new Topics<string>();
  // They fit at each level but the last one.
  for (let i = 0; i < 1_000; i++) {
    const first = Array.from({ length: 10 }, (_, bit) => (i >> bit) % 2 > 0 ? "+/" : "a/");
    topics.add("eve", levelsOf(`${first.join("")}${"+/".repeat(21)}b`), 0);
  }
  const [found, parts] = search(topics, "a/".repeat(31) + "c");
  assertEquals(found.size, 0);
  assert(parts > 50, `${parts}`);
  assertEquals(search(topics, "b/c")[1], 1);
});
