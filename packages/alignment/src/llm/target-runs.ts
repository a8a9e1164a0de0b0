import { createGenerator, permutation } from "@corella/random";
import {
  recordAt,
  recordsAt,
  statisticsAt,
  type InteractionLog,
  type Prompt,
  type RatingRecord,
} from "@corella/modality";
import type { PreparedData } from "../data.ts";
import type { CrmAnswers } from "./asking.ts";

/** Rows of one user that are asked about after one and the same history. */
export interface TargetRun {
  /** Rows of the log, oldest first. */
  readonly rows: Uint32Array;
}

/**
 * Runs of a user's rows, oldest first, that are asked about after one and the same history: the one before the first of
 * them. It is older than the later targets' own by up to `size - 1` events and never holds an event of their future.
 * @param rows of the log, any order; a user's last run may be shorter
 */
export function targetRuns(log: InteractionLog, rows: Uint32Array, size: number): TargetRun[] {
  const wanted = new Uint8Array(log.size);
  for (const row of rows) wanted[row] = 1;
  const runs: TargetRun[] = [];
  for (let user = 0; user < log.users.ids.length; user++) {
    const own = log.userRows
      .subarray(log.userOffsets[user]!, log.userOffsets[user + 1]!)
      .filter((row) => wanted[row] === 1);
    for (let start = 0; start < own.length; start += size)
      runs.push({ rows: own.slice(start, start + size) });
  }
  return runs;
}

/** Random runs with at least `samples` rows together, as few as it takes; all when there are not more. */
export function randomRuns<Run extends { readonly rows: Uint32Array }>(
  runs: readonly Run[],
  samples: number,
  seed: number,
  purpose: string,
): Run[] {
  const order = permutation(runs.length, createGenerator(seed, `runs/${purpose}`));
  let rows = 0;
  const chosen: Run[] = [];
  for (const position of order) {
    if (rows >= samples) break;
    chosen.push(runs[position]!);
    rows += runs[position]!.rows.length;
  }
  return chosen;
}

/**
 * Prompts of a run's rows: the first one's history and statistics of the user, then each row's own target with its own
 * statistics.
 * @param crm is read where the prompt says what the CRM says
 */
export function renderRun(
  data: Pick<PreparedData, "log" | "catalogue">,
  prompt: Prompt,
  { rows: run }: TargetRun,
  crm?: CrmAnswers,
): string[] {
  const { historyLength } = prompt.config;
  const [{ history } = { history: [] }] = recordsAt(
    data.log,
    run.subarray(0, 1),
    prompt,
    () => historyLength,
  );
  const read = statisticsAt(data.log, run, prompt);
  const ofUser = Object.entries(read?.(0) ?? {}).filter(([name]) => name.startsWith("user."));
  return Array.from(run, (row, i) => {
    const ofItem = Object.entries(read?.(i) ?? {}).filter(([name]) => name.startsWith("item."));
    const statistics = Object.fromEntries([...ofUser, ...ofItem]);
    const record: RatingRecord = { ...recordAt(data.log, row, 0), history, statistics, pCrm: crm?.(row) };
    return prompt.render(record, data.catalogue);
  });
}
