// What a network of the user's own makes: a stream or a socket that does something else here and there.

// deno-lint-ignore no-explicit-any
type Odd = any;

/** The same with these members, which may be getters, in the place of its own. */
export function withMembers<T extends object>(inner: T, members: object): T {
  return new Proxy(inner, {
    get(target, name) {
      if (name in members) return members[name as never];
      const member = (target as Odd)[name];
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}
