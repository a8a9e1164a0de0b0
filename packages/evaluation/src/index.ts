export { ablationVerdict } from "./ablations.ts";
export { budgetCurve, type AnswersOfBoth, type BudgetPoint, type BudgetSeed } from "./budget.ts";
export {
  alignmentFigures,
  alignmentTable,
  type AlignedPair,
  type AlignmentFigures,
  type PairAlignment,
  type ScoreFigures,
} from "./alignment.ts";
export { moneyPer1000, type ModelCost, type Prices } from "./cost.ts";
export { csvCell, evaluationCsv, segmentsCsv } from "./csv.ts";
export {
  confidenceGroupAuc,
  entropyHistogram,
  type ConfidenceGroup,
  type EntropyBin,
  type EntropyHistogram,
} from "./entropy.ts";
export {
  evaluateModels,
  type BaselineComparison,
  type Evaluation,
  type EvaluationOptions,
  type EvaluationRow,
  type Judged,
  type JudgedRow,
  type ModelPredictions,
  type SampledFrom,
  type ValidationFigures,
  type ValidationPart,
} from "./evaluate.ts";
export { judgedSeeds } from "./judged-seeds.ts";
export { mixLimits, mixLimitsTable, type MixLimits } from "./mix-limits.ts";
export { formatCount, formatDay, formatShare, formatSpread } from "./numbers.ts";
export { evaluatePart, figureFiles, type PartFigures } from "./part.ts";
export { renderPage } from "./report/page.ts";
export { seedsWords } from "./report/glossary.ts";
export { renderReport } from "./report/render.ts";
export { aucCards, confidenceSections, type ConfidenceParts } from "./report/sections.ts";
export type {
  BarChart,
  Curve,
  CurveSeries,
  GlossaryEntry,
  Page,
  RankedBars,
  RankedSection,
  Report,
  ReportDetail,
  ReportTable,
  SummaryCard,
} from "./report/report.ts";
export {
  budgetTable,
  confidenceTable,
  formatCsv,
  seedsTable,
  segmentsTable,
  type ResultTable,
} from "./result-table.ts";
export { partsTable, type PartsSegment } from "./parts-table.ts";
export {
  evaluateSeeds,
  type SeededPredictions,
  type SeedsEvaluation,
  type SeedsOptions,
  type SeedsRow,
  type SeedValidation,
} from "./seeds.ts";
export { evaluateSegments, type Segment, type SegmentFigures, type SegmentRow } from "./segments.ts";
export { formatSegments } from "./segment-table.ts";
export { simpleModels, type LabelledRows } from "./simple-models.ts";
export { formatMarkdownTable, formatTable } from "./table.ts";
export { verdict } from "./verdict.ts";
export { figureWarnings, type FigureWarning } from "./warnings.ts";
