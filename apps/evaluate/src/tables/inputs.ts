import type { FinishedRun, RunConfig } from "@corella/alignment";
import type { ConfidenceGroup, Curve, ResultTable } from "@corella/evaluation";
import type { InteractionLog } from "@corella/modality";

/** What tables are built of. */
export interface TableInputs {
  readonly runs: readonly FinishedRun[];
  /** The configuration that the runs are variants of. */
  readonly config: RunConfig;
  readonly log: InteractionLog;
  /** Rows of the training part. */
  readonly train: Uint32Array;
  /** Rows of the test part that every model has scored. */
  readonly rows: Uint32Array;
  /** What is said of these rows in every table. */
  readonly rowsNote: string;
  /** Seed of the intervals. */
  readonly seed: number;
  readonly intervals: "users" | "rows";
}

/** A table, with its pictures. */
export interface Built {
  readonly tables: readonly ResultTable[];
  readonly curves?: readonly Curve[];
  readonly confidenceGroups?: readonly ConfidenceGroup[];
}

/** The labels of the rows. */
export function labelsOf({ log, rows }: TableInputs): Float32Array {
  return Float32Array.from(rows, (row) => log.label[row]!);
}

/** What intervals draw: whose rows they are, or nothing, for single rows. */
export function usersOf({ log, rows, intervals }: TableInputs): Int32Array | undefined {
  return intervals === "users" ? Int32Array.from(rows, (row) => log.user[row]!) : undefined;
}
