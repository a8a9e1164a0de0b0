import type { ReportTable } from "@corella/evaluation";
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
      rows: [[count(rows), count(users), count(items), share(density)]],
    },
    {
      columns: ["part", "training", "validation", "test"],
      rows: [
        line("samples", (part) => count(part.rows)),
        line("positive", ({ positives, positiveShare }) => `${count(positives)} (${share(positiveShare)})`),
        line("first", ({ time }) => (time === undefined ? "–" : day(time.first))),
        line("last", ({ time }) => (time === undefined ? "–" : day(time.last))),
        line("history, mean", ({ history }) => history.mean.toFixed(1)),
        line("history, longest", ({ history }) => count(history.max)),
        line("user not in training", ({ cold }) => share(cold.newUser)),
        line("item not in training", ({ cold }) => share(cold.newItem)),
        line("no history", ({ cold }) => share(cold.noHistory)),
      ],
    },
    {
      columns: ["reading", "rows", "first place"],
      rows: [
        ["ratings read", count(report.rowsRead), ""],
        ["the same user, item and time as another (kept)", count(report.duplicates), ""],
        ["removed by the k-core filter", count(report.removedByKCore), ""],
        ...report.skipped.map(({ table, reason, count: skipped, firstPlace }) => [
          `skipped from ${table}: ${reason}`,
          count(skipped),
          firstPlace,
        ]),
      ],
    },
  ];
}

function count(value: number): string {
  return value.toLocaleString("en");
}

function share(value: number): string {
  return `${(value * 100).toFixed(1)} %`;
}

/** The day of a time in seconds, UTC: `2024-02-29`. */
function day(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10);
}
