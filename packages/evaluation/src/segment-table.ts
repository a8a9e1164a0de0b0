import type { Interval } from "@corella/metrics";
import { baselineTitle, type Evaluation } from "./evaluate.ts";
import { formatCount, formatDifference, formatLevel, formatShare, formatShort } from "./numbers.ts";
import { withoutAuc, type SegmentFigures, type SegmentRow } from "./segments.ts";
import { plainText } from "./text.ts";

/** Segments' names are cut in a terminal, so that a line stays below 110 columns. */
const longestName = 36;

/**
 * The segments for a terminal, at most 110 columns wide: a line each, with the AUC of the baseline, that of the last model
 * (the system as a whole) and their difference; without a baseline the last model's alone.
 */
export function formatSegments(
  segments: readonly SegmentFigures[],
  evaluation: Pick<Evaluation, "rows" | "baseline" | "level">,
): string {
  const { rows, baseline, level } = evaluation;
  const last = rows.at(-1)!;
  const isCompared = baseline !== undefined && baseline !== last.name;
  const header = ["", "samples", "positive", `AUC [${formatLevel(level)}]`];
  if (isCompared) header.splice(3, 1, "baseline", "AUC", `difference [${formatLevel(level)}]`);
  const lines = segments.map((segment) => {
    const { name, count, positives, models } = segment;
    const cells = [plainText(name).slice(0, longestName), formatCount(count), formatShare(positives / count)];
    const model = models.find((each) => each.name === last.name);
    if (model === undefined) return [...cells, withoutAuc(segment)];
    if (!isCompared) return [...cells, bracketed(model.auc, formatShort)];
    const base = models.find((each) => each.name === baseline)!;
    return [
      ...cells,
      formatShort(base.auc.estimate),
      formatShort(model.auc.estimate),
      bracketed(differenceOf(model), formatDifference),
    ];
  });
  const heading = isCompared
    ? `AUC by segment: ${plainText(last.title)}, against ${plainText(baselineTitle({ rows, baseline }) ?? baseline)}`
    : `AUC by segment: ${plainText(last.title)}`;
  return [heading, ...aligned(header, lines)].join("\n");
}

/** A model's difference to the baseline; all NaN where it has none. */
export function differenceOf({ versusBaseline }: SegmentRow): Interval {
  return versusBaseline ?? { estimate: Number.NaN, low: Number.NaN, high: Number.NaN };
}

function bracketed({ estimate, low, high }: Interval, format: (value: number) => string): string {
  return `${format(estimate)} [${format(low)}, ${format(high)}]`;
}

/** Columns of text: counts and shares to the right, all else to the left. A short line's last cell may be long. */
function aligned(header: readonly string[], lines: readonly (readonly string[])[]): string[] {
  const whole = [header, ...lines.filter(({ length }) => length === header.length)];
  const widths = header.map((_, column) =>
    Math.max(...(column < 3 ? [header, ...lines] : whole).map((cells) => cells[column]!.length)),
  );
  const text = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        column === 1 || column === 2 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join("  ")
      .trimEnd();
  const heads = text(header);
  return [heads, "─".repeat(widths.reduce((sum, width) => sum + width + 2, -2)), ...lines.map(text)];
}
