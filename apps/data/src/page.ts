import {
  formatCount,
  formatDay,
  formatShare,
  type BarChart,
  type Page,
  type ReportTable,
} from "@corella/evaluation";
import type { Bin, LogDistributions, LogSummary, PartSummary, Warning } from "@corella/modality";
import { type PartSample, promptTable, sampleTable } from "./sample.ts";
import { aloneSection, type FeatureLook, warningsTable } from "./features.ts";

const partNames = ["train", "validation", "test"] as const;

/** The figures of the parts as a table. */
export function partsTable({ parts }: LogSummary): ReportTable {
  const line = (name: string, text: (part: PartSummary) => string): string[] => [
    name,
    ...partNames.map((part) => text(parts[part])),
  ];
  return {
    columns: ["", ...partNames],
    rows: [
      line("samples", ({ rows }) => formatCount(rows)),
      line(
        "positive",
        ({ positives, positiveShare }) => `${formatCount(positives)} (${formatShare(positiveShare)})`,
      ),
      line("first", ({ time }) => (time === undefined ? "–" : formatDay(time.first))),
      line("last", ({ time }) => (time === undefined ? "–" : formatDay(time.last))),
      line("history, mean", ({ history }) => history.mean.toFixed(1)),
      line("history, median", ({ history }) => formatCount(history.median)),
      line("history, longest", ({ history }) => formatCount(history.max)),
      line("user not in training", ({ cold }) => formatShare(cold.newUser)),
      line("item not in training", ({ cold }) => formatShare(cold.newItem)),
      line("no history", ({ cold }) => formatShare(cold.noHistory)),
    ],
  };
}

/** What was read and what was left out, by reason. */
export function readingTable({ report }: LogSummary): ReportTable {
  return {
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
  };
}

/** What is known of users and items, by attribute: how many rows have a value, a number, and how many values there are. */
export function attributesTable({ attributes, rows }: LogSummary): ReportTable | undefined {
  if (attributes.length === 0) return undefined;
  const of = (part: number): string => `${formatCount(part)} (${formatShare(rows === 0 ? 0 : part / rows)})`;
  return {
    columns: ["attribute", "type", "rows with a value", "readable as number", "distinct"],
    rows: attributes.map(({ table, name, type, rows: filled, numbers, distinct }) => [
      `${table === "users" ? "user" : "item"}.${name}`,
      type,
      of(filled),
      of(numbers),
      formatCount(distinct),
    ]),
  };
}

/** The figures of the first glance. */
export function cardsOf(summary: LogSummary): Page["summary"] {
  const { time } = summary;
  return [
    { label: "rows", value: formatCount(summary.rows) },
    { label: "users", value: formatCount(summary.users) },
    { label: "items", value: formatCount(summary.items) },
    { label: "density", value: `${(summary.density * 100).toPrecision(3)} %` },
    ...(time === undefined
      ? [{ label: "times", value: summary.report.times === "none" ? "none" : "an order alone" }]
      : [
          { label: "from", value: formatDay(time.first) },
          { label: "to", value: formatDay(time.last) },
        ]),
  ];
}

/** The page of a data set. */
export function dataPage(
  name: string,
  summary: LogSummary,
  drawn: LogDistributions,
  look: FeatureLook | undefined,
  found: readonly Warning[],
  samples: readonly PartSample[],
): Page {
  const warnings = warningsTable([...found, ...(look?.warnings ?? [])]);
  const attributes = attributesTable(summary);
  return {
    title: `corella data: ${name}`,
    summary: cardsOf(summary),
    tables: [
      { heading: "Parts", table: partsTable(summary) },
      { heading: "Reading", table: readingTable(summary) },
      ...(attributes === undefined ? [] : [{ heading: "Attributes", table: attributes }]),
      ...(look === undefined ? [] : [{ heading: "A sample of each part", table: sampleTable(samples) }]),
      { heading: "A prompt of each part", table: promptTable(samples) },
      ...(warnings === undefined ? [] : [{ heading: "Warnings", table: warnings }]),
    ],
    ...(look === undefined ? {} : { ranked: aloneSection(look) }),
    charts: [
      {
        title: "Interactions over time",
        xLabel: summary.time === undefined ? "place in the order" : "day",
        yLabel: "rows",
        series: ["positive", "negative"],
        bars: drawn.overTime.map(({ from, positives, negatives }) => ({
          label: summary.time === undefined ? from.toFixed(0) : formatDay(from),
          values: [positives, negatives],
        })),
      },
      bars("Ratings", "rating", "rows", drawn.ratings, ({ rows }) => rows),
      {
        title: "Events before a sample",
        xLabel: "events",
        yLabel: "samples",
        series: [...partNames],
        bars: drawn.historyLengths.map((bin) => ({
          label: range(bin),
          values: partNames.map((part) => bin[part]),
        })),
      },
      bars("Interactions of a user", "rows", "users", drawn.rowsOfUsers, (bin) => bin.count),
      bars("Interactions of an item", "rows", "items", drawn.rowsOfItems, (bin) => bin.count),
    ],
  };
}

function bars<One extends Bin>(
  title: string,
  xLabel: string,
  yLabel: string,
  bins: readonly One[],
  valueOf: (bin: One) => number,
): BarChart {
  return {
    title,
    xLabel,
    yLabel,
    series: [yLabel],
    bars: bins.map((bin) => ({ label: range(bin), values: [valueOf(bin)] })),
  };
}

function range({ from, to }: Bin): string {
  return from === to ? String(from) : `${from}–${to}`;
}
