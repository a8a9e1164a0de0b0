import { CorellaError } from "@corella/errors";
import type { Numbers } from "@corella/metrics";
import { calibrated, type Calibration } from "./calibration.ts";
import { checkProbabilities, checkRows, checkSameLength } from "./inputs.ts";
import { logit, sigmoid } from "./logit.ts";
import { segmentCount, segmentsOf, type Division } from "./segments.ts";
import type { RoutingSignals } from "./signals.ts";

/** How the two answers to a hard sample become one. */
export type MixRule =
  /** The LLM's probability takes the CRM's place: the paper's rule; with a calibration, what that makes of it. */
  | { readonly kind: "replace"; readonly calibration?: Calibration | undefined }
  /** sigmoid(logit(pCrm) + weight * logit(pLlm) + bias): better where the LLM alone is worse than the CRM, but knows other things. */
  | {
      readonly kind: "addLogits";
      readonly weight: number;
      readonly bias?: number | undefined;
      /** Weights and biases in their place, where they differ by what is known of a sample before the LLM is asked. */
      readonly segments?: MixSegments | undefined;
    };

/** Weights of the LLM's logit by segment. */
export interface MixSegments {
  /** What divides the samples. */
  readonly divisions: readonly Division[];
  /** By the numbers of `segmentsOf`. */
  readonly weights: readonly number[];
  readonly biases: readonly number[];
}

/**
 * The final probabilities of a batch. `pLlm[i]` is the LLM's answer to row `rows[i]`; the other rows keep `pCrm` bit for bit.
 * @param signals of the whole batch; only a rule with segments asks for them
 * @throws CorellaError `routing/length-mismatch`, `routing/bad-rows`, `routing/not-a-probability`, `routing/bad-rule`.
 * @example
 * ```ts
 * import { mix } from "@corella/routing";
 *
 * const mixed = mix(Float32Array.of(0.97, 0.52), [0.75], Uint32Array.of(1), { kind: "replace" });
 * console.log(mixed[1]); // 0.75
 * ```
 */
export function mix(
  pCrm: Float32Array,
  pLlm: Numbers,
  rows: Uint32Array,
  rule: MixRule,
  signals?: RoutingSignals,
): Float32Array {
  checkProbabilities(pCrm, "pCrm");
  checkProbabilities(pLlm, "pLlm");
  checkSameLength(rows.length, pLlm.length, "pLlm");
  checkRows(rows, pCrm.length);
  const mixOne = mixer(rule);
  const segments = segmentsOfRule(rule, pCrm.length, signals);
  const mixed = pCrm.slice();
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    mixed[row] = mixOne(pCrm[row]!, pLlm[i]!, segments?.[row]);
  }
  return mixed;
}

/**
 * The rows among some to whose answers a rule listens: not where the LLM's logit is added with a weight of 0, which may be in some segments.
 * @param count rows of the batch @param signals of the whole batch; only a rule with segments asks for them
 * @throws CorellaError `routing/bad-rule`, `routing/length-mismatch`
 */
export function heardRows(
  rows: Uint32Array,
  rule: MixRule,
  count: number,
  signals?: RoutingSignals,
): Uint32Array {
  if (rule.kind === "replace") return rows;
  const { weights, biases } = rule.segments ?? { weights: [rule.weight], biases: [rule.bias ?? 0] };
  const segments = segmentsOfRule(rule, count, signals);
  return rows.filter((row) => {
    const segment = segments?.[row] ?? 0;
    return weights[segment] !== 0 || biases[segment] !== 0;
  });
}

/**
 * The segment of each row of a batch; undefined where the rule has none.
 * @throws CorellaError `routing/bad-rule`, `routing/length-mismatch`
 */
export function segmentsOfRule(
  rule: MixRule,
  count: number,
  signals: RoutingSignals | undefined,
): Uint32Array | undefined {
  if (rule.kind !== "addLogits" || rule.segments === undefined) return undefined;
  const { divisions } = rule.segments;
  const unknown = divisions.find(({ by }) => signals?.[by] === undefined);
  if (unknown !== undefined)
    throw badRule(
      `The weights differ by ${unknown.by}, which is not known of the rows.`,
      `Give the signals, \`${unknown.by}\` among them.`,
    );
  return segmentsOf(divisions, signals, count);
}

/**
 * A rule as a function of the two answers to one sample, and of its segment where the rule has some.
 * @throws CorellaError `routing/bad-rule`
 */
export function mixer(rule: MixRule): (pCrm: number, pLlm: number, segment?: number) => number {
  if (rule.kind === "replace") {
    if (rule.calibration === undefined) return (_, pLlm) => pLlm;
    const calibration = calibrated(rule.calibration);
    return (_, pLlm) => calibration(pLlm);
  }
  const { weight, bias = 0, segments } = rule;
  const weights = segments?.weights ?? [weight];
  const biases = segments?.biases ?? [bias];
  const numbers = segments === undefined ? 1 : segmentCount(segments.divisions);
  if (
    weights.length !== numbers ||
    biases.length !== numbers ||
    ![...weights, ...biases].every(Number.isFinite)
  )
    throw badRule(
      `The weights ${weights.join(", ")} or the biases ${biases.join(", ")} are not ${numbers === 1 ? "a number" : `${numbers} numbers`}.`,
      "Fit them on validation rows with `fitMix`.",
    );
  return (pCrm, pLlm, segment = 0) => {
    const shift = weights[segment]! * logit(pLlm) + biases[segment]!;
    // Without this a saturated CRM would be clipped by an LLM that says nothing.
    return shift === 0 ? pCrm : sigmoid(logit(pCrm) + shift);
  };
}

function badRule(message: string, remedy: string): CorellaError {
  return new CorellaError({ code: "routing/bad-rule", message, place: "addLogits", remedy });
}
