import { baselineTitle, type Evaluation, type EvaluationRow } from "../evaluate.ts";
import { formatCount, formatDifference, formatLevel, formatMetric, formatShare } from "../numbers.ts";
import { differenceOf } from "../segment-table.ts";
import { withoutAuc, type SegmentFigures } from "../segments.ts";
import { escapeHtml } from "../text.ts";
import { drawIntervals } from "./charts/intervals.ts";
import { modelColours } from "./colours.ts";
import { inBothWidths } from "./widths.ts";
import { table } from "./tables.ts";

/** Each segment's AUCs as a table, and as a picture how the last model compares with the baseline in each. */
export function segmentsSection(segments: readonly SegmentFigures[], evaluation: Evaluation): string {
  if (segments.length === 0) return "";
  const { baseline, level } = evaluation;
  const rows = evaluation.rows.filter(({ isSimple }) => isSimple !== true);
  const last = rows.at(-1)!;
  const base = baseline === last.name ? undefined : baselineTitle(evaluation);
  const drawn = segments.flatMap(({ name, models }) => {
    const model = models.find((each) => each.name === last.name);
    if (model === undefined) return [];
    return [{ title: name, interval: base === undefined ? model.auc : differenceOf(model) }];
  });
  const what = base === undefined ? "AUC" : "difference in AUC";
  return `<section>
<h2>By segment</h2>
<p class="note">Samples by what is known of their user and item before them: new ones have no event in the training part. ${formatLevel(level)} intervals of resamples within each segment; of twenty segments one shows a difference by chance.</p>
${
  drawn.length === 0
    ? ""
    : `<figure>
<h3>${escapeHtml(base === undefined ? `AUC of ${last.title}` : `AUC of ${last.title} − AUC of ${base}`)}</h3>
${inBothWidths("segments", (picture) =>
  drawIntervals(drawn, {
    ...picture,
    xLabel: what,
    reference: base === undefined ? undefined : 0,
    colour: () => modelColours(evaluation)(last.name),
    format: base === undefined ? formatMetric : formatDifference,
  }),
)}
</figure>`
}
${segmentsTable(segments, rows)}
</section>`;
}

function segmentsTable(segments: readonly SegmentFigures[], rows: readonly EvaluationRow[]): string {
  const columns = [
    ...["segment", "samples", "positive"].map((title) => ({ title })),
    ...rows.map(({ title }) => ({ title, isWide: true })),
  ];
  const cells = segments.map((segment) => {
    const { name, count, positives, models } = segment;
    const ofModels = rows.map((row, index) => {
      const model = models.find((each) => each.name === row.name);
      if (model === undefined) return index === 0 ? withoutAuc(segment) : "–";
      const { auc, versusBaseline: against } = model;
      const difference =
        against === undefined
          ? ""
          : `<small>${formatDifference(against.estimate)} [${formatDifference(against.low)}, ${formatDifference(against.high)}]</small>`;
      return `${formatMetric(auc.estimate)}<small>[${formatMetric(auc.low)}, ${formatMetric(auc.high)}]</small>${difference}`;
    });
    return [escapeHtml(name), formatCount(count), formatShare(positives / count), ...ofModels];
  });
  return table(columns, cells);
}
