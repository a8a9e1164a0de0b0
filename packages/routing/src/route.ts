import { CorellaError } from "@corella/errors";
import type { Numbers } from "@corella/metrics";
import { predictionEntropy } from "./entropy.ts";
import { predictedGains, type GainModel } from "./gain-model.ts";
import { checkProbabilities, checkShare, rowsOfShare } from "./inputs.ts";
import type { RoutingSignals } from "./signals.ts";

/** Which samples the LLM answers. */
export type RoutingPolicy =
  /** Those whose prediction entropy, in nats, is above this: the paper's policy. A sample's route depends on itself alone. */
  | { readonly kind: "threshold"; readonly entropy: number }
  /** This share of the batch, rounded down, of the highest entropy; ties by row. Bounds the LLM's work in every batch. */
  | { readonly kind: "budget"; readonly share: number }
  /** Those of whom a model predicts that the LLM lowers their logloss by more than this, in nats; learned by `fitRouter`. */
  | { readonly kind: "gain"; readonly above: number; readonly model: GainModel }
  | { readonly kind: "none" }
  | { readonly kind: "all" };

/** How the samples of a batch are answered. */
export interface Route {
  /** Row numbers of the hard samples, ascending. */
  readonly toLlm: Uint32Array;
  /** Prediction entropy of every row, in nats. */
  readonly entropy: Float32Array;
}

/**
 * Splits a batch into easy samples, which keep the CRM's answer, and hard ones for the LLM.
 * @param signals only a learned policy asks for them
 * @throws CorellaError `routing/not-a-probability`, `routing/bad-policy`, `routing/length-mismatch`.
 * @example
 * ```ts
 * import { route } from "@corella/routing";
 *
 * // The entropy of 0.97 is .13, that of 0.52 is .69.
 * const { toLlm } = route(Float32Array.of(0.97, 0.52), { kind: "threshold", entropy: 0.5 });
 * console.log([...toLlm].join(" ")); // 1
 * ```
 */
export function route(pCrm: Float32Array, policy: RoutingPolicy, signals?: RoutingSignals): Route {
  checkProbabilities(pCrm, "pCrm");
  const entropy = pCrm.map(predictionEntropy);
  if (policy.kind !== "gain") return { toLlm: hardRows(entropy, policy), entropy };
  checkThreshold(policy.above, "above");
  const gains = predictedGains(pCrm, policy.model, signals);
  const rows = Uint32Array.from(gains, (_, row) => row);
  return { toLlm: rows.filter((row) => gains[row]! > policy.above), entropy };
}

function hardRows(entropy: Float32Array, policy: Exclude<RoutingPolicy, { kind: "gain" }>): Uint32Array {
  const rows = Uint32Array.from(entropy, (_, row) => row);
  switch (policy.kind) {
    case "none":
      return new Uint32Array(0);
    case "all":
      return rows;
    case "threshold":
      checkThreshold(policy.entropy, "entropy");
      return rows.filter((row) => entropy[row]! > policy.entropy);
    case "budget": {
      checkShare(policy.share);
      const descending = rows.sort((a, b) => entropy[b]! - entropy[a]! || a - b);
      return descending.slice(0, rowsOfShare(policy.share, rows.length)).sort();
    }
  }
}

/**
 * The threshold that sends this share of a validation set to the LLM, rounded down, and fewer where entropies are tied
 * at the threshold (all-or-nothing is the only choice there). A share of 0 gives the largest possible entropy, log 2 in
 * float32; a share that takes in every row gives -1, below every entropy.
 * @throws CorellaError `routing/bad-policy`.
 */
export function thresholdForShare(entropies: Numbers, share: number): number {
  checkShare(share);
  // As `route` sees them.
  const ascending = Float32Array.from(entropies).sort();
  const hard = rowsOfShare(share, ascending.length);
  if (hard === 0) return Math.fround(Math.LN2);
  return ascending[ascending.length - 1 - hard] ?? -1;
}

function checkThreshold(threshold: number, place: string): void {
  if (!Number.isNaN(threshold)) return;
  throw new CorellaError({
    code: "routing/bad-policy",
    message: "The threshold is not a number.",
    place,
    remedy: "Give nats, of entropy between 0 and 0.6931, for example from `thresholdForShare`.",
  });
}
