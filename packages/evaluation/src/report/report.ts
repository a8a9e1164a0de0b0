import type { BoundaryShift, ShareCurve } from "@corella/routing";
import type { ConfidenceGroup, EntropyHistogram } from "../entropy.ts";
import type { Evaluation } from "../evaluate.ts";
import type { SegmentFigures } from "../segments.ts";

/** A number of the first glance, for example `Training time`, `5 min 12 s`. */
export interface SummaryCard {
  readonly label: string;
  readonly value: string;
}

/** One line of a `Curve`. */
export interface CurveSeries {
  readonly name: string;
  /** Name of the model that it is of, which has one colour through the whole page. */
  readonly model?: string | undefined;
  /** In ascending order of x. Points that are not finite (a diverged run) are left out and counted in the legend. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** A line chart, for example of the training loss of each stage. */
export interface Curve {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly CurveSeries[];
}

/** Bars in their order, each stacked of one value a series. */
export interface BarChart {
  readonly title: string;
  /** A remark above the picture. */
  readonly note?: string | undefined;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Names of the series. */
  readonly series: readonly string[];
  /** `values` are not negative, as many as there are series. */
  readonly bars: readonly { readonly label: string; readonly values: readonly number[] }[];
}

/** Bars beside each other's names, the first at the top, for example of features. */
export interface RankedBars {
  readonly title: string;
  readonly xLabel: string;
  /** Where bars begin: 0, or 0.5 for an AUC. What is lower goes to the left. */
  readonly base: number;
  /** Digits of the numbers after the point. */
  readonly digits: number;
  readonly bars: readonly {
    readonly label: string;
    /** What is not finite stands in the table alone. */
    readonly value: number;
    /** A whisker to both sides. */
    readonly spread?: number | undefined;
    /** For the table. */
    readonly remark?: string | undefined;
  }[];
}

/** Ranked bars under a common heading; those without a bar are left out. */
export interface RankedSection {
  readonly heading: string;
  /** Name of the model that they are of, which has one colour through the whole page. */
  readonly model?: string | undefined;
  /** A remark above the pictures. */
  readonly note?: string | undefined;
  readonly charts: readonly RankedBars[];
}

/** A table of plain text: the heads of its columns, and as many cells in each row. */
export interface ReportTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What unfolds at the report's end: the resolved configuration, timings. */
export type ReportDetail =
  | { readonly heading: string; readonly text: string }
  | { readonly heading: string; readonly table: ReportTable }
  | { readonly heading: string; readonly tables: readonly ReportTable[] };

/** A word of the page, and what it means. */
export interface GlossaryEntry {
  readonly term: string;
  readonly meaning: string;
}

/** Everything that `renderReport` shows. All texts are plain text and are escaped. */
export interface Report {
  readonly title: string;
  readonly subtitle?: string | undefined;
  readonly summary: readonly SummaryCard[];
  readonly evaluation: Evaluation;
  /** A remark below the table, for example what the baseline is. */
  readonly baselineNote?: string | undefined;
  readonly curves: readonly Curve[];
  readonly confidenceGroups?: readonly ConfidenceGroup[] | undefined;
  readonly entropyHistogram?: EntropyHistogram | undefined;
  /** What `evaluateSegments` says of the evaluation's models. */
  readonly segments?: readonly SegmentFigures[] | undefined;
  /** What `boundaryShift` of @corella/routing says of CRM and LLM. */
  readonly boundary?: BoundaryShift | undefined;
  /** What `shareCurve` of @corella/routing says of validation rows. */
  readonly shares?: ShareCurve | undefined;
  /** For example what each feature is worth to a model. */
  readonly ranked?: RankedSection | undefined;
  /** What is wrong with the figures, in sentences: below the table. */
  readonly warnings?: readonly string[] | undefined;
  /** Words besides those of the figures and models, which are explained anyway. */
  readonly glossary?: readonly GlossaryEntry[] | undefined;
  readonly details: readonly ReportDetail[];
}

/** Everything that `renderPage` shows. All texts are plain text and are escaped. */
export interface Page {
  readonly title: string;
  readonly subtitle?: string | undefined;
  readonly summary: readonly SummaryCard[];
  /** What came of it, in sentences: at the top. */
  readonly verdict?: string | undefined;
  /** Names of the models of its pictures: each has one colour through the whole page, in this order; default: colours in the order of each picture. */
  readonly models?: readonly string[] | undefined;
  readonly tables: readonly {
    readonly heading: string;
    /** A remark above the table. */
    readonly note?: string | undefined;
    readonly table: ReportTable;
  }[];
  /** Drawn after the tables. */
  readonly confidenceGroups?: readonly ConfidenceGroup[] | undefined;
  readonly curves?: readonly Curve[];
  readonly charts: readonly BarChart[];
  /** After the charts. */
  readonly ranked?: RankedSection | undefined;
  /** What is wrong, in sentences: at the top. */
  readonly warnings?: readonly string[] | undefined;
  /** Words that are explained at the end. */
  readonly glossary?: readonly GlossaryEntry[] | undefined;
  readonly details?: readonly ReportDetail[];
}
