// A look at errno that says what a test wants it to say.

import { errnoLook } from "../../src/network/linux/errno.ts";

/** Puts a look in place of the real one until it is disposed of. It is given the real one. */
export function lying(look: (real: () => number) => number): Disposable {
  const real = errnoLook.look;
  errnoLook.look = () => look(real);
  return { [Symbol.dispose]: () => errnoLook.look = real };
}
