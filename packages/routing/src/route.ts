import { CorellaError } from "@corella/errors";
import type { Numbers } from "@corella/metrics";
import { checkProbabilities, checkShare } from "./inputs.ts";

/** Which samples the LLM answers. */
export type RoutingPolicy =
  /** Those whose prediction entropy, in nats, is above this: the paper's policy. A sample's route depends on itself alone. */
  | { readonly kind: "threshold"; readonly entropy: number }
  /** This share of the batch, rounded down, of the highest entropy; ties by row. Bounds the LLM's work in every batch. */
  | { readonly kind: "budget"; readonly share: number }
  | { readonly kind: "none" }
  | { readonly kind: "all" };

/** How the samples of a batch are answered. */
export interface Route {
  /** Row numbers of the hard samples, ascending. */
  readonly toLlm: Uint32Array;
  /** Prediction entropy of every row, in nats. */
  readonly entropy: Float32Array;
}

/** Eq. 1 of the paper: s = -p log p - (1 - p) log(1 - p), in nats; 0 at 0 and 1, log 2 at 0.5. NaN outside [0, 1]. */
export function predictionEntropy(p: number): number {
  if (p === 0 || p === 1) return 0;
  return -p * Math.log(p) - (1 - p) * Math.log1p(-p);
}

/**
 * Splits a batch into easy samples, which keep the CRM's answer, and hard ones for the LLM.
 * @throws CorellaError `routing/not-a-probability`, `routing/bad-policy`.
 */
export function route(pCrm: Float32Array, policy: RoutingPolicy): Route {
  checkProbabilities(pCrm, "pCrm");
  const entropy = pCrm.map(predictionEntropy);
  return { toLlm: hardRows(entropy, policy), entropy };
}

function hardRows(entropy: Float32Array, policy: RoutingPolicy): Uint32Array {
  const rows = Uint32Array.from(entropy, (_, row) => row);
  switch (policy.kind) {
    case "none":
      return new Uint32Array(0);
    case "all":
      return rows;
    case "threshold":
      checkThreshold(policy.entropy);
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

/** Rows of a share of so many: rounded down, but 0.29 x 100 = 28.999999999999996 is 29. */
export function rowsOfShare(share: number, count: number): number {
  return Math.floor(share * count + 1e-9);
}

function checkThreshold(entropy: number): void {
  if (!Number.isNaN(entropy)) return;
  throw new CorellaError({
    code: "routing/bad-policy",
    message: "The entropy threshold is not a number.",
    place: "entropy",
    remedy: "Give nats between 0 and 0.6931, for example from `thresholdForShare`.",
  });
}
