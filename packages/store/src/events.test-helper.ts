import type { StoreEvent } from "./event.ts";

/** An event of which a test says what matters to it. */
export function event(changes: Partial<StoreEvent> & Pick<StoreEvent, "id">): StoreEvent {
  return { user: "ann", item: "7", rating: 4, time: 100, ...changes };
}

/** Numbers from 0 to below 1, like chance but always the same. */
export function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Events of four users with many ties in time, some late, and items whose ids are numbers and words. */
export function randomEvents(count: number, seed: number): StoreEvent[] {
  const next = chance(seed);
  const of = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!;
  return Array.from({ length: count }, (_, i) =>
    event({
      id: `${seed}-${i}`,
      user: of(["ann", "bob", "eve", "日本"]),
      item: of(["7", "10", "9", "a", "B", "é", "日"]),
      rating: Math.floor(next() * 50) / 10,
      time: 1000 + Math.floor(i / 5) - (next() < 0.1 ? Math.floor(next() * 20) : 0),
    }),
  );
}
