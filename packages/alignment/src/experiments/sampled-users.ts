import { createGenerator, permutation } from "@corella/random";

/**
 * Rows of whole users, drawn one after the other until there are so many rows or a few more, ascending; all rows where
 * there are not more. The same count gives the same rows, whatever the seed of a run.
 * @param user of each row of the log
 */
export function rowsOfSampledUsers(rows: Uint32Array, user: ArrayLike<number>, count: number): Uint32Array {
  if (count >= rows.length) return rows;
  const byUser = new Map<number, number[]>();
  for (const row of rows) {
    const own = byUser.get(user[row]!);
    if (own === undefined) byUser.set(user[row]!, [row]);
    else own.push(row);
  }
  const users = [...byUser.values()];
  const chosen: number[] = [];
  for (const place of permutation(users.length, createGenerator(1, "subset/test-users"))) {
    if (chosen.length >= count) break;
    chosen.push(...users[place]!);
  }
  return Uint32Array.from(chosen).sort();
}
