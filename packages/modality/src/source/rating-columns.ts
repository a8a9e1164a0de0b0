import type { DataConfig } from "../config.ts";
import type { ColumnReference } from "./config.ts";
import { literal } from "./database.ts";
import { contextPlans } from "./context-columns.ts";
import { blanks } from "./ids.ts";
import type { ColumnPlan } from "./import-table.ts";
import { timePlans } from "./times.ts";
import { truthSql } from "./truth.ts";

/** An id: not empty, at most 1,024 characters, without control characters. */
export const idPlan: Omit<ColumnPlan, "reference"> = {
  isBad: `text IS NULL OR trim(text, ${blanks}) = '' OR length(text) > 1024 OR regexp_matches(text, '[\\x00-\\x1f\\x7f]')`,
  complaint: "the id is empty, too long or holds control characters",
};

/** How the ratings are read and when they are bad. */
export function ratingColumns({ source, label }: DataConfig): Record<string, ColumnPlan> {
  const { columns, heading, impressions } = source.ratings;
  const plans: Record<string, ColumnPlan> = {
    ...contextPlans(source.ratings),
    ...(columns.user !== undefined && { user: idOf("user", columns.user) }),
    ...(columns.item !== undefined && { item: idOf("item", columns.item) }),
    ...(heading !== undefined && { [heading.column]: idOf(heading.column, undefined) }),
    ...timePlans(source.ratings),
  };
  if (columns.rating !== undefined) {
    plans.rating = {
      reference: columns.rating,
      value: "TRY_CAST(to_number(rating) AS FLOAT)",
      isBad: "value IS NULL OR NOT isfinite(value)",
      complaint: "the rating is not a number",
    };
  }
  const labelColumn = impressions?.labels === "attached" ? columns.item : columns.label;
  if (labelColumn !== undefined && ("column" in label || columns.rating === undefined)) {
    plans.label = {
      reference: labelColumn,
      // -1 is kept until it is known whether the others are 0 or 1.
      value: `CASE WHEN to_number(label) = -1 THEN -1 ELSE ${truthSql("label")} END`,
      isBad: "value IS NULL",
      complaint: "the label is not 0 or 1, -1 or 1, true or false",
    };
  }
  if (columns.part !== undefined) {
    plans.part = {
      reference: columns.part,
      value: partSql(source.ratings.parts),
      isBad: "value IS NULL",
      complaint: "the part is none of train, validation, test (parts says which text means which)",
    };
  }
  return plans;
}

function idOf(entity: string, reference: ColumnReference | undefined): ColumnPlan {
  return { reference, ...idPlan, complaint: `the ${entity}'s ${idPlan.complaint!.slice(4)}` };
}

const usualNames = {
  train: ["train", "training", "tr"],
  validation: ["validation", "valid", "val", "dev", "eval"],
  test: ["test", "testing", "te"],
} as const;

/** 0, 1 or 2 for a text that means training, validation or test. */
function partSql(parts: DataConfig["source"]["ratings"]["parts"]): string {
  const cases = (["train", "validation", "test"] as const).flatMap((part, code) => {
    const names = parts === undefined ? usualNames[part] : (parts[part] ?? []);
    if (names.length === 0) return [];
    const text = parts === undefined ? "lower(trim(part))" : "trim(part)";
    return [`WHEN ${text} IN (${names.map(literal).join(", ")}) THEN ${code}`];
  });
  return `CASE ${cases.join(" ")} END`;
}
