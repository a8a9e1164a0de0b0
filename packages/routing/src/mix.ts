import { CorellaError } from "@corella/errors";
import type { Numbers } from "@corella/metrics";
import { calibrated, type Calibration } from "./calibration.ts";
import { checkProbabilities, checkRows, checkSameLength } from "./inputs.ts";
import { logit, sigmoid } from "./logit.ts";

/** How the two answers to a hard sample become one. */
export type MixRule =
  /** The LLM's probability takes the CRM's place: the paper's rule; with a calibration, what that makes of it. */
  | { readonly kind: "replace"; readonly calibration?: Calibration | undefined }
  /** sigmoid(logit(pCrm) + weight * logit(pLlm) + bias): better where the LLM alone is worse than the CRM, but knows other things. */
  | { readonly kind: "addLogits"; readonly weight: number; readonly bias?: number | undefined };

/**
 * The final probabilities of a batch. `pLlm[i]` is the LLM's answer to row `rows[i]`; the other rows keep `pCrm` bit for bit.
 * @throws CorellaError `routing/length-mismatch`, `routing/bad-rows`, `routing/not-a-probability`, `routing/bad-rule`.
 */
export function mix(pCrm: Float32Array, pLlm: Numbers, rows: Uint32Array, rule: MixRule): Float32Array {
  checkProbabilities(pCrm, "pCrm");
  checkProbabilities(pLlm, "pLlm");
  checkSameLength(rows.length, pLlm.length, "pLlm");
  checkRows(rows, pCrm.length);
  const mixOne = mixer(rule);
  const mixed = pCrm.slice();
  for (let i = 0; i < rows.length; i++) mixed[rows[i]!] = mixOne(pCrm[rows[i]!]!, pLlm[i]!);
  return mixed;
}

/** A rule as a function of the two answers to one sample. @throws CorellaError `routing/bad-rule` */
export function mixer(rule: MixRule): (pCrm: number, pLlm: number) => number {
  if (rule.kind === "replace") {
    if (rule.calibration === undefined) return (_, pLlm) => pLlm;
    const calibration = calibrated(rule.calibration);
    return (_, pLlm) => calibration(pLlm);
  }
  const { weight, bias = 0 } = rule;
  if (!Number.isFinite(weight) || !Number.isFinite(bias)) {
    throw new CorellaError({
      code: "routing/bad-rule",
      message: `The weight ${weight} or the bias ${bias} is not a number.`,
      place: "addLogits",
      remedy: "Fit them on validation rows with `fitMix`.",
    });
  }
  return (pCrm, pLlm) => {
    const shift = weight * logit(pLlm) + bias;
    // Without this a saturated CRM would be clipped by an LLM that says nothing.
    return shift === 0 ? pCrm : sigmoid(logit(pCrm) + shift);
  };
}
