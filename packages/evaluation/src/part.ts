import { evaluationCsv, segmentsCsv } from "./csv.ts";
import {
  evaluateModels,
  type Evaluation,
  type EvaluationOptions,
  type ModelPredictions,
} from "./evaluate.ts";
import { evaluateSegments, type Segment, type SegmentFigures } from "./segments.ts";

/** Everything that is said of some samples. */
export interface PartFigures {
  readonly evaluation: Evaluation;
  readonly segments: readonly SegmentFigures[];
  /** The user of each sample, where intervals are made by users. */
  readonly groups: EvaluationOptions["groups"];
}

/**
 * Figures of all samples, and within segments of them.
 * @throws CorellaError those of `evaluateModels`
 */
export function evaluatePart(
  models: readonly ModelPredictions[],
  labels: Float32Array,
  segments: readonly Segment[],
  options: EvaluationOptions = {},
): PartFigures {
  return {
    evaluation: evaluateModels(models, labels, options),
    // Of what needs no model there is nothing to be learned by segment.
    segments: evaluateSegments(
      models.filter(({ isSimple }) => isSimple !== true),
      labels,
      segments,
      options,
    ),
    groups: options.groups,
  };
}

/** The figures as files, by name: all of them as JSON and, without the segments, as CSV under one name, and `segments.csv`. */
export function figureFiles(
  { evaluation, segments }: Pick<PartFigures, "evaluation" | "segments">,
  name: string,
): Readonly<Record<string, string>> {
  return {
    [`${name}.json`]: `${JSON.stringify({ ...evaluation, segments }, undefined, 2)}\n`,
    [`${name}.csv`]: evaluationCsv(evaluation),
    "segments.csv": segmentsCsv(segments),
  };
}
