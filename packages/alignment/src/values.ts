import type { Values } from "@corella/engine";

/** Values with a prefix before their names, as a part of a composed program has them: `weight` -> `llm.weight`. */
export function prefixed(values: Values, prefix: string): Values {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}${name}`, value]));
}

/** The values of one part of a composed program under the part's own names: `llm.weight` -> `weight`, and no others. */
export function unprefixed(values: Values, prefix: string): Values {
  const own = Object.entries(values).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length), value]));
}

/** Copies of all arrays, for a trainer that works on those it is given. */
export function copied(values: Values): Values {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.slice()]));
}
