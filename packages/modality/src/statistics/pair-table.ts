/** Dense ids of pairs of codes, by open addressing: 12 to 24 bytes a pair, without a limit of a Map's size. */
export interface PairTable {
  readonly size: number;
  /** The id of a pair; -1 where it has none. */
  find(first: number, second: number): number;
  /** The id of a pair, a new one where it had none. */
  add(first: number, second: number): number;
  /** The pairs in the order of their ids, [2 * size]. */
  toArray(): Int32Array;
}

const none = -1;

/**
 * A table of pairs of codes that are not negative.
 * @param pairs those that have ids already, [2 * size] in their order
 */
export function createPairTable(pairs: Int32Array = new Int32Array(0)): PairTable {
  let size = 0;
  let codes = new Int32Array(16);
  let slots = new Int32Array(16).fill(none); // a power of two, at most half full

  const slotOf = (first: number, second: number): number => {
    let slot = hash(first, second) & (slots.length - 1);
    for (;;) {
      const id = slots[slot]!;
      if (id === none || (codes[2 * id] === first && codes[2 * id + 1] === second)) return slot;
      slot = (slot + 1) & (slots.length - 1);
    }
  };
  const grow = (): void => {
    const wider = new Int32Array(2 * codes.length);
    wider.set(codes);
    codes = wider;
    slots = new Int32Array(2 * slots.length).fill(none);
    for (let id = 0; id < size; id++) slots[slotOf(codes[2 * id]!, codes[2 * id + 1]!)] = id;
  };
  const add = (first: number, second: number): number => {
    const slot = slotOf(first, second);
    if (slots[slot] !== none) return slots[slot]!;
    slots[slot] = size;
    codes[2 * size] = first;
    codes[2 * size + 1] = second;
    size += 1;
    if (2 * size >= slots.length) grow();
    return size - 1;
  };
  for (let at = 0; at < pairs.length; at += 2) add(pairs[at]!, pairs[at + 1]!);
  return {
    get size() {
      return size;
    },
    find: (first, second) => slots[slotOf(first, second)]!,
    add,
    toArray: () => codes.slice(0, 2 * size),
  };
}

function hash(first: number, second: number): number {
  let mixed = Math.imul(first, 0x9e3779b1) ^ Math.imul(second, 0x85ebca6b);
  mixed ^= mixed >>> 16;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 13);
}
