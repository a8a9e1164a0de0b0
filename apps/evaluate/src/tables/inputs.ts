import type { FinishedRun, RunConfig } from "@corella/alignment";
import { CorellaError } from "@corella/errors";
import {
  evaluateSeeds,
  type ConfidenceGroup,
  type Curve,
  type ResultTable,
  type SeededPredictions,
  type SeedsEvaluation,
} from "@corella/evaluation";
import type { InteractionLog } from "@corella/modality";
import type { GroupsOf } from "./predictions.ts";

/** What models are compared on. */
export interface ComparedOn {
  readonly runs: readonly FinishedRun[];
  /** The configuration that the runs are variants of. */
  readonly config: RunConfig;
  readonly log: InteractionLog;
  /** Rows of the training and the validation part. */
  readonly train: Uint32Array;
  readonly validation: Uint32Array;
  /** Rows of the test part that every model has scored. */
  readonly rows: Uint32Array;
  /** What is said of these rows in every table. */
  readonly rowsNote: string;
  /** Seed of the intervals. */
  readonly seed: number;
  readonly intervals: "users" | "rows";
}

/** What tables are built of. */
export interface TableInputs extends ComparedOn {
  /** Every recipe there is, after what each must beat: a constant, the mean of the item, and those of user and item. */
  readonly models: readonly SeededPredictions[];
  /** Their figures on `rows`. */
  readonly evaluation: SeedsEvaluation;
}

/** A table, with its pictures. */
export interface Built {
  readonly tables: readonly ResultTable[];
  readonly curves?: readonly Curve[];
  readonly confidenceGroups?: readonly ConfidenceGroup[];
  /** What it says of its own, in sentences. */
  readonly verdict?: string;
}

/** The labels of the rows of the test part. */
export function labelsOf({ log, rows }: Pick<ComparedOn, "log" | "rows">): Float32Array {
  return Float32Array.from(rows, (row) => log.label[row]!);
}

/**
 * Refuses a log whose labels are not those that runs were scored by: rows of old predictions would be judged by those of other data.
 * @param place of the error
 * @throws CorellaError `evaluate/data-changed`
 */
export function requireLabels(
  runs: readonly Pick<FinishedRun, "result">[],
  log: Pick<InteractionLog, "label">,
  place: string,
): void {
  const parts = runs.flatMap(({ result: { test, validation } }) => [
    test,
    ...(validation ? [validation] : []),
  ]);
  if (parts.every(({ rows, labels }) => rows.every((row, i) => log.label[row] === labels[i]))) return;
  throw new CorellaError({
    code: "evaluate/data-changed",
    message:
      "The data changed while the tables were trained: labels are not those that the runs were scored by.",
    place,
    remedy: "Run the same command again: it trains by the data as they are.",
  });
}

/** The users of rows. */
export function usersOf({ log }: Pick<ComparedOn, "log">, rows: Uint32Array): Int32Array {
  return Int32Array.from(rows, (row) => log.user[row]!);
}

/** The users of rows, where intervals are made by users. */
export function groupsOf(inputs: ComparedOn): GroupsOf {
  return (rows) => (inputs.intervals === "users" ? usersOf(inputs, rows) : undefined);
}

/** Figures over seeds of the rows of the test part. @param baseline default: the CRM alone, where there is one */
export function evaluated(
  inputs: ComparedOn,
  models: readonly SeededPredictions[],
  baseline: string | undefined = models.find((model) => model.name === "crm")?.name,
): SeedsEvaluation {
  const { rows, seed } = inputs;
  return evaluateSeeds(models, labelsOf(inputs), {
    seed,
    groups: groupsOf(inputs)(rows),
    users: usersOf(inputs, rows),
    baseline,
  });
}
