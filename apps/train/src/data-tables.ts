import { formatCount, formatDay, formatShare, type ReportTable } from "@corella/evaluation";
import type { LogSummary, PartSummary } from "@corella/modality";

const partNames = ["train", "validation", "test"] as const;

/** What a log and its parts hold, for people: counts, days, shares; and what was left out, where anything was. */
export function dataTables(summary: LogSummary): ReportTable[] {
  const { rows, users, items, density, report, parts } = summary;
  const line = (name: string, text: (part: PartSummary) => string): string[] => [
    name,
    ...partNames.map((part) => text(parts[part])),
  ];
  return [
    {
      columns: ["samples", "users", "items", "density"],
      rows: [[formatCount(rows), formatCount(users), formatCount(items), formatShare(density)]],
    },
    {
      columns: ["part", "training", "validation", "test"],
      rows: [
        line("samples", (part) => formatCount(part.rows)),
        line(
          "positive",
          ({ positives, positiveShare }) => `${formatCount(positives)} (${formatShare(positiveShare)})`,
        ),
        line("first", ({ time }) => (time === undefined ? "–" : formatDay(time.first))),
        line("last", ({ time }) => (time === undefined ? "–" : formatDay(time.last))),
        line("history, mean", ({ history }) => history.mean.toFixed(1)),
        line("history, longest", ({ history }) => formatCount(history.max)),
        line("user not in training", ({ cold }) => formatShare(cold.newUser)),
        line("item not in training", ({ cold }) => formatShare(cold.newItem)),
        line("no history", ({ cold }) => formatShare(cold.noHistory)),
      ],
    },
    {
      columns: ["reading", "rows", "first place"],
      rows: [
        ["ratings read", formatCount(report.rowsRead), ""],
        ["the same user, item and time as another (kept)", formatCount(report.duplicates), ""],
        ["removed by the k-core filter", formatCount(report.removedByKCore), ""],
        ...report.skipped.map(({ table, reason, count: skipped, firstPlace }) => [
          `skipped from ${table}: ${reason}`,
          formatCount(skipped),
          firstPlace,
        ]),
      ],
    },
  ];
}
