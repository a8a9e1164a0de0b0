import type { DataConfig } from "../config.ts";
import { blanks } from "./ids.ts";
import type { ColumnPlan } from "./import-table.ts";

const latestSeconds = Date.UTC(2100, 0) / 1000;

/** An id: not empty, at most 1,024 characters, without control characters. */
export const idPlan: Omit<ColumnPlan, "reference"> = {
  isBad: `text IS NULL OR trim(text, ${blanks}) = '' OR length(text) > 1024 OR regexp_matches(text, '[\\x00-\\x1f\\x7f]')`,
  complaint: "the id is empty, too long or holds control characters",
};

/** How the ratings are read and when they are bad. */
export function ratingColumns({ source, label }: DataConfig): Record<string, ColumnPlan> {
  const { columns, timeUnit } = source.ratings;
  const plans: Record<string, ColumnPlan> = {
    user: { reference: columns.user, ...idPlan, complaint: `the user's ${idPlan.complaint!.slice(4)}` },
    item: { reference: columns.item, ...idPlan, complaint: `the item's ${idPlan.complaint!.slice(4)}` },
    time: {
      reference: columns.time,
      value: timeSql[timeUnit],
      isBad: `value IS NULL OR NOT isfinite(value) OR value < 0 OR value >= ${latestSeconds}`,
      complaint: `the time is not between 1970 and 2100 in ${timeUnit === "text" ? "ISO 8601" : timeUnit}`,
    },
  };
  if (columns.rating !== undefined) {
    plans.rating = {
      reference: columns.rating,
      value: "TRY_CAST(rating AS FLOAT)",
      isBad: "value IS NULL OR NOT isfinite(value)",
      complaint: "the rating is not a number",
    };
  }
  if (columns.label !== undefined && ("column" in label || columns.rating === undefined)) {
    plans.label = {
      reference: columns.label,
      value: "TRY_CAST(label AS DOUBLE)",
      isBad: "value IS NULL OR value NOT IN (0, 1)",
      complaint: "the label is not 0 or 1",
    };
  }
  return plans;
}

const timeSql = {
  seconds: "TRY_CAST(time AS DOUBLE)",
  milliseconds: "TRY_CAST(time AS DOUBLE) / 1000",
  text: "epoch(TRY_CAST(time AS TIMESTAMPTZ))",
} as const;
