import { CorellaError } from "@corella/errors";
import { type EntityTable, type LogColumns, takeRows } from "./log.ts";

/**
 * Iterative k-core: removes users with fewer than `kCoreUsers` and items with fewer than `kCoreItems` interactions
 * until none is left to remove. Removed users and items also leave their tables.
 */
export function filterKCore(
  columns: LogColumns,
  { kCoreUsers = 1, kCoreItems = 1 }: { kCoreUsers?: number | undefined; kCoreItems?: number | undefined },
): LogColumns {
  if (kCoreUsers <= 1 && kCoreItems <= 1) return columns;
  const { user, item } = columns;
  const keep = new Uint8Array(user.length).fill(1);
  let kept = user.length;
  for (let before = -1; before !== kept;) {
    before = kept;
    const userCount = countKept(user, columns.users.ids.length, keep);
    const itemCount = countKept(item, columns.items.ids.length, keep);
    for (let row = 0; row < user.length; row++) {
      if (keep[row] === 1 && (userCount[user[row]!]! < kCoreUsers || itemCount[item[row]!]! < kCoreItems)) {
        keep[row] = 0;
        kept--;
      }
    }
  }
  if (kept === 0) {
    throw new CorellaError({
      code: "data/no-rows",
      message: `No interaction is in the ${kCoreUsers}-core of users and ${kCoreItems}-core of items.`,
      place: "data.filter",
      remedy: "Lower kCoreUsers and kCoreItems.",
    });
  }
  const rows = new Uint32Array(kept);
  for (let row = 0, to = 0; row < user.length; row++) if (keep[row] === 1) rows[to++] = row;
  const taken = takeRows(columns, rows);
  const users = compact(columns.users, taken.user);
  const items = compact(columns.items, taken.item);
  return { ...taken, users: users.table, user: users.codes, items: items.table, item: items.codes };
}

function countKept(codes: Int32Array, size: number, keep: Uint8Array): Uint32Array {
  const counts = new Uint32Array(size);
  for (let row = 0; row < codes.length; row++) counts[codes[row]!]! += keep[row]!;
  return counts;
}

/** Renumbers the codes that occur, in their order. */
function compact(table: EntityTable, codes: Int32Array): { table: EntityTable; codes: Int32Array } {
  const newCode = new Int32Array(table.ids.length).fill(-1);
  for (const code of codes) newCode[code] = 0;
  const kept: number[] = [];
  for (let code = 0; code < newCode.length; code++)
    if (newCode[code] === 0) newCode[code] = kept.push(code) - 1;
  return {
    table: {
      ids: kept.map((code) => table.ids[code]!),
      attributes: kept.map((code) => table.attributes[code]!),
      activeCount: kept.length,
    },
    codes: codes.map((code) => newCode[code]!),
  };
}
