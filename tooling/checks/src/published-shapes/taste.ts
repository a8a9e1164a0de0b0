/** Rows of each made-up log. */
export const rowCount = 420;

/** Users of each made-up log. */
export const userCount = 31;

/** Items of each made-up log. */
export const itemCount = 41;

/** Who met what, and whether it was liked: users and items are of two kinds and mostly like their own. @param row the same gives the same */
export function madeUpEvent(row: number): {
  readonly user: number;
  readonly item: number;
  readonly likes: boolean;
} {
  const user = (row * 7 + Math.floor(row / userCount)) % userCount;
  const item = (row * 11 + (row % 13)) % itemCount;
  const isOwnKind = (user + item) % 2 === 0;
  // One in nine goes the other way.
  return { user, item, likes: (row * row) % 9 === 4 ? !isOwnKind : isOwnKind };
}

/** All events of a made-up log, in their order. */
export const madeUpEvents: readonly ReturnType<typeof madeUpEvent>[] = Array.from(
  { length: rowCount },
  (_, row) => madeUpEvent(row),
);
