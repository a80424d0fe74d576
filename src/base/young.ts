// Keeps functions that objects make for themselves among what is young.
//
// Decision record: V8 takes a function literal that is assigned to a property (`this.#onRead = () => ...`, also by
// `??=`) for one that stays, and allocates it among what is old. Collections of what is young do not look whether it is
// needed, so it keeps its object and all that this refers to until the next collection of everything: connections that
// come and go took 20 % more processor time, and the pauses were eight times as long. A literal that is an argument is
// as young as any other object. The initializer of a field is, too.

/**
 * Gives back a function literal that is to be assigned to a property. A test sees that all of them go through here.
 *
 * @param literal The function.
 */
export function young<F>(literal: F): F {
  return literal;
}
