import { bootstrapModels, summary, type DifferenceInterval, type Interval } from "@corella/metrics";
import {
  checkModels,
  findBaseline,
  namingModel,
  titleOf,
  type EvaluationOptions,
  type ModelPredictions,
} from "./evaluate.ts";

/** Some of the samples, by what they have in common, for example `new users`. */
export interface Segment {
  readonly name: string;
  /** Positions among the samples. */
  readonly rows: Uint32Array;
}

/** One model on the samples of a segment. */
export interface SegmentRow {
  readonly name: string;
  readonly title: string;
  readonly auc: Interval;
  /** Its AUC minus the baseline's in the same resamples; present for every model but the baseline, where there is one. */
  readonly versusBaseline?: DifferenceInterval | undefined;
}

/** The models' figures on the samples of one segment. */
export interface SegmentFigures {
  readonly name: string;
  readonly count: number;
  readonly positives: number;
  /** Number of users that resamples draw whole; undefined: samples are drawn row by row. */
  readonly groupCount?: number | undefined;
  /** Empty where all samples have one label, or there are none: then there is no AUC. */
  readonly models: readonly SegmentRow[];
}

/**
 * The AUC of every model within segments of the samples, and its difference to the baseline, with intervals of resamples
 * of the segment's own users (`groups`) or rows. Of many segments one in twenty will show a difference by chance.
 * @throws CorellaError those of `evaluateModels`
 */
export function evaluateSegments(
  models: readonly ModelPredictions[],
  labels: Float32Array,
  segments: readonly Segment[],
  { baseline, groups, samples, seed, level }: EvaluationOptions = {},
): SegmentFigures[] {
  checkModels(models, labels);
  const baselineModel = findBaseline(models, baseline);
  return segments.map(({ name, rows }) => {
    const select = (values: Float32Array): Float32Array => Float32Array.from(rows, (row) => values[row]!);
    const ofSegment = select(labels);
    const positives = ofSegment.reduce((sum, label) => sum + label, 0);
    const users = groups && Int32Array.from(rows, (row) => groups[row]!);
    const resampling = { samples, seed, level, groups: users };
    const hasAuc = positives > 0 && positives < rows.length;
    const figuresOf = (): SegmentRow[] => {
      const selected = models.map(({ name: model, probabilities }) => {
        const chosen = select(probabilities);
        namingModel(model, () => summary(chosen, ofSegment)); // so that an error names the model
        return chosen;
      });
      const place = baselineModel && models.indexOf(baselineModel);
      return bootstrapModels(selected, ofSegment, { ...resampling, baseline: place }).map(
        ({ metrics, difference }, index) => ({
          name: models[index]!.name,
          title: titleOf(models[index]!),
          auc: metrics.auc,
          ...(difference === undefined ? {} : { versusBaseline: difference.auc }),
        }),
      );
    };
    return {
      name,
      count: rows.length,
      positives,
      ...(users === undefined ? {} : { groupCount: new Set(users).size }),
      models: hasAuc ? figuresOf() : [],
    };
  });
}

/** Why a segment has no AUC, in words; empty where it has one. */
export function withoutAuc({ count, positives }: SegmentFigures): string {
  if (count === 0) return "no samples";
  if (positives === 0) return "all negative: no AUC";
  return positives === count ? "all positive: no AUC" : "";
}
