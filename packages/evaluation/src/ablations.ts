import { formatDifference } from "./numbers.ts";
import type { SeedsEvaluation, SeedsRow } from "./seeds.ts";

/**
 * What parts of a whole are worth, in sentences: which variants without one are worse than the baseline, the whole, which are
 * better, and of which these samples cannot tell. Empty without a baseline.
 */
export function ablationVerdict({ rows, baseline }: SeedsEvaluation): string {
  const whole = rows.find(({ name }) => name === baseline);
  if (whole === undefined) return "";
  const compared = rows.flatMap((row) =>
    row.aucDifference === undefined || Number.isNaN(row.aucDifference.estimate)
      ? []
      : [{ row, ...row.aucDifference }],
  );
  const groups = [
    { said: `Worse than ${whole.title} by AUC`, of: compared.filter(({ high }) => high < 0) },
    {
      said: `Better than ${whole.title}, so that what is left out does harm`,
      of: compared.filter(({ low }) => low > 0),
    },
    {
      said: `Not to be told from ${whole.title} by these samples`,
      of: compared.filter(({ low, high }) => !(high < 0) && !(low > 0)),
    },
  ];
  const named = ({ title }: SeedsRow, estimate: number): string => `${title} (${formatDifference(estimate)})`;
  return groups
    .filter(({ of }) => of.length > 0)
    .map(({ said, of }) => `${said}: ${of.map(({ row, estimate }) => named(row, estimate)).join(", ")}.`)
    .join(" ");
}
