import type { Attributes } from "./attribute-values.ts";
import { type ContextColumn, sortContext, takeContext } from "./context.ts";
import { sortRows, type RowColumns } from "./sort-rows.ts";

/** Ratings are kept as 32-bit floats; this is the decimal that was meant: 4.1, not 4.099999904632568. */
export function decimalRating(rating: number): number {
  const single = Math.fround(rating);
  // Whole and half ones that 32-bit floats hold exactly mean themselves; to find the digits of others takes a while.
  return Number.isInteger(2 * single) && Math.abs(single) < 2 ** 24 ? single : Number(single.toPrecision(7));
}

/** Whether a rating reaches a threshold, both as 32-bit floats: 4.1 reaches 4.1. */
export function isLiked(rating: number, threshold: number): boolean {
  return Math.fround(rating) >= Math.fround(threshold);
}

export type { Attributes, AttributeValue } from "./attribute-values.ts";

/** Dense codes 0..ids.length-1 and what they stand for. */
export interface EntityTable {
  /** code -> id as written in the source. Ascending (numerically when all are integers) within the two parts. */
  readonly ids: readonly string[];
  /** Codes below this occur in the log; the others are known from the attribute table only. */
  readonly activeCount: number;
  /** code -> attributes; empty objects where the attribute table has no row. */
  readonly attributes: readonly Attributes[];
}

/** How the cells of an attribute were read, by rows of its table. */
export interface AttributeReport {
  readonly table: "items" | "users";
  readonly name: string;
  readonly type: "text" | "number" | "list";
  /** Rows whose cell holds something. */
  readonly filled: number;
  /** Of those, the rows whose cell gave a value. */
  readonly read: number;
}

/** Something that looks wrong but does not forbid to go on, and what to do about it. */
export interface Warning {
  readonly message: string;
  readonly remedy: string;
}

/** What was read, and what was left out of it, by reason. */
export interface LoadReport {
  readonly rowsRead: number;
  /** Rows skipped under `onBadRow: skip`, by table and reason, with the first place of each. */
  readonly skipped: readonly { table: string; reason: string; count: number; firstPlace: string }[];
  /** Rows equal to another one in user, item and time. They are kept. */
  readonly duplicates: number;
  /** Rows removed by the k-core filter. */
  readonly removedByKCore: number;
  /**
   * What `time` is: seconds of a clock, numbers that only order the rows (row numbers too), or `none`: the log has no times,
   * all are 0 and nobody has a history.
   */
  readonly times: "clock" | "order" | "none";
  /** The attributes that the mapping names, those without a single value included. */
  readonly attributes: readonly AttributeReport[];
  /** What looks wrong in the data as they were read. */
  readonly warnings: readonly Warning[];
}

/** An interaction log, column by column, in global order of (time, user, item). */
export interface InteractionLog {
  readonly size: number;
  readonly user: Int32Array;
  readonly item: Int32Array;
  readonly rating: Float32Array;
  /** Seconds since 1970. */
  readonly time: Float64Array;
  readonly label: Uint8Array;
  /** Further columns of the interactions; undefined without any. */
  readonly context?: readonly ContextColumn[] | undefined;
  /** 0, 1, 2: training, validation, test as the source says; absent where it says nothing. */
  readonly part?: Uint8Array | undefined;
  readonly users: EntityTable;
  readonly items: EntityTable;
  /** CSR by user: the rows of user u, oldest first, are userRows[userOffsets[u] .. userOffsets[u+1]). */
  readonly userOffsets: Uint32Array;
  readonly userRows: Uint32Array;
  /** row -> the end (exclusive) of its history in userRows; its start is userOffsets[user]. */
  readonly historyEnd: Uint32Array;
  readonly history: { readonly maxLength: number; readonly ties: "exclude" | "order" };
  /** History items rated at least this count as liked. */
  readonly likedThreshold: number;
  readonly report: LoadReport;
}

/** The columns from which `createLog` makes a log; rows in any order. The arrays become the log's own. */
export interface LogColumns extends RowColumns {
  context?: readonly ContextColumn[] | undefined;
  users: EntityTable;
  items: EntityTable;
  history: { maxLength: number; ties: "exclude" | "order" };
  likedThreshold: number;
  report?: Partial<LoadReport>;
}

