// Who wants what is published: a part of mqtt_hub.ts.

/** What somebody may subscribe to: 32 levels and 256 characters at most. */
export const FILTER = /^(?=.{1,256}$)(?:(?:\+|[^+#/\0]*)\/){0,31}(?:\+|#|[^+#/\0]*)$/s;

/** The levels of a topic, as far as a filter can tell them apart, or of a filter. */
export const levelsOf = (topic: string): string[] => topic.split("/", 33);

const STEPS_AT_ONCE = 256; // of a search: fewer than 0.1 ms

/** Filters and who gave them, in a tree: a level at each step. */
export class Topics<Who> {
  readonly #next = new Map<string, Topics<Who>>();
  #here: Map<Who, number> | undefined; // only where a filter ends: most places are on the way there

  /** Adds who wants what fits a filter, and with which quality of service. */
  add(who: Who, levels: string[], qos: number, depth = 0): void {
    const level = levels[depth];
    if (level === undefined) return void (this.#here ??= new Map()).set(who, qos);
    const next = this.#next.get(level) ?? new Topics<Who>();
    this.#next.set(level, next);
    next.add(who, levels, qos, depth + 1);
  }

  /** Takes that out again. Gives whether nothing is left. */
  delete(who: Who, levels: string[], depth = 0): boolean {
    const level = levels[depth];
    if (level === undefined) this.#here?.delete(who);
    else if (this.#next.get(level)?.delete(who, levels, depth + 1)) this.#next.delete(level);
    return (this.#here?.size ?? 0) + this.#next.size === 0;
  }

  /** Finds all who want a topic, each with the best quality that was asked for; stops now and then on the way. */
  *find(levels: string[]): Generator<undefined, Map<Who, number>> {
    const all = new Map<Who, number>();
    const open: [Topics<Who> | undefined, depth: number][] = [[this, 0]];
    for (let step = 1; open.length > 0; step++) {
      if (step % STEPS_AT_ONCE === 0) yield;
      const [at, depth] = open.pop()!;
      if (at === undefined) continue;
      const level = levels[depth];
      const isWild = depth > 0 || !level!.startsWith("$"); // wildcards do not mean topics like $SYS
      for (const end of [isWild && at.#next.get("#"), level === undefined && at]) {
        for (const [who, qos] of end && end.#here || []) {
          all.set(who, Math.max(qos, all.get(who) ?? 0));
        }
      }
      if (level === undefined) continue;
      if (isWild) open.push([at.#next.get("+"), depth + 1]);
      open.push([at.#next.get(level), depth + 1]);
    }
    return all;
  }
}