/** Sorts the rows by (time, user, item), in the given arrays, and builds the view by user. */
export function createLog(columns: LogColumns): InteractionLog {
  const origin = columns.context && Uint32Array.from(columns.user.keys());
  sortRows({ ...columns, origin });
  const { user, time, users, history } = columns;
  const size = user.length;
  const userCount = users.ids.length;
  const userOffsets = new Uint32Array(userCount + 1);
  for (let row = 0; row < size; row++) userOffsets[user[row]! + 1]!++;
  for (let u = 0; u < userCount; u++) userOffsets[u + 1]! += userOffsets[u]!;

  const userRows = new Uint32Array(size);
  const historyEnd = new Uint32Array(size);
  const next = userOffsets.slice(0, userCount);
  const tieStart = userOffsets.slice(0, userCount); // first position with the time of the user's latest row
  const latest = new Float64Array(userCount).fill(Number.POSITIVE_INFINITY); // the time of that row
  const strict = history.ties === "exclude";
  for (let row = 0; row < size; row++) {
    const u = user[row]!;
    const position = next[u]!++;
    userRows[position] = row;
    if (latest[u]! < time[row]!) tieStart[u] = position;
    latest[u] = time[row]!;
    historyEnd[row] = strict ? tieStart[u]! : position;
  }
  const { report, ...kept } = columns;
  return {
    ...kept,
    ...(origin !== undefined && { context: sortContext(columns, origin) }),
    size,
    userOffsets,
    userRows,
    historyEnd,
    report: {
      rowsRead: size,
      skipped: [],
      duplicates: countDuplicates(columns),
      removedByKCore: 0,
      times: "clock",
      attributes: [],
      warnings: [],
      ...report,
    },
  };
}

/** The rows of the user's at most `maxLength` latest interactions before the sample `row`, oldest first. A view. */
export function historyOf(
  log: InteractionLog,
  row: number,
  maxLength: number = log.history.maxLength,
): Uint32Array {
  const end = log.historyEnd[row]!;
  return log.userRows.subarray(Math.max(log.userOffsets[log.user[row]!]!, end - maxLength), end);
}

/** Number of interactions of the user before the sample `row`, under the log's rule for ties. */
export function historyLength(log: InteractionLog, row: number): number {
  return log.historyEnd[row]! - log.userOffsets[log.user[row]!]!;
}

/**
 * Places of rows in an order in which those of a user come together, oldest first. Prompts of one user's rows begin alike, so
 * a language model that scores them in this order computes less.
 */
export function placesByUser({ user }: Pick<InteractionLog, "user">, rows: Uint32Array): Uint32Array {
  return rows
    .map((_, place) => place)
    .sort((a, b) => user[rows[a]!]! - user[rows[b]!]! || rows[a]! - rows[b]!);
}

/** The given rows of every column, in the given order. */
export function takeRows(columns: LogColumns, rows: Uint32Array): LogColumns {
  const size = rows.length;
  const taken = {
    user: new Int32Array(size),
    item: new Int32Array(size),
    rating: new Float32Array(size),
    time: new Float64Array(size),
    label: new Uint8Array(size),
    ...(columns.part !== undefined && { part: new Uint8Array(size) }),
  };
  for (let i = 0; i < size; i++) {
    const row = rows[i]!;
    taken.user[i] = columns.user[row]!;
    taken.item[i] = columns.item[row]!;
    taken.rating[i] = columns.rating[row]!;
    taken.time[i] = columns.time[row]!;
    taken.label[i] = columns.label[row]!;
    if (taken.part !== undefined) taken.part[i] = columns.part![row]!;
  }
  return { ...columns, ...taken, context: takeContext(columns.context, rows) };
}

function countDuplicates({ user, item, time }: LogColumns): number {
  let duplicates = 0;
  for (let row = 1; row < user.length; row++) {
    if (time[row] === time[row - 1] && user[row] === user[row - 1] && item[row] === item[row - 1])
      duplicates++;
  }
  return duplicates;
}
